"""Exchange with other tools: NeuroBench's metrics, NIR graphs, xarray data sets.

Each needs its own package, which an error names: ``pip install 'brianprune[exchange]'``.
"""

import importlib
import itertools

import numpy as np

from .arithmetic import FixedPoint
from .encoding import presentations
from .experiment import Experiment
from .streams import EVALUATION

__all__ = ["neurobench_metrics", "to_nir", "to_xarray"]

#: A potential after a spike from which none is reached in an image: a neuron spikes once.
_SILENT = -1e6


def _needs(name, what):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise RuntimeError(
            f"{what} needs the package {name}: pip install 'brianprune[exchange]'"
        ) from None


def neurobench_metrics(result):
    """Return what NeuroBench measures, under its names, of inference on the evaluation images.

    The network is what would be deployed: inputs to living neurons, pruned synapses as zeros of a dense
    matrix. Inhibition is a rule of the circuit, without weights, and is not counted.

    Parameters
    ----------
    result : Result

    Returns
    -------
    dict
        ``footprint`` (bytes of weights and thresholds), ``connection_sparsity`` (zero weights, of all),
        ``activation_sparsity`` (time steps in which a neuron is silent, of all), ``Effective_MACs`` and
        ``Effective_ACs`` (additions of a weight that is not zero, an image), ``Dense`` (additions without
        any sparsity, an image), ``classification_accuracy``.

    References
    ----------
    J. Yik et al. (2025), Nature Communications 16:1545, doi 10.1038/s41467-025-56739-4
    """
    e, alive, n_images = result.experiment, result.alive, max(1, len(result.test_labels))
    if e.network.sources:
        raise NotImplementedError(
            f"neurobench_metrics: {type(e.network).__name__} has more than one layer of synapses"
        )
    weights = result.weights[:, alive]
    steps = e.network.steps_per_image
    spikes = int(result.test_counts.sum())
    images = e.data.load_mixed()
    shown = images.test if e.evaluate_on == "test" else images.validation
    pixels, _ = presentations(e.network, shown, e.seed, EVALUATION, 0, len(shown))
    input_spikes = np.bincount(pixels, minlength=len(weights))
    bits_w = bits_theta = 8 * weights.dtype.itemsize
    if isinstance(e.arithmetic, FixedPoint):
        bits_w, bits_theta = (e.arithmetic.formats[name].bits for name in ("w", "theta"))
    return {
        "footprint": -(-(weights.size * bits_w + int(alive.sum()) * bits_theta) // 8),
        "connection_sparsity": round(float(np.mean(weights == 0)), 4),
        "activation_sparsity": 1 - spikes / (n_images * steps * int(alive.sum())),
        "Effective_MACs": 0.0,
        "Effective_ACs": float(input_spikes @ np.count_nonzero(weights, axis=1)) / n_images,
        "Dense": float(weights.size * steps),
        "classification_accuracy": result.accuracy,
    }


def to_nir(result):
    """Return a trained deep network as a graph of the Neuromorphic Intermediate Representation.

    For each layer a convolution and integrate-and-fire neurons that spike once (a reset that is out of
    reach), for each pooling a convolution with ones, each map on its own, and neurons with threshold 1. Input are the first spikes
    of on- (and off-) centre cells, channels first; a step of the input is a time of 1.

    NIR has no competition of the maps of a location: there every map spikes that reaches its threshold,
    here the first alone. Which is first, and when, is the same. The last layer has a threshold
    that no potential reaches: its potential is read.

    Parameters
    ----------
    result : DeepResult

    Returns
    -------
    nir.NIRGraph
        ``nir.write(path, graph)`` writes it.

    References
    ----------
    J. E. Pedersen et al. (2024), Nature Communications 15:8122, doi 10.1038/s41467-024-52259-9
    """
    nir = _needs("nir", "to_nir")
    experiment = result.experiment
    rows, columns = experiment.data.load().shape
    shapes = experiment.shapes((rows, columns))
    nodes = {"input": nir.Input(np.array([1 + experiment.network.off_centre, rows, columns]))}

    def neurons(name, shape, threshold):
        size = shape.channels, shape.rows, shape.columns
        # NIR: above the threshold; here: at or above it
        at = np.nextafter(np.float32(threshold), np.float32(-np.inf))
        nodes[name] = nir.IF(
            r=np.ones(size, np.float32),
            v_threshold=np.full(size, at, np.float32),
            v_reset=np.full(size, _SILENT, np.float32),
        )

    for k, shape in enumerate(shapes):
        name, layer = f"conv{k + 1}", shape.layer
        kernels = (result.weights[name] * result.mask[name]).transpose(3, 0, 1, 2)
        nodes[name] = nir.Conv2d(
            input_shape=(shape.inputs.rows, shape.inputs.columns),
            weight=kernels.astype(np.float32),
            stride=1,
            padding=layer.padding,
            dilation=1,
            groups=1,
            bias=np.zeros(layer.n_maps, np.float32),
        )
        last = k == len(shapes) - 1
        neurons(f"if{k + 1}", shape.conv, 1e30 if last else layer.threshold)
        if not last:
            nodes[f"pool{k + 1}"] = _windows(nir, shape)
            neurons(f"pooled{k + 1}", shape.pooled, 1.0)
    end = shapes[-1].conv
    nodes["output"] = nir.Output(np.array([end.channels, end.rows, end.columns]))
    names = list(nodes)
    return nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(names)))


def _windows(nir, shape):
    """Sum the spikes of each map's pooling windows; partial windows at the end are windows, too."""
    layer, conv, pooled = shape.layer, shape.conv, shape.pooled
    beyond = [
        (n - 1) * layer.pool_stride + layer.pool - m
        for n, m in ((pooled.rows, conv.rows), (pooled.columns, conv.columns))
    ]
    # padding is on both sides: where it is not wanted, the kernel is 0
    size = beyond[0] + layer.pool, beyond[1] + layer.pool
    kernel = np.zeros((conv.channels, conv.channels, *size))
    kernel[range(conv.channels), range(conv.channels), beyond[0] :, beyond[1] :] = 1
    return nir.Conv2d(
        input_shape=(conv.rows, conv.columns),
        weight=kernel.astype(np.float32),
        stride=layer.pool_stride,
        padding=tuple(beyond),
        dilation=1,
        groups=1,
        bias=np.zeros(conv.channels, np.float32),
    )


def to_xarray(result):
    """Return a result as an xarray data set with names, units and where it comes from.

    ``to_netcdf(path, engine="h5netcdf")`` writes a file that every HDF5 and netCDF reader opens.

    Parameters
    ----------
    result : Result

    Returns
    -------
    xarray.Dataset
        Weights (row, column, neuron), masks, thresholds, spike counts of labelling and evaluation images,
        spikes while training, the history, pruning events.
    """
    xarray = _needs("xarray", "to_xarray")
    if not isinstance(result.experiment, Experiment):
        raise TypeError(
            f"to_xarray: {type(result).__name__} has no neurons by name; use its arrays"
        )
    fixed = isinstance(result.experiment.arithmetic, FixedPoint)
    rows, columns = result.image_shape
    sources = ("row", "column") if len(result.weights) == rows * columns else ("source",)
    sizes = (rows, columns) if len(sources) == 2 else (len(result.weights),)

    def synapses(values):
        return (*sources, "neuron"), values.reshape(*sizes, -1)

    theta = result.experiment.network.theta_unit
    arrays = {
        "weights": (*synapses(result.weights), {"long_name": "weight", "units": "1"}),
        "mask": (*synapses(result.mask), {"long_name": "whether the synapse exists"}),
        "alive": ("neuron", result.alive, {"long_name": "whether the neuron lives"}),
        "theta": ("neuron", result.theta, {"long_name": "adaptive threshold", "units": theta}),
        "label": ("neuron", result.labels, {"long_name": "class that it votes for, -1: none"}),
        "label_counts": (
            ("label_image", "neuron"),
            result.label_counts,
            {"long_name": "spikes for labelling images", "units": "1"},
        ),
        "label_class": ("label_image", result.label_labels, {"long_name": "class of the image"}),
        "test_counts": (
            ("test_image", "neuron"),
            result.test_counts,
            {"long_name": "spikes for evaluation images", "units": "1"},
        ),
        "test_class": ("test_image", result.test_labels, {"long_name": "class of the image"}),
        "predicted": ("test_image", result.predicted, {"long_name": "predicted class, -1: none"}),
        "event_threshold": (
            ("event", "neuron"),
            result.thresholds,
            {"long_name": "threshold of the rule at each event"},
        ),
    }
    for prefix, table, dimension in (
        ("spike", result.spikes, "spike"),
        ("history", result.history, "history"),
        ("event", result.events, "event"),
    ):
        for name in table:
            arrays.setdefault(f"{prefix}_{name}", (dimension, table[name].to_numpy()))
    arrays["event_threshold_mean"] = ("event", result.events["threshold"].to_numpy())
    for name, unit in (("history_theta_mean", theta), ("history_spikes_per_image", "1")):
        arrays[name] = (*arrays[name][:2], {"units": unit})
    attributes = {
        "experiment": repr(result.experiment),
        "accuracy": result.accuracy,
        "arithmetic": "fixed point" if fixed else "floating point",
        **{f"provenance_{name}": str(value) for name, value in result.provenance.items()},
    }
    return xarray.Dataset(arrays, attrs=attributes)
