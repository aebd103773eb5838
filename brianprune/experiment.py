"""Experiment: what is computed. `run` says how: backend, segments, checkpoints, progress."""

from __future__ import annotations

from brian2 import Network

from . import backends, streams
from .arithmetic import FixedPoint, FloatingPoint
from .datasets import Dataset, Digits, SpikeTrains
from .encoding import presentations
from .models import DiehlCook, Form, Model
from .parameters import OURS, PAPER, Parameter
from .pruning import Pruner, Rule
from .results import Result
from .runs import Simulation, TrainedRun

__all__ = ["Experiment"]


class Experiment(Simulation):
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
    #: 2: input spikes are made of keys; weights are clipped where they are scaled
    revision = 2

    network = Parameter(DiehlCook(), "the spiking network", kind=Model)
    pruning = Parameter(None, "the pruning rule and its schedule; None: no pruning", kind=object)
    data = Parameter(Digits(), "the images, or recorded spikes", kind=Dataset)
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

    def validate(self) -> None:
        if self.pruning is not None and not isinstance(self.pruning, Rule):
            raise TypeError(
                f"Experiment.pruning = {self.pruning!r}: not a pruning rule; use one of brianprune's,"
                " PruneWhere('...') for a condition, MyRule() for a class of your own, or"
                " my_rule.every(interval) for a function made by @pruning_rule"
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

    def _check_backend(self, backend):
        form = Form(self.arithmetic.method)
        if self.pruning is not None:
            form = form._replace(freezing=self.pruning.freezes)
        self.network.check(backend.form(form))
        backends.get(backend.name, self.network.needs | self.arithmetic.needs)

    def _prepare(self, backend, segment, store):
        images = self.data.load_mixed()
        self._check_pruning(images)
        self.network.check_inputs(images.train.shape[1])
        if isinstance(images.train, SpikeTrains):
            for recorded in (images.train, images.validation, images.test):
                recorded.check(self.network)
        return TrainedRun(self, images, backend, segment, store)

    def build(self, n_images: int = 10) -> Network:
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
        events = self._events_of_a_pruner(n_train)
        n_inputs = images.train.shape[1]
        form = Form(self.arithmetic.method)
        p.check(form)
        runtime = backends.get("numpy").make(
            p, form, n_inputs, self.arithmetic.dtype, self.arithmetic.exact
        )
        state = p.initial_state(
            n_inputs, streams.rng(self.seed, streams.WEIGHTS, 0), self.arithmetic
        )
        runtime.set(p.values(form, self.arithmetic) | state)
        spikes = presentations(p, images.train, self.seed, streams.TRAINING, 0, n_images)
        runtime.set_spikes({"inputs": spikes})
        network = runtime.network
        if events:
            network.add(
                Pruner(
                    network[p.plastic],
                    self.pruning,
                    every=events.step * p.duration,
                    start=events.start * p.duration,
                    n_events=len(events),
                    seed=self.seed,
                    name="pruner",
                )
            )
        return network

    def _events_of_a_pruner(self, n_train):
        """Return the images after which the rule acts as a range, or raise an error if a `Pruner` cannot act so."""
        events = [] if self.pruning is None else list(self.pruning.events(n_train))
        if events and self.network.follows_living:
            raise NotImplementedError(
                f"Experiment.build: {type(self.network).__name__} follows the living neurons, which a Pruner does not: use"
                " run()"
            )
        step = events[1] - events[0] if len(events) > 1 else n_train
        found = range(events[0], events[-1] + 1, step) if events and step else range(0)
        if list(found) != events:
            raise NotImplementedError(
                f"Experiment.build: {type(self.pruning).__name__} acts after images {events}, which are not evenly spaced,"
                " as a Pruner's events are: use run()"
            )
        return found

    def _check_pruning(self, images):
        if self.pruning is not None:
            self.pruning.validate_for(self.passes * len(images.train))
            self.pruning.check_ready()
            self.pruning.check_network(self.network, images.train.shape[1])
