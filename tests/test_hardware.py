"""Fixed point, its twin in Brian2, and the Verilog: the same bits."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference_fixed
from brian2 import Hz, ms, mV
from conftest import input_spikes

import brianprune as bp
from brianprune.arithmetic import Format
from brianprune.hardware import (
    Agreement,
    Datapath,
    DatapathEnergy,
    EventDrivenCore,
    FixedPointAccuracy,
    LearningDatapath,
    Resources,
    check_tool,
    lane_seeds,
    measurements,
    poisson_spikes,
)
from brianprune.hardware.poisson import PERIOD, lfsr_states, states_per_level
from brianprune.hardware.simulation import WINNER_TAKE_ALL, verilog
from brianprune.models.diehl_cook.fixed_point import constants
from brianprune.streams import WEIGHTS, rng

pytestmark = pytest.mark.usefixtures("quickly_compiled")

#: Of random configurations: the other one compiles each for half a minute.
SIMULATOR = os.environ.get("BRIANPRUNE_SIMULATOR", "iverilog")
BACKENDS = ["numpy", pytest.param("cython", marks=pytest.mark.compiled),
            pytest.param("cpp_standalone", marks=pytest.mark.compiled)]  # fmt: skip


def needs(program):
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed (see README, Hardware)"
    )


@pytest.fixture(scope="module")
def trained():
    """A small network that lost a neuron and some synapses; busy, so that much happens."""
    experiment = bp.Experiment(
        network=bp.DiehlCook(
            n_exc=7,
            presentation=60 * ms,
            theta_start=8 * mV,
            theta_plus=0.2 * mV,
            tau_theta=1e5 * ms,
            rate=0.55 * Hz,
        ),
        data=bp.digits(n_train=30, n_test=10),
        pruning=bp.PostTrainingNeuronPruning(n=1),
        n_label=10,
        record_every=30,
    )
    result = experiment.run(backend="numpy")
    assert (~result.alive).sum() == 1
    return result


# formats


def test_formats_read_and_say_their_limits():
    form = Format.read("s9.15")
    assert (form.bits, form.limits, str(form)) == (24, (-(2**23), 2**23 - 1), "s9.15")
    assert Format.read("u0.16").limits == (0, 65535)
    assert list(Format.read("u0.4").raw([0, 0.03, 0.04, 0.5, 1, -1])) == [0, 0, 1, 8, 15, 0]
    for text in ("9.15", "s9", "q9.15", "s0.0", "s30.20"):
        with pytest.raises(ValueError, match="format"):
            Format.read(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": "u9.15"}, r"FixedPoint\.v = 'u9\.15': must be signed"),
        ({"g": "s10.16"}, r"FixedPoint\.g = 's10\.16': must be unsigned"),
        ({"w": "0.16"}, r"FixedPoint\.w: '0\.16' is no number format"),
        ({"w": "u0.18"}, r"more fraction bits than g"),
        ({"current": "s18.14"}, r"current.*15 fraction bits of v"),
        ({"v": "s9.25", "current": "s12.25"}, "g times v needs 61 bits, more than the 53"),
        (
            {"g": "u24.16", "v": "s9.2", "current": "s18.2", "constant_bits": 20},
            "g times constant_bits needs 60 bits",
        ),
    ],
)
def test_formats_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        bp.FixedPoint(**change)


def test_formats_that_cannot_hold_the_constants_are_refused():
    p = bp.DiehlCook()
    with pytest.raises(
        ValueError, match=r"FixedPoint\.v = 's7\.15': cannot hold v_rest = -65.*-64 to 64"
    ):
        constants(bp.FixedPoint(v="s7.15"), p)
    with pytest.raises(ValueError, match=r"FixedPoint\.g = 'u4\.16': cannot hold w_inh = 17"):
        constants(bp.FixedPoint(g="u4.16"), p)
    with pytest.raises(
        ValueError, match=r"constant_bits = 13: dt/tau_m = 8\.33e-05.*more than 5 % off"
    ):
        constants(bp.FixedPoint(), p.replace(tau_m=6000 * ms))
    with pytest.raises(ValueError, match=r"constant_bits = 5: cannot hold dt/tau_m = 0\.005"):
        constants(bp.FixedPoint(constant_bits=5), p)


def test_constants_are_the_nearest_codes():
    c = constants(bp.FixedPoint(), bp.DiehlCook())
    assert (c["k_m"], c["k_e"], c["k_i"]) == (41, 4096, 2048)  # of 8192
    assert c["v_rest"] == -65 * 2**15
    assert c["w_inh"] == 17 * 2**16
    assert c["firing_margin"] == -72 * 2**17
    assert (c["v_to_margin"], c["theta_to_margin"], c["refractory_steps"]) == (4, 1, 4)


# the twin


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"v": "s9.6", "current": "s18.6", "g": "u6.8", "w": "u0.6"},
        # products beyond 32 bits, on every target
        {"v": "s9.23", "current": "s17.23", "g": "u10.10", "w": "u0.8"},
    ],
    ids=["default", "narrow", "wide"],
)
def test_twin_is_the_reference_on_every_backend(trained, backend, change):
    arithmetic = bp.FixedPoint(**change)
    p = trained.experiment.network
    images = trained.experiment.data.load().test[:4]
    counts = bp.FrozenNetwork.from_result(trained, backend=backend, arithmetic=arithmetic).counts(
        images
    )
    weights = arithmetic.weights(trained.weights[:, trained.alive]).astype(np.int64)
    theta = arithmetic.formats["theta"].raw(trained.theta[trained.alive] / float(mV))
    for k in range(4):
        inputs, times = input_spikes(trained.experiment, images, 2, k, k + 1)
        steps = np.rint(times / float(p.dt)).astype(int)
        *_, fired = reference_fixed.run(
            weights, theta.astype(np.int64), (inputs, steps), p.steps_per_image, arithmetic, p
        )
        expected = np.bincount(fired[fired >= 0], minlength=6)
        np.testing.assert_array_equal(counts[k], expected)
    assert counts.sum() > 20


def test_every_state_of_the_twin_is_the_references(trained):
    datapath = Datapath(trained)
    p = trained.experiment.network
    images = trained.experiment.data.load().test[:3]
    trace = datapath.trace(images)
    arithmetic = datapath.arithmetic
    weights = arithmetic.weights(trained.weights[:, trained.alive]).astype(np.int64)
    for k, image in enumerate(images):
        *state, fired = reference_fixed.run(
            weights, datapath._theta(), datapath.spikes(image, k), p.steps_per_image, arithmetic, p
        )
        np.testing.assert_array_equal(trace["fired"][k], fired)
        for name, values in zip(("v", "g_e", "g_i"), state, strict=True):
            np.testing.assert_array_equal(trace[name][k], values)
    assert (trace["fired"] >= 0).sum() > 20
    assert trace["g_i"].max() > 0


def test_sparse_synapses_give_the_same(trained):
    images = trained.experiment.data.load().test[:3]
    one, other = (
        bp.FrozenNetwork.from_result(trained, kind, "numpy", arithmetic=bp.FixedPoint()).counts(
            images
        )
        for kind in ("dense", "sparse")
    )
    np.testing.assert_array_equal(one, other)


@needs("iverilog")
def test_saturation_holds_and_is_the_same_in_verilog(trained):
    """Too few integer bits: conductances stop at the largest code and never wrap."""
    heavy = type("R", (), {**vars(trained), "weights": np.ones_like(trained.weights)})()
    heavy.labels = trained.labels
    datapath = Datapath(heavy, bp.FixedPoint(g="u5.16"))
    white = np.full((1, 784), 255)
    trace = datapath.trace(white)
    # the largest code has decayed by half when it is recorded
    assert trace["g_e"].max() == 2**21 - 1 - (2**21 - 1) // 2
    assert trace["g_e"].min() >= 0
    assert datapath.compare(white, simulator="iverilog").different == 0


def test_what_the_datapath_cannot_do_is_refused(trained):
    partners = trained.experiment.replace(network__inhibition=bp.Partners())
    result = type("R", (), {**vars(trained), "experiment": partners})()
    result.labels = trained.labels
    with pytest.raises(NotImplementedError, match="inhibition = Partners"):
        bp.FrozenNetwork.from_result(result, backend="numpy", arithmetic=bp.FixedPoint())
    many = trained.experiment.replace(network__one_winner=False)
    with pytest.raises(NotImplementedError, match="one_winner = False"):
        Datapath(type("R", (), {**vars(trained), "experiment": many})())
    slow = trained.experiment.replace(network__rate=0.045 * Hz)
    with pytest.raises(ValueError, match=r"rate = 45.*0\.03052 Hz per grey level"):
        Datapath(type("R", (), {**vars(trained), "experiment": slow})())
    with pytest.raises(ValueError, match=r"rate = 45.*0\.03052 Hz per grey level"):
        Agreement(experiment=slow)  # before anything is trained
    for rate, nearest in ((9, r"7\.843"), (1e-3, r"0\.03052")):
        with pytest.raises(ValueError, match=f"{nearest} Hz per grey level"):
            states_per_level(rate * Hz, 0.5 * ms)
    assert states_per_level(0.25 * Hz, 0.5 * ms) == 8
    assert Resources().datapath().states_per_level == 10  # the default rate, within 2 %
    heavy = type("R", (), {**vars(trained), "weights": trained.weights + 2})()
    heavy.labels = trained.labels
    with pytest.raises(ValueError, match=r"FixedPoint\.w = 'u0\.16': cannot hold the largest"):
        bp.FrozenNetwork.from_result(heavy, backend="numpy", arithmetic=bp.FixedPoint())
    for wrong, message in (
        ({"cores": 7}, "cores = 7: choose 1 to 6"),
        ({"banks": 0}, "banks = 0: choose 1 to 256"),
        ({"lanes": 257}, "lanes = 257: choose 1 to 256"),
    ):
        with pytest.raises(ValueError, match=message):
            Datapath(trained, **wrong)


# the generator


def test_generator_has_the_full_period():
    states = lfsr_states([1], PERIOD + 1)[0]
    assert len(set(states[:-1])) == PERIOD
    assert states[-1] == states[0]
    assert 0 not in states


def test_generator_has_the_rate_of_theory():
    pixels = np.array([0, 1, 50, 128, 255] * 8)
    n_steps, counts = 20_000, np.zeros(40)
    inputs, _ = poisson_spikes(pixels, lane_seeds(np.random.default_rng(0), 8), n_steps)
    np.add.at(counts, inputs, 1)
    expected = n_steps * pixels * 10 / PERIOD
    assert (counts[pixels == 0] == 0).all()
    spread = np.sqrt(np.maximum(expected, 1))
    assert (np.abs(counts - expected) < 5 * spread).all()


@pytest.mark.parametrize("states_per_level", [1, 10, 257])
def test_generator_spikes_at_so_many_states_for_each_grey_level(states_per_level):
    for pixel in (0, 1, 100, 255):
        inputs, _ = poisson_spikes(np.array([pixel]), [1], PERIOD, states_per_level)
        assert len(inputs) == pixel * states_per_level


@needs("iverilog")
@pytest.mark.parametrize("states_per_level", [1, 10, 255, 257])
def test_generator_in_verilog_is_that_in_python(tmp_path, states_per_level):
    pixels, seeds, n_steps = np.array([0, 1, 100, 254, 255]), [1, 2, 40_000, 9_999, 65_535], 3_000
    (tmp_path / "poisson_generator.v").write_text(verilog("poisson_generator.v"))
    words = {  # lane 0 in the lowest bits
        "pixels": "_".join(f"{pixel:02x}" for pixel in pixels[::-1]),
        "seeds": "_".join(f"{seed:04x}" for seed in seeds[::-1]),
    }
    (tmp_path / "test.v").write_text(f"""
module test;
    reg clk = 0, load = 1;
    wire [4:0] spikes;
    integer step;
    poisson_generator #(.LANES(5), .STATES_PER_LEVEL({states_per_level})) generator (
        .clk(clk), .load(load), .advance(~load), .take(load), .spikes(spikes),
        .seeds(80'h{words["seeds"]}), .pixels(40'h{words["pixels"]}));
    initial begin
        #1 clk = 1; #1 clk = 0; load = 0;
        for (step = 0; step < {n_steps}; step = step + 1) begin
            #1 $display("%b", spikes);
            clk = 1; #1 clk = 0;
        end
    end
endmodule
""")
    sources = ["test.v", "poisson_generator.v"]
    subprocess.run(["iverilog", "-g2005", "-o", "sim", *sources], cwd=tmp_path, check=True)
    out = subprocess.run(
        ["vvp", "sim"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.split()
    found = np.array([[int(bit) for bit in line[::-1]] for line in out])
    inputs, steps = poisson_spikes(pixels, seeds, n_steps, states_per_level)
    expected = np.zeros((n_steps, 5), dtype=int)
    expected[steps, inputs] = 1
    np.testing.assert_array_equal(found, expected)


def test_generator_is_uncorrelated_across_pixels_lanes_and_steps():
    """Any two of 784 white pixels, 0 to 8 steps apart, coincide as often as by chance."""
    rng, n_steps, n_images = np.random.default_rng(1), 699, 12
    together = np.zeros((9, 784, 784))
    for _ in range(n_images):
        inputs, steps = poisson_spikes(np.full(784, 255), lane_seeds(rng, 16), n_steps)
        train = np.zeros((n_steps, 784), dtype=np.float32)
        train[steps, inputs] = 1
        for lag in range(9):
            together[lag] += train[: n_steps - lag].T @ train[lag:]
    off = ~np.eye(784, dtype=bool)
    for lag in range(9):
        chance = n_images * (n_steps - lag) * (2550 / PERIOD) ** 2  # 13
        assert abs(together[lag][off].mean() - chance) < 0.02 * chance
        assert np.mean(together[lag][off] > chance + 5 * np.sqrt(chance)) < 0.005
        if lag:  # a pixel with itself
            assert abs(np.diag(together[lag]).mean() - chance) < 0.1 * chance


def test_bad_seeds_are_refused():
    with pytest.raises(ValueError, match="from 1 to 65535"):
        lfsr_states([0], 3)


# the Verilog


@pytest.mark.slow
@needs("iverilog")
@pytest.mark.parametrize(
    ("cores", "banks", "lanes"), [(None, 16, 16), (4, 1, 10), (2, 2, 49), (1, 4, 1)]
)
def test_verilog_is_the_twin_in_every_value(trained, cores, banks, lanes):
    datapath = Datapath(trained, cores=cores, banks=banks, lanes=lanes)
    images = trained.experiment.data.load().test[:3]
    found = datapath.compare(images, simulator="iverilog")
    steps = trained.experiment.network.steps_per_image
    assert found.compared == 3 * (6 + steps * (1 + 3 * 6))
    assert found.different == 0
    assert found.counts.sum() > 15
    np.testing.assert_array_equal(found.cycles, datapath.cycles(images))
    print(f"{found.compared:,} values compared, {found.different} different")


def without_borders(images):
    """Images of which every pixel is lit: none is blank, the first least of all."""
    return np.maximum(images, 60).astype(np.uint8)


@pytest.mark.slow
@needs("iverilog")
@pytest.mark.parametrize("neurons", [6, 9, 16, 17])
def test_verilog_is_the_twin_whatever_the_number_of_neurons(neurons):
    """Reading many neurons' thresholds takes time: nothing may be lost of what comes after."""
    network = bp.DiehlCook(n_exc=neurons, presentation=10 * ms, theta_start=8 * mV, rate=2 * Hz)
    made = rng(neurons, WEIGHTS, 0)
    images = without_borders(bp.digits().load().test[:2])
    datapath = Datapath(result_of(network, made.random((784, neurons))), cores=neurons, banks=16)
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0
    assert found.counts.sum() > 3


@needs("iverilog")
def test_verilog_rests_as_the_twin_does():
    network = bp.DiehlCook(
        n_exc=5, presentation=20 * ms, rest=15 * ms, theta_start=8 * mV, rate=0.55 * Hz
    )
    result = result_of(network, rng(1, WEIGHTS, 0).random((784, 5)))
    images = without_borders(bp.digits().load().test[:2])
    datapath = Datapath(result, cores=2)
    found = datapath.compare(images, simulator="iverilog")
    assert found.different == 0
    np.testing.assert_array_equal(found.cycles, datapath.cycles(images))
    # without input the last conductances decay
    trace = datapath.trace(images)
    assert trace["g_e"][:, 39].sum() > 0
    assert (trace["g_e"][:, -1] < trace["g_e"][:, 41]).all()


@pytest.mark.slow
@needs("iverilog")
@needs("verilator")
@pytest.mark.compiled
def test_wide_formats_are_the_same_in_both_simulators():
    network = bp.DiehlCook(n_exc=4, presentation=15 * ms, theta_start=8 * mV, rate=0.55 * Hz)
    result = result_of(network, rng(2, WEIGHTS, 0).random((784, 4)))
    images = without_borders(bp.digits().load().test[:1])
    for change in (
        {"theta": "u7.25"},
        {"v": "s9.22", "current": "s17.22", "g": "u10.10", "w": "u0.8"},
    ):
        datapath = Datapath(result, bp.FixedPoint(**change), cores=2)
        for simulator in ("iverilog", "verilator"):
            found = datapath.compare(images, simulator=simulator)
            assert found.different == 0, (change, simulator)
            assert found.compared > 100


def test_what_no_verilog_can_be_of_is_named():
    weights = rng(3, WEIGHTS, 0).random((784, 4))
    dead = result_of(bp.DiehlCook(n_exc=4), weights)
    dead.alive[:] = False
    with pytest.raises(ValueError, match="no neuron of the result is alive"):
        Datapath(dead)
    long = bp.DiehlCook(n_exc=4, presentation=35_000 * ms)
    with pytest.raises(ValueError, match=r"70,000 steps .* counts to 65,536"):
        Datapath(result_of(long, weights))


def result_of(network, weights):
    """Stand in for a trained result: weights drawn, no training."""
    return SimpleNamespace(
        experiment=bp.Experiment(network=network),
        weights=weights,
        mask=np.ones(weights.shape, bool),
        alive=np.ones(weights.shape[1], bool),
        theta=np.full(weights.shape[1], 8e-3),
        labels=None,
        other_state={},
        image_shape=(28, 28),
    )


def random_configuration(seed):
    """A datapath and two images: sizes that do not divide, widths at their limits, pruned neurons."""
    draw = np.random.default_rng(seed)
    n, n_inputs = int(draw.integers(2, 20)), int(draw.integers(20, 70))
    v, theta, whole = (int(draw.integers(*limits)) for limits in ((4, 23), (0, 26), (6, 11)))
    fraction = int(draw.integers(1, min(17, 44 - v - whole)))  # g times v has at most 53 bits
    w, lanes = int(draw.integers(1, fraction + 1)), int(draw.integers(1, 33))
    arithmetic = bp.FixedPoint(
        v=f"s9.{v}", current=f"s{draw.integers(10, 19)}.{v}", g=f"u{whole}.{fraction}", w=f"u0.{w}",
        theta=f"u7.{theta}", constant_bits=int(draw.integers(10, 15)),
    )  # fmt: skip
    network = bp.DiehlCook(
        n_exc=n,
        presentation=int(draw.integers(5, 16)) * ms,
        rest=int(draw.choice([0, 0, 4])) * ms,
        rate=float(draw.choice([0.3, 2.0, 7.0])) * Hz,
        refractory=int(draw.integers(0, 5)) * ms,
        v_thresh=-62 * mV,
        theta_offset=float(draw.choice([0.0, 2.0])) * mV,
    )
    result = result_of(network, draw.random((n_inputs, n)) * (draw.random((n_inputs, n)) < 0.7))
    result.image_shape = (1, n_inputs)
    result.alive = draw.random(n) < 0.8
    result.alive[0] = True
    result.theta = draw.random(n) * 3e-3
    alive = int(result.alive.sum())
    images = draw.integers(0, 256, (2, n_inputs)) * (draw.random((2, n_inputs)) < draw.random())
    datapath = Datapath(
        result, arithmetic, cores=int(draw.integers(1, alive + 1)), banks=int(draw.integers(1, 9)),
        lanes=min(lanes, n_inputs),
    )  # fmt: skip
    return datapath, images.astype(np.uint8)


@needs(SIMULATOR)
@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 30))]
)
def test_any_configuration_is_its_twin(seed):
    datapath, images = random_configuration(seed)
    found = datapath.compare(images, simulator=SIMULATOR)
    assert found.different == 0, found.output
    np.testing.assert_array_equal(found.cycles, datapath.cycles(images))


@needs("verilator")
def test_verilog_has_no_warnings(tmp_path):
    learner = bp.Experiment(network=bp.DiehlCook(n_exc=5), arithmetic=bp.FixedPoint(w="u0.8"))
    pruned = learner.replace(pruning=bp.AdaptiveNeuronPruning(alpha=0.75, n_max=2))
    learning = [LearningDatapath(learner, cores=cores, banks=2) for cores in (1, 5)]
    learning.append(LearningDatapath(pruned, cores=2, banks=2))
    thinned = learner.replace(pruning=bp.FixedPointWeightPruning())
    learning += [LearningDatapath(thinned, cores=cores, banks=2) for cores in (1, 2)]
    for datapath in [random_configuration(seed)[0] for seed in range(0, 30, 3)] + learning:
        for name in WINNER_TAKE_ALL.files:
            (tmp_path / name).write_text(verilog(name))
        (tmp_path / "design.vh").write_text(datapath.defines(2) + "`define STATES\n")
        command = ["verilator", "--lint-only", "-Wall", "--timing", "--top-module", "testbench"]
        done = subprocess.run(
            [*command, *WINNER_TAKE_ALL.files],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), datapath.defines(1)


@needs("iverilog")
def test_signals_are_recorded_cycle_by_cycle(trained):
    datapath = Datapath(trained, cores=3)
    images = trained.experiment.data.load().test[:2]
    signals = ["busy", "step_done", "fired", "winner", "event_taken", "event_input", "begin_reg"]
    table = datapath.waveform(images, [f"network.{name}" for name in signals])
    table.columns = signals
    twin = datapath.trace(images, states=False)
    done = table[table["step_done"] == 1]
    fired = done["winner"].where(done["fired"] == 1, -1).astype(int).to_numpy()
    np.testing.assert_array_equal(fired, np.concatenate(twin["fired"]))
    assert (fired >= 0).sum() > 10
    taken = table[table["event_taken"] == 1]
    step = (table["begin_reg"] == 1).cumsum()[taken.index] - 1
    n_steps = len(twin["fired"][0])
    inputs, steps = zip(*(datapath.spikes(image, k) for k, image in enumerate(images)), strict=True)
    expected = {
        (int(of) + k * n_steps, int(i))
        for k in range(2)
        for of, i in zip(steps[k], inputs[k], strict=True)
    }
    assert set(zip(step, taken["event_input"].astype(int), strict=True)) == expected
    assert len(taken) == len(expected)
    few = datapath.waveform(images, [f"network.{name}" for name in signals], cycles=1234)
    few.columns = signals
    pd.testing.assert_frame_equal(few, table[:1234], check_dtype=False)
    with pytest.raises(ValueError, match="cycles = 0: must be at least 1"):
        datapath.waveform(images[:1], ["network.busy"], cycles=0)
    with pytest.raises(RuntimeError, match="iverilog failed"):
        datapath.waveform(images[:1], ["network.nothing"])


@needs("iverilog")
def test_one_flipped_bit_is_found(trained, tmp_path):
    datapath = Datapath(trained)
    datapath.export(tmp_path, trained.experiment.data.load().test[:1])
    words = (tmp_path / "weights.hex").read_text().split()
    pixel = int(np.argmax(trained.experiment.data.load().test[0]))  # one that spikes
    assert int(words[pixel], 16) == datapath._rows()[0, pixel, 0, 0]  # a core of one neuron
    words[pixel] = f"{int(words[pixel], 16) ^ 1:04x}"
    (tmp_path / "weights.hex").write_text("\n".join(words) + "\n")
    assert datapath.simulate(tmp_path, "iverilog").different > 0


@pytest.mark.slow
@needs("verilator")
@pytest.mark.compiled
def test_verilator_says_the_same(trained):
    images = trained.experiment.data.load().test[:2]
    one, other = (
        Datapath(trained, cores=3).compare(images, simulator=name)
        for name in ("iverilog", "verilator")
    )
    assert one.different == other.different == 0
    np.testing.assert_array_equal(one.counts, other.counts)


VECTORS = """`timescale 1ns/1ps
module vectors;
    reg clk = 0;
    reg [255:0] lines [0:{n}-1];
    reg signed [23:0] v; reg [25:0] g_e, g_i; reg [23:0] theta; reg [3:0] refractory; reg inhibited;
    reg [31:0] arrived;
    wire signed [23:0] v_next; wire [25:0] g_e_next, g_i_next; wire [3:0] refractory_next;
    wire signed [27:0] margin; wire crossed;
    neuron_step #(.ACCUMULATOR_BITS(32), .MARGIN_BITS(28)) step (
        .clk(clk), .v(v), .g_e(g_e), .g_i(g_i), .theta(theta), .refractory(refractory),
        .inhibited(inhibited), .arrived(arrived), .v_rest({v_rest}), .e_exc({E_exc}),
        .e_inh({E_inh}), .w_inh({w_inh}), .k_m({k_m}), .k_e({k_e}), .k_i({k_i}),
        .firing_margin({firing_margin}), .v_next(v_next), .g_e_next(g_e_next),
        .g_i_next(g_i_next), .refractory_next(refractory_next),
        .margin(margin), .crossed(crossed));
    integer k;
    initial begin
        $readmemh("vectors.hex", lines);
        for (k = 0; k < {n} + 15; k = k + 1) begin
            if (k < {n}) {{v, g_e, g_i, theta, refractory, inhibited, arrived}} = lines[k];
            #1 clk = 1; #1 clk = 0;
            if (k >= 14 && k < {n} + 14) $display("%0d %0d %0d %0d %0d", v_next, g_e_next, g_i_next,
                refractory_next, crossed);
        end
    end
endmodule
"""


@needs("iverilog")
def test_random_vectors_at_the_corners_of_the_formats(tmp_path):
    rng = np.random.default_rng(5)
    n = 4000
    c = constants(bp.FixedPoint(), bp.DiehlCook())

    def codes(low, high):
        corners = [low, low + 1, 0, 1, high - 1, high, (low + high) // 2]
        corner = rng.choice(np.clip(corners, low, high), n)
        return np.where(rng.random(n) < 0.5, corner, rng.integers(low, high, n, endpoint=True))

    v, g_e, g_i = codes(-(2**23), 2**23 - 1), codes(0, 2**26 - 1), codes(0, 2**26 - 1)
    v = np.where(rng.random(n) < 0.5, rng.integers(-100 * 2**15, -50 * 2**15, n), v)
    g_i = np.where(rng.random(n) < 0.5, rng.integers(0, 2**20, n), g_i)
    theta, arrived = codes(0, 2**24 - 1), codes(0, 2**27)
    refractory, own = rng.integers(0, 5, n), rng.integers(0, 2, n)
    spike = np.maximum(own, rng.integers(0, 2, n))
    widths = (24, 26, 26, 24, 4, 1, 32)
    lines = []
    inhibited = spike - own
    for row in zip(v, g_e, g_i, theta, refractory, inhibited, arrived, strict=True):
        word = 0
        for value, width in zip(row, widths, strict=True):
            word = word << width | int(value) & (2**width - 1)
        lines.append(f"{word:x}")
    (tmp_path / "vectors.hex").write_text("\n".join(lines) + "\n")
    (tmp_path / "vectors.v").write_text(VECTORS.format(n=n, **c))
    sources = ["neuron_step.v", "multiplier.v", "delay_line.v"]
    for name in sources:
        (tmp_path / name).write_text(verilog(name))
    subprocess.run(
        ["iverilog", "-g2005", "-o", "sim", "vectors.v", *sources], cwd=tmp_path, check=True
    )
    done = subprocess.run(["vvp", "sim"], cwd=tmp_path, check=True, capture_output=True, text=True)
    found = np.array([line.split() for line in done.stdout.splitlines()], dtype=np.int64)
    big = [x.astype(object) for x in (v, g_e, g_i, theta, refractory, own, arrived)]
    v_, e_, i_, theta_, r_, own_, arrived_ = big
    *state, margin = reference_fixed.euler_step(
        v_, e_, i_, theta_, r_, own_, arrived_, spike.astype(object), c, 16, 13
    )
    expected = [*state, (margin > c["firing_margin"]) & (state[3] == 0)]
    for column, values in enumerate(expected):
        np.testing.assert_array_equal(found[:, column], np.array(values, dtype=np.int64))
    assert found[:, 4].sum() > 50
    assert (found[:, 0] == 2**23 - 1).any()
    assert (found[:, 0] == -(2**23)).any()


def test_a_missing_program_names_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"'verilator'.*apt-get install verilator"):
        check_tool("verilator")


@pytest.mark.slow
@needs("yosys")
def test_yosys_counts_the_memories_and_multipliers(trained):
    """Three cores of two neurons: a memory of 784 rows of two weights of 16 bits each."""
    from brianprune.hardware.synthesis import resources_of, synthesise

    cells = synthesise(Datapath(trained, cores=3).defines(1))
    found = resources_of(cells)
    assert found["bram"] == 3  # one of 36 kbit a core; the pixels' 49 words are in look-up tables
    assert found["dsp"] == 3 * 14
    assert found["ff"] > 3 * 500  # the pipelines
    assert resources_of({"RAMB36E1": 2, "RAMB18E1": 1, "LUT6": 3, "RAM32M": 1, "FDRE": 5}) == {
        "bram": 2.5, "lut": 7, "ff": 5, "dsp": 0}  # fmt: skip


# learning


@pytest.fixture
def learner():
    """A small network that learns in fixed point."""
    return bp.Experiment(
        network=bp.DiehlCook(
            n_exc=5,
            presentation=60 * ms,
            theta_start=8 * mV,
            theta_plus=0.2 * mV,
            tau_theta=1e6 * ms,
            rate=0.55 * Hz,
            weight_sum=50.0,
        ),
        data=bp.digits(n_train=8, n_test=6),
        arithmetic=bp.FixedPoint(),
        n_label=8,
        record_every=4,
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "change",
    [{}, {"w": "u0.8", "theta": "u7.12"}, {"w": "u0.10", "rounding": "nearest", "trace": "u1.10"}],
    ids=["default", "8 bits", "nearest"],
)
def test_learning_in_fixed_point_equals_whole_numbers(learner, backend, change):
    experiment = learner.replace(**{f"arithmetic__{k}": v for k, v in change.items()})
    arithmetic, p = experiment.arithmetic, experiment.network
    result = experiment.run(backend)
    start = experiment.network.initial_state(
        784, rng(experiment.seed, WEIGHTS, 0), experiment.arithmetic
    )
    weights = np.asarray(start["inputs_exc.w"]).reshape(784, 5).astype(np.int64)
    theta = np.asarray(start["exc.theta"]).astype(np.int64)
    images = experiment.data.load().train
    inputs, times = input_spikes(experiment, images, 0, 0, 8)
    steps = np.rint(times / float(p.dt)).astype(int)
    w, theta, fired = reference_fixed.train(weights, theta, (inputs, steps), 8, arithmetic, p)
    np.testing.assert_array_equal(result.weights, arithmetic.real_weights(w))
    np.testing.assert_array_equal(result.theta, arithmetic.real_thetas(theta))
    counts = result.spikes.groupby(["image", "neuron"])["count"].sum()
    expected = {}
    for step, neuron in fired:
        key = (step // p.steps_per_image, neuron)
        expected[key] = expected.get(key, 0) + 1
    assert counts.to_dict() == expected
    assert len(fired) > 20
    moved = np.abs(w - weights) > 0
    assert moved.mean() > 0.5


def test_learning_in_fixed_point_saturates(learner):
    """Strong learning, a low weight limit and thresholds at the format's end."""
    experiment = learner.replace(
        arithmetic__rate_bits=21, network__eta_plus=0.5, network__w_max=0.25,
        network__theta_start=127.8 * mV, network__theta_offset=120 * mV, network__weight_sum=150.0,
    )  # fmt: skip
    result = experiment.run("numpy")
    start = experiment.network.initial_state(
        784, rng(experiment.seed, WEIGHTS, 0), experiment.arithmetic
    )
    weights = np.asarray(start["inputs_exc.w"]).reshape(784, 5).astype(np.int64)
    theta = np.asarray(start["exc.theta"]).astype(np.int64)
    images = experiment.data.load().train
    inputs, times = input_spikes(experiment, images, 0, 0, 8)
    steps = np.rint(times / float(experiment.network.dt)).astype(int)
    w, theta, _ = reference_fixed.train(
        weights, theta, (inputs, steps), 8, experiment.arithmetic, experiment.network
    )
    np.testing.assert_array_equal(result.weights, experiment.arithmetic.real_weights(w))
    np.testing.assert_array_equal(result.theta, experiment.arithmetic.real_thetas(theta))
    assert result.weights.max() == 0.25
    assert result.theta.max() > 0.1279  # of 128 mV


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend", ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)]
)
def test_learning_in_fixed_point_in_segments_and_resumed(learner, backend, tmp_path):
    learner = learner.replace(data=bp.digits(n_train=6, n_test=2), n_label=2, record_every=3)
    whole = learner.run(backend)

    class Stop(Exception):
        pass

    def stop(done, total, history):
        if done >= 4:
            raise Stop

    with pytest.raises(Stop):
        learner.run(backend, segment=2, results=tmp_path, report=stop)
    seen = []
    cut = learner.run(
        backend, segment=2, results=tmp_path, report=lambda done, *_: seen.append(done)
    )
    assert min(seen) > 4  # it went on
    np.testing.assert_array_equal(whole.weights, cut.weights)
    np.testing.assert_array_equal(whole.test_counts, cut.test_counts)
    assert whole.test_counts.sum() > 5
    twin = bp.FrozenNetwork.from_result(whole, backend=backend)  # in the arithmetic of the result
    images = learner.data.load().test
    np.testing.assert_array_equal(twin.counts(images), whole.test_counts)


@pytest.mark.compiled
def test_weights_that_learn_stay_codes_and_keep_their_sum(learner):
    result = learner.replace(arithmetic__w="u0.6").run("cpp_standalone")
    raw = result.weights * 2**6
    np.testing.assert_array_equal(raw, np.rint(raw))
    assert raw.max() <= 2**6 - 1
    # stochastic rounding keeps the sum in the mean, though a change is less than the last bit
    assert result.weights.sum(axis=0).mean() == pytest.approx(50, rel=0.05)


@pytest.mark.compiled
def test_pruned_in_fixed_point_stays_pruned(learner):
    rule = bp.AdaptiveWeightPruning(start=4, interval=2, theta_0=0.1, fan_in_min=5)
    result = learner.replace(pruning=rule).run("cpp_standalone")
    assert 0 < result.mask.mean() < 1
    assert not result.weights[~result.mask].any()
    nothing = learner.replace(pruning=rule.replace(theta_0=0.0)).run("cpp_standalone")
    np.testing.assert_array_equal(nothing.weights, learner.run("cpp_standalone").weights)


def test_what_cannot_learn_in_fixed_point_is_said(learner):
    with pytest.raises(NotImplementedError, match="no frozen synapses, which SoftWeightPruning"):
        learner.replace(pruning=bp.SoftWeightPruning(start=2, interval=2))
    with pytest.raises(NotImplementedError, match=r"inhibition=Broadcast\(\)"):
        learner.replace(network__inhibition=bp.Partners(), network__one_winner=False).run("numpy")
    with pytest.raises(NotImplementedError, match="use rest=0"):
        learner.replace(network__rest=150 * ms).run("numpy")
    # a network that learned in floating point with a rest is inferred in fixed point all the same
    rested = learner.replace(network__rest=20 * ms, arithmetic=bp.FloatingPoint()).run("numpy")
    twin = bp.FrozenNetwork.from_result(rested, backend="numpy", arithmetic=bp.FixedPoint())
    assert twin.counts(learner.data.load().test).sum() > 20
    with pytest.raises(ValueError, match=r"theta_plus = .* becomes 0 mV, more than 5 % off"):
        learner.replace(arithmetic__theta="u7.0").run("numpy")
    with pytest.raises(ValueError, match=r"theta would not decay below 16\.\d* mV"):
        learner.replace(arithmetic__theta="u7.9", network__tau_theta=1e7 * ms).run("numpy")
    with pytest.raises(ValueError, match=r"a trace would not decay below 0\.0625 of one"):
        learner.replace(arithmetic__trace="u1.8").run("numpy")
    with pytest.raises(ValueError, match=r"cannot hold w_max = 2"):
        learner.replace(network__w_max=2.0).run("numpy")
    with pytest.raises(ValueError, match=r"FixedPoint.rate_bits = 10: .* more than 5 % off"):
        learner.replace(arithmetic__rate_bits=10).run("numpy")
    with pytest.raises(ValueError, match="a weight's change needs"):
        learner.replace(arithmetic__trace="u1.20").run("numpy")
    pruned = learner.replace(pruning=bp.ConstantNeuronPruning(start=4, interval=2, n=1, n_max=1))
    with pytest.raises(NotImplementedError, match="use run"):
        pruned.build(2)


# measurements and models


@pytest.mark.slow
@needs("iverilog")
def test_agreement_is_measured_and_stored(trained, tmp_path, monkeypatch):
    measured = Agreement(
        experiment=trained.experiment, n_images=3, chunk=2, cores=4, simulator="iverilog"
    )
    trained.save(tmp_path / f"{trained.experiment.key}.h5")
    table = measured.run("numpy", results=tmp_path).table
    assert table["images"].tolist() == [2, 1]
    assert table["different"].sum() == 0
    assert (table["cycles_per_image"] == table["cycles_modelled"]).all()
    stored = measured.stored(tmp_path)
    assert stored.table.equals(table)
    assert stored.experiment == measured
    with monkeypatch.context() as changed:
        changed.setattr(measurements, "verilog", lambda name: f"another {name}")
        assert measured.stored(tmp_path) is None
        another = Resources().key
    assert Resources().key != another
    measured.forget(tmp_path)
    assert measured.stored(tmp_path) is None


def test_fixed_point_accuracy_by_word_length(trained, tmp_path):
    trained.save(tmp_path / f"{trained.experiment.key}.h5")
    measured = FixedPointAccuracy(experiment=trained.experiment, lengths=(("w", 16), ("w", 1)))
    table = measured.run("numpy", results=tmp_path).table.set_index(["signal", "fraction_bits"])
    assert table.loc[("floating point", 0), "accuracy"] == 100 * trained.accuracy
    assert table.loc[("w", 16)].equals(table.loc[("default", 0)])
    assert table["spikes_per_image"].nunique() > 1
    assert FixedPointAccuracy.arithmetic("g", 12).w == "u0.12"
    assert FixedPointAccuracy.arithmetic("v", 4).theta == bp.FixedPoint().theta
    with pytest.raises(ValueError, match="must be a signal, one of w, g, v, theta"):
        FixedPointAccuracy(lengths=(("trace", 8),))


def test_measuring_without_the_program_fails_before_training(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(bp.Experiment, "run", lambda *a, **k: pytest.fail("trained"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="apt-get install verilator"):
        Agreement(experiment=trained.experiment).run("numpy")


def test_energy_of_a_neuron_has_the_products_of_its_verilog():
    step = verilog("neuron_step.v").split("`ifdef FORMAL")[0]
    assert step.count("multiplier #(") == DatapathEnergy.PRODUCTS
    assert step.count(" * ") == 0  # no other


def test_energy_of_the_datapath_by_hand():
    model = DatapathEnergy(pj_word=2.0, pj_add=1.0, pj_add_wide=0.5, pj_multiply_wide=4.0,
                           pj_cycle=3.0, clock_mhz=10.0, static_mw=2.0)  # fmt: skip
    found = model.image(neurons=5, steps=11, events=30, drawn=77, cycles=1000)
    parts = {
        "weights_nj": 30 * 5 * (2 + 0.5) / 1e3,
        "neurons_nj": 11 * 5 * (5 * 4 + 13 * 0.5 + 14 * 2) / 1e3,
        "generator_nj": 77 * (2 / 2 + 2 * 1) / 1e3,
        "control_nj": 3.0,
        "static_nj": 2e-3 * 0.1e-3 * 1e9,
    }
    for name, value in parts.items():
        assert found[name] == pytest.approx(value), name
    assert found["energy_nj"] == pytest.approx(sum(parts.values()))
    assert found["time_ms"] == pytest.approx(0.1)
    assert found["power_mw"] == pytest.approx(sum(parts.values()) * 1e-9 / 0.1e-3 * 1e3)

    learning = model.learning(5, 11, 30, 77, 1000, inputs=9, grown=13)
    change = 2 * 2 + 2 * 0.5
    parts |= {
        "normalisation_nj": 5 * 9 * (change + 2 + 4) / 1e3,
        "depression_nj": 30 * 5 * change / 1e3,
        "potentiation_nj": 13 * (change + 2 * 2) / 1e3,
    }
    for name, value in parts.items():
        assert learning[name] == pytest.approx(value), name
    assert learning["energy_nj"] == pytest.approx(sum(parts.values()))
    assert learning["power_mw"] == pytest.approx(sum(parts.values()) * 1e-9 / 0.1e-3 * 1e3)


def test_energy_of_the_event_driven_core_by_hand():
    core = EventDrivenCore(lanes=2, event_cycles=3, step_cycles=5, image_cycles=7, pj_add=1.0,
                           pj_word=2.0, pj_multiply=4.0, pj_cycle=6.0)  # fmt: skip
    work = {"accumulations": 10, "updates": 4, "events": 3, "steps": 2, "images": 1}
    cycles = (10 + 4) / 2 + 3 * 3 + 2 * 5 + 7
    assert core.cycles(**work) == cycles
    expected = 10 * (3 * 2 + 1) + 4 * (2 * 2 + 2 * 4 + 1) + 3 * 2 + 6 * cycles
    assert core.energy(**work) == expected
    assert core.cycles(**work, comparisons=8) == cycles + 8 / 2
    assert core.energy(**work, comparisons=8) == expected + 8 * (2 + 1) + 6 * 8 / 2
    assert core.comparing(8) == 8 * (2 + 1) + 6 * 8 / 2


class HalfLeak(bp.ConductanceLIF):
    """Another equation under the same names."""

    equations = bp.ConductanceLIF.equations.replace("(v_rest - v)", "0.5*(v_rest - v)")


@pytest.mark.parametrize(
    "part",
    [
        {"inhibition": bp.Partners()},
        {"inhibition": bp.NoInhibition()},
        {"adaptation": None},
        {"neurons": HalfLeak()},
        {"neurons": bp.CurrentLIF()},
    ],
    ids=["partners", "no inhibition", "no adaptation", "other equations", "other neurons"],
)
def test_no_hardware_is_made_of_another_network(part):
    network = bp.DiehlCook(n_exc=3, presentation=5 * ms).replace(**part)
    result = bp.Experiment(network=network, data=bp.digits(n_train=2, n_test=2)).run("numpy")
    (name,) = part
    with pytest.raises(NotImplementedError, match=f"DiehlCook.{name}"):
        Datapath(result)


class OwnRule(bp.Plasticity):
    """Depression by each input spike."""

    eta = bp.Parameter(0.001, "rate", "ours", minimum=0)
    on_pre = "w -= eta*w"


def test_a_network_infers_in_hardware_whatever_rule_trained_it():
    network = bp.DiehlCook(n_exc=3, presentation=5 * ms, rest=5 * ms, plasticity=OwnRule())
    result = bp.Experiment(network=network, data=bp.digits(n_train=2, n_test=2)).run("numpy")
    assert Datapath(result).n == 3
    with pytest.raises(TypeError, match="not of a FrozenNetwork"):
        Datapath(bp.FrozenNetwork.from_result(result, backend="numpy"))


class SlowNeuron(bp.ConductanceLIF):
    """Another default, the same equations."""

    tau_m = bp.Parameter(200 * ms, "membrane time constant", "ours", above=0 * ms)


class LeakyNeuron(bp.ConductanceLIF):
    """Another equation."""

    equations = bp.ConductanceLIF.equations.replace("(v_rest - v)", "2*(v_rest - v)")


class HalfNeuron(bp.ConductanceLIF):
    """Other values than its parameters say."""

    def values(self, network, names=None):
        return {name: 0.5 * value for name, value in super().values(network, names).items()}


@pytest.mark.slow
@needs("iverilog")
def test_neurons_with_other_values_are_built_and_with_other_equations_refused():
    data = bp.digits(n_train=2, n_test=2)
    for neuron in (SlowNeuron(), bp.ConductanceLIF(tau_m=200 * ms)):
        network = bp.DiehlCook(n_exc=3, presentation=20 * ms, neurons=neuron)
        result = bp.Experiment(network=network, data=data).run("numpy")
        found = Datapath(result).compare(data.load().test, simulator="iverilog", backend="numpy")
        assert found.compared > 0
        assert found.different == 0
    for neuron in (LeakyNeuron(), HalfNeuron()):
        result = bp.Experiment(network=network.replace(neurons=neuron), data=data).run("numpy")
        with pytest.raises(NotImplementedError, match=f"neurons = {type(neuron).__name__}"):
            Datapath(result)
    learning = bp.Experiment(
        network=bp.DiehlCook(adaptation=bp.LivingAdaptiveThreshold()),
        data=data,
        arithmetic=bp.FixedPoint(),
    )
    with pytest.raises(NotImplementedError, match="adaptation = LivingAdaptiveThreshold"):
        learning.run("numpy")


@needs("iverilog")
def test_thresholds_are_frozen_whatever_moved_them():
    network = bp.DiehlCook(n_exc=3, presentation=20 * ms, adaptation=bp.LivingAdaptiveThreshold())
    result = bp.Experiment(network=network, data=bp.digits(n_train=2, n_test=2)).run("numpy")
    images = bp.digits(n_train=2, n_test=2).load().test
    found = Datapath(result).compare(images, simulator="iverilog", backend="numpy")
    assert found.compared > 0
    assert found.different == 0
