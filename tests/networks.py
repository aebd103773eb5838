"""Small Brian2 networks of all kinds, each with one feature that Brian2's users rely on.

A case is a function that returns the objects of a network, whose names begin with the case's name.
`test_compiled_networks` runs each in plain Brian2 and in the package's networks.
"""

import numpy as np
from brian2 import (
    Cylinder,
    EventMonitor,
    NeuronGroup,
    PopulationRateMonitor,
    Soma,
    SpatialNeuron,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    check_units,
    cm,
    implementation,
    linked_var,
    ms,
    mV,
    nA,
    nS,
    ohm,
    second,
    siemens,
    uF,
    um,
)

#: By name: (function, dictionary of what the comparison needs).
CASES = {}
#: Cases that are compiled together, so that 40 networks need few compiler calls.
BUILDS = {}


def case(name, build, **needs):
    def register(function):
        CASES[name] = (function, needs)
        BUILDS.setdefault(build, []).append(name)
        return function

    return register


R = np.random.default_rng(1)
PRE, POST = np.nonzero(R.random((60, 60)) < 0.2)
V0 = R.random(60)
TIMES = np.sort(R.choice(300, 80, replace=False)) * 1e-4
INDEX = R.integers(0, 8, 80)


def source(name, n=8, **kwargs):
    return SpikeGeneratorGroup(n, [], [] * second, name=f"{name}_in", **kwargs)


GIVEN = {"in": (INDEX, TIMES)}


@case("recurrent", "a", changed={"g.drive": 1.5, "g.tau": 15e-3})
def _(name):
    g = NeuronGroup(60, """dv/dt = (ge + drive - v)/tau : 1 (unless refractory)
        dge/dt = -ge/(5*ms) : 1
        drive : 1
        tau : second (shared, constant)""", threshold="v > 1", reset="v = 0", refractory=2*ms,
        method="exact", name=f"{name}_g")  # fmt: skip
    g.tau, g.drive, g.v = 10 * ms, 1.2, V0
    s = Synapses(g, g, "w : 1", on_pre="ge += w", name=f"{name}_s")
    s.connect(i=PRE, j=POST)
    s.w = "0.02 + 0.001*i"
    return [g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("event-driven STDP", "a", given=GIVEN, changed={"s.w": 0.6, "s.taupre": 10e-3})
def _(name):
    inputs = source(name)
    g = NeuronGroup(2, "dv/dt = -v/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    s = Synapses(inputs, g, """w : 1
        taupre : second (shared, constant)
        da/dt = -a/taupre : 1 (event-driven)
        db/dt = -b/(20*ms) : 1 (event-driven)""",
        on_pre="v_post += w; a += 0.01; w = clip(w + b, 0, 1)",
        on_post="b -= 0.0105; w = clip(w + a, 0, 1)", name=f"{name}_s")  # fmt: skip
    s.connect()
    s.w, s.taupre = "0.3 + 0.01*i", 20 * ms
    return [inputs, g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("one delay", "a", given=GIVEN, changed={"s.delay": 7e-3})
def _(name):
    inputs = source(name)
    g = NeuronGroup(3, "dv/dt = -v/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    s = Synapses(inputs, g, on_pre="v_post += 0.4", delay=3 * ms, name=f"{name}_s")
    s.connect()
    return [inputs, g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("many delays", "a", given=GIVEN, changed={"s.delay": np.linspace(1, 20, 24) * 1e-3})
def _(name):
    inputs = source(name)
    g = NeuronGroup(3, "dv/dt = -v/(20*ms) : 1", method="exact", name=f"{name}_g")
    s = Synapses(inputs, g, on_pre="v_post += 0.1*(i + 1)", name=f"{name}_s")
    s.connect()
    s.delay = "(1 + i + j)*ms"
    return [inputs, g, s]


@case("delays of two pathways", "a", given=GIVEN, changed={"s_post.delay": 9e-3, "s.delay": 1e-3})
def _(name):
    inputs = source(name)
    g = NeuronGroup(2, "dv/dt = -v/(20*ms) : 1", threshold="v > 0.5", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    s = Synapses(inputs, g, "w : 1\nx : 1", on_pre="v_post += w; x += 1", on_post="w *= 0.99; x = 0",
                 delay={"pre": 2*ms, "post": 5*ms}, name=f"{name}_s")  # fmt: skip
    s.connect()
    s.w = 0.3
    return [inputs, g, s]


@case("timed arrays", "b", changed={"g.tau": 5e-3})
def _(name):
    one = TimedArray(np.sin(np.arange(40) / 3.0) * 2, dt=2 * ms)
    two = TimedArray(np.arange(120).reshape(40, 3) % 7 / 2.0, dt=2 * ms)
    g = NeuronGroup(3, """dv/dt = (one(t) + two(t, i) - v)/tau : 1
        tau : second (shared, constant)""", threshold="v > 1", reset="v = 0", method="euler",
        name=f"{name}_g", namespace={"one": one, "two": two})  # fmt: skip
    g.tau = 10 * ms
    return [g, SpikeMonitor(g, name=f"{name}_seen")]


@case("cable", "b", rtol=1e-6, changed={"n.I": np.r_[1.5e-9, np.zeros(29)], "n.gL": 2.0})
def _(name):
    shape = Soma(30 * um)
    shape.L = Cylinder(diameter=1 * um, length=100 * um, n=19)
    shape.R = Cylinder(diameter=1 * um, length=100 * um, n=10)
    n = SpatialNeuron(morphology=shape, model="""Im = gL*(-70*mV - v) : amp/meter**2
        I : amp (point current)
        gL : siemens/meter**2 (shared, constant)""", Cm=1*uF/cm**2, Ri=100*ohm*cm,
        method="exponential_euler", name=f"{name}_n")  # fmt: skip
    n.v, n.gL = -70 * mV, 1e-4 * siemens / cm**2
    n.I[0] = 0.5 * nA
    return [n, StateMonitor(n, "v", record=[0, 5], name=f"{name}_m")]


@case("regular operation", "b", changed={"g.step": 0.35})
def _(name):
    g = NeuronGroup(5, "dv/dt = (x - v)/(10*ms) : 1\nx : 1\nstep : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    g.step = 0.2
    g.run_regularly("x = (x + step) % 2", dt=2 * ms, name=f"{name}_rr")
    return [g, SpikeMonitor(g, name=f"{name}_seen")]


@case("custom events", "b", given=GIVEN, changed={"g.v": 0.5})
def _(name):
    inputs = source(name)
    g = NeuronGroup(1, """dv/dt = (g - v)/(50*ms) : 1
        dg/dt = -g/(10*ms) : 1
        allow : boolean""", threshold="v > 1", reset="v = 0; g = 0; allow = True",
        events={"up": "g > 1 and allow", "down": "g < 1 and not allow"}, method="euler",
        name=f"{name}_g")  # fmt: skip
    g.run_on_event("up", "allow = False")
    g.run_on_event("down", "allow = True")
    g.allow = True
    h = NeuronGroup(1, "dx/dt = -x/(10*ms) : 1\ndy/dt = -y/(10*ms) : 1", method="exact", name=f"{name}_h")  # fmt: skip
    si = Synapses(inputs, g, on_pre="g += 0.5", name=f"{name}_si")
    si.connect()
    s = Synapses(g, h, on_pre={"pre": "x += 1", "path": "y += 1"},
                 on_event={"pre": "spike", "path": "up"}, name=f"{name}_s")  # fmt: skip
    s.connect()
    return [inputs, g, h, si, s, EventMonitor(g, "up", ["g", "v"], name=f"{name}_up")]


@case("two clocks", "b", changed={"a.I": 1.4})
def _(name):
    a = NeuronGroup(2, "dv/dt = (I - v)/(10*ms) : 1\nI : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_a")  # fmt: skip
    a.I = 1.2
    b = NeuronGroup(2, "du/dt = (1.5 - u)/(10*ms) : 1", threshold="u > 1", reset="u = 0", method="exact", dt=1*ms, name=f"{name}_b")  # fmt: skip
    s = Synapses(b, a, on_pre="v_post += 0.1", name=f"{name}_s")
    s.connect()
    m = StateMonitor(a, "v", record=True, dt=0.5 * ms, name=f"{name}_m")
    return [a, b, s, SpikeMonitor(a, name=f"{name}_sa"), SpikeMonitor(b, name=f"{name}_sb"), m]


@case("clocks that do not fit", "b")
def _(name):
    a = NeuronGroup(2, "dv/dt = (1.2 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", dt=0.15*ms, name=f"{name}_a")  # fmt: skip
    b = NeuronGroup(2, "dn/dt = 1/ms : 1", method="euler", dt=0.25 * ms, name=f"{name}_b")
    return [a, b, SpikeMonitor(a, name=f"{name}_seen")]


@case("monitors", "c")
def _(name):
    g = NeuronGroup(4, "dv/dt = (1.1 + 0.1*i - v)/(10*ms) : 1\nx : 1 (shared)", threshold="v > 1", reset="v = 0", method="euler", name=f"{name}_g")  # fmt: skip
    g.run_regularly("x += 1", dt=1 * ms, name=f"{name}_rr")
    return [
        g,
        SpikeMonitor(g, ["v"], name=f"{name}_s"),
        SpikeMonitor(g, record=False, name=f"{name}_count"),
        SpikeMonitor(g[1:3], name=f"{name}_part"),
        PopulationRateMonitor(g, name=f"{name}_rate"),
        StateMonitor(g, ["v", "x"], record=[1, 3], name=f"{name}_m"),
    ]


@case("refractoriness", "c", changed={"g.ref": np.linspace(1, 20, 5) * 1e-3})
def _(name):
    g = NeuronGroup(5, """dv/dt = (2 - v)/(10*ms) : 1 (unless refractory)
        ref : second
        dref2/dt = (1*ms - ref2)/(50*ms) : second""", threshold="v > 1", reset="v = 0; ref2 += 1*ms",
        refractory="ref + ref2", method="euler", name=f"{name}_g")  # fmt: skip
    g.ref = "(2 + i)*ms"
    h = NeuronGroup(3, "dx/dt = (1.5 - x)/(5*ms) : 1\ndy/dt = (x - y)/(10*ms) : 1",
                    threshold="x > 1", reset="y += 0.1; x -= 0.9", refractory="y > 0.5",
                    method="euler", name=f"{name}_h")  # fmt: skip
    return [g, h, SpikeMonitor(g, name=f"{name}_sg"), SpikeMonitor(h, name=f"{name}_sh")]


@case("linked variables", "c", changed={"a.x": 0.3})
def _(name):
    a = NeuronGroup(2, "dx/dt = (1 - x)/(10*ms) : 1\ny : 1", method="euler", name=f"{name}_a")
    a.y = [0.5, 0.7]
    b = NeuronGroup(4, "dv/dt = (2*x + q - v)/(10*ms) : 1\nx : 1 (linked)\nq : 1 (linked)",
                    threshold="v > 1", reset="v = 0", method="euler", name=f"{name}_b")  # fmt: skip
    b.x = linked_var(a, "x", index=np.array([0, 1, 0, 1]))
    b.q = linked_var(a, "y", index=np.array([1, 1, 0, 0]))
    return [a, b, SpikeMonitor(b, name=f"{name}_seen")]


@implementation("cpp", "double twice(double x) { return 2*x; }")
@check_units(x=1, result=1)
def twice(x):
    return 2 * x


@case("a function of the user's", "c", changed={"g.q": 0.8})
def _(name):
    g = NeuronGroup(2, "dv/dt = (twice(q) - v)/(10*ms) : 1\nq : 1", threshold="v > 1", reset="v = 0", method="euler", name=f"{name}_g")  # fmt: skip
    g.q = 0.6
    return [g, SpikeMonitor(g, name=f"{name}_seen")]


@case("a variable that stores the time", "c", given=GIVEN)
def _(name):
    inputs = source(name)
    g = NeuronGroup(8, "dv/dt = -v/(20*ms) : 1\ntlast : second", name=f"{name}_g", method="exact")
    g.tlast = -1 * second
    s = Synapses(inputs, g, on_pre="v_post += exp(-(t - tlast_post)/(30*ms)); tlast_post = t", name=f"{name}_s")  # fmt: skip
    s.connect(j="i")
    return [inputs, g, s]


@case("names that end in space", "c", changed={"g.space": 3.0, "g.workspace": 1.0})
def _(name):
    g = NeuronGroup(1, "dspace/dt = 1/(10*ms) : 1\ndworkspace/dt = space/(10*ms) : 1", name=f"{name}_g", method="euler")  # fmt: skip
    return [g]


@case("spikes of build", "d")
def _(name):
    inputs = SpikeGeneratorGroup(2, [0, 1, 0, 1], [5, 12, 20, 28] * ms, name=f"{name}_in")
    g = NeuronGroup(1, "v : 1", name=f"{name}_g")
    s = Synapses(inputs, g, on_pre="v_post += i + 1", name=f"{name}_s")
    s.connect()
    return [inputs, g, s, SpikeMonitor(inputs, name=f"{name}_seen")]


@case("spikes with a period", "d")
def _(name):
    inputs = SpikeGeneratorGroup(3, [0, 1, 2], [1, 4, 6] * ms, period=7 * ms, name=f"{name}_in")
    return [inputs, SpikeMonitor(inputs, name=f"{name}_seen")]


@case("spikes off the grid", "d")
def _(name):
    times = np.array([1.04, 2.06, 3.0999, 16.999, 17.04, 21.07])
    inputs = SpikeGeneratorGroup(1, np.zeros(6, int), times * ms, name=f"{name}_in")
    return [inputs, SpikeMonitor(inputs, name=f"{name}_seen")]


@case("two synapses of a pair", "d", changed={"s.w": np.r_[np.full(25, 0.1), np.full(25, 0.02)]})
def _(name):
    a = NeuronGroup(5, "dv/dt = (1.2 + 0.05*i - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_a")  # fmt: skip
    s = Synapses(a, a, "w : 1", on_pre="v_post += w*k", multisynaptic_index="k", name=f"{name}_s")
    s.connect(n=2)
    s.w = 0.01
    return [a, s, SpikeMonitor(a, name=f"{name}_seen")]


@case("wiring by a rule", "d", changed={"g.v": 0.3})
def _(name):
    g = NeuronGroup(30, "dv/dt = (1.2 + 0.01*i - v)/(10*ms) : 1\nx : meter", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    g.x = "i*10*um"
    s = Synapses(g, g, "w : 1", on_pre="v_post += w", name=f"{name}_s")
    s.connect(j="k for k in range(i-3, i+4) if k != i", skip_if_invalid=True)
    s.w = "0.02*exp(-abs(x_pre - x_post)/(20*um))"
    return [g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("subgroups", "d", changed={"s.w": 0.5})
def _(name):
    g = NeuronGroup(10, "dv/dt = (1.1 + 0.02*i - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    s = Synapses(g[2:6], g[5:], "w : 1", on_pre="v_post += w", delay=1*ms, name=f"{name}_s")  # fmt: skip
    s.connect("i != j")
    s.w = 0.05
    return [g, s, SpikeMonitor(g[5:], name=f"{name}_seen")]


@case("summed variables", "d", changed={"s.w": 0.2})
def _(name):
    a = NeuronGroup(4, "dv/dt = (1.1 + 0.1*i - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_a")  # fmt: skip
    b = NeuronGroup(2, "dv/dt = (I - v)/(10*ms) : 1\nI : 1", method="euler", name=f"{name}_b")
    s = Synapses(a, b, "dg/dt = -g/(5*ms) : 1 (clock-driven)\nI_post = w*g : 1 (summed)\nw : 1",
                 on_pre="g += 1", method="exact", name=f"{name}_s")  # fmt: skip
    s.connect()
    s.w = 0.1
    return [a, b, s, StateMonitor(b, "I", record=True, name=f"{name}_m")]


@case("gap junctions", "d")
def _(name):
    g = NeuronGroup(6, "dv/dt = (1.1 + 0.1*i + I - v)/(10*ms) : 1\nI : 1", threshold="v > 1", reset="v = 0", method="euler", name=f"{name}_g")  # fmt: skip
    s = Synapses(g, g, "w : 1\nI_post = w*(v_pre - v_post) : 1 (summed)", name=f"{name}_s")
    s.connect("i != j")
    s.w = 0.02
    return [g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("short-term plasticity", "e", given=GIVEN, changed={"s.U": 0.5})
def _(name):
    inputs = source(name)
    g = NeuronGroup(1, "dv/dt = -v/(20*ms) : 1", method="exact", name=f"{name}_g")
    s = Synapses(inputs, g, """du/dt = -u/(50*ms) : 1 (event-driven)
        dx/dt = (1 - x)/(200*ms) : 1 (event-driven)
        U : 1""", on_pre="u += U*(1 - u); v_post += u*x; x *= 1 - u", name=f"{name}_s")  # fmt: skip
    s.connect()
    s.x, s.U = 1, 0.2
    return [inputs, g, s]


@case("Izhikevich", "e", changed={"g.I": 15.0})
def _(name):
    g = NeuronGroup(3, """dv/dt = (0.04*v**2 + 5*v + 140 - u + I)/ms : 1
        du/dt = 0.02*(0.2*v - u)/ms : 1
        I : 1""", threshold="v > 30", reset="v = -65; u += 8", method="euler", name=f"{name}_g")  # fmt: skip
    g.v, g.u, g.I = -65, -13, "10 + i"
    return [g, SpikeMonitor(g, name=f"{name}_seen")]


@case("Hodgkin-Huxley", "e", rtol=1e-6)
def _(name):
    g = NeuronGroup(1, """dv/dt = (0.1*nA - gl*(v + 65*mV) - gn*m**3*(v - 50*mV))/(0.1*nF) : volt
        dm/dt = (1/(1 + exp(-(v + 40*mV)/(9*mV))) - m)/(0.3*ms) : 1
        gl : siemens (shared, constant)
        gn : siemens (shared, constant)""", method="exponential_euler", name=f"{name}_g")  # fmt: skip
    g.v, g.gl, g.gn = -65 * mV, 10 * nS, 20 * nS
    return [g, StateMonitor(g, "v", record=0, name=f"{name}_m")]


@case("numbers and booleans", "e", changed={"g.n": np.array([3, 5]), "g.on": [True, False]})
def _(name):
    g = NeuronGroup(2, "dv/dt = (1.5*int(on) - v)/(10*ms) : 1\nn : integer\non : boolean", threshold="v > 1", reset="v = 0; n += 1", method="euler", name=f"{name}_g")  # fmt: skip
    g.on = [True, True]
    return [g]


@case("a shared variable", "e", changed={"g.total": 4.0})
def _(name):
    g = NeuronGroup(3, "dv/dt = (1.2 - v)/(10*ms) : 1\ntotal : 1 (shared)", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    g.v = [0.1, 0.5, 0.9]
    g.run_regularly("total = total*0.9 + 1", dt=3 * ms, name=f"{name}_rr")
    return [g]


@case("constant over a step", "e")
def _(name):
    g = NeuronGroup(2, """dv/dt = (drive - v)/(10*ms) : 1
        drive = 1 + 0.5*sin(2*pi*50*Hz*t) : 1 (constant over dt)""", threshold="v > 1", reset="v = 0", method="euler", name=f"{name}_g")  # fmt: skip
    return [g, SpikeMonitor(g, name=f"{name}_seen")]


@case("an inactive object", "e", given=GIVEN)
def _(name):
    inputs = source(name)
    g = NeuronGroup(1, "v : 1", name=f"{name}_g")
    s = Synapses(inputs, g, on_pre="v_post += 1", name=f"{name}_s")
    s.connect()
    off = Synapses(inputs, g, on_pre="v_post += 100", name=f"{name}_off")
    off.connect()
    off.active = False
    return [inputs, g, s, off]


@case("a group without code on a clock of its own", "e")
def _(name):
    a = NeuronGroup(2, "dv/dt = (1 - v)/(10*ms) : 1", method="exact", name=f"{name}_a")
    b = NeuronGroup(1, "x : 1", dt=1 * ms, name=f"{name}_b")
    return [a, b]


@case("changed order", "e", given=GIVEN)
def _(name):
    inputs = source(name, when="start")
    g = NeuronGroup(1, "dv/dt = -v/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    g.thresholder["spike"].when = "end"
    s = Synapses(inputs, g, on_pre="v_post += 0.4", name=f"{name}_s")
    s.connect()
    s.pre.when, s.pre.order = "groups", -1
    return [inputs, g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("synapses that sum over pre", "f", given=GIVEN, changed={"s.w": 2.0})
def _(name):
    inputs = source(name)
    g = NeuronGroup(3, "v : 1", threshold="v > 3", reset="v = 0", name=f"{name}_g")
    s = Synapses(inputs, g, "w : 1\nn : integer", on_pre={"up": "v_post += w", "down": "v_post -= w/4; n += 1"},
                 delay={"up": 0*ms, "down": 4*ms}, name=f"{name}_s")  # fmt: skip
    s.connect("i % 3 == j")
    s.w = 1
    return [inputs, g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("event-driven with delay", "f", given=GIVEN, changed={"s.tau": 5e-3})
def _(name):
    inputs = source(name)
    g = NeuronGroup(2, "v : 1", name=f"{name}_g")
    s = Synapses(inputs, g, "dx/dt = -x/tau : 1 (event-driven)\ntau : second (shared, constant)",
                 on_pre="x += 1; v_post += x", delay=2.5*ms, name=f"{name}_s")  # fmt: skip
    s.connect()
    s.tau = 20 * ms
    return [inputs, g, s]


@case("lastspike in an equation", "f")
def _(name):
    g = NeuronGroup(3, "dv/dt = (1.5 - v)/(10*ms) : 1 (unless refractory)\nsince = t - lastspike : second", threshold="v > 1", reset="v = 0", refractory="5*ms + i*ms", method="euler", name=f"{name}_g")  # fmt: skip
    return [g, StateMonitor(g, "since", record=True, name=f"{name}_m")]


@case("two-compartment chain", "f", changed={"b.tau": 3e-3})
def _(name):
    a = NeuronGroup(4, "dv/dt = (1.3 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_a")  # fmt: skip
    b = NeuronGroup(4, "dv/dt = -v/tau : 1\ntau : second (constant)", threshold="v > 0.8", reset="v = 0", method="exact", name=f"{name}_b")  # fmt: skip
    a.v, b.tau = "0.2*i", 20 * ms
    s = Synapses(a, b, on_pre="v_post += 0.5", delay=1.5 * ms, name=f"{name}_s")
    s.connect(j="i")
    return [a, b, s, SpikeMonitor(b, name=f"{name}_seen")]


@case("a clock's time in an equation", "f")
def _(name):
    g = NeuronGroup(1, "dv/dt = (sin(2*pi*30*Hz*t) - v)/(5*ms) : 1\nsteps : integer", method="euler", name=f"{name}_g")  # fmt: skip
    g.run_regularly("steps = t_in_timesteps", dt=0.5 * ms, name=f"{name}_rr")
    return [g]


@case("winner take all", "f", changed={"g.drive": [1.5, 1.3, 1.4, 1.2]})
def _(name):
    g = NeuronGroup(4, "dv/dt = (drive - v)/(10*ms) : 1\ndrive : 1", threshold="v > 1", reset="v = 0", method="exact", name=f"{name}_g")  # fmt: skip
    g.drive = "1.2 + 0.05*i"
    s = Synapses(g, g, on_pre="v_post -= 0.3", name=f"{name}_s")
    s.connect("i != j")
    return [g, s, SpikeMonitor(g, name=f"{name}_seen")]


@case("code on another clock than its group's", "f", changed={"g.k": 2.0})
def _(name):
    g = NeuronGroup(1, "s : second\nk : 1\nx = k*sin(t/(5*ms)) : 1", name=f"{name}_g")
    g.k = 1
    g.run_regularly("s = t", dt=0.5 * ms, name=f"{name}_rr")
    return [g, StateMonitor(g, "x", record=True, dt=1 * ms, name=f"{name}_m")]


@case("a constant that code changes", "f", changed={"g.tau": 5e-3})
def _(name):
    g = NeuronGroup(2, """dv/dt = 1/tau : 1
        tau : second (constant)
        n : 1 (shared, constant)""", method="euler", threshold="v > 1", reset="v = 0", name=f"{name}_g")  # fmt: skip
    g.tau = 10 * ms
    g.run_regularly("n = n + 1\ntau = tau*1.2", dt=2 * ms, name=f"{name}_rr")
    return [g]


@case(
    "a generator on a slow clock",
    "f",
    given={"in": (np.zeros(4, int), np.array([2e-3, 9.2e-3, 20.6e-3, 25e-3]))},
)
def _(name):
    inputs = source(name, dt=1 * ms)
    return [inputs, SpikeMonitor(inputs, name=f"{name}_seen")]
