"""The Verilog that learns: the same bits as its twin, in every weight, threshold and state."""

import shutil
import subprocess

import numpy as np
import pytest
from brian2 import Hz, ms, mV

import brianprune as bp
from brianprune.hardware import Implementation, LearningDatapath, implementation

pytestmark = pytest.mark.slow
needs_iverilog = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="iverilog is not installed (see README, Hardware)"
)


def learner(seed=0, n_exc=4, weights="u0.16", rounding="stochastic", **network):
    """An experiment that fires, grows and loses within a few images of 30 inputs."""
    settings = {
        "presentation": 15 * ms,
        "rate": 2 * Hz,
        "theta_start": 2 * mV,
        "theta_plus": 0.2 * mV,
        "tau_theta": 1e5 * ms,
        "weight_sum": 6.0,
        "eta_plus": 0.05,
        "eta_minus": 0.01,
        "refractory": 1 * ms,
    }
    return bp.Experiment(
        network=bp.DiehlCook(n_exc=n_exc, **settings | network),
        arithmetic=bp.FixedPoint(w=weights, rounding=rounding),
        data=bp.digits(),
        seed=seed,
    )


def images_of(seed, n_images=3, n_inputs=30):
    draw = np.random.default_rng(seed)
    lit = draw.random((n_images, n_inputs)) < 0.6
    return (lit * draw.integers(0, 256, lit.shape)).astype(np.uint8)


@needs_iverilog
@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
@pytest.mark.parametrize(
    ("weights", "n_exc", "cores", "banks", "lanes"),
    [("u0.16", 4, 4, 1, 16), ("u0.8", 7, 2, 3, 4), ("u0.4", 9, 1, 1, 7), ("u0.10", 5, 3, 2, 30)],
)
def test_every_weight_and_threshold_is_the_twins(weights, rounding, n_exc, cores, banks, lanes):
    experiment = learner(n_exc, n_exc, weights, rounding)
    datapath = LearningDatapath(experiment, 30, banks=banks, cores=cores, lanes=lanes)
    images = images_of(n_exc)
    trace = datapath.trace(images)
    found = datapath.compare(images, simulator="iverilog")
    steps = experiment.network.steps_per_image
    assert found.compared == 3 * (steps * (1 + 3 * n_exc) + 31 * n_exc)
    assert found.different == 0, found.output
    # something was learned, in both directions, and neurons fired more than once in an image
    changes = np.diff(trace["weights"], axis=0)
    assert (changes > 0).any()
    assert (changes < 0).any()
    assert (np.diff(trace["theta"], axis=0) > 0).any()
    assert found.counts.max() > 1
    np.testing.assert_array_equal(found.counts.sum(axis=1), (trace["fired"] >= 0).sum(axis=1))


@needs_iverilog
def test_the_work_of_learning_is_what_the_verilog_does():
    datapath, images = LearningDatapath(learner(4), 30, cores=2), images_of(4)
    control = "network.learning.control."
    names = [control + name for name in ("op_valid", "grows", "event_taken")]
    cycles = datapath.waveform(images, names)
    taken = cycles[control + "event_taken"].sum()
    grown = (cycles[control + "op_valid"] * cycles[control + "grows"]).sum()
    work = datapath.work(images)
    assert grown > 100  # rows, each with one weight of the neuron that fired
    assert work["grown"] == grown / len(images)
    assert work["events"] == taken / len(images)
    assert bp.hardware.DatapathEnergy().learning(**work, cycles=1000)["potentiation_nj"] > 0


@needs_iverilog
def test_an_implementation_has_the_clock_that_was_routed_and_the_cycles_that_were_simulated(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(implementation, "place_and_route", lambda defines: {"clock_mhz": 40.0})
    monkeypatch.setattr(Implementation, "programs", ())
    experiment = learner(5).replace(data=bp.digits(n_train=9, n_test=2))
    size = {"n_images": 2, "cores": 2, "simulator": "iverilog"}
    measured = Implementation(experiment=experiment, learns=True, **size)
    table = measured.run("numpy", results=tmp_path).table
    row = measured.with_energy(table).iloc[0]
    images = experiment.data.load().train[:2]
    datapath = LearningDatapath(experiment, images.shape[1], cores=2)
    cycles = datapath.compare(images, simulator="iverilog", states=False).cycles.mean()
    assert row["cycles"] == cycles
    assert row["time_ms"] == pytest.approx(cycles / 40e3)
    only = measured.replace(learns=False)
    infers = only.with_energy(only.run("numpy").table).iloc[0]
    assert infers["events"] == row["events"]
    assert infers["cycles"] < cycles
    assert infers["energy_nj"] < row["energy_nj"]
    # energy is today's model's, of what was measured before
    monkeypatch.setattr(bp.hardware.DatapathEnergy, "PRODUCTS", 500)
    stored = measured.with_energy(measured.run("numpy", results=tmp_path).table).iloc[0]
    assert stored["neurons_nj"] > 10 * row["neurons_nj"]
    assert stored["depression_nj"] == row["depression_nj"]
    pruned = experiment.replace(pruning=bp.FixedPointWeightPruning(start=2, interval=2))
    with pytest.raises(ValueError, match="learns=True"):
        Implementation(experiment=pruned)


NEXTPNR = """
Info: \t          TRELLIS_COMB:    4822/  83640     5%
Info: \t            TRELLIS_FF:    4440/  83640     5%
Info: \t                DP16KD:      13/    208     6%
Info: \t            MULT18X18D:      14/    156     8%
Info: Max frequency for clock '$glbnet$clk': 71.21 MHz (PASS at 50.00 MHz)
Info: Max frequency for clock '$glbnet$clk': 97.49 MHz (PASS at 50.00 MHz)
"""


def test_what_nextpnr_says_is_read():
    said = subprocess.CompletedProcess("nextpnr-ecp5", 0, stdout="", stderr=NEXTPNR)
    found = implementation.routed(said)
    assert found["clock_mhz"] == 97.49  # the last: after routing
    assert (found["lut"], found["ff"], found["bram"], found["dsp"]) == (4822, 4440, 13, 14)
    assert (found["lut_available"], found["dsp_available"]) == (83640, 156)
    said.returncode = 1
    with pytest.raises(RuntimeError, match="nextpnr-ecp5 failed"):
        implementation.routed(said)


@needs_iverilog
def test_weights_stop_at_their_limits():
    experiment = learner(1, eta_plus=0.1, eta_minus=0.2, w_max=0.5, weight_sum=12.0)
    datapath = LearningDatapath(experiment, 30, cores=2)
    images = images_of(1, 4)
    trace = datapath.trace(images)
    assert datapath.compare(images, simulator="iverilog").different == 0
    assert trace["weights"].max() == 2**15
    assert trace["weights"].min() == 0


@needs_iverilog
def test_without_states_the_spikes_and_weights_are_compared():
    experiment, images = learner(2), images_of(2)
    datapath = LearningDatapath(experiment, 30, cores=2)
    found = datapath.compare(images, simulator="iverilog", states=False)
    assert found.compared == 3 * (experiment.network.steps_per_image + 31 * 4)
    assert found.different == 0


@needs_iverilog
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("`define K_THETA ", 1 << 12),
        ("`define ETA_PLUS ", 1 << 12),
        ("`define DIVIDEND ", 1 << 20),
        ("`define THETA_PLUS ", 1),
    ],
)
def test_another_constant_is_found(tmp_path, name, change):
    experiment, images = learner(3), images_of(3)
    datapath = LearningDatapath(experiment, 30, cores=4)
    datapath.export(tmp_path, images)
    lines = (tmp_path / "design.vh").read_text().splitlines()
    (at,) = (k for k, line in enumerate(lines) if line.startswith(name))
    head, _, value = lines[at].rpartition("'d")
    lines[at] = f"{head}'d{int(value) ^ change}"
    (tmp_path / "design.vh").write_text("\n".join(lines) + "\n")
    assert datapath.simulate(tmp_path, "iverilog").different > 0


@needs_iverilog
@pytest.mark.parametrize("name", ["slow.hex", "pre.hex", "depression.hex"])
def test_another_table_is_found(tmp_path, name):
    experiment, images = learner(4), images_of(4)
    datapath = LearningDatapath(experiment, 30, cores=4)
    datapath.export(tmp_path, images)
    values = [int(line, 16) for line in (tmp_path / name).read_text().split()]
    (tmp_path / name).write_text("".join(f"{value // 2:x}\n" for value in values))
    assert datapath.simulate(tmp_path, "iverilog").different > 0


def test_the_tables_are_the_traces_of_the_twin():
    datapath = LearningDatapath(learner(), 30)
    tables, p = datapath._tables(), datapath.parameters
    for name, tau in (("slow", p.tau_post_slow), ("pre", p.tau_pre)):
        expected = 2**15 * (1 - float(p.dt / tau)) ** np.arange(len(tables[name]))  # Euler's
        np.testing.assert_allclose(tables[name], expected, rtol=0.05, atol=150)
    assert (np.diff(tables["depression"]) <= 0).all()


def test_learning_keeps_what_the_trace_ends_with():
    rule = bp.AdaptiveNeuronPruning(start=2, interval=1, alpha=1.25, n_max=3)
    experiment = learner(5, 9, theta_plus=1 * mV).replace(pruning=rule)
    datapath, images = LearningDatapath(experiment, 30), images_of(5, 4)
    trace = datapath.trace(images, states=False)
    weights, theta, alive = datapath.learn(images, "numpy")
    living = trace["alive"][-1]
    assert not living.all()
    np.testing.assert_array_equal(alive, living)
    found = np.rint(weights * 2**16)[:, living]
    np.testing.assert_array_equal(found, trace["weights"][-1][:, living])
    np.testing.assert_allclose(theta[living], trace["theta"][-1][living] * 2.0**-17 * 1e-3)


def test_what_does_not_learn_in_verilog_is_refused():
    with pytest.raises(ValueError, match=r"use FixedPoint\(\)"):
        LearningDatapath(learner().replace(arithmetic=bp.FloatingPoint()))
    with pytest.raises(NotImplementedError, match="prunes by AdaptiveNeuronPruning"):
        LearningDatapath(learner().replace(pruning=bp.ConstantNeuronPruning(start=4, interval=2)))
    with pytest.raises(NotImplementedError, match="PairSTDP"):
        LearningDatapath(learner(plasticity=bp.PairSTDP()))
    with pytest.raises(NotImplementedError, match="rest"):
        LearningDatapath(learner(rest=5 * ms))
    with pytest.raises(ValueError, match="begins with image 0"):
        LearningDatapath(learner(), 30).trace(images_of(0), first=1)
    with pytest.raises(ValueError, match="only 'numpy' and 'cython' record states"):
        LearningDatapath(learner(), 30).trace(images_of(0), backend="cpp_standalone")
    neurons, weights = bp.AdaptiveNeuronPruning(alpha=0.75), bp.FixedPointWeightPruning()
    for rule, settings in ((neurons, {"n_searched": 1}), (weights, {"n_died": 1})):
        with pytest.raises(ValueError, match=f"{next(iter(settings))} = 1: .* it is 0 to 0"):
            LearningDatapath(learner().replace(pruning=rule)).event_cycles(**settings)
    with pytest.raises(ValueError, match="not pruned has no events"):
        LearningDatapath(learner(), 30).event_cycles()
    with pytest.raises(NotImplementedError, match="cycles of learning depend on what fires"):
        LearningDatapath(learner(), 30).cycles(images_of(0))


@needs_iverilog
@pytest.mark.parametrize(("alpha", "n_max", "cores"), [(0.75, -1, 3), (1.0, 4, 2), (1.25, 3, 9)])
def test_the_neurons_that_die_are_the_twins(alpha, n_max, cores):
    rule = bp.AdaptiveNeuronPruning(start=2, interval=1, alpha=alpha, n_max=n_max)
    experiment = learner(5, 9, theta_plus=1 * mV).replace(pruning=rule)
    datapath, images = LearningDatapath(experiment, 30, cores=cores, banks=2), images_of(5, 6)
    trace = datapath.trace(images)
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0, found.output
    living = trace["alive"].sum(axis=1)
    assert living[0] == 9
    assert (np.diff(living) < 0).any()
    assert living[-1] >= (9 - n_max if n_max > 0 else 1)
    died = -np.diff(living, prepend=9)[1:5]
    np.testing.assert_array_equal(found.event_cycles, [datapath.event_cycles(n) for n in died])
    # the dead are silent
    last = trace["fired"][-1]
    assert trace["alive"][-2][last[last >= 0]].all()
    np.testing.assert_array_equal(found.counts.sum(axis=1), (trace["fired"] >= 0).sum(axis=1))


@needs_iverilog
@pytest.mark.parametrize("line", ["`define ALPHA 0", "`define ROOM 1"])
def test_another_rule_is_found(tmp_path, line):
    rule = bp.AdaptiveNeuronPruning(start=1, interval=1, alpha=1.25, n_max=4)
    experiment = learner(5, 9, theta_plus=1 * mV).replace(pruning=rule)
    datapath = LearningDatapath(experiment, 30, cores=3)
    datapath.export(tmp_path, images_of(5, 5))
    text = (tmp_path / "design.vh").read_text().splitlines()
    name = line.rpartition(" ")[0] + " "
    assert sum(old.startswith(name) for old in text) == 1
    changed = [line if old.startswith(name) else old for old in text]
    (tmp_path / "design.vh").write_text("\n".join(changed) + "\n")
    assert datapath.simulate(tmp_path, "iverilog").different > 0


def weight_pruner(seed):
    """A datapath that learns and prunes weights, of random size, formats and rule, and images."""
    draw = np.random.default_rng(seed)
    n_inputs, n_exc = int(draw.integers(8, 31)), int(draw.integers(1, 10))
    a_min = float(draw.choice([0.0, 0.25, 0.9]))
    rule = bp.FixedPointWeightPruning(
        start=int(draw.integers(1, 3)),
        interval=int(draw.integers(1, 3)),
        theta_0=float(draw.choice([0.1, 0.3, 0.77, 1.5])),
        a_min=a_min,
        a_max=a_min + float(draw.choice([0.0, 0.5, 3.0])),
        ramp=int(draw.integers(1, 4)),
        fan_in_min=int(draw.choice([0, 1, n_inputs // 3, n_inputs - 1, n_inputs, n_inputs + 2])),
    )
    experiment = learner(
        seed,
        n_exc,
        draw.choice(["u0.16", "u0.8", "u0.4", "u0.11"]),
        draw.choice(["stochastic", "nearest"]),
        theta_plus=float(draw.choice([0.2, 1.0])) * mV,
        rate=float(draw.choice([0.3, 2.0])) * Hz,
        weight_sum=n_inputs / 5,
    ).replace(pruning=rule)
    datapath = LearningDatapath(
        experiment,
        n_inputs,
        banks=int(draw.integers(1, 5)),
        cores=int(draw.integers(1, n_exc + 1)),
        lanes=int(draw.integers(1, min(16, n_inputs) + 1)),
    )
    return datapath, images_of(seed, 5, n_inputs)


@needs_iverilog
@pytest.mark.parametrize("seed", range(8))
def test_the_weights_that_are_removed_are_the_twins(seed):
    datapath, images = weight_pruner(seed)
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0, found.output
    n_events = len(datapath.rule.events(5))
    steps, n, n_inputs = datapath.parameters.steps_per_image, datapath.n, datapath.n_inputs
    values = steps * (1 + 3 * n) + (n_inputs + 2) * n
    assert found.compared == 5 * values + n_events * 2 * n_inputs * n
    assert len(found.event_cycles) == n_events
    groups = range(datapath.groups + 1)
    assert set(found.event_cycles) <= {datapath.event_cycles(n_searched=n) for n in groups}


@needs_iverilog
def test_a_neuron_that_would_fall_short_keeps_its_strongest_weights():
    rule = bp.FixedPointWeightPruning(start=2, interval=1, theta_0=0.3, ramp=2, fan_in_min=6)
    experiment = learner(5, 9, theta_plus=1 * mV).replace(pruning=rule)
    datapath, images = LearningDatapath(experiment, 30, cores=3, banks=2), images_of(5, 6)
    trace = datapath.trace(images)
    left = trace["mask"].sum(axis=1)
    assert (left[0] == 30).all()
    assert (np.diff(left, axis=0) <= 0).all()
    assert left[-1].min() == 6
    assert left[-1].max() > 6
    # what was removed stays so, though its input spikes; what is left learns on
    last, before = trace["weights"][-1], trace["weights"][-2]
    assert (last[~trace["mask"][-2]] == 0).all()
    assert (last != before).any()
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0, found.output
    # in some of the 3 groups of 3 cores a neuron's threshold was searched
    assert (found.event_cycles >= datapath.event_cycles(n_searched=1)).all()


@needs_iverilog
def test_the_threshold_of_a_busy_neuron_has_a_bound():
    rule = bp.FixedPointWeightPruning(start=1, interval=1, theta_0=0.2, ramp=1, fan_in_min=0)
    experiment = learner(5, 3, theta_plus=1 * mV).replace(pruning=rule)
    datapath, images = LearningDatapath(experiment, 30, cores=1), images_of(5, 2)
    trace = datapath.trace(images)
    first = trace["fired"][0]
    counts = np.bincount(first[first >= 0], minlength=3)
    # above a_max = 2 of the mean, below the next power of two, which shares of so many bits cannot exceed
    assert 2 < 3 * counts.max() / counts.sum() < 4
    assert 0 < trace["mask"][0].sum(axis=0).min() < 30
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0, found.output


@needs_iverilog
def test_where_nobody_spiked_all_have_the_same_threshold():
    rule = bp.FixedPointWeightPruning(start=1, interval=1, theta_0=0.2, ramp=1, fan_in_min=0)
    experiment = learner(5, 3, theta_start=40 * mV).replace(pruning=rule)
    datapath, images = LearningDatapath(experiment, 30, cores=1), images_of(5, 2)
    trace = datapath.trace(images)
    assert (trace["fired"][0] < 0).all()
    np.testing.assert_array_equal(trace["mask"][0], trace["weights"][0] >= 0.2 * 2**16)
    assert not trace["mask"][0].all()
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0, found.output


#: Thresholds, bounds of the factor, formats of the weights: sizes at which a sum or a part of a number could be cut.
LIMITS = {
    "a threshold of less than one unit": ({"theta_0": 0.01, "a_min": 0.0, "a_max": 0.25}, "u0.4"),
    "a small threshold": ({"theta_0": 0.001}, "u0.4"),
    "no threshold": ({"theta_0": 0.0, "a_min": 0.0, "a_max": 0.0}, "u0.8"),
    "a factor of 0": ({"theta_0": 0.3, "a_min": 0.0, "a_max": 0.0}, "u0.16"),
    "a factor without a bound": ({"theta_0": 0.3, "a_max": 30_000.0}, "u0.16"),
    "a large factor": ({"theta_0": 0.0001, "a_min": 2000.0, "a_max": 2000.0}, "u0.8"),
    "a threshold above all": ({"theta_0": 20_000.0}, "u1.8"),
    "a weight of one bit": ({"theta_0": 0.3}, "u0.1"),
}


@needs_iverilog
@pytest.mark.parametrize("name", LIMITS)
def test_a_rule_at_its_limits_is_the_twins(name):
    settings, weights = LIMITS[name]
    rule = bp.FixedPointWeightPruning(start=1, interval=1, ramp=1, fan_in_min=0, **settings)
    experiment = learner(5, 3, weights, weight_sum=2.4).replace(pruning=rule)
    datapath = LearningDatapath(experiment, 12, cores=2, banks=2, lanes=4)
    images = images_of(5, 4, 12)
    trace = datapath.trace(images)
    assert trace["mask"][-1].all() == (0.0 in (settings["theta_0"], settings.get("a_max")))
    found = datapath.compare(images, simulator="iverilog", states=False)
    assert found.different == 0, found.output


@needs_iverilog
def test_a_share_of_exactly_one_is_one():
    # nobody spikes, so that all thresholds are the height, just above a weight's multiple
    rule = bp.FixedPointWeightPruning(
        start=1, interval=1, ramp=1, fan_in_min=0, theta_0=(2**14 + 1) / 2**16
    )
    experiment = learner(5, 3, "u0.8", theta_start=40 * mV).replace(pruning=rule)
    datapath = LearningDatapath(experiment, 30, cores=1)
    images = images_of(5, 2)
    # some weights are exactly that multiple
    assert (datapath.trace(images)["weights"][0] == 2**6).any()
    assert datapath.compare(images, simulator="iverilog").different == 0


@needs_iverilog
def test_one_image_is_a_row():
    rule = bp.FixedPointWeightPruning(start=1, interval=1, ramp=1)
    datapath = LearningDatapath(learner(5, 3).replace(pruning=rule), 30, cores=1)
    (image,) = images_of(5, 1)
    assert datapath.compare(image, simulator="iverilog", states=False).different == 0
    datapath.learn(image, "numpy")
    with pytest.raises(ValueError, match=r"shape \(1, 24\): must be \(images, 30\)"):
        datapath.learn(image[:24], "numpy")


@needs_iverilog
@pytest.mark.parametrize("change", ["FAN_IN 7", "RATIO_MAX 90000", "RATIO_MIN 30000", "heights"])
def test_another_weight_rule_is_found(tmp_path, change):
    rule = bp.FixedPointWeightPruning(start=2, interval=1, theta_0=0.3, ramp=2, fan_in_min=6)
    experiment = learner(5, 9, theta_plus=1 * mV).replace(pruning=rule)
    datapath = LearningDatapath(experiment, 30, cores=3, banks=2)
    datapath.export(tmp_path, images_of(5, 6))
    if change == "heights":
        path = tmp_path / "heights.hex"
        text = path.read_text().splitlines()
        assert text == ["0000", "2666", *["4ccd"] * 3, "0000"]  # a half of 0.3, then 0.3
        changed = [text[0], "4ccd", *text[2:]]
    else:
        path, name = tmp_path / "design.vh", f"`define {change.split()[0]} "
        text = path.read_text().splitlines()
        assert sum(old.startswith(name) for old in text) == 1
        changed = [f"`define {change}" if old.startswith(name) else old for old in text]
    path.write_text("\n".join(changed) + "\n")
    assert datapath.simulate(tmp_path, "iverilog").different > 0


def test_a_rule_that_the_verilog_has_not_is_refused():
    with pytest.raises(ValueError, match=r"alpha = 0\.3: .* choose 0\.3000030517578125"):
        LearningDatapath(learner().replace(pruning=bp.AdaptiveNeuronPruning(start=4, interval=2)))
    finer = learner().replace(
        arithmetic=bp.FixedPoint(w="u0.17", g="u10.17"),
        pruning=bp.FixedPointWeightPruning(start=4, interval=2),
    )
    with pytest.raises(ValueError, match=r"w = 'u0\.17': .* 16 bits after the point"):
        LearningDatapath(finer)
    with pytest.raises(NotImplementedError, match="or not at all"):
        LearningDatapath(learner().replace(pruning=bp.AdaptiveWeightPruning(start=4, interval=2)))
