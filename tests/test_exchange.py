"""Other tools read what was learned here, and measure the same."""

import numpy as np
import pytest
from conftest import TINY_LAYERS

import brianprune as bp
from brianprune import exchange
from brianprune.hardware import HorowitzEnergy
from brianprune.runs.layerwise import LayerwiseRun


@pytest.fixture(scope="module")
def trained(tiny):
    rule = bp.AdaptiveWeightPruning(start=8, interval=4, theta_0=0.3, fan_in_min=3)
    return tiny.replace(pruning=rule).run("numpy")


def test_an_xarray_has_names_and_units_and_is_read_back(trained, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    made = exchange.to_xarray(trained)
    made.to_netcdf(tmp_path / "result.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "result.nc", engine="h5netcdf") as read:
        assert read.weights.dims == ("row", "column", "neuron")
        np.testing.assert_array_equal(read.weights.to_numpy().reshape(784, -1), trained.weights)
        np.testing.assert_array_equal(read.mask.sum(("row", "column")), trained.mask.sum(axis=0))
        assert read.theta.attrs["units"] == "V"
        np.testing.assert_array_equal(read.theta, trained.theta)
        assert float((read.predicted == read.test_class).mean()) == trained.accuracy
        assert read.attrs["experiment"] == repr(trained.experiment)
        np.testing.assert_array_equal(read.spike_count, trained.spikes["count"])
        np.testing.assert_array_equal(read.event_n_synapses, trained.events["n_synapses"])
        np.testing.assert_array_equal(read.event_threshold, trained.thresholds)


def test_energy_by_counted_operations(trained):
    metrics = exchange.neurobench_metrics(trained)
    energy = HorowitzEnergy().image(metrics["Effective_ACs"], metrics["Effective_MACs"])
    assert energy["arithmetic_nj"] == pytest.approx(metrics["Effective_ACs"] * 0.9e-3)
    assert energy["energy_nj"] == pytest.approx(metrics["Effective_ACs"] * (0.9 + 15) * 1e-3)
    assert HorowitzEnergy().image(0, 100)["arithmetic_nj"] == pytest.approx(0.46)


def test_neurobench_measures_the_same(trained):
    """The package's own counts, of a torch network with these weights, shown the same input spikes."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("neurobench")
    from neurobench.metrics.static import ConnectionSparsity, Footprint
    from neurobench.metrics.workload import SynapticOperations
    from neurobench.models import TorchModel

    from brianprune.encoding import presentations
    from brianprune.streams import EVALUATION

    e, alive = trained.experiment, trained.alive
    ours = exchange.neurobench_metrics(trained)
    weights = torch.tensor(trained.weights[:, alive].T)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.synapses = torch.nn.Linear(*weights.T.shape, bias=False, dtype=weights.dtype)
            self.synapses.weight.data = weights
            self.register_buffer("theta", torch.tensor(trained.theta[alive]))

        def forward(self, spikes):
            return self.synapses(spikes)

    model = TorchModel(Network())
    assert Footprint()(model) == ours["footprint"]
    assert ConnectionSparsity()(model) == pytest.approx(ours["connection_sparsity"], abs=1e-4)

    images = e.data.load().test
    pixels, steps = presentations(e.network, images, e.seed, EVALUATION, 0, len(images))
    metric, n_steps = SynapticOperations(), e.network.steps_per_image
    from neurobench.hooks.layer import LayerHook

    model.connection_hooks = [LayerHook(model.__net__().synapses)]
    counted = {}
    for step in range(n_steps):  # a step of all images is a batch
        spikes = torch.zeros(len(images), images.shape[1], dtype=weights.dtype)
        here = steps % n_steps == step
        spikes[steps[here] // n_steps, pixels[here]] = 1
        model.__net__()(spikes)
        counted = metric(model, None, (spikes,))
        for hook in model.connection_hooks:
            hook.reset()
    # the package divides by the samples it was shown: images in each step
    assert counted["Effective_ACs"] * n_steps == pytest.approx(ours["Effective_ACs"])
    assert counted["Dense"] * n_steps == pytest.approx(ours["Dense"])
    assert counted["Effective_MACs"] == ours["Effective_MACs"] == 0


@pytest.fixture(scope="module")
def deep():
    return bp.DeepExperiment(
        network=bp.DeepTTFS(
            layers=TINY_LAYERS, n_bins=5, check_interval=4, a_plus=0.05, a_plus_max=0.15,
            readout_window=2, off_centre=True,
        ),
        data=bp.digits(n_train=10, n_test=6),
        pruning=bp.ConnectionPruning(theta=0.3, interval=4),
    )  # fmt: skip


@pytest.fixture(scope="module")
def graph(deep, tmp_path_factory):
    """What another tool reads of a written graph, and the result."""
    nir = pytest.importorskip("nir")
    result = deep.run("numpy")
    path = tmp_path_factory.mktemp("nir") / "network.nir"
    nir.write(path, exchange.to_nir(result))
    return nir.read(path), result


def reference(graph, name, spikes):
    """Run nodes from `name` to the next IF on spikes (steps, channels, rows, columns): first spikes."""
    node = graph.nodes[name]
    neurons = graph.nodes[dict(graph.edges)[name]]
    kernels = node.weight
    pads = [(0, 0), *[(p, p) for p in np.broadcast_to(node.padding, 2)]]
    stride = int(np.max(node.stride))
    v = np.zeros(neurons.v_threshold.shape)
    first = np.full(v.shape, len(spikes))
    for step, image in enumerate(spikes):
        padded = np.pad(image, pads)
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernels.shape[-2:], axis=(1, 2))
        windows = windows[:, ::stride, ::stride]
        v += np.einsum("cyxhw,kchw->kyx", windows, kernels)
        fires = v > neurons.v_threshold
        first[fires & (first == len(spikes))] = step
        v[fires] = neurons.v_reset[fires]
    return first


def as_spikes(first, n_steps):
    """Turn first spikes (channels, rows, columns) into spikes of each step."""
    return np.stack([first == step for step in range(n_steps)]).astype(float)


def first_spikes_here(deep, result, n_images):
    """First spikes of the input and of the first layer's pooling units in this package."""
    from brianprune import backends
    from brianprune.runs.layerwise import _Layer

    run = LayerwiseRun(deep, backends.get("numpy"), 100, deep._store(None))
    layer = _Layer(run.shapes[0], run.backend, result.weights["conv1"], result.mask["conv1"])
    run.reporter = type("Silent", (), {"start": lambda *a: None, "update": lambda *a: None})()
    pooled, _ = run._infer(layer, run.inputs)

    def table(spikes):
        shape, tables = spikes.shape, []
        for k in range(n_images):
            neurons, times = spikes.of(np.array([k]), run.shapes[0].steps_per_image)
            steps = np.rint(np.asarray(times) / 1e-3).astype(int)
            found = np.full(shape.size, 99)
            found[neurons] = steps
            found = found.reshape(shape.rows, shape.columns, shape.channels)
            tables.append(found.transpose(2, 0, 1))
        return tables

    return table(run.inputs), table(pooled)


def test_a_nir_graph_has_the_same_first_spikes(graph, deep):
    read, result = graph
    n_steps = deep.network.n_bins
    inputs, pooled = first_spikes_here(deep, result, 6)
    some = 0
    for given, ours in zip(inputs, pooled, strict=True):
        conv = reference(read, "conv1", as_spikes(given, n_steps))
        theirs = reference(read, "pool1", as_spikes(conv, n_steps))
        theirs = np.where(theirs == n_steps, 99, theirs)
        assert theirs.shape == ours.shape
        # maps compete at a location: which is first in a window, and when
        np.testing.assert_array_equal(theirs.min(axis=0), ours.min(axis=0))
        assert (theirs <= ours).all()
        some += (ours < 99).sum()
    assert some > 20


def test_norse_reads_the_graph_and_has_the_same_first_spikes(graph, deep):
    norse = pytest.importorskip("norse.torch")
    torch = pytest.importorskip("torch")
    nir = pytest.importorskip("nir")
    read, result = graph
    n_steps = deep.network.n_bins
    part = nir.NIRGraph(
        nodes={
            "input": read.nodes["input"],
            "conv1": read.nodes["conv1"],
            "if1": read.nodes["if1"],
            "output": nir.Output(np.array(read.nodes["if1"].v_threshold.shape)),
        },
        edges=[("input", "conv1"), ("conv1", "if1"), ("if1", "output")],
    )
    network = norse.from_nir(part)
    inputs, _ = first_spikes_here(deep, result, 6)
    for given in inputs:
        state, first = None, np.full(read.nodes["if1"].v_threshold.shape, n_steps)
        for step, spikes in enumerate(as_spikes(given, n_steps)):
            out, state = network(torch.tensor(spikes[np.newaxis], dtype=torch.float32), state)
            fired = out.detach().numpy()[0] > 0
            first[fired & (first == n_steps)] = step
        expected = reference(read, "conv1", as_spikes(given, n_steps))
        np.testing.assert_array_equal(first, expected)


def test_what_is_missing_is_named(trained, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(RuntimeError, match=r"xarray: pip install 'brianprune\[exchange\]'"):
        exchange.to_xarray(trained)


def test_footprint_in_fixed_point_is_that_of_the_formats(tiny):
    experiment = tiny.replace(
        arithmetic=bp.FixedPoint(w="u0.8"), data__n_train=4, data__n_test=2, pruning=None, n_label=4
    )
    result = experiment.run("numpy")
    formats = experiment.arithmetic.formats
    expected = (784 * 6 * 8 + 6 * formats["theta"].bits) / 8
    assert exchange.neurobench_metrics(result)["footprint"] == expected
