"""Experiment: what is computed. `run` says how: backend, segments, checkpoints, progress."""

import time

import numpy as np
import pandas as pd
from brian2 import ms, second

from . import analysis
from .arithmetic import FixedPoint, FloatingPoint
from .backends import (
    GENN,
    CompiledNetwork,
    DenseSynapses,
    RuntimeNetwork,
    check_backend,
    compiled_once,
    lasting,
)
from .datasets import Dataset, Digits
from .encoding import spikes_of
from .inference import show
from .models import DiehlCook
from .network import (
    build_network,
    check_textbook,
    initial_state,
    parameter_values,
)
from .parameters import OURS, PAPER, Parameter
from .pruning import Past, Pruner, PruningEvent, Rule, decide
from .pruning.base import event_rng
from .results import Result, provenance, require
from .running import Computation, CpuClock, Reporter, check_run

__all__ = ["Experiment"]

#: Streams of random numbers: each is the generator of (seed, stream, index).
TRAINING, LABELLING, EVALUATION, WEIGHTS = range(4)


class Experiment(Computation):
    """A network, a pruning rule, images, an arithmetic and a seed: what is computed.

    Immutable; ``replace()`` makes the next one. How it is computed is an argument of `run`
    and changes no number beyond rounding.

    Examples
    --------
    >>> import brianprune as bp
    >>> experiment = bp.Experiment(network=bp.DiehlCook(n_exc=20), data=bp.digits(n_train=50))
    >>> experiment.replace(network__n_exc=30, seed=1).network.n_exc
    30
    """

    result_class = Result

    network = Parameter(DiehlCook(), "the spiking network", kind=DiehlCook)
    pruning = Parameter(None, "the pruning rule and its schedule; None: no pruning", kind=object)
    data = Parameter(Digits(), "the images", kind=Dataset)
    arithmetic = Parameter(
        FloatingPoint(), "how numbers are computed", kind=(FloatingPoint, FixedPoint)
    )
    passes = Parameter(
        1,
        "times that the training images are shown, each time with other spikes",
        PAPER,
        minimum=1,
        maximum=1000,
    )
    seed = Parameter(0, "of spikes, initial weights and random pruning", OURS, minimum=0)
    n_label = Parameter(
        10_000,
        "last training images, shown to the frozen network to label neurons",
        OURS,
        minimum=1,
    )
    record_every = Parameter(5_000, "images between rows of the history", OURS, minimum=1)
    evaluate_on = Parameter(
        "test", "the images of the accuracy", OURS, choices=("test", "validation")
    )

    def validate(self):
        if self.pruning is not None and not isinstance(self.pruning, Rule):
            raise TypeError(
                f"Experiment.pruning = {self.pruning!r}: not a pruning rule; use one of"
                " brianprune's rules, or my_rule.every(interval) for one of your own"
            )
        n_train = self.data.n_images("train")
        if self.pruning is not None and n_train:
            self.pruning.validate_for(self.passes * n_train)
        if self.arithmetic.method == "fixed_point" and (
            self.pruning is not None and self.pruning.freezes
        ):
            raise NotImplementedError(
                f"Experiment.arithmetic = FixedPoint has no frozen synapses, which"
                f" {type(self.pruning).__name__} needs: use another rule or FloatingPoint"
            )
        if self.evaluate_on == "validation" and self.data.n_validation == 0:
            raise ValueError(
                "Experiment.evaluate_on = 'validation': the data has none; set data__n_validation"
            )

    def run(self, backend="cpp_standalone", *, results=None, segment=1000, report=None):
        """Train, prune, label and evaluate.

        Parameters
        ----------
        backend : {'cpp_standalone', 'cython', 'numpy', 'genn_cpu', 'genn'}
            Where it is computed. The first compiles once (10 s) and is 100 times faster than the next
            two. The last two need GeNN (for one CPU core or the GPU) and ``one_winner=False``.
        results : path, optional
            Folder of results. A stored result of this experiment is returned at once; an
            interrupted run resumes from its checkpoint, written after each segment.
        segment : int
            Images per segment.
        report : {None, 'text', 'progressbar'} or callable, optional
            A callable gets ``(images done, images in all, history so far)`` after each
            segment of training.

        Returns
        -------
        Result

        Raises
        ------
        ValueError, TypeError, RuntimeError, FileNotFoundError, PermissionError
            On bad input, before anything is simulated.
        """
        check_backend(backend)
        check_run(segment, report)
        if backend in GENN:
            check_textbook(self.network, self.arithmetic.method)
        store = self._store(results)
        stored = store.result()
        if stored is not None:
            return stored
        images = self.data.load_mixed()
        self._check_pruning(images)
        store.prepare()
        with Reporter(report) as reporter:
            return _Run(self, images, backend, int(segment), store, reporter).result()

    def build(self, n_images=10):
        """Build the network for use by hand on Brian2's runtime targets.

        Parameters
        ----------
        n_images : int
            Presentations of training images whose spikes the inputs hold.

        Returns
        -------
        Network
            With named objects (``network['exc']``), all values set and, if the experiment
            prunes while learning, a `Pruner` as network operation. Add monitors and
            ``run(n_images*(presentation + rest), namespace={})``.
        """
        p = self.network
        images = self.data.load_mixed()
        n_train = self.passes * len(images.train)
        if not 1 <= n_images <= n_train:
            raise ValueError(f"n_images = {n_images}: choose 1 to {n_train}, the training images")
        self._check_pruning(images)
        if self.pruning is not None and self.arithmetic.method == "fixed_point":
            raise NotImplementedError(
                "Experiment.build has no pruner for FixedPoint, whose weights are raw codes: use run()"
            )
        n_inputs = images.train.shape[1]
        runtime = RuntimeNetwork(
            lambda: build_network(p, n_inputs, self.arithmetic.method),
            dtype=self.arithmetic.dtype,
            exact=self.arithmetic.exact,
            namespace={},
        )
        values = parameter_values(p, arithmetic=self.arithmetic)
        runtime.set(values | self._start(n_inputs))
        runtime.set_spikes({"inputs": self._spikes(images.train, TRAINING, 0, n_images)})
        network = runtime.network
        if self.pruning is not None and self.pruning.events(n_train):
            duration = p.presentation + p.rest
            network.add(
                Pruner(
                    network["inputs_exc"],
                    self.pruning,
                    every=self.pruning.interval * duration,
                    start=self.pruning.start * duration,
                    seed=self.seed,
                    name="pruner",
                )
            )
        return network

    def _check_pruning(self, images):
        if self.pruning is not None:
            self.pruning.validate_for(self.passes * len(images.train))
            self.pruning.check_ready()
            self.pruning.check_network(self.network, images.train.shape[1])

    def _start(self, n_inputs):
        """The state before the first image."""
        rng = np.random.default_rng([self.seed, WEIGHTS, 0])
        return initial_state(self.network, n_inputs, rng, self.arithmetic)

    def _spikes(self, images, stream, first, last):
        """Spikes of presentations `first` to `last`: (inputs, times in seconds from `first`'s start).

        After the last image comes the first. The last step of each is silent, as it is for the neurons.
        """
        p = self.network
        n_steps = min(p.steps_shown, p.steps_per_image - 1)
        per_level = float(p.rate * p.dt)
        pixels, steps = [], []
        for k in range(first, last):
            rng = np.random.default_rng([self.seed, stream, k])
            spiking, at = spikes_of(images[k % len(images)], per_level, n_steps, rng)
            pixels.append(spiking)
            steps.append(at.astype(np.int64) + (k - first) * p.steps_per_image)
        return np.concatenate(pixels), np.concatenate(steps) * float(p.dt / second)


def _check_finite(state, begin, end):
    """Stop a run whose numbers have overflowed."""
    for name in ("inputs_exc.w", "exc.theta", "exc.v"):
        if not np.isfinite(state[name]).all():
            raise FloatingPointError(
                f"DiehlCook: '{name}' is not a number any more between images {begin} and {end}: a learning rate,"
                " a weight or a conductance step is too large (eta_plus, eta_minus, w_max, weight_sum, w_inh,"
                " theta_plus), or a time constant too small for dt"
            )


@compiled_once
def _compiled(network, n_inputs, method, learning, freezing, dtype, exact):
    """Return the compiled network of a structure; in one process it is translated once."""
    return CompiledNetwork(
        lambda: build_network(network, n_inputs, method, learning, DenseSynapses, freezing),
        dtype,
        exact=exact,
        namespace={},
    )


@compiled_once
def _compiled_by_genn(network, n_inputs, method, learning, freezing, dtype, gpu):
    """Return GeNN's compiled network of a structure and times."""
    from .backends.genn import GeNNNetwork  # whose device is made only when it is asked for

    return GeNNNetwork(
        lambda: build_network(
            network, n_inputs, method, learning, freezing=freezing, textbook=True
        ),
        dtype,
        gpu=gpu,
    )


class _Run:
    """One run of an experiment: training in segments, then labelling and evaluation."""

    def __init__(self, experiment, images, backend, segment, store, reporter):
        self.experiment, self.images, self.backend = experiment, images, backend
        self.segment, self.store, self.reporter = segment, store, reporter
        self.n_exc = experiment.network.n_exc
        self.n_inputs = images.train.shape[1]
        self.n_train = experiment.passes * len(images.train)
        self.duration = float((experiment.network.presentation + experiment.network.rest) / second)
        self.clock = CpuClock()
        self._networks = {}

    def result(self):
        """Run what is not yet done and return the result."""
        e = self.experiment
        progress = self.store.checkpoint(self._check) or self._shared() or self._new()
        if progress["done"] < self.n_train:
            self._train(progress)
        cpu_seconds_training = progress["cpu_seconds"]
        state = dict(progress["state"])
        first = max(0, len(self.images.train) - e.n_label)
        labelled, label_labels = self.images.train[first:], self.images.train_labels[first:]
        if e.pruning is not None and e.pruning.acts_after_training:
            counts, readout = np.zeros(self.n_exc, dtype=np.int64), None
            if e.pruning.counts_after_training:
                label_counts, _ = self._present(state, labelled, LABELLING, "labelling")
                counts = label_counts.sum(axis=0)
                classes = analysis.assign_labels(label_counts, label_labels)
                readout = label_counts, label_labels, classes
            event = self._event(state, counts, progress)._replace(readout=readout)
            self._apply(decide(e.pruning, event, after_training=True), state, progress)
        label_counts, _ = self._present(state, labelled, LABELLING, "labelling")
        split = {
            "test": (self.images.test, self.images.test_labels),
            "validation": (self.images.validation, self.images.validation_labels),
        }[e.evaluate_on]
        test_counts, operations = self._present(state, split[0], EVALUATION, "evaluation")
        history = pd.DataFrame(progress["history"])
        training = {
            name: float(history[name].sum())
            for name in (*operations, "updates_pre", "updates_post")
            if name in history
        }
        result = Result(
            e,
            weights=self._weights(state),
            mask=state["inputs_exc.mask"].reshape(self.n_inputs, self.n_exc).astype(bool),
            alive=state["exc.alive"].astype(bool),
            theta=e.arithmetic.real_thetas(state["exc.theta"]),
            spikes=pd.DataFrame(progress["spikes"]),
            history=history,
            frozen=self._frozen(state),
            events=pd.DataFrame(progress["events"]),
            thresholds=progress["thresholds"],
            label_counts=label_counts,
            label_labels=label_labels,
            test_counts=test_counts,
            test_labels=split[1],
            operations={"training": training, "inference": operations},
            provenance=provenance(self.backend)
            | {
                "cpu_seconds_training": cpu_seconds_training,
                "cpu_seconds_pruning": progress["cpu_seconds_pruning"],
            }
            | self.clock.read(progress),
            image_shape=self.images.shape,
        )
        self.store.save(result)
        return result

    def _new(self):
        """Progress before the first image."""
        state = self.experiment._start(self.n_inputs)
        dtype = self.experiment.arithmetic.dtype
        state = {
            name: value.astype(dtype) if value.dtype.kind == "f" and value.ndim else value
            for name, value in state.items()
        }
        return {
            "done": 0,
            "state": state,
            "spikes": {
                "image": np.empty(0, np.int32),
                "neuron": np.empty(0, np.int32),
                "count": np.empty(0, np.int32),
            },
            "history": {},
            "events": {
                "image": np.empty(0, np.int64),
                "threshold": np.empty(0),
                "n_pruned": np.empty(0, np.int64),
                "n_alive": np.empty(0, np.int64),
                "n_synapses": np.empty(0, np.int64),
            },
            "thresholds": np.empty((0, self.n_exc)),
            "recorded": state["inputs_exc.w"],
            "operations": {},
            "cpu_seconds": 0.0,
            "cpu_seconds_pruning": 0.0,
            "peak_mb": 0.0,
        }

    def _check(self, progress):
        """Raise an error if a progress that was read is none of this run's."""
        new, done = self._new(), progress["done"]
        missing = set(new) - set(progress)
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        if not isinstance(done, int) or not 0 < done <= self.n_train:
            raise ValueError(f"done = {done!r} of {self.n_train} images")
        state = progress["state"]
        for name, value in (state | new["state"]).items():
            require(state, "biuf", **{name: np.shape(value)})
        require(progress, "biuf", recorded=new["recorded"].shape)
        spikes, events = progress["spikes"], progress["events"]
        for table, columns in ((spikes, new["spikes"]), (events, new["events"])):
            n = len(table["image"])
            for name, empty in columns.items():
                require(table, empty.dtype.kind, finite=False, **{name: (n,)})
        n_rows = [len(column) for column in progress["history"].values()]
        if len(set(n_rows)) > 1:
            raise ValueError("the history's columns have different lengths")
        if len(spikes["image"]) and not (
            spikes["image"].min() >= 0
            and spikes["image"].max() < done
            and spikes["neuron"].min() >= 0
            and spikes["neuron"].max() < self.n_exc
        ):
            raise ValueError("spikes of images or neurons that there are not")
        require(progress, "f", finite=False, thresholds=(len(events["image"]), self.n_exc))

    def _shared_until(self):
        """Presentations before the rule first acts: what all rules of a base network share."""
        rule = self.experiment.pruning
        events = rule.events(self.n_train) if rule is not None else []
        return events[0] if events else self.n_train

    def _shared(self):
        """Return the progress that a run with another rule has stored, if there is one."""
        progress = self.store.shared(self._shared_until(), self._check)
        if progress is not None and self._unknown(progress["state"], self._network(True)):
            return None  # of another backend, see `_known`
        return progress

    def _network(self, learning, freezing=False):
        if (learning, freezing) not in self._networks:
            e = self.experiment
            method, dtype = e.arithmetic.method, e.arithmetic.dtype
            exact = e.arithmetic.exact and learning
            if self.backend == "cpp_standalone":
                network = _compiled(
                    e.network.structure(), self.n_inputs, method, learning, freezing, dtype, exact
                )
            elif self.backend in GENN:
                p = e.network  # whose times are compiled in
                times = {name: getattr(p, name) for name in ("dt", "presentation", "rest")}
                network = _compiled_by_genn(
                    p.structure().replace(**times),
                    self.n_inputs,
                    method,
                    learning,
                    freezing,
                    dtype,
                    self.backend == "genn",
                )
            else:
                network = RuntimeNetwork(
                    lambda: build_network(
                        e.network, self.n_inputs, method, learning, freezing=freezing
                    ),
                    self.backend,
                    dtype,
                    exact,
                    namespace={},
                )
            self._networks[learning, freezing] = network
        return self._networks[learning, freezing]

    def _train(self, progress):
        """Train to the last image, pruning at the rule's events, in segments."""
        e, n_train = self.experiment, self.n_train
        self.reporter.start("training", n_train, progress["done"])
        events = e.pruning.events(n_train) if e.pruning is not None else []
        shared_until = self._shared_until()
        cuts = {
            *range(0, n_train, self.segment),
            *range(0, n_train, e.record_every),
            *events,
            shared_until,
            n_train,
        }
        todo = sorted(cut for cut in cuts if cut > progress["done"])
        for end in todo:
            begin = progress["done"]
            if begin in events:
                began = time.process_time()
                number = len(progress["events"]["image"])
                counts = self._counts_since(progress, events[number - 1] if number else 0)
                decision = decide(e.pruning, self._event(progress["state"], counts, progress))
                self._apply(decision, progress["state"], progress)
                progress["cpu_seconds_pruning"] += time.process_time() - began
            network = self._network(True, freezing="inputs_exc.plastic" in progress["state"])
            spikes = e._spikes(self.images.train, TRAINING, begin, end)
            duration = (end - begin) * self.duration * second
            state = self._known(progress["state"], network) | self._values()
            run = network.run(duration, state, {"inputs": spikes})
            # images are on their own clock: only with a rest does a last step reach the next image
            progress["state"].update(lasting(run.state, events=e.network.rest > 0 * ms))
            _check_finite(run.state, begin, end)
            progress["done"] = end
            input_spikes = np.bincount(spikes[0], minlength=self.n_inputs)
            self._tally(progress, run, input_spikes, begin)
            if end % e.record_every == 0 or end == n_train:
                self._record(progress)
            self.clock.add_to(progress)
            if end == shared_until:
                self.store.save_shared(progress, end)
            self.store.save_checkpoint(progress)
            self.reporter.update(end, progress)

    def _values(self, learning=True):
        """Values of the network's parameters, as the backend's form of it names them."""
        e = self.experiment
        return parameter_values(e.network, learning, e.arithmetic, self.backend in GENN)

    def _unknown(self, state, network):
        """Names of the state that matter and that this backend's form of the network lacks.

        Between images without a rest they are nothing but traces, which the next image clears.
        """
        if self.experiment.network.rest == 0 * ms:
            return set()
        return {name for name in state if name not in network.names}

    def _known(self, state, network):
        """Return the state without what only another backend's form of the network has."""
        if self._unknown(state, network):
            raise ValueError(
                f"the checkpoint was written by another backend than {self.backend!r} and a rest"
                " carries traces over from image to image: go on with that backend, or remove it with"
                " experiment.forget(results)"
            )
        return {name: value for name, value in state.items() if name in network.names}

    def _tally(self, progress, run, input_spikes, begin):
        """Add a segment's spikes and synaptic operations to the progress."""
        neuron, times = run.spikes["spikes"]
        image = (times / self.duration + 1e-9).astype(np.int64)
        pair, count = np.unique(image * self.n_exc + neuron, return_counts=True)
        new = {
            "image": (pair // self.n_exc + begin).astype(np.int32),
            "neuron": (pair % self.n_exc).astype(np.int32),
            "count": count.astype(np.int32),
        }
        for name, values in new.items():
            progress["spikes"][name] = np.concatenate([progress["spikes"][name], values])
        operations = self._operations(run, input_spikes, progress["state"])
        for name, value in operations.items():
            progress["operations"][name] = progress["operations"].get(name, 0) + value

    def _operations(self, run, input_spikes, state):
        """Count the synaptic operations of a run by pathway."""

        def counts(neurons):
            return np.bincount(neurons, minlength=self.n_exc)

        inhibitory = run.spikes.get("inh_spikes")
        return analysis.synaptic_operations(
            input_spikes,
            counts(run.spikes["spikes"][0]),
            self._mask(state),
            state["exc.alive"],
            self._frozen(state),
            None if inhibitory is None else counts(inhibitory[0]),
        )

    def _record(self, progress):
        """Add a row to the history (before an event at the same image) and start the next."""
        state, end = progress["state"], progress["done"]
        history = progress["history"]
        begin = int(history["image"][-1]) if history else 0
        real = self.experiment.arithmetic.real_weights
        mean, variance = analysis.weight_updates(
            real(progress["recorded"]), real(state["inputs_exc.w"]), self._mask(state).ravel()
        )
        theta = self.experiment.arithmetic.real_thetas(state["exc.theta"])
        row = {
            "image": end,
            "n_alive": int(np.count_nonzero(state["exc.alive"])),
            "connectivity": 1 - analysis.connection_sparsity(self._mask(state)),
            "spikes_per_image": float(self._counts_since(progress, begin).sum() / (end - begin)),
            "update_mean": mean,
            "update_variance": variance,
            "theta_mean": float(theta[state["exc.alive"].astype(bool)].mean()),
            "threshold": float(progress["events"]["threshold"][-1])
            if len(progress["thresholds"])
            else np.nan,
            "accuracy": self._online_accuracy(progress, begin, end),
            **progress["operations"],
        }
        progress["history"] = {
            name: np.append(history[name], value) if history else np.array([value])
            for name, value in row.items()
        }
        progress["recorded"], progress["operations"] = state["inputs_exc.w"], {}

    def _online_accuracy(self, progress, begin, end):
        """Accuracy of the images since the last row, neurons labelled by those before it."""
        before = max(0, 2 * begin - end)
        spikes = progress["spikes"]
        labels = np.tile(self.images.train_labels, self.experiment.passes)

        def counts(first, last):
            inside = slice(*np.searchsorted(spikes["image"], (first, last)))
            return analysis.count_table(
                spikes["image"][inside] - first,
                spikes["neuron"][inside],
                spikes["count"][inside],
                last - first,
                self.n_exc,
            )

        if before == begin:
            return np.nan
        assigned = analysis.assign_labels(counts(before, begin), labels[before:begin])
        return analysis.accuracy(analysis.predict(counts(begin, end), assigned), labels[begin:end])

    def _weights(self, state):
        """Weights as numbers, whatever the arithmetic."""
        real = self.experiment.arithmetic.real_weights(state["inputs_exc.w"])
        return real.reshape(self.n_inputs, self.n_exc)

    def _mask(self, state):
        return state["inputs_exc.mask"].reshape(self.n_inputs, self.n_exc).astype(bool)

    def _frozen(self, state):
        """Synapses that exist and learn no more."""
        plastic = state.get("inputs_exc.plastic")
        mask = self._mask(state)
        return mask & (plastic.reshape(mask.shape) == 0) if plastic is not None else mask & False

    def _counts_since(self, progress, first):
        spikes = progress["spikes"]
        since = np.searchsorted(spikes["image"], first)
        counts = np.zeros(self.n_exc, dtype=np.int64)
        np.add.at(counts, spikes["neuron"][since:], spikes["count"][since:])
        return counts

    def _event(self, state, counts, progress):
        events = progress["events"]
        past = tuple(
            Past(threshold, int(n_pruned))
            for threshold, n_pruned in zip(progress["thresholds"], events["n_pruned"], strict=True)
        )
        return PruningEvent(
            number=len(past),
            weights=self._weights(state),
            mask=self._mask(state),
            alive=state["exc.alive"].astype(bool),
            counts=counts,
            past=past,
            rng=event_rng(self.experiment.seed, len(past)),
            frozen=self._frozen(state),
            spikes=tuple(progress["spikes"][name] for name in ("image", "neuron", "count")),
        )

    def _apply(self, decision, state, progress):
        """Write a decision into the state: pruned weights are 0, dead neurons stay silent."""
        weights = state["inputs_exc.w"]
        if decision.weights is not None:
            weights = self.experiment.arithmetic.weights(decision.weights.ravel())
        state["inputs_exc.mask"] = decision.mask.ravel().astype(state["inputs_exc.mask"].dtype)
        state["inputs_exc.w"] = weights * state["inputs_exc.mask"]
        state["exc.alive"] = decision.alive
        frozen = self._frozen(state) if decision.frozen is None else decision.frozen
        frozen = frozen & decision.mask
        if frozen.any() or "inputs_exc.plastic" in state:
            dtype = weights.dtype
            state["inputs_exc.plastic"] = (decision.mask & ~frozen).ravel().astype(dtype)
            held = state["inputs_exc.w"].reshape(decision.mask.shape) * frozen
            state["exc.frozen_sum"] = held.sum(axis=0, dtype=dtype)
        threshold = np.broadcast_to(np.asarray(decision.threshold, dtype=float), self.n_exc)
        progress["thresholds"] = np.vstack([progress["thresholds"], threshold])
        row = {
            "image": progress["done"],
            "threshold": float(threshold.mean()),
            "n_pruned": decision.n_pruned,
            "n_alive": int(np.count_nonzero(decision.alive)),
            "n_synapses": int(np.count_nonzero(decision.mask)),
        }
        progress["events"] = {
            name: np.append(progress["events"][name], value) for name, value in row.items()
        }

    def _present(self, state, images, stream, what):
        """Show images to the frozen network.

        Returns
        -------
        counts : array, shape (images, n_exc)
        operations : dict
            Synaptic operations by pathway.
        """
        e = self.experiment
        frozen = self._values(learning=False) | {
            name: state[name] for name in ("inputs_exc.w", "exc.theta", "exc.alive")
        }
        frozen["exc.v"] = frozen["exc.v_rest"]
        if e.network.inhibition == "partners":
            frozen["inh.v"] = float(e.network.v_rest_inh)
        self.reporter.start(what, len(images), 0)
        counts, total = [], {}
        network = self._network(learning=False)
        for begin in range(0, len(images), self.segment):
            end = min(begin + self.segment, len(images))
            part, input_spikes, run = show(network, e, frozen, images, stream, begin, end)
            counts.append(part)
            operations = self._operations(run, input_spikes, state)
            for name in ("inputs_exc", "inputs_exc_frozen", "exc_inh", "inh_exc"):
                total[name] = total.get(name, 0) + operations[name]
            self.reporter.update(end)
        return np.concatenate(counts), total
