import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brian2 import ms
from conftest import TINY, TINY_LAYERS

import brianprune as bp
from brianprune.analysis import accuracy as accuracy_of
from brianprune.analysis import assign_labels, predict
from brianprune.figures import (
    REGISTRY,
    baseline,
    connection_pruning,
    hardware,
    neuron_pruning,
    weight_pruning,
)
from brianprune.figures.__main__ import main
from brianprune.figures.base import mean_and_interval, summarise
from brianprune.hardware import EventDrivenCore, implementation, measurements
from brianprune.hdf5 import read_tree
from brianprune.identity import own_modules
from brianprune.parallel import _packed, _unpacked
from brianprune.parameters import parse
from brianprune.results import TableResult

TINY_DEEP = bp.DeepExperiment(
    network=bp.DeepTTFS(
        layers=TINY_LAYERS, n_bins=5, check_interval=4, a_plus=0.05, a_plus_max=0.15
    ),
    data=bp.digits(n_train=10, n_test=6),
    arithmetic=bp.FixedPointTTFS(),
)


@pytest.fixture
def small(monkeypatch):
    """Figures at a scale for the numpy target: 6 and 8 neurons, 12 images of 20 ms."""
    scale = neuron_pruning.scales.QUICK.replace(
        note="TEST",
        data=bp.digits(n_train=12, n_test=4),
        network={"presentation": 20 * ms, "theta_plus": TINY.theta_plus},
        sizes=(6, 8),
        seeds={6: [0], 8: range(2)},
        n_train=12,
        start=6,
        interval=3,
        record_every=12,
        window=4,
        after=(6, 9, 12),
        counts={6: (2,), 8: (3,)},
        table_2={6: 2, 8: 3},
        spikes_per_image={6: 30, 8: 30},
        early=4,
        last=6,
        early_steps=2,
        early_seeds=(0,),
        variants={"default": {}},
    )
    data, network = scale.data, scale.network
    others = {
        "neuron_pruning": scale,
        "baseline": baseline.scales.QUICK.replace(
            runs={"digits": (data, {6: [0], 8: [0]})},
            network=network,
            variants={
                "less inhibition": baseline.scales.Variant({"w_inh": 13.0}, {6: [0]}),
                "two passes": baseline.scales.Variant({}, {6: [0]}, passes=2),
            },
            large=baseline.scales.Large(size=7, passes=2, n_label=(6, 12)),
            search=baseline.scales.QUICK.search.replace(
                experiment__network=TINY.replace(n_exc=6),
                experiment__data=bp.digits(n_train=10, n_validation=4, n_test=4),
                experiment__n_label=5,
            ),
            rule_sizes={6: [0]},
            rule_trials=1,
            record_every=12,
            window=4,
            shown=6,
        ),
        "weight_pruning": weight_pruning.scales.QUICK.replace(
            data=data,
            first=("digits", data),
            second=("fewer digits", bp.digits(n_train=10, n_test=4), {6: [0]}),
            network=network,
            sizes={6: [0], 8: [0]},
            headline=8,
            sweep=6,
            compared=6,
            thetas=(0.1,),
            budgets=(0.2,),
            percents=(80.0,),
            record_every=12,
            start=4,
            interval=3,
            drive={"start": 3, "interval": 2},
            drive_later={"start": 5, "interval": 2},
        ),
    }
    others["connection_pruning"] = connection_pruning.scales.QUICK.replace(
        data={"digits": lambda seed: bp.digits(n_train=10, n_test=6)},
        network={"digits": TINY_DEEP.network.replace(readout_window=2)},
        operating=bp.ConnectionPruning(theta=0.3, interval=4),
        words=((8, "nearest"),),
        verilog={"digits": (TINY_DEEP, 2, 1)},
        synthesised=TINY_DEEP,
    )
    others["hardware"] = hardware.scales.QUICK.replace(
        base=scale,
        agreement={"n_images": 1, "cores": 4, "simulator": "iverilog"},
        sizes={6: [0], 8: [0]},
        lengths=(("w", 8), ("theta", 4)),
        learning=(("nearest", 8),),
        learning_data=bp.digits(n_train=8, n_test=4),
        on_chip_seeds=[0],
        on_chip_data=bp.digits(n_train=8, n_test=4),
        on_chip={"n_compared": 1, "cores": 2, "simulator": "iverilog"},
        pruned={6: (0, 2), 8: (0, 3)},
        cores=2,
        routed=(("infers", 2),),
    )
    # synthesis takes a minute and has a test of its own
    monkeypatch.setattr(
        measurements, "synthesise", lambda text, **_: {"RAMB36E1": len(text), "LUT2": 1, "FDRE": 1}
    )
    # place and route even more; it is tried by hand, what it says is read in test_hardware
    monkeypatch.setattr(implementation, "place_and_route", lambda text: {"clock_mhz": 50.0})
    monkeypatch.setattr(implementation.Implementation, "programs", ())
    for name in ("Resources", "ConvolutionResources", "LearningResources"):
        monkeypatch.setattr(getattr(measurements, name), "programs", ())
    for name in ("neuron_pruning.fig11", "neuron_pruning.fig12", "neuron_pruning.fig13"):
        fig = REGISTRY[name]
        own = {"quick": others["hardware"], "full": others["hardware"]}
        monkeypatch.setitem(REGISTRY, name, fig._replace(scales=own))
    for name, fig in REGISTRY.items():
        if fig.scales["full"] is others["hardware"]:
            continue
        own = others[name.partition(".")[0]]
        monkeypatch.setitem(REGISTRY, name, fig._replace(scales={"quick": own, "full": own}))
    return scale


def call(tmp_path, *arguments):
    return main(
        [*arguments, "--quick", "--backend", "cpp_standalone", "--results", str(tmp_path / "r"),
         "--output", str(tmp_path / "f")]
    )  # fmt: skip


def test_keys_are_the_same_in_another_process():
    modules = own_modules()
    for fig in REGISTRY.values():
        for experiment in fig.experiments(fig.scales.get("quick", fig.scales["full"])):
            assert pickle.loads(pickle.dumps(experiment)).key == experiment.key, fig.name
            sent = _unpacked(_packed(experiment, modules), experiment.key)
            assert sent.key == experiment.key, fig.name


def test_list(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(REGISTRY)
    assert {
        f"neuron_pruning.{name}" for name in ("fig2", "fig3", "fig9", "fig10", "table2")
    } <= set(REGISTRY)
    assert main(["--list", "*.fig9"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_misuse_exits_with_2(capsys):
    for arguments in (["fig99"], ["--format", "bmp"], ["--backend", "gpu"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "no figure matches 'fig99'" in capsys.readouterr().err


def test_draw_only_without_results_fails(tmp_path, capsys):
    assert call(tmp_path, "--draw-only", "*.fig2") == 1
    assert "results are missing" in capsys.readouterr().err
    assert call(tmp_path, "--jobs", "0") == 1


def test_unwritable_output_fails_before_simulating(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bp.Experiment, "run", lambda *a, **k: pytest.fail("simulated"))
    (tmp_path / "f").write_text("a file")
    assert call(tmp_path, "*.fig2") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_dry_run_simulates_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bp.Experiment, "run", lambda *a, **k: pytest.fail("simulated"))
    assert call(tmp_path, "--dry-run", "*.fig2", "*.fig3") == 0
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 1  # both are drawn from one run
    assert "1 of 1 simulations" in output.err
    assert not (tmp_path / "f").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_figure_is_drawn_as_soon_as_its_runs_are_there(tmp_path, capsys, monkeypatch):
    run, drawn = bp.Experiment.run, []

    def counted(self, **how):
        drawn.append(capsys.readouterr().out.count(".png"))
        return run(self, **how)

    monkeypatch.setattr(bp.Experiment, "run", counted)
    assert call(tmp_path, "neuron_pruning.fig10", "neuron_pruning.fig2") == 0
    # fig2 has one run, which is the first, whatever the order of the names
    assert drawn[:3] == [0, 1, 0]
    assert sum(drawn) == 1
    assert capsys.readouterr().out.count(".png") == 1


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore:CommunityNeuronPruning found one group")  # of six images
@pytest.mark.usefixtures("small", "quickly_compiled")
def test_all_figures_then_redrawn_from_stored_results(tmp_path, capsys, monkeypatch):
    assert call(tmp_path, "--jobs", "1") == 0
    paths = capsys.readouterr().out.splitlines()
    left_out = 0 if shutil.which("iverilog") else 1  # the comparison with the Verilog
    assert len(paths) == 2 * (len(REGISTRY) - left_out)
    quick = tmp_path / "f" / "quick"
    assert sorted(map(str, quick.glob("*/*"))) == sorted(paths)
    folder = quick / "neuron_pruning"
    before = {path: path.read_bytes() for path in quick.glob("*/*.csv")}
    monkeypatch.setattr(bp.Experiment, "run", lambda *a, **k: pytest.fail("simulated again"))
    assert call(tmp_path, "--draw-only") == 0
    assert {path: path.read_bytes() for path in quick.glob("*/*.csv")} == before
    assert call(tmp_path, "*.table2", "--format", "svg") == 0
    assert (folder / "table2.svg").read_text().startswith("<?xml")

    # the numbers of the files are those of the stored results
    stored, deep = {}, {}
    for path in (tmp_path / "r").glob("*.h5"):
        experiment = parse(read_tree(path)["experiment"])
        result = experiment.stored(tmp_path / "r")
        if isinstance(experiment, bp.Experiment):
            # not of a variant, another learning rule, learning in fixed point or the search
            p, default = experiment.network, bp.DiehlCook()
            own = (p.w_inh, p.rate, p.plasticity) == (
                default.w_inh,
                default.rate,
                default.plasticity,
            )
            scale = REGISTRY["neuron_pruning.fig10"].scales["quick"]
            own &= (
                p == bp.DiehlCook(n_exc=p.n_exc, **scale.network) and experiment.data == scale.data
            )
            own &= experiment.arithmetic == bp.FloatingPoint()
            if own and experiment.evaluate_on == "test":
                stored[experiment] = result
        elif isinstance(experiment, bp.DeepExperiment):
            deep[experiment] = result
        else:
            assert isinstance(result, TableResult)
    table = pd.read_csv(folder / "fig10.csv")
    assert set(table["strategy"]) == {"no pruning", *neuron_pruning.scales.STRATEGIES}
    assert (table["n_pruned"] <= table["wanted"]).all()
    plain = table[(table["strategy"] == "no pruning") & (table["size"] == 6)].set_index("seed")
    for experiment, result in stored.items():
        settings = (experiment.network.n_exc, experiment.seed, experiment.data.n_train)
        if experiment.pruning is None and settings == (6, 0, 12):
            assert plain.loc[experiment.seed, "accuracy"] == pytest.approx(100 * result.accuracy)
    s1 = table[(table["strategy"] == "S1 constant") & (table["size"] == 6)].set_index("seed")
    expected = s1["accuracy"] - plain["accuracy"]
    np.testing.assert_allclose(s1["difference"], expected, atol=1e-4)
    accuracy = pd.read_csv(quick / "baseline" / "accuracy.csv")
    assert set(accuracy["parameters"]) == {"defaults", "less inhibition", "two passes"}
    variants = {
        name: e
        for name, *_, e in baseline.scales.variant_settings(
            REGISTRY["baseline.accuracy"].scales["quick"]
        )
    }
    assert variants["less inhibition"].network.w_inh == 13
    assert variants["two passes"].passes == 2
    for name, variant in variants.items():
        found = accuracy.loc[accuracy["parameters"] == name, "accuracy"].item()
        assert found == pytest.approx(100 * variant.stored(tmp_path / "r").accuracy)
    (large,) = REGISTRY["baseline.passes"].experiments(REGISTRY["baseline.passes"].scales["quick"])
    passes = pd.read_csv(quick / "baseline" / "passes.csv")
    assert list(passes["image"]) == [12, 24]
    result = large.stored(tmp_path / "r")
    assert passes["accuracy_test_12_labels"].iloc[-1] == pytest.approx(100 * result.accuracy)
    labels = assign_labels(result.label_counts[6:], result.label_labels[6:])
    found = accuracy_of(predict(result.test_counts, labels), result.test_labels)
    assert passes["accuracy_test_6_labels"].iloc[-1] == pytest.approx(100 * found)
    assert passes["theta_mean"].iloc[-1] == pytest.approx(1e3 * result.theta.mean(), 1e-5)
    (search,) = REGISTRY["baseline.search"].experiments(REGISTRY["baseline.search"].scales["quick"])
    trials = pd.read_csv(quick / "baseline" / "search.csv")
    for _, trial in trials.iterrows():
        values = {field: v for field, values in search.axes for v in values
                  if float(v) == pytest.approx(trial[field])}  # fmt: skip
        result = search.experiment.replace(**values).stored(tmp_path / "r")
        assert trial["accuracy"] == pytest.approx(100 * result.accuracy)
    accuracy = accuracy[accuracy["parameters"] == "defaults"].set_index(["size", "seed"])
    sweep = pd.read_csv(quick / "weight_pruning" / "accuracy_vs_connectivity.csv")
    for experiment, result in stored.items():
        size, seed = experiment.network.n_exc, experiment.seed
        if (
            experiment.pruning is None
            and experiment.data.n_train == 12
            and (size, seed) in accuracy.index
        ):
            assert accuracy.loc[(size, seed), "accuracy"] == pytest.approx(100 * result.accuracy)
    for (rule, setting, seed), row in sweep.groupby(["rule", "setting", "seed"]):
        found = weight_pruning.scales.sweep_rules(
            weight_pruning.scales.QUICK.replace(start=4, interval=3)
        )
        own = next(r for family, value, r in found if (family, value) == (rule, setting))
        result = next(
            r for e, r in stored.items()
            if e.pruning == own and e.seed == seed and e.network.n_exc == 6 and e.data.n_train == 12
        )  # fmt: skip
        assert row["connectivity"].item() == pytest.approx(result.mask.mean(), rel=1e-4)
    sweep = pd.read_csv(quick / "connection_pruning" / "accuracy_vs_theta.csv")
    for _, row in sweep.iterrows():
        post = 0.5 if row["pruned"] == "while and after learning" else 0.0
        (result,) = [
            r for e, r in deep.items()
            if e.seed == row["seed"] and e.pruning is not None
            and (e.pruning.theta, e.pruning.theta_post) == (row["theta"], post)
        ]  # fmt: skip
        assert row["connectivity"] == pytest.approx(100 * result.connectivity, rel=1e-4)
        (full,) = [r for e, r in deep.items() if e == result.experiment.replace(pruning=None)]
        assert row["loss"] == pytest.approx(100 * (full.accuracy - result.accuracy), abs=1e-4)
        assert row["inference_operations"] == pytest.approx(
            full.inference_operations / result.inference_operations, rel=1e-4
        )
    overhead = pd.read_csv(quick / "hardware" / "overhead.csv").set_index("part")
    learns, weights = (overhead.loc[part] for part in ("learns", "learns and prunes weights"))
    assert weights["bram_added_percent"] == pytest.approx(
        100 * (weights["bram"] / learns["bram"] - 1), rel=1e-4
    )
    assert weights["lut_added_percent"] == 0
    spent = 25 * weights["cycles_per_event"] / (60_000 * weights["cycles_per_image"])
    assert weights["time_added_percent"] == pytest.approx(100 * spent, rel=1e-4)
    merit = pd.read_csv(folder / "fig13.csv")
    assert set(merit["size"]) == {6, 8}
    product = merit["relative_accuracy"] * merit["memory_gain"] * merit["energy_gain"]
    np.testing.assert_allclose(merit["merit"], product, rtol=1e-4)
    unpruned = merit[merit["pruned"] == 0]
    assert (unpruned["memory_gain"] * unpruned["energy_gain"] == 1).all()
    assert (merit[merit["pruned"] > 0]["memory_gain"] > 1).all()
    counts = pd.read_csv(folder / "fig3.csv").groupby("after_images")["spike_count"].sum()
    assert counts.index[-1] == 12
    assert counts.is_monotonic_increasing


def test_figures_whose_programs_are_missing_are_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measurements.Resources, "_measure", lambda *a: pytest.fail("measured"))
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "yosys" else "/bin/true")
    assert call(tmp_path, "hardware.resources") == 1
    assert "apt-get install yosys" in capsys.readouterr().err
    assert call(tmp_path, "*.resources") == 0
    output = capsys.readouterr()
    assert "hardware.resources is left out: the program 'yosys'" in output.err
    assert not output.out


def test_what_has_no_quick_form_is_left_out(tmp_path, capsys, monkeypatch):
    fig = REGISTRY["baseline.accuracy"]
    monkeypatch.setitem(REGISTRY, fig.name, fig._replace(scales={"full": fig.scales["full"]}))
    assert call(tmp_path, fig.name) == 1
    assert "baseline.accuracy has no quick form" in capsys.readouterr().err
    assert call(tmp_path, "--dry-run", "baseline.acc*") == 0
    assert "baseline.accuracy is left out" in capsys.readouterr().err


def test_recompute(tmp_path, monkeypatch):
    calls = []
    real = bp.Experiment.run
    monkeypatch.setattr(
        bp.Experiment, "run", lambda self, **k: (calls.append(1), real(self, **k))[1]
    )
    quick = neuron_pruning.scales.QUICK.replace(
        data=bp.digits(n_train=8, n_test=4), sizes=(3, 4), seeds={3: [0], 4: [0]}, record_every=4,
        n_train=8, window=4,
        network={"presentation": TINY.presentation},
    )  # fmt: skip
    fig = REGISTRY["neuron_pruning.fig2"]
    monkeypatch.setitem(REGISTRY, fig.name, fig._replace(scales={"quick": quick}))
    for extra in ([], [], ["--recompute"]):
        assert call(tmp_path, "*.fig2", *extra) == 0
    assert len(calls) == 2


def test_paper_values_stand_in_the_full_table():
    scale = neuron_pruning.scales.FULL
    settings = neuron_pruning.table2.Table2._settings(scale)
    fake = {}
    for _, strategy, n_pruned, seed, experiment in settings:
        change = 0 if strategy == "no pruning" else -0.01
        fake[experiment] = type(
            "R", (), {"accuracy": 0.9 + 0.001 * seed + change, "n_pruned": n_pruned}
        )
    table = neuron_pruning.table2.Table2.table(fake, scale)
    row = table[(table["size"] == 800) & (table["strategy"] == "S3 adaptive")].iloc[0]
    assert row["paper_accuracy"] == 89.58
    assert row["paper_difference"] == pytest.approx(89.58 - 90.40)
    assert row["difference"] == pytest.approx(-1)
    assert row["difference_interval"] == pytest.approx(0, abs=1e-9)  # paired by seed
    assert row["n"] == 5
    assert {20, 300} == set(table["n_pruned"]) - {0}


def test_s1_reaches_the_papers_counts_and_caps_are_exact():
    for size, wanted in ((100, 20), (800, 300), (800, 400)):
        rule = neuron_pruning.scales.rule_of(
            neuron_pruning.scales.FULL, size, "S1 constant", wanted
        )
        n_events = len(rule.events(60_000))
        assert n_events == 10
        assert rule.n * n_events >= wanted
        assert rule.n_max == wanted


def test_interval_is_students_t():
    mean, width = mean_and_interval([1.0, 2.0, 3.0])
    assert mean == 2
    assert width == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert np.isnan(mean_and_interval([1.0])[1])
    table = pd.DataFrame({"a": ["x", "x", "y"], "v": [1.0, 3.0, 5.0]})
    assert list(summarise(table, ["a"], "v")["n"]) == [2, 1]


def test_importing_loads_nothing_that_only_some_calls_use():
    """What takes long to import and only some calls use is not imported beforehand."""
    script = (
        "import sys, brian2; before = set(sys.modules); import brianprune;"
        "print(*sorted({'.'.join(name.split('.')[:2]) for name in set(sys.modules) - before}))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert {"brianprune.experiment", "brianprune.figures"} & loaded == {"brianprune.experiment"}
    rarely = (
        "IPython cocotb dask distributed ipywidgets nir optuna seaborn sklearn sknetwork xarray"
    )
    rarely = {
        *rarely.split(),
        *(f"scipy.{part}" for part in ("cluster", "ndimage", "spatial", "stats")),
    }
    assert not rarely & loaded


def test_connection_pruning_measures_by_hand():
    """Two layers; the pruned one takes half the images and a quarter of the accumulations."""

    def result(images, accumulations, comparisons, accuracy):
        layers = pd.DataFrame(
            {
                "layer": [1, 2], "images": images, "converged": True,
                "synapses": [40 * a for a in accumulations],
                "learning_accumulations": [100 * a for a in accumulations],
                "learning_accumulations_below": [0, 50 * accumulations[0]],
                "updates": [7, 3], "comparisons": comparisons, "inference_spikes": [20.0, 5.0],
                "inference_accumulations": accumulations, "cpu_seconds_learning": [4.0, 2.0],
                "cpu_seconds_inference": [0.5, 0.25],
            }
        )  # fmt: skip
        experiment = bp.DeepExperiment(network=bp.DeepTTFS(n_bins=8))
        return type("R", (), {"layers": layers, "experiment": experiment, "accuracy": accuracy,
                              "connectivity": 0.25})  # fmt: skip

    full, pruned = result([10, 20], [8, 4], [0, 0], 0.9), result([5, 10], [2, 1], [60, 40], 0.88)
    learning, inference = connection_pruning.scales.work_of(pruned)
    assert learning == {"accumulations": 400, "updates": 10, "events": 5 * 20 + 10 * 25,
                        "steps": 10 * (5 + 2 * 10), "images": 15}  # fmt: skip
    assert inference == {"accumulations": 3, "updates": 0, "events": 25, "steps": 20, "images": 1}
    row = connection_pruning.scales.measures_of(pruned, full)
    assert row["loss"] == pytest.approx(2)
    assert row["synapses"] == pytest.approx(25)
    assert (row["images_unpruned"], row["images"]) == (30, 15)
    assert row["learning_operations"] == pytest.approx((1600 + 10) / (400 + 10))
    assert row["inference_operations"] == 4
    core = EventDrivenCore()
    ours = core.energy(400, 10, 350, 250, 15, 100)
    assert row["learning_energy"] == pytest.approx(core.energy(1600, 10, 700, 500, 30) / ours)
    assert row["comparator"] == pytest.approx(100 * core.comparing(100) / ours)
    assert row["learning_cycles"] == pytest.approx(
        core.cycles(1600, 10, 700, 500, 30) / core.cycles(400, 10, 350, 250, 15, 100)
    )
    assert row["inference_cycles"] == pytest.approx(
        core.cycles(12, 0, 25, 20, 1) / core.cycles(3, 0, 25, 20, 1)
    )
    assert row["learning_cpu"] == row["inference_cpu"] == 1


def test_hardware_figures_by_hand():
    full = hardware.scales.FULL
    scale = full.replace(base=full.base.replace(data=bp.digits()), n_counted=2)
    kept, fewer = (dict(hardware.scales.resources_of_core(scale, which)) for which in (False, True))
    assert [m.cores for m in kept.values()] == [16, 16, 16, 16]
    assert [m.cores for m in fewer.values()] == [16, 12, 8, 4]
    assert [m.network.n_exc for m in fewer.values()] == [800, 600, 400, 200]
    fake = {
        experiment: type("R", (), {"accuracy": 0.9 if experiment.pruning is None else 0.81,
                                   "n_pruned": 0 if experiment.pruning is None else 350})
        for experiment in hardware.scales.accuracy_runs(scale, [800])
    }  # fmt: skip
    row = hardware.scales.with_accuracy(fake, scale, 800).set_index("pruned").loc[400].iloc[0]
    assert row["memory_gain"] == pytest.approx(800 / 450)  # what was really pruned
    assert row["energy_gain"] == pytest.approx(800 / 450, rel=0.05)
    assert row["merit"] == pytest.approx(0.9 * row["memory_gain"] * row["energy_gain"])


def test_chosen_settings_of_the_learning_rules_are_the_best_on_validation_images():
    from brianprune.figures.baseline.learning_rules import RULES

    folder = Path(__file__).parents[1] / "figures" / "baseline"
    table = pd.read_csv(folder / "learning_rules.csv")
    trials = table[table["images"] == "validation"]
    for name, rule in RULES.items():
        own = trials[trials["rule"] == name]
        assert len(own) == (rule.trials if rule.axes else 0)
        if rule.axes:
            best = own.loc[own["accuracy"].idxmax()]
            for field, _ in rule.axes:
                field = field.removeprefix("network__")
                assert float(getattr(rule.chosen, field)) == pytest.approx(best[field])
