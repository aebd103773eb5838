"""One run of a deep network: layer by layer, then the readout."""

import functools
import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import streams
from ..backends.registry import REWIRED
from ..encoding import difference_of_gaussians, latencies
from ..identity import own_code
from ..models import Form
from ..models.ttfs import STEP, FirstSpikes, MapShape, Phase, first_offsets, unroll
from ..models.ttfs.equations import NEXT_OFFSET
from ..provenance import provenance
from ..pruning.connections import survivors
from ..results import DeepResult
from .progress import LayerwiseProgress, append, layer_name
from .reporter import CpuClock, Reporter

__all__ = ["LayerwiseRun"]


class _Split(NamedTuple):
    """The images of an experiment as first spikes: training images first, then evaluation's."""

    spikes: FirstSpikes
    n_train: int
    labels: np.ndarray
    shape: tuple


@functools.lru_cache(maxsize=1)
def _split(code, data, evaluate_on, n_bins, dog, contrast, off_centre):
    """Read and filter the images; runs that differ in other things, and in no `code` of the data, share them."""
    images = data.load()
    shown, labels = {
        "test": (images.test, images.test_labels),
        "validation": (images.validation, images.validation_labels),
    }[evaluate_on]
    pictures = np.concatenate([images.train, shown]).reshape(-1, *images.shape)
    kernel = difference_of_gaussians(*dog)
    found = [latencies(picture, kernel, contrast, n_bins, off_centre) for picture in pictures]
    spikes = FirstSpikes(
        MapShape(*images.shape, 1 + off_centre),
        np.repeat(np.arange(len(found)), [len(neurons) for neurons, _ in found]),
        np.concatenate([neurons for neurons, _ in found]),
        np.concatenate([steps for _, steps in found]),
        len(found),
    )
    labels = np.concatenate([images.train_labels, labels])
    return _Split(spikes, len(images.train), labels, images.shape)


class _Layer:
    """A layer with its kernels on a backend."""

    def __init__(self, shape, backend, weights, mask, arithmetic=None):
        self.shape, self.backend = shape, backend
        self._form = Form() if arithmetic is None else Form(arithmetic.method)
        self.weights, self.mask = weights, mask
        self._synapses = self._made = None

    def prune(self, mask, weights):
        """Take new kernels; the next build has synapses for what is left."""
        if not np.array_equal(mask, self.mask):
            self._synapses = self._made = None
        self.mask, self.weights = mask, weights

    @property
    def synapses(self):
        """The unrolled synapses."""
        if self._synapses is None:
            self._synapses = unroll(self.shape, self.mask)
        return self._synapses

    def fan_out(self):
        """Synapses of each input neuron."""
        return np.bincount(self.synapses["i"], minlength=self.shape.inputs.size)

    def run(self, what, spikes, n_images, state):
        """Run one of the layer's networks; see `CompiledNetwork.run`.

        Parameters
        ----------
        what : {'learning', 'inference', 'readout'}
        spikes : StepSpikes
        n_images : int
        state : dict

        Returns
        -------
        run : Segment
        cpu_seconds : float
            Of the run alone, compilation not included.
        """
        phase = Phase(what, self.shape)
        values = phase.values() | state
        values["kernel.w"] = self.weights.ravel()
        if not len(self.synapses["i"]):
            raise ValueError(
                f"ConnectionPruning: no connection of a layer is left ({self.shape.kernels[-1]} maps,"
                f" kernel {self.shape.kernels[1]}); choose a lower theta or theta_post for it"
            )
        if REWIRED in self.backend.capabilities:
            values |= {
                "inputs_conv._synaptic_pre": self.synapses["i"],
                "inputs_conv._synaptic_post": self.synapses["j"],
                "inputs_conv.k": self.synapses["k"],
            }
        if self._made is None or self._made[0] != what:
            network = self.backend.make(
                phase, self._form, self.shape.inputs.size, np.float64, True, self.synapses
            )
            self._made = what, network
        began = CpuClock.now()
        run = self._made[1].run(phase.n_steps(n_images) * STEP, values, {"inputs": spikes})
        return run, CpuClock.now() - began


def rule_values(experiment, shape, n_images):
    """Return the values of STDP in a layer that has been shown `n_images` images, by "object.variable"."""
    p, arithmetic = experiment.network, experiment.arithmetic
    plus = p.rate(n_images)
    minus = plus * p.a_minus_ratio
    if arithmetic is None:
        return {"kernel.a_plus": plus, "kernel.a_minus": minus}
    unit = 2.0**-arithmetic.rate_bits
    stochastic = arithmetic.rounding == "stochastic"
    return {
        "kernel.a_plus": arithmetic.rate("a_plus", plus) * unit,
        "kernel.a_minus": arithmetic.rate("a_minus", minus) * unit,
        "kernel.bit": 2.0**-arithmetic.fraction,
        "kernel.offset": first_offsets(shape, n_images, arithmetic.rounding),
        "kernel.next_offset": NEXT_OFFSET / 2**16 * stochastic,
    }


class LayerwiseRun:
    """One run of an experiment, layer by layer."""

    def __init__(self, experiment, backend, segment, store):
        self.experiment, self.backend, self.segment, self.store = (
            experiment,
            backend,
            segment,
            store,
        )
        p = experiment.network
        dog = (p.dog_size, p.sigma_centre, p.sigma_surround)
        data = _split(
            own_code(experiment.data),
            experiment.data,
            experiment.evaluate_on,
            p.n_bins,
            dog,
            p.contrast,
            p.off_centre,
        )
        self.shapes = experiment.shapes(data.shape)
        self.inputs, self.n_train, self.labels = data.spikes, data.n_train, data.labels
        if len(np.unique(self.labels[: self.n_train])) < 2:
            raise ValueError(
                "DeepExperiment.data: the training images are of one class; the readout needs two"
            )
        self.clock, self.reporter = CpuClock(), None

    def result(self, reporter):
        """Run what is not yet done and return the result."""
        self.reporter = reporter
        progress = self.store.checkpoint(self._read) or LayerwiseProgress()
        n_layers = len(self.shapes)
        spikes, below = self.inputs, np.zeros(len(self.inputs))
        evaluated = slice(self.n_train, None)
        for k, shape in enumerate(self.shapes):
            if k == progress.layer:
                self._start(progress, k)
                layer = self._learn(progress, k, spikes, below)
            else:  # learned before the run was interrupted
                layer = self._layer(progress, k)
            if k < n_layers - 1:
                passed_on, cpu_seconds = self._infer(layer, spikes)
            else:
                features, cpu_seconds = self._read_out(layer, spikes)
            accumulated = spikes.sums(layer.fan_out())
            if k == progress.layer:
                progress.finished = append(
                    progress.finished,
                    {
                        "layer": k + 1,
                        "images": int(progress.images),
                        "converged": bool(progress.converged),
                        "connectivity": float(layer.mask.mean()),
                        "synapses": len(layer.synapses["i"]),
                        "synapses_unpruned": len(unroll(shape, layer.mask | True)["i"]),
                        **{name: float(value) for name, value in progress.costs.items()},
                        "inference_accumulations": float(accumulated[evaluated].mean()),
                        "inference_spikes": float(
                            spikes.sums(np.ones(spikes.shape.size))[evaluated].mean()
                        ),
                        "cpu_seconds_inference": cpu_seconds / len(self.inputs),
                    },
                )
                progress.layer = k + 1
                self.clock.add_to(progress)
                self.store.save_checkpoint(progress)
            below = below + accumulated
            if k < n_layers - 1:
                spikes = passed_on
        return self._finish(progress, features)

    def _read(self, tree):
        """Return the progress that a file holds; raise an error if it is none of this run's."""
        progress = LayerwiseProgress.from_tree(tree)
        progress.check(self.shapes, self.experiment.pruning)
        return progress

    def _start(self, progress, k):
        """Draw a layer's initial weights, once."""
        if progress.started == k:
            return
        progress.start(k, self.initial_weights(k), np.ones(self.shapes[k].kernels, dtype=bool))

    def initial_weights(self, k):
        """Return the weights of layer `k` before it learns."""
        p, arithmetic = self.experiment.network, self.experiment.arithmetic
        rng = streams.rng(self.experiment.seed, streams.KERNELS, k)
        # 0 and 1 are ends of STDP that a weight cannot leave
        weights = rng.normal(p.w_mean, p.w_std, self.shapes[k].kernels).clip(0.01, 0.99)
        return weights if arithmetic is None else arithmetic.weights(weights)

    def _layer(self, progress, k):
        name = layer_name(k)
        mask = progress.mask[name].astype(bool)
        weights = progress.weights[name] * mask
        return _Layer(self.shapes[k], self.backend, weights, mask, self.experiment.arithmetic)

    def _learn(self, progress, k, spikes, below):
        """Show training images to a layer until it has learned; cut; let it learn on."""
        p, rule = self.experiment.network, self.experiment.pruning
        layer, name = self._layer(progress, k), layer_name(k)
        layer.weights = progress.weights[name]
        limit = self.shapes[k].layer.max_images
        relearn = rule.relearn if rule is not None else 0
        self.reporter.start(f"layer {k + 1} learns", limit + relearn, progress.images)
        while True:
            begin, cut_at = progress.images, progress.cut_at
            if cut_at < 0 and (progress.converged or begin >= limit):
                self._cut_after_learning(progress, k, layer)
                cut_at = progress.cut_at = begin
            until = limit if cut_at < 0 else cut_at + relearn
            if begin >= until:
                return layer
            steps = [p.check_interval, p.growth_interval, *([rule.interval] if rule else [])]
            end = min([until, *(begin + step - begin % step for step in steps)])
            self._show(progress, layer, spikes, self.order(k, begin, end), below)
            progress.images = end
            theta = rule.of_layer("theta", k) if rule is not None and cut_at < 0 else 0.0
            if theta > 0 and end % rule.interval == 0:
                self._cut(progress, layer, theta)
            if end % p.check_interval == 0 or end == until:
                self._record(progress, k, layer)
                if cut_at < 0:
                    progress.converged |= self._convergence(layer) < p.convergence
            progress.keep(k, layer)
            self.clock.add_to(progress)
            self.store.save_checkpoint(progress)
            self.reporter.update(end, progress)

    def order(self, k, begin, end):
        """Return the training images of presentations `begin` to `end`: epochs in random order."""
        n = self.n_train
        epochs = range(begin // n, (end - 1) // n + 1)
        orders = [
            streams.rng(self.experiment.seed, streams.ORDER, k, epoch).permutation(n)
            for epoch in epochs
        ]
        first = begin - epochs[0] * n
        return np.concatenate(orders)[first : first + end - begin]

    def _show(self, progress, layer, spikes, chosen, below):
        """Show training images to a learning layer; count what it costs."""
        rule = self.experiment.pruning
        # what is cut after learning is cut for good
        for_good = rule is None or rule.permanent or progress.cut_at >= 0
        learns = layer.mask if for_good else layer.mask | True
        run, cpu_seconds = layer.run(
            "learning",
            spikes.in_steps(chosen, layer.shape.steps_per_image),
            len(chosen),
            {"kernel.plastic": learns.ravel().astype(float)}
            | rule_values(self.experiment, layer.shape, progress.images),
        )
        layer.weights = run.state["kernel.w"].reshape(layer.shape.kernels)
        of_map, times = run.spikes["wins"]
        image = (times / float(STEP) / layer.shape.steps_per_image + 1e-9).astype(int)
        costs, own = progress.costs, spikes.sums(layer.fan_out())[chosen]
        updates = learns.reshape(-1, learns.shape[-1]).sum(axis=0)[of_map].sum()
        for name, value in (
            ("learning_accumulations", own.sum()),
            ("learning_accumulations_below", below[chosen].sum()),
            ("updates", updates),
            ("learning_steps", len(chosen) * layer.shape.steps_per_image),
            ("cpu_seconds_learning", cpu_seconds),
        ):
            costs[name] += float(value)
        since = progress.since_row
        since["wins"] += len(of_map)
        since["images_without_win"] += len(chosen) - len(np.unique(image))

    def _cut(self, progress, layer, theta):
        """Prune below a threshold, in mask and, if it is for ever, in weight."""
        rule = self.experiment.pruning
        tested = layer.mask if rule.permanent else layer.mask | True
        mask = survivors(layer.weights, tested, theta)
        progress.costs["comparisons"] += float(tested.sum())
        layer.prune(mask, layer.weights * mask if rule.permanent else layer.weights)

    def _cut_after_learning(self, progress, k, layer):
        rule = self.experiment.pruning
        if rule is not None:
            theta = rule.of_layer("theta_post", k)
            if theta > 0:
                self._cut(progress, layer, theta)
            layer.weights = layer.weights * layer.mask
        progress.keep(k, layer)

    def _convergence(self, layer):
        """Mean of w(1-w): 0 if all weights are 0 or 1."""
        rule = self.experiment.pruning
        w = layer.weights * layer.mask
        over_survivors = rule is not None and rule.convergence_of == "survivors"
        return float((w * (1 - w)).sum() / (layer.mask.sum() if over_survivors else w.size))

    def _record(self, progress, k, layer):
        row = {
            "layer": k + 1,
            "image": int(progress.images),
            "convergence": self._convergence(layer),
            "connectivity": float(layer.mask.mean()),
            **progress.since_row,
            "accumulations": progress.costs["learning_accumulations"],
            "updates": progress.costs["updates"],
        }
        progress.history = append(progress.history, row)
        progress.since_row = {"wins": 0, "images_without_win": 0}

    def _parts(self):
        """Cut all images into segments that are shown together."""
        yield from itertools.pairwise([*range(0, len(self.inputs), self.segment), len(self.inputs)])

    def _infer(self, layer, spikes):
        """Show all images to a finished layer; return its pooling units' first spikes, CPU time."""
        steps_per_image = layer.shape.steps_per_image
        self.reporter.start("first spikes", len(self.inputs), 0)
        found, cpu_seconds = [], 0.0
        for begin, end in self._parts():
            shown = spikes.in_steps(range(begin, end), steps_per_image)
            run, seconds = layer.run("inference", shown, end - begin, {})
            cpu_seconds += seconds
            unit, times = run.spikes["spikes"]
            step = np.floor(times / float(STEP) + 1e-6).astype(np.int64)
            # integrated one step after it was sent, pooled one step later
            found.append((begin + step // steps_per_image, unit, step % steps_per_image - 2))
            self.reporter.update(end)
        image, unit, step = (np.concatenate(parts) for parts in zip(*found, strict=True))
        passed_on = FirstSpikes(layer.shape.pooled, image, unit, step, len(self.inputs))
        return passed_on, cpu_seconds

    def inputs_of(self, result, k):
        """Return the first spikes that drive layer `k` of a finished result, for all images."""
        self.reporter, spikes = Reporter(None), self.inputs
        for below in range(k):
            name = layer_name(below)
            weights, mask = result.weights[name], result.mask[name]
            layer = _Layer(self.shapes[below], self.backend, weights, mask)
            spikes, _ = self._infer(layer, spikes)
        return spikes

    def _read_out(self, layer, spikes):
        """Return the last layer's maximum potentials, shape (images, features), and CPU time."""
        window = self.experiment.network.readout_window
        conv = layer.shape.conv
        self.reporter.start("readout", len(self.inputs), 0)
        features, cpu_seconds = [], 0.0
        for begin, end in self._parts():
            shown = spikes.in_steps(range(begin, end), layer.shape.steps_per_image)
            run, seconds = layer.run("readout", shown, end - begin, {})
            cpu_seconds += seconds
            v = run.recorded["potentials.v"][1:].reshape(-1, *conv)
            features.append(_window_maxima(v, window))
            self.reporter.update(end)
        return np.concatenate(features), cpu_seconds

    def _finish(self, progress, features):
        from sklearn.svm import SVC  # imports take a second: only where they are needed

        e, n = self.experiment, self.n_train
        svm = SVC(kernel="linear", C=e.network.svm_C).fit(features[:n], self.labels[:n])
        names = [layer_name(k) for k in range(len(self.shapes))]
        result = DeepResult(
            e,
            weights={name: progress.weights[name] for name in names},
            mask={name: progress.mask[name].astype(bool) for name in names},
            history=pd.DataFrame(progress.history),
            layers=pd.DataFrame(progress.finished),
            features=features[:n],
            labels=self.labels[:n],
            test_features=features[n:],
            test_labels=self.labels[n:],
            predicted=svm.predict(features[n:]),
            provenance=provenance(self.backend.name) | self.clock.read(progress),
        )
        self.store.save(result)
        return result


def _window_maxima(v, window):
    """Maximise potentials (images, rows, columns, maps) in windows; 0: one window."""
    n, rows, columns, maps = v.shape
    if window == 0:
        return v.max(axis=(1, 2))
    pad = ((0, 0), (0, -rows % window), (0, -columns % window), (0, 0))
    padded = np.pad(v, pad, constant_values=-np.inf)
    blocks = padded.reshape(
        n, padded.shape[1] // window, window, padded.shape[2] // window, window, maps
    )
    return blocks.max(axis=(2, 4)).reshape(n, -1)
