"""An example of a network of one's own: two excitatory layers, plain Brian2.

Read it to write another: a `Model` names its objects, builds them in each form, and gives values and state.
Nothing here knows of experiments, backends or pruning rules.
"""

import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    ms,
    second,
)

from ..encoding import Encoding, PoissonRate
from ..parameters import OURS, Parameter
from .base import SCHEDULE, Model

__all__ = ["TwoLayers"]

LAYER = """
dv/dt = (g - v) / tau_m                                 : 1
dg/dt = -g / tau_g                                      : 1
theta                                                   : 1
total                                                   : 1
alive                                                   : boolean (constant)
tau_m                                                   : second (shared, constant)
tau_g                                                   : second (shared, constant)
theta_plus                                              : 1 (shared, constant)
theta_left                                              : 1 (shared, constant)
inhibition                                              : 1 (shared, constant)
weight_sum                                              : 1 (shared, constant)
steps_per_image                                         : integer (shared, constant)
"""
#: The last step of an image is silent, so that none reaches into the next.
CROSSING = "v > 1 + theta and alive and (timestep(t, dt) + 1) % steps_per_image != 0"
SYNAPSE = "w : 1\n"
SYNAPSE_LEARNING = """
mask                                                    : 1 (constant)
dx/dt = -x / tau_x                                      : 1 (event-driven)
tau_x                                                   : second (shared, constant)
eta                                                     : 1 (shared, constant)
x_tar                                                   : 1 (shared, constant)
"""
ON_PRE = "g_post += w"
ON_POST = "w = clip(w + eta*(x - x_tar), 0, 1)*mask"


class TwoLayers(Model):
    """Two layers of leaky neurons with lateral inhibition, both sets of synapses plastic; ours.

    Rules prune the second layer's synapses and neurons.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms
    >>> from brianprune.models.two_layers import TwoLayers
    >>> experiment = bp.Experiment(
    ...     network=TwoLayers(n_hidden=8, n_exc=4, presentation=20*ms),
    ...     data=bp.digits(n_train=10, n_test=4))
    >>> experiment.run(backend="numpy").weights.shape
    (8, 4)
    """

    n_hidden = Parameter(50, "neurons of the first layer", OURS, minimum=1, structural=True)
    n_exc = Parameter(30, "neurons of the second layer", OURS, minimum=1, structural=True)
    tau_m = Parameter(20 * ms, "membrane time constant", OURS, above=0 * ms)
    tau_g = Parameter(5 * ms, "of what a spike brings in", OURS, above=0 * ms)
    theta_plus = Parameter(0.02, "added to a neuron's threshold by its spike", OURS, minimum=0.0)
    theta_left = Parameter(
        0.98, "what an image leaves of it, while learning", OURS, minimum=0.0, maximum=1.0
    )
    inhibition = Parameter(1.0, "taken from all others by a spike", OURS, minimum=0.0)
    sum_first = Parameter(80.0, "sum of a neuron's weights in the first layer", OURS, above=0.0)
    sum_second = Parameter(40.0, "sum of a neuron's weights in the second layer", OURS, above=0.0)
    eta = Parameter(0.05, "learning rate", OURS, minimum=0.0)
    tau_x = Parameter(20 * ms, "trace time constant", OURS, above=0 * ms)
    x_tar = Parameter(0.3, "trace that changes nothing", OURS)
    encoding = Parameter(PoissonRate(), "from image to input spikes", kind=Encoding)
    dt = Parameter(0.5 * ms, "time step", OURS, above=0 * ms)
    presentation = Parameter(150 * ms, "an image is shown for this long", OURS, above=0 * ms)
    rest = Parameter(0 * ms, "none: the state is reset", OURS, minimum=0 * ms, maximum=0 * ms)

    def validate(self):
        """Images end with a step; other models are told when a run begins."""
        self.steps_per_image  # noqa: B018 (raises)

    plastic, readout, sources = "hidden_exc", "exc", "hidden_spikes"
    updates = ("post",)
    declares_structure = True

    def n_sources(self, n_inputs):
        """The plastic synapses come from the first layer."""
        return self.n_hidden

    @property
    def kept(self):
        """The first layer's weights and thresholds too."""
        return (*super().kept, "inputs_hidden.w", "hidden.theta")

    def build(self, form, n_inputs, dense=None, existing=None):
        """Build the network, see `Model.build`."""
        steps, images = (
            Clock(dt=self.dt, name="step_clock"),
            Clock(dt=self.duration, name="image_clock"),
        )
        common = {"clock": steps, "namespace": {}}
        inputs = SpikeGeneratorGroup(n_inputs, [], [] * second, clock=steps, name="inputs")
        objects, source = [inputs], inputs
        for name, n in (("hidden", self.n_hidden), ("exc", self.n_exc)):
            layer = NeuronGroup(
                n,
                LAYER,
                threshold=CROSSING,
                reset="v = 0\n" + "theta += theta_plus" * form.learning,
                method="exact",
                name=name,
                **common,
            )
            synapses = Synapses(
                source,
                layer,
                SYNAPSE + SYNAPSE_LEARNING * form.learning,
                on_pre=ON_PRE + "\nx = 1" * form.learning,
                on_post=ON_POST if form.learning else None,
                delay={"pre": 0 * ms, "post": 0 * ms} if form.learning else {"pre": 0 * ms},
                name=f"{source.name}_{name}",
                **common,
            )
            if existing is None or name == "hidden":
                synapses.connect()
            else:
                synapses.connect(i=existing[0], j=existing[1])
            lateral = Synapses(
                layer, layer, on_pre="v_post -= inhibition_post", delay=0 * ms, name=f"{name}_{name}", **common
            )  # fmt: skip
            lateral.connect("i != j")
            before = [
                (
                    layer,
                    "v = 0\ng = 0\ntotal = 0\n" + "theta *= theta_left" * form.learning,
                    "clear",
                )
            ]
            if form.learning:
                before += [
                    (synapses, "x = 0\ntotal_post += w", "sum"),
                    (layer, "total = weight_sum / (total + int(total == 0))", "factor"),
                    (synapses, "w *= total_post", "scale"),
                ]
            for order, (group, code, what) in enumerate(before):
                group.run_regularly(
                    code, when="start", order=order, clock=images, name=f"{what}_{name}"
                )
            objects += [layer, synapses, lateral]
            source = layer
        monitors = {"hidden_spikes": objects[1], "spikes": objects[4]}
        objects += [SpikeMonitor(group, name=name) for name, group in monitors.items()]
        network = Network(objects, name="network")
        network.schedule = SCHEDULE
        return network

    def values(self, form, arithmetic):
        """Return the values of the parameters, see `Model.values`."""
        found = {"step_clock.dt": self.dt, "image_clock.dt": self.duration}
        for layer, synapses, weight_sum in (
            ("hidden", "inputs_hidden", self.sum_first),
            ("exc", "hidden_exc", self.sum_second),
        ):
            for name in (
                "tau_m",
                "tau_g",
                "theta_plus",
                "theta_left",
                "inhibition",
                "steps_per_image",
            ):
                found[f"{layer}.{name}"] = getattr(self, name)
            found[f"{layer}.weight_sum"] = weight_sum
            for name in ("tau_x", "eta", "x_tar") if form.learning else ():
                found[f"{synapses}.{name}"] = getattr(self, name)
        return {name: np.asarray(value) for name, value in found.items()}

    def initial_state(self, n_inputs, rng, arithmetic):
        """Return random weights, see `Model.initial_state`."""
        state = self.resting_state(arithmetic)
        for synapses, n in (
            ("inputs_hidden", n_inputs * self.n_hidden),
            ("hidden_exc", self.n_hidden * self.n_exc),
        ):
            state |= {f"{synapses}.w": rng.random(n), f"{synapses}.mask": np.ones(n)}
        return state | {
            "exc.alive": np.ones(self.n_exc, dtype=bool),
            "hidden.theta": np.zeros(self.n_hidden),
            "exc.theta": np.zeros(self.n_exc),
        }

    def resting_state(self, arithmetic):
        """The first layer's neurons all live."""
        return {"hidden.alive": np.ones(self.n_hidden, dtype=bool)}
