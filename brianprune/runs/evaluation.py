"""One run of an experiment: train, prune after training, label neurons, evaluate."""

import numpy as np
import pandas as pd

from .. import analysis
from ..inference import FrozenNetwork
from ..provenance import provenance
from ..pruning import decide
from ..results import Result
from ..streams import EVALUATION, LABELLING
from .reporter import CpuClock
from .training import Training

__all__ = ["TrainedRun"]


class TrainedRun:
    """One run of an `Experiment`.

    Parameters
    ----------
    experiment : Experiment
    images : Images
    backend : Backend
    segment : int
    store : Store
    """

    def __init__(self, experiment, images, backend, segment, store):
        self.experiment, self.images = experiment, images
        self.backend, self.segment, self.store = backend, segment, store
        self.clock = CpuClock()
        self.training = Training(experiment, images, backend, segment, store, self.clock)

    def result(self, reporter):
        """Run what is not yet done and return the result."""
        progress = self.training.result(reporter)
        cpu_seconds_training = progress.cpu_seconds
        first = max(0, len(self.images.train) - self.experiment.n_label)
        labelled, labels = self.images.train[first:], self.images.train_labels[first:]
        self._prune_after_training(progress, labelled, labels, reporter)
        label_counts, _ = self._present(progress.state, labelled, LABELLING, "labelling", reporter)
        split = {
            "test": (self.images.test, self.images.test_labels),
            "validation": (self.images.validation, self.images.validation_labels),
        }[self.experiment.evaluate_on]
        counts, operations = self._present(
            progress.state, split[0], EVALUATION, "evaluation", reporter
        )
        result = self._assembled(progress, operations, cpu_seconds_training)
        result.label_counts, result.label_labels = label_counts, labels
        result.test_counts, result.test_labels = counts, split[1]
        self.store.save(result)
        return result

    def _prune_after_training(self, progress, images, labels, reporter):
        """Let a rule act that acts after training."""
        rule, training = self.experiment.pruning, self.training
        if rule is None or not rule.acts_after_training:
            return
        counts, readout = np.zeros(training.model.n_exc, dtype=np.int64), None
        if rule.counts_after_training:
            table, _ = self._present(progress.state, images, LABELLING, "labelling", reporter)
            counts = table.sum(axis=0)
            readout = table, labels, analysis.assign_labels(table, labels)
        event = training.event(progress, counts, readout)
        training.take(decide(rule, event, after_training=True), progress)

    def _present(self, state, images, stream, what, reporter):
        """Show images to the frozen network: (counts (images, neurons), operations by pathway)."""
        reporter.start(what, len(images), 0)
        training, counts, total = self.training, [], {}
        network = self._frozen(state)
        for begin in range(0, len(images), self.segment):
            end = min(begin + self.segment, len(images))
            shown = network.show(images, stream, begin, end)
            counts.append(shown.counts)
            operations = training.operations(shown.run, shown.input_spikes, state)
            for name in ("inputs_exc", "inputs_exc_frozen", "exc_inh", "inh_exc"):
                total[name] = total.get(name, 0) + operations[name]
            reporter.update(end)
        return np.concatenate(counts), total

    def _frozen(self, state):
        """Return the network as it is now, dead neurons included: nothing to compile anew."""
        e, training = self.experiment, self.training
        return FrozenNetwork(
            e.network,
            training.weights(state),
            e.arithmetic.real_thetas(state[training.theta]),
            state[training.alive],
            training.mask(state),
            state=self._other_state(state),
            n_inputs=training.n_inputs,
            arithmetic=e.arithmetic,
            small=False,
            backend=self.backend.name,
            seed=e.seed,
        )

    def _other_state(self, state):
        """What a frozen network keeps beside weights, thresholds and living neurons."""
        known = (self.training.w, self.training.theta, self.training.alive)
        return {name: state[name] for name in self.experiment.network.kept if name not in known}

    def _assembled(self, progress, operations, cpu_seconds_training):
        """Return the result without what was counted for labels and accuracy."""
        e, training, state = self.experiment, self.training, progress.state
        history = pd.DataFrame(progress.history)
        while_training = {
            name: float(history[name].sum())
            for name in (*operations, "updates_pre", "updates_post")
            if name in history
        }
        return Result(
            e,
            weights=training.weights(state),
            mask=training.mask(state),
            alive=state[training.alive].astype(bool),
            theta=e.arithmetic.real_thetas(state[training.theta]),
            spikes=pd.DataFrame(progress.spikes),
            history=history,
            frozen=training.frozen(state),
            events=pd.DataFrame(progress.events),
            thresholds=progress.thresholds,
            label_counts=None,
            label_labels=None,
            test_counts=None,
            test_labels=None,
            operations={"training": while_training, "inference": operations},
            provenance=provenance(self.backend.name)
            | {
                "cpu_seconds_training": cpu_seconds_training,
                "cpu_seconds_pruning": progress.cpu_seconds_pruning,
            }
            | self.clock.read(progress),
            image_shape=self.images.shape,
            other_state=self._other_state(state),
        )
