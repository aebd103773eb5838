"""Inference: a trained network, frozen and rebuilt small, on all cores."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import joblib
import numpy as np
from brian2 import Quantity, volt
from brian2.units.fundamentalunits import get_dimensions, get_unit, have_same_dimensions

from . import analysis, backends
from .arithmetic import FixedPoint, FloatingPoint
from .backends.registry import PROCESSES, REWIRED
from .datasets import SpikeTrains
from .encoding import image_numbers, presentations
from .models import Form
from .streams import EVALUATION

if TYPE_CHECKING:
    from .models.base import Model

__all__ = ["FrozenNetwork", "Shown"]


class Shown(NamedTuple):
    """What a frozen network did with some images."""

    counts: np.ndarray  #: (images, neurons), spikes
    input_spikes: np.ndarray  #: (sources,), of the plastic synapses
    run: object  #: the `Segment`


class FrozenNetwork:
    """A trained network for inference, from arrays.

    Parameters
    ----------
    network : DiehlCook or another Model
    weights : array, shape (sources, neurons)
    theta : array, shape (neurons,)
        Adaptive thresholds in volts.
    alive : array of bool, shape (neurons,), optional
        Default: all.
    mask : array of bool, shape (sources, neurons), optional
        Synapses that exist. Default: all.
    state : dict, optional
        What else the network keeps from training, by "object.variable".
    n_inputs : int, optional
        Pixels of an image. Default: the sources.
    labels : array of int, shape (neurons,), optional
        Class of each neuron, for `predict`.
    arithmetic : FloatingPoint or FixedPoint, optional
        Default: `FloatingPoint`. `FixedPoint` is the hardware datapath's twin: weights and
        thresholds are brought to its formats.
    synapses : {'dense', 'sparse'}
        `dense`: a weight matrix, pruned synapses are zeros in it.
        `sparse`: pruned synapses are not instantiated, which takes less memory if less than a third is left
        (each has a weight and two indices). Both give the same spikes.
    small : bool
        Whether dead neurons are left out.
    backend : str
        See `Experiment.run`.
    seed : int
        Of the input spikes.

    Examples
    --------
    >>> import brianprune as bp
    >>> import numpy as np
    >>> from brian2 import ms
    >>> network = bp.DiehlCook(n_exc=3, presentation=20*ms)
    >>> weights, theta = np.full((64, 3), 0.5), np.full(3, 0.01)
    >>> frozen = bp.FrozenNetwork(network, weights, theta, backend="numpy")
    >>> frozen.counts(np.full((4, 64), 255)).shape
    (4, 3)
    """

    def __init__(
        self,
        network: Model,
        weights: np.ndarray,
        theta: np.ndarray,
        alive: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        *,
        state: Mapping[str, Any] | None = None,
        n_inputs: int | None = None,
        labels: np.ndarray | None = None,
        arithmetic: FloatingPoint | FixedPoint | None = None,
        synapses: str = "dense",
        small: bool = True,
        backend: str = "cpp_standalone",
        seed: int = 0,
    ) -> None:
        if synapses not in ("dense", "sparse"):
            raise ValueError(f"synapses = {synapses!r}: choose 'dense' or 'sparse'")
        arithmetic = FloatingPoint() if arithmetic is None else arithmetic
        self._backend = backends.get(backend)
        form = self._backend.form(Form(arithmetic.method, learning=False))
        network.check(form)
        backends.get(backend, arithmetic.needs | network.needs)
        if isinstance(theta, Quantity) and not have_same_dimensions(theta, volt):
            raise ValueError(f"theta is in {get_unit(get_dimensions(theta))!s}: must be in volts")
        weights, theta = np.asarray(weights), np.asarray(theta)
        alive, mask = self._checked(network, weights, theta, alive, mask)
        #: numbers of the neurons that are there
        self.alive = np.flatnonzero(alive) if small else np.arange(len(alive))
        if labels is not None and len(labels) != len(alive):
            raise ValueError(f"labels of {len(labels)} neurons: must be of {len(alive)}")
        self.labels = None if labels is None else np.asarray(labels)[self.alive]
        self.model = network.reduced(len(self.alive)) if len(self.alive) < len(alive) else network
        if self.model is None:
            raise NotImplementedError(
                f"{type(network).__name__} cannot be built without its dead neurons: use small=False"
            )
        self.n_inputs = len(weights) if n_inputs is None else n_inputs
        self.seed = seed
        weights, mask = weights[:, self.alive], mask[:, self.alive]
        existing = None
        if synapses == "sparse":
            existing = tuple(index.astype(np.int32) for index in np.nonzero(mask))
        if existing is not None and not len(existing[0]):
            raise ValueError("synapses = 'sparse': no synapse of a living neuron is left")
        if existing is not None and self._backend.textbook:
            raise NotImplementedError(
                f"synapses = 'sparse': not on {backend}; use synapses='dense' or another backend"
            )
        #: the network on its backend
        self.network = self._backend.make(
            self.model, form, self.n_inputs, arithmetic.dtype, False, existing
        )
        plastic, readout = self.model.plastic, self.model.readout
        w = arithmetic.weights(weights * mask)
        # what depends on the number of neurons is as at the end of training, whoever is left out here
        living = max(1, int(np.count_nonzero(alive)))
        trained = network.replace(n_exc=living) if network.follows_living else network
        self.state = {
            name: value[self.alive]
            if name.startswith(f"{readout}.") and np.shape(value) == alive.shape
            else value
            for name, value in trained.values(form, arithmetic).items()
        } | self.model.resting_state(arithmetic)
        self.state |= dict(state or {}) | {
            f"{plastic}.w": w.ravel() if existing is None else w[existing],
            f"{readout}.theta": arithmetic.thetas(theta[self.alive]),
            f"{readout}.alive": alive[self.alive],
        }
        if existing is not None and REWIRED in self._backend.capabilities:
            names = ("_synaptic_pre", "_synaptic_post")
            self.state |= {
                f"{plastic}.{name}": index for name, index in zip(names, existing, strict=True)
            }

    @classmethod
    def from_result(
        cls,
        result: Any,
        synapses: str = "dense",
        backend: str = "cpp_standalone",
        arithmetic: FloatingPoint | FixedPoint | None = None,
    ) -> Self:
        """Return the network of a result, for the input spikes of its evaluation.

        Parameters
        ----------
        result : Result
        synapses, backend, arithmetic
            As above; the default arithmetic is the result's.

        Returns
        -------
        FrozenNetwork
        """
        e = result.experiment
        return cls(
            e.network,
            result.weights,
            result.theta,
            result.alive,
            result.mask,
            state=result.other_state,
            n_inputs=int(np.prod(result.image_shape)),
            labels=result.labels,
            arithmetic=e.arithmetic if arithmetic is None else arithmetic,
            synapses=synapses,
            backend=backend,
            seed=e.seed,
            small=e.network.reduced(1) is not None,
        )

    @staticmethod
    def _checked(network, weights, theta, alive, mask):
        """Return living neurons and mask as arrays, or raise an error that names the array."""
        shape = np.shape(weights)
        if len(shape) != 2 or shape[1] != network.n_exc:
            raise ValueError(
                f"weights of shape {shape}: must be (sources, {network.n_exc}), the network's neurons"
            )
        alive = np.ones(shape[1], bool) if alive is None else np.asarray(alive)
        mask = np.ones(shape, bool) if mask is None else np.asarray(mask)
        for name, array, wanted in (
            ("theta", theta, shape[1:]),
            ("alive", alive, shape[1:]),
            ("mask", mask, shape),
        ):
            if array.shape != wanted:
                raise ValueError(
                    f"{name} of shape {array.shape}: must be {wanted}, as weights are {shape}"
                )
        for name, given in (("alive", alive), ("mask", mask)):
            if not np.isin(given, (0, 1)).all():
                raise ValueError(f"{name}: must be True or False")
        if not np.isfinite(weights).all() or not np.isfinite(theta).all():
            raise ValueError("weights and theta must be finite numbers")
        if not alive.any():
            raise ValueError("alive: no neuron is left")
        return alive.astype(bool), mask.astype(bool)

    def counts(
        self, images: Any, stream: int = EVALUATION, n_jobs: int = 1, segment: int = 1000
    ) -> np.ndarray:
        """Count the spikes of each neuron.

        Parameters
        ----------
        images : array, shape (images, pixels), or SpikeTrains
            Each is seen on its own, so that any split gives the same counts.
        stream : int
            Of the input spikes' random numbers, see `brianprune.streams`.
        n_jobs : int
            Processes.
        segment : int
            Images per run.

        Returns
        -------
        array, shape (images, neurons that are there)
        """
        recorded = isinstance(images, SpikeTrains)
        images = images if recorded else np.asarray(images)
        if images.ndim != 2 or not len(images) or images.shape[1] != self.n_inputs:
            raise ValueError(
                f"images of shape {images.shape}: must be (images, {self.n_inputs}), at least one"
            )
        if recorded:
            images.check(self.model)
        elif (
            images.dtype.kind not in "biuf"
            or not (images.min() >= 0 and images.max() <= 255)
            or np.any(images.astype(np.uint8) != images)
        ):
            raise ValueError("images: grey levels must be whole numbers from 0 to 255")
        if isinstance(segment, bool) or segment < 1:
            raise ValueError(f"segment = {segment!r}: must be a whole number of images, at least 1")
        if n_jobs != 1 and PROCESSES not in self._backend.capabilities:
            raise ValueError(
                f"n_jobs = {n_jobs}: backend = {self._backend.name!r} runs in one process; use"
                " n_jobs=1 or backend='cpp_standalone'"
            )
        images = images if recorded else images.astype(np.uint8)
        cuts = [*range(0, len(images), segment), len(images)]
        parts = joblib.Parallel(n_jobs=n_jobs)(
            joblib.delayed(self._counts)(images, stream, first, last)
            for first, last in itertools.pairwise(cuts)
        )
        return np.concatenate(parts)

    def _counts(self, *which):
        return self.show(*which).counts

    def show(self, images: Any, stream: int, first: int, last: int) -> Any:
        """Show images `first` to `last` in one run.

        Parameters
        ----------
        images : array of uint8, shape (images, pixels)
        stream : int
        first, last : int

        Returns
        -------
        Shown
        """
        model, n = self.model, last - first
        spikes = presentations(model, images, self.seed, stream, first, last)
        run = self.network.run(n * model.duration, self.state, {"inputs": spikes})
        neuron, times = run.spikes["spikes"]
        counts = np.zeros((n, len(self.alive)), dtype=np.uint16)
        np.add.at(counts, (image_numbers(times, model), neuron), 1)
        return Shown(counts, source_counts(model, run, self.n_inputs), run)

    def predict(self, images: Any, **how: Any) -> np.ndarray:
        """Predict the class of each image; takes what `counts` takes.

        Returns
        -------
        array of int, shape (images,)
        """
        if self.labels is None:
            raise ValueError("predict needs labels=: the class of each neuron")
        return analysis.predict(self.counts(images, **how), self.labels)


def source_counts(model, run, n_inputs):
    """Return the spikes of each neuron that a model's plastic synapses come from."""
    if model.sources:
        return np.bincount(run.spikes[model.sources][0], minlength=model.n_sources(n_inputs))
    return run.recorded["inputs.counts"]
