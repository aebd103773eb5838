"""Inference: a trained network, frozen and rebuilt small, on all cores."""

import functools
import itertools

import joblib
import numpy as np
from brian2 import second

from . import analysis
from .backends import WITHOUT_GENN, CompiledNetwork, DenseSynapses, RuntimeNetwork, check_backend
from .network import build_network, parameter_values

__all__ = ["FrozenNetwork", "show"]


def show(network, experiment, state, images, stream, first, last):
    """Show images ``first`` to ``last`` to a frozen network in one run.

    Parameters
    ----------
    network : CompiledNetwork or RuntimeNetwork
    experiment : Experiment
    state : dict
        Weights, thresholds and parameters of the network.
    images : array, shape (images, pixels)
    stream : int
        Of the random numbers, see `brianprune.experiment`.
    first, last : int

    Returns
    -------
    counts : array, shape (last - first, neurons)
        Spikes of each neuron.
    input_spikes : array, shape (pixels,)
    run : Segment
    """
    p = experiment.network
    duration = float((p.presentation + p.rest) / second)
    spikes = experiment._spikes(images, stream, first, last)
    run = network.run((last - first) * duration * second, state, {"inputs": spikes})
    neuron, times = run.spikes["spikes"]
    image = (times / duration + 1e-9).astype(np.int64)
    counts = np.zeros((last - first, len(np.atleast_1d(state["exc.theta"]))), dtype=np.uint16)
    np.add.at(counts, (image, neuron), 1)
    return counts, np.bincount(spikes[0], minlength=images.shape[1]), run


class FrozenNetwork:
    """A trained network for inference: only living neurons and, if sparse, existing synapses.

    Parameters
    ----------
    result : Result
    synapses : {'dense', 'sparse'}
        `dense`: a weight matrix of the living neurons, pruned synapses are zeros in it.
        `sparse`: pruned synapses are not instantiated. Both give the same spikes.
    backend : {'cpp_standalone', 'cython', 'numpy'}
    arithmetic : FloatingPoint or FixedPoint, optional
        Default: that of the result. `FixedPoint` is the hardware datapath's twin: weights and
        thresholds are brought to its formats.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms
    >>> experiment = bp.Experiment(
    ...     network=bp.DiehlCook(n_exc=5, presentation=20*ms), data=bp.digits(n_train=10, n_test=4),
    ...     pruning=bp.PostTrainingNeuronPruning(n=2))
    >>> result = experiment.run(backend="numpy")
    >>> FrozenNetwork(result, backend="numpy").counts(experiment.data.load().test).shape
    (4, 3)
    """

    def __init__(self, result, synapses="dense", backend="cpp_standalone", arithmetic=None):
        if synapses not in ("dense", "sparse"):
            raise ValueError(f"synapses = {synapses!r}: choose 'dense' or 'sparse'")
        check_backend(backend, WITHOUT_GENN)
        self.experiment, self.alive = result.experiment, np.flatnonzero(result.alive)
        self.labels = result.labels[self.alive]
        weights = result.weights[:, self.alive]
        self.n_inputs = len(weights)
        existing = np.nonzero(result.mask[:, self.alive]) if synapses == "sparse" else None
        if existing is not None and not len(existing[0]):
            raise ValueError("synapses = 'sparse': no synapse of a living neuron is left")
        small = self.experiment.network.replace(n_exc=len(self.alive))
        arithmetic = self.experiment.arithmetic if arithmetic is None else arithmetic
        build = functools.partial(
            build_network, n_inputs=self.n_inputs, method=arithmetic.method, learning=False
        )
        theta = result.theta[self.alive]
        parameters = parameter_values(small, learning=False, arithmetic=arithmetic)
        weights, theta = arithmetic.weights(weights), arithmetic.thetas(theta)
        given = {}
        if backend == "cpp_standalone":
            # one synapse stands in for those that each run is given: nothing to compile anew
            one = None if existing is None else (np.zeros(1, int), np.zeros(1, int))
            self.network = CompiledNetwork(
                lambda: build(small.structure(), dense=DenseSynapses, existing=one),
                arithmetic.dtype,
                namespace={},
            )
            if existing is not None:
                names = ("_synaptic_pre", "_synaptic_post")
                pairs = zip(names, existing, strict=True)
                given = {f"inputs_exc.{name}": index for name, index in pairs}
        else:
            self.network = RuntimeNetwork(
                lambda: build(small, existing=existing),
                backend,
                arithmetic.dtype,
                namespace={},
            )
        self.state = parameters | given
        self.state |= {
            "inputs_exc.w": weights.ravel() if existing is None else weights[existing],
            "exc.theta": theta,
            "exc.alive": np.ones(len(self.alive), dtype=bool),
            "exc.v": parameters["exc.v_rest"],
        }
        if small.inhibition == "partners":
            self.state["inh.v"] = float(small.v_rest_inh)

    def counts(self, images, stream=2, n_jobs=1, segment=1000):
        """Count the spikes of each living neuron.

        Parameters
        ----------
        images : array, shape (images, pixels)
            Each is seen on its own, so that any split gives the same counts.
        stream : int
            Of the input spikes' random numbers; 2 is that of a result's `test_counts`.
        n_jobs : int
            Processes.
        segment : int
            Images per run.

        Returns
        -------
        array, shape (images, living neurons)
        """
        images = np.asarray(images)
        if images.ndim != 2 or not len(images) or images.shape[1] != self.n_inputs:
            raise ValueError(
                f"images of shape {images.shape}: must be (images, {self.n_inputs}), at least one"
            )
        if (
            images.dtype.kind not in "biuf"
            or not (images.min() >= 0 and images.max() <= 255)
            or np.any(images.astype(np.uint8) != images)
        ):
            raise ValueError("images: grey levels must be whole numbers from 0 to 255")
        if isinstance(segment, bool) or segment < 1:
            raise ValueError(f"segment = {segment!r}: must be a whole number of images, at least 1")
        images = images.astype(np.uint8)
        if n_jobs != 1 and isinstance(self.network, RuntimeNetwork):
            raise ValueError(
                f"n_jobs = {n_jobs}: only backend='cpp_standalone' runs on several processes; use"
                " n_jobs=1"
            )
        cuts = [*range(0, len(images), segment), len(images)]
        parts = joblib.Parallel(n_jobs=n_jobs)(
            joblib.delayed(self._part)(images, stream, first, last)
            for first, last in itertools.pairwise(cuts)
        )
        return np.concatenate(parts)

    def _part(self, images, stream, first, last):
        return show(self.network, self.experiment, self.state, images, stream, first, last)[0]

    def predict(self, images, **how):
        """Predict the class of each image; takes what `counts` takes.

        Returns
        -------
        array of int, shape (images,)
        """
        return analysis.predict(self.counts(images, **how), self.labels)
