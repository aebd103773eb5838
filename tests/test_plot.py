import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from brian2 import ms
from conftest import TINY_LAYERS

import brianprune as bp
from brianprune import plot


@pytest.fixture(scope="module")
def result(tiny):
    return tiny.run(backend="numpy")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_history_draws_the_table(result):
    ax = bp.plot.history(result)
    (line,) = ax.get_lines()
    np.testing.assert_array_equal(line.get_ydata(), result.history["spikes_per_image"])
    assert ax.get_xlabel() == "training images"
    assert f"{result.accuracy:.1%}" in ax.get_title()


def test_receptive_fields_leave_dead_neurons_blank(result):
    sheet = bp.plot.receptive_fields(result).get_images()[0].get_array()
    tiles = [
        sheet[row : row + 28, column : column + 28] for row in (0, 29) for column in (0, 29, 58)
    ]
    for neuron, tile in enumerate(tiles):
        if result.alive[neuron]:
            np.testing.assert_array_equal(tile, result.weights[:, neuron].reshape(28, 28))
        else:
            assert np.isnan(np.asarray(tile.filled(np.nan))).all()


def test_confusion_rows_are_fractions_of_a_class(result):
    ax = bp.plot.confusion(result)
    values = np.asarray(ax.collections[0].get_array()).reshape(10, 11)
    shown = np.isin(np.arange(10), result.test_labels)
    np.testing.assert_allclose(values[shown].sum(axis=1), 1)


def test_compare_draws_each_accuracy(result, tiny):
    other = tiny.replace(pruning=None).run(backend="numpy")
    ax = bp.plot.compare({"pruned": result, "unpruned": other})
    heights = [patch.get_height() for patch in ax.patches]
    assert heights == [result.accuracy, other.accuracy]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["pruned", "unpruned"]


def test_histogram_and_updates(result):
    ax = bp.plot.count_histogram(np.array([1, 1, 5]), bins=4)
    assert sum(patch.get_height() for patch in ax.patches) == 3
    ax = bp.plot.weight_updates(result.history)
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), result.history["update_mean"])


def test_axes_that_are_given_are_used(result):
    _, ax = plt.subplots()
    assert bp.plot.history(result, ax=ax) is ax


def test_live_view_draws_each_new_row_once(tiny):
    shown = []
    view = bp.plot.LiveView(show=lambda figure: shown.append(len(figure.axes)))
    result = tiny.run(backend="numpy", segment=2, report=view)
    assert shown == [3] * len(result.history)
    accuracy, alive, threshold = (ax.get_lines()[0].get_ydata() for ax in view.axes)
    np.testing.assert_array_equal(accuracy, result.history["accuracy"])
    np.testing.assert_array_equal(alive, result.history["n_alive"])
    assert np.isnan(threshold[0])
    assert threshold[-1] == result.events["threshold"].iloc[-1]


def test_kernels_and_convergence_of_a_deep_network():
    network = bp.DeepTTFS(layers=TINY_LAYERS, n_bins=5, check_interval=4)
    experiment = bp.DeepExperiment(network=network, data=bp.digits(n_train=10, n_test=4))
    result = experiment.run("numpy")
    sheet = bp.plot.kernels(result, "conv2").get_images()[0].get_array()
    expected = result.weights["conv2"].sum(axis=0)
    np.testing.assert_array_equal(sheet[:3, :3], expected[..., 0])
    np.testing.assert_array_equal(sheet[:3, 4:7], expected[..., 1])
    with pytest.raises(ValueError, match="choose one of conv1, conv2"):
        bp.plot.kernels(result, "conv3")
    lines = bp.plot.convergence(result).get_lines()
    first = result.history[result.history["layer"] == 1]
    np.testing.assert_array_equal(lines[0].get_ydata(), first["convergence"])
    assert len(lines) == 3


def test_sweep_draws_means_and_intervals_over_seeds():
    from scipy import stats

    table = pd.DataFrame(
        {
            "pruning__alpha": [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.2],
            "network__n_exc": [20, 20, 20, 20, 20, 20, 40, 40],
            "seed": [0, 1, 2, 0, 1, 2, 0, 0],
            "accuracy": [0.5, 0.6, 0.7, 0.4, 0.5, 0.9, 0.8, 0.7],
        }
    )
    ax = plot.sweep(table, x="pruning__alpha", hue="network__n_exc")
    first, second = ax.containers
    np.testing.assert_allclose(first[0].get_xydata(), [[0.1, 0.6], [0.2, 0.6]])
    np.testing.assert_allclose(second[0].get_xydata(), [[0.1, 0.8], [0.2, 0.7]])
    bars = [np.ptp(path.vertices[:, 1]) / 2 for path in first[2][0].get_paths()]
    widths = [stats.t.ppf(0.975, 2) * np.std(v, ddof=1) / np.sqrt(3)
              for v in ([0.5, 0.6, 0.7], [0.4, 0.5, 0.9])]  # fmt: skip
    np.testing.assert_allclose(bars, widths)
    assert [np.ptp(path.vertices[:, 1]) for path in second[2][0].get_paths()] == [0, 0]
    assert "n = 1 to 3" in ax.get_title()
    with pytest.raises(ValueError, match="no column 'alpha'; there are pruning__alpha"):
        plot.sweep(table, x="alpha")
    failed = table.assign(error=[None] * 7 + ["died"])
    assert len(plot.sweep(failed, x="seed").containers[0][0].get_xydata()) == 3


def test_compare_writes_its_numbers_above_the_bars(tiny):
    result = tiny.run("numpy")
    ax = plot.compare({"one": result, "other": result})
    assert "95 % interval" in ax.get_ylabel()
    for text in ax.texts:
        assert text.xy[1] >= result.accuracy
        assert ax.get_ylim()[1] > 1


@pytest.mark.slow
def test_a_sweep_over_rules_and_over_times_is_drawn_whole(tiny):
    how = {
        "backend": "numpy",
        "pruning": [None, tiny.pruning, bp.PruneWhere("w < 0.1", start=8, interval=4)],
        "network__tau_m": [80 * ms, 120 * ms],
    }
    table = bp.sweep(tiny, **how)
    assert table.attrs["units"] == {"network__tau_m": "s"}
    assert table["pruning"][:2].isna().all()
    assert list(table["pruning"])[2::2] == list(map(repr, how["pruning"][1:]))
    ax = plot.sweep(table, x="network__tau_m", hue="pruning")
    assert len(ax.containers) == 3
    assert ax.get_legend().get_texts()[0].get_text() == "None"
    np.testing.assert_allclose(ax.containers[0][0].get_xydata()[:, 0], [0.08, 0.12])
    assert ax.get_xlabel() == "network tau_m in s"
    ax = plot.sweep(table, x="pruning")
    assert len(ax.containers[0][0].get_xdata()) == 3
    among = table.assign(k=[None, None, 1.5, 1.5, 2.0, 2.0])
    (line,) = plot.sweep(among, x="k").containers
    assert list(line[0].get_xdata()) == ["None", "1.5", "2.0"]
    assert table.groupby("network__tau_m")["accuracy"].count().tolist() == [3, 3]


def test_living_neurons_change_at_the_event_whatever_the_rows(tiny):
    result = tiny.replace(record_every=20).run("numpy")  # one row, after all events
    (living,) = bp.plot.history(result).figure.axes[-1].get_lines()
    found = dict(zip(*map(list, living.get_data()), strict=True))
    for event in result.events.itertuples():
        assert found[event.image] == event.n_alive
    assert result.events["n_alive"].iloc[0] < found[0] == len(result.alive)
    assert living.get_drawstyle() == "steps-post"
