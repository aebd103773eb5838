"""Training in segments: images are shown, the rule acts in between, a history is kept."""

import functools
import time

import numpy as np

from .. import analysis
from ..backends import lasting
from ..backends.base import ARRIVAL
from ..encoding import image_numbers, presentations
from ..inference import source_counts
from ..models import Form
from ..pruning import Past, PruningEvent, decide
from ..pruning.base import apply, check_weights, event_rng, frozen_of
from ..streams import TRAINING, WEIGHTS, rng
from .progress import TrainingProgress, append

__all__ = ["Training"]


class Training:
    """The training of an experiment's network on a backend.

    Parameters
    ----------
    experiment : Experiment
    images : Images
    backend : Backend
    segment : int
        Images per segment.
    store : Store
    clock : CpuClock
    """

    def __init__(self, experiment, images, backend, segment, store, clock):
        self.experiment, self.images, self.backend = experiment, images, backend
        self.segment, self.store, self.clock = segment, store, clock
        self.model, self.rule = experiment.network, experiment.pruning
        self.arithmetic = experiment.arithmetic
        self.n_inputs = images.train.shape[1]
        self.shape = self.model.n_sources(self.n_inputs), self.model.n_exc
        self.n_train = experiment.passes * len(images.train)
        self.events = self.rule.events(self.n_train) if self.rule is not None else []
        #: presentations before the rule first acts: what all rules of a base network share
        self.shared_until = self.events[0] if self.events else self.n_train
        plastic, readout = self.model.plastic, self.model.readout
        self.w, self.mask_name, self.plastic = (f"{plastic}.{x}" for x in ("w", "mask", "plastic"))
        self.theta, self.alive = f"{readout}.theta", f"{readout}.alive"
        self._networks = {}

    def result(self, reporter):
        """Train to the last image and return the progress."""
        progress = self.store.checkpoint(self._read) or self._shared() or self.new()
        if progress.done < self.n_train:
            self._train(progress, reporter)
        return progress

    # -- where it begins -------------------------------------------------------------------------------

    def new(self):
        """Return the progress before the first image."""
        e, dtype = self.experiment, self.arithmetic.dtype
        state = self.model.initial_state(self.n_inputs, rng(e.seed, WEIGHTS, 0), self.arithmetic)
        if self.w in state:
            weights = self.arithmetic.real_weights(state[self.w])
            check_weights(weights, self.model, f"{type(self.model).__name__}.initial_state")
            if np.any(weights[np.broadcast_to(state[self.mask_name] == 0, weights.shape)]):
                raise ValueError(
                    f"{type(self.model).__name__}.initial_state: pruned synapses ('{self.mask_name}' is 0) have"
                    " weights that are not 0"
                )
        state = {
            name: value.astype(dtype) if value.dtype.kind == "f" and value.ndim else value
            for name, value in state.items()
        }
        return TrainingProgress(
            state,
            thresholds=np.empty((0, self.model.n_exc)),
            recorded=state[self.w],
            counts_pre=np.zeros(self.shape[0], dtype=np.int64),
        )

    def _read(self, tree):
        """Return the progress that a file holds; raise an error if it is none of this run's."""
        progress = TrainingProgress.from_tree(tree)
        progress.check(self.new(), self.n_train, self.model.n_exc)
        return progress

    def _shared(self):
        """Return the progress that a run with another rule has stored, if there is one."""
        progress = self.store.shared(self.shared_until, self._read)
        if progress is not None and self._unknown(progress.state, self.network()):
            return None  # of another backend, see `_known`
        return progress

    # -- segments ----------------------------------------------------------------------------------------

    def network(self, freezing=False):
        """Return the learning network on the backend."""
        if freezing not in self._networks:
            self._networks[freezing] = self.backend.make(
                self.model,
                self.form(freezing),
                self.n_inputs,
                self.arithmetic.dtype,
                self.arithmetic.exact,
                None,
            )
        return self._networks[freezing]

    def form(self, freezing=False):
        """Return the form of the network that learns."""
        return self.backend.form(Form(self.arithmetic.method, freezing=freezing))

    def _train(self, progress, reporter):
        """Train to the last image, pruning at the rule's events, in segments."""
        n_train, every = self.n_train, self.experiment.record_every
        reporter.start("training", n_train, progress.done)
        cuts = {
            *range(0, n_train, self.segment),
            *range(0, n_train, every),
            *self.events,
            self.shared_until,
            n_train,
        }
        for end in sorted(cut for cut in cuts if cut > progress.done):
            if progress.done in self.events:
                self._prune(progress)
            self._show(progress, end)
            if end % every == 0 or end == n_train:
                self._record(progress)
            self.clock.add_to(progress)
            if end == self.shared_until:
                self.store.save_shared(progress, end)
            self.store.save_checkpoint(progress)
            reporter.update(end, progress)

    def _show(self, progress, end):
        """Show the network the next images."""
        begin, model = progress.done, self.model
        network = self.network(freezing=self.plastic in progress.state)
        spikes = presentations(model, self.images.train, self.experiment.seed, TRAINING, begin, end)
        values = self._values(progress.state)
        unknown = sorted(set(progress.state) - set(network.names)) if begin == 0 else []
        if unknown:
            raise ValueError(
                f"{type(model).__name__}.initial_state: the network has no '{unknown[0]}'; it has"
                f" {', '.join(sorted(network.names))}"
            )
        run = network.run(
            (end - begin) * model.duration,
            self._known(progress.state, network) | values,
            {"inputs": spikes},
        )
        # images are on their own clock: only with a rest does a last step reach the next image
        progress.state.update(lasting(run.state, events=float(model.rest) > 0))
        self._check_finite(run.state, begin, end)
        late = [name for name, value in run.state.items() if name.endswith(ARRIVAL) and len(value)]
        if late:
            raise ValueError(
                f"{type(model).__name__}: spikes of '{late[0].removesuffix(ARRIVAL)}' are in flight when an image ends, and"
                " would be lost: let the last steps of an image be silent for as long as the delay"
            )
        progress.done = end
        self._tally(progress, run, source_counts(model, run, self.n_inputs), begin)

    def _values(self, state):
        """Return the values of the parameters; of a network that follows its living neurons, their number's."""
        model = self.model
        if model.follows_living:
            model = model.replace(n_exc=max(1, int(np.count_nonzero(state[self.alive]))))
        return model.values(self.form(), self.arithmetic)

    def _check_finite(self, state, begin, end):
        """Stop a run whose numbers have overflowed."""
        model = self.model
        for name, value in state.items():
            mine = name.partition(".")[0] in (model.plastic, model.readout)
            if mine and value.dtype.kind == "f" and not np.isfinite(value).all():
                raise FloatingPointError(
                    f"{type(model).__name__}: '{name}' is not a number any more between images {begin} and {end}:"
                    " a learning rate, a weight or a step is too large (eta_plus, eta_minus, w_max, weight_sum,"
                    " w_inh, theta_plus), or a time constant too small for dt"
                )

    def _unknown(self, state, network):
        """Names of the state that matter and that this backend's form of the network lacks.

        Between images without a rest they are nothing but traces, which the next image clears.
        """
        if float(self.model.rest) == 0:
            return set()
        return {name for name in state if name not in network.names}

    def _known(self, state, network):
        """Return the state without what only another backend's form of the network has."""
        if self._unknown(state, network):
            raise ValueError(
                f"the checkpoint was written by another backend than {self.backend.name!r} and a rest"
                " carries traces over from image to image: go on with that backend, or remove it with"
                " experiment.forget(results)"
            )
        return {name: value for name, value in state.items() if name in network.names}

    # -- what is counted ---------------------------------------------------------------------------------

    def _tally(self, progress, run, input_spikes, begin):
        """Add a segment's spikes and synaptic operations to the progress."""
        n = self.model.n_exc
        neuron, times = run.spikes["spikes"]
        pair, count = np.unique(image_numbers(times, self.model) * n + neuron, return_counts=True)
        new = {
            "image": (pair // n + begin).astype(np.int32),
            "neuron": (pair % n).astype(np.int32),
            "count": count.astype(np.int32),
        }
        for name, values in new.items():
            progress.spikes[name] = np.concatenate([progress.spikes[name], values])
        progress.counts_pre = progress.counts_pre + input_spikes
        for name, value in self.operations(run, input_spikes, progress.state).items():
            progress.operations[name] = progress.operations.get(name, 0) + value

    def operations(self, run, input_spikes, state):
        """Count the synaptic operations of a run by pathway."""

        def counts(neurons):
            return np.bincount(neurons, minlength=self.model.n_exc)

        inhibitory = run.spikes.get("inh_spikes")
        return analysis.synaptic_operations(
            input_spikes,
            counts(run.spikes["spikes"][0]),
            self.mask(state),
            state[self.alive],
            self.frozen(state),
            None if inhibitory is None else counts(inhibitory[0]),
            self.model.inhibits,
            self.model.updates,
        )

    def _record(self, progress):
        """Add a row to the history (before an event at the same image) and start the next."""
        state, end, history = progress.state, progress.done, progress.history
        begin = int(history["image"][-1]) if history else 0
        real, mask = self.arithmetic.real_weights, self.mask(state)
        mean, variance = analysis.weight_updates(
            real(progress.recorded), real(state[self.w]), mask.ravel()
        )
        alive = state[self.alive].astype(bool)
        row = {
            "image": end,
            "n_alive": int(np.count_nonzero(alive)),
            "connectivity": 1 - analysis.connection_sparsity(mask),
            "spikes_per_image": float(progress.counts_since(begin).sum() / (end - begin)),
            "update_mean": mean,
            "update_variance": variance,
            "theta_mean": float(self.arithmetic.real_thetas(state[self.theta])[alive].mean()),
            "threshold": float(progress.events["threshold"][-1])
            if len(progress.thresholds)
            else np.nan,
            "accuracy": self._online_accuracy(progress, begin, end),
            **progress.operations,
        }
        progress.history = append(history, row)
        progress.recorded, progress.operations = state[self.w], {}

    def _online_accuracy(self, progress, begin, end):
        """Accuracy of the images since the last row, neurons labelled by those before it."""
        before = max(0, 2 * begin - end)
        if before == begin:
            return np.nan
        spikes = progress.spikes
        labels = np.tile(self.images.train_labels, self.experiment.passes)

        def counts(first, last):
            inside = slice(*np.searchsorted(spikes["image"], (first, last)))
            return analysis.count_table(
                spikes["image"][inside] - first,
                spikes["neuron"][inside],
                spikes["count"][inside],
                last - first,
                self.model.n_exc,
            )

        assigned = analysis.assign_labels(counts(before, begin), labels[before:begin])
        return analysis.accuracy(analysis.predict(counts(begin, end), assigned), labels[begin:end])

    # -- pruning -----------------------------------------------------------------------------------------

    def _prune(self, progress):
        """Let the rule act."""
        began = time.process_time()
        number = len(progress.thresholds)
        last = self.events[number - 1] if number else 0
        event = self.event(progress, progress.counts_since(last))._replace(
            counts_pre=progress.counts_pre,
            seconds=(progress.done - last) * float(self.model.duration),
            input_counts=functools.partial(self._input_counts, progress.done),
        )
        self.take(decide(self.rule, event), progress)
        progress.counts_pre = np.zeros_like(progress.counts_pre)
        progress.cpu_seconds_pruning += time.process_time() - began

    def _input_counts(self, shown, first, end):
        """Return how often each input spiked for some of the images shown so far: shape (images, inputs)."""
        if not 0 <= first <= end <= shown:
            raise ValueError(f"input_counts({first}, {end}): {shown} images were shown so far")
        table = np.zeros((end - first, self.n_inputs), dtype=np.int32)
        for begin in range(first, end, self.segment):
            last = min(begin + self.segment, end)
            which = self.images.train, self.experiment.seed, TRAINING, begin, last
            neuron, step = presentations(self.model, *which)
            image = step.astype(np.int64) // self.model.steps_per_image
            counts = np.bincount(
                image * self.n_inputs + neuron, minlength=(last - begin) * self.n_inputs
            )
            table[begin - first : last - first] = counts.reshape(-1, self.n_inputs)
        return table

    def event(self, progress, counts, readout=None):
        """Return what the rule sees."""
        state = progress.state
        past = tuple(
            Past(threshold, int(n_pruned))
            for threshold, n_pruned in zip(
                progress.thresholds, progress.events["n_pruned"], strict=True
            )
        )
        return PruningEvent(
            number=len(past),
            weights=self.weights(state),
            mask=self.mask(state),
            alive=state[self.alive].astype(bool),
            counts=counts,
            past=past,
            rng=event_rng(self.experiment.seed, len(past)),
            frozen=self.frozen(state),
            spikes=tuple(progress.spikes[name] for name in ("image", "neuron", "count")),
            readout=readout,
            memory=dict(progress.memory),
        )

    def take(self, decision, progress):
        """Write a decision into the state and into the list of events."""
        rule = type(self.experiment.pruning).__name__
        if not decision.alive.any():
            raise ValueError(
                f"{rule} has pruned all neurons after image {progress.done}: choose a lower threshold, or fewer to prune"
            )
        if progress.done < self.n_train:
            self.model.check_synapses(decision.mask[:, decision.alive], rule)
        progress.state.update(apply(decision, progress.state, self.model, self.arithmetic))
        threshold = np.broadcast_to(np.asarray(decision.threshold, dtype=float), self.model.n_exc)
        progress.thresholds = np.vstack([progress.thresholds, threshold])
        row = {
            "image": progress.done,
            "threshold": float(threshold.mean()),
            "n_pruned": decision.n_pruned,
            "n_alive": int(np.count_nonzero(decision.alive)),
            "n_synapses": int(np.count_nonzero(decision.mask)),
        }
        progress.events = append(progress.events, row)
        progress.memory = {name: np.asarray(value) for name, value in decision.memory.items()}

    # -- the state, as arrays ------------------------------------------------------------------------------

    def weights(self, state):
        """Weights as numbers, whatever the arithmetic, shape (sources, neurons)."""
        return self.arithmetic.real_weights(state[self.w]).reshape(self.shape)

    def mask(self, state):
        """Synapses that exist, shape (sources, neurons)."""
        return state[self.mask_name].reshape(self.shape).astype(bool)

    def frozen(self, state):
        """Synapses that exist and learn no more, shape (sources, neurons)."""
        return frozen_of(self.mask(state), state.get(self.plastic))
