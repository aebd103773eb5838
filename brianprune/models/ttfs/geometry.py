"""The geometry of a convolutional layer: shapes, unrolled synapses, first spikes."""

from typing import NamedTuple

import numpy as np
from brian2 import ms, second

from ...stepspikes import StepSpikes

__all__ = ["STEP", "FirstSpikes", "LayerShape", "MapShape", "unroll", "windows"]

#: Duration of a time step: only the order of steps has a meaning.
STEP = 1 * ms


class MapShape(NamedTuple):
    """Rows, columns and channels of a layer's input or output."""

    rows: int
    columns: int
    channels: int

    @property
    def size(self):
        """Number of neurons; the index of a neuron is (row*columns + column)*channels + channel."""
        return self.rows * self.columns * self.channels


class LayerShape:
    """The shapes of a convolutional layer on a given input.

    Parameters
    ----------
    layer : Convolution
    inputs : MapShape
    n_bins : int
        Time steps in which the input spikes.

    Attributes
    ----------
    padded, conv, pooled : MapShape
        Of the input with the silent pixels around it, of the neurons and of the pooling units.
    kernels : tuple
        (input channels, rows, columns, maps), the shape of the weights.

    Raises
    ------
    ValueError
        If the kernel is larger than its input.
    """

    def __init__(self, layer, inputs, n_bins):
        self.layer, self.inputs, self.n_bins = layer, inputs, n_bins
        self.padded = MapShape(
            inputs.rows + 2 * layer.padding, inputs.columns + 2 * layer.padding, inputs.channels
        )
        rows, columns = (n - layer.kernel + 1 for n in (self.padded.rows, self.padded.columns))
        if rows < 1 or columns < 1:
            raise ValueError(
                f"Convolution.kernel = {layer.kernel}: larger than its input of {inputs.rows} x"
                f" {inputs.columns} pixels (padding {layer.padding}); use a smaller kernel, more"
                " padding, less pooling before it, or larger images"
            )
        self.conv = MapShape(rows, columns, layer.n_maps)
        # a last, partial window is pooled too
        pooled = (max(0, -(-(n - layer.pool) // layer.pool_stride)) + 1 for n in (rows, columns))
        self.pooled = MapShape(*pooled, layer.n_maps)
        self.kernels = (inputs.channels, layer.kernel, layer.kernel, layer.n_maps)

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, LayerShape) and self._key() == other._key()

    def _key(self):
        # what the generated code depends on: thresholds, radii and rates are values
        return (self.layer.structure(), self.inputs, self.n_bins)

    @property
    def in_padded(self):
        """Numbers of the input's neurons among those of the padded input, ascending."""
        rows, columns, channels = map(np.arange, self.inputs)
        padding, padded = self.layer.padding, self.padded
        places = (rows[:, np.newaxis] + padding) * padded.columns + columns + padding
        return (places[..., np.newaxis] * padded.channels + channels).ravel()

    @property
    def n_weights(self):
        """Shared weights of the layer."""
        return int(np.prod(self.kernels))

    @property
    def steps_per_image(self):
        """A spike of the last bin reaches the layer one step later, pooling two."""
        return self.n_bins + 2


def unroll(shape, mask):
    """List the synapses of all existing kernel entries at all positions.

    Parameters
    ----------
    shape : LayerShape
    mask : array of bool, shape `LayerShape.kernels`
        Existing entries.

    Returns
    -------
    dict
        Arrays of int32 ``i`` (input neuron, ascending), ``j`` (neuron) and ``k`` (kernel entry).
    """
    inputs, conv, padding = shape.inputs, shape.conv, shape.layer.padding
    channel, row, column, of_map = np.nonzero(mask)
    entry = np.flatnonzero(mask)
    to_column = np.arange(inputs.columns)[:, np.newaxis] + padding - column
    column_exists = (to_column >= 0) & (to_column < conv.columns)
    parts = []
    for y in range(inputs.rows):
        to_row = y + padding - row
        reached = np.flatnonzero((to_row >= 0) & (to_row < conv.rows))
        # sorted by column, then by entry, which is sorted by channel
        x, e = np.nonzero(column_exists[:, reached])
        e = reached[e]
        pre = (y * inputs.columns + x) * inputs.channels + channel[e]
        post = (to_row[e] * conv.columns + to_column[x, e]) * conv.channels + of_map[e]
        parts.append(np.stack([pre, post, entry[e]]).astype(np.int32))
    i, j, k = np.concatenate(parts, axis=1)
    return {"i": i, "j": j, "k": k}


def windows(shape):
    """List the synapses from neurons to the pooling units whose windows hold them."""
    conv, pooled, layer = shape.conv, shape.pooled, shape.layer

    def along(n, n_windows):
        position, window = np.arange(n), np.arange(n_windows)
        first = window * layer.pool_stride
        return np.nonzero((position[:, None] >= first) & (position[:, None] < first + layer.pool))

    y, window_y = along(conv.rows, pooled.rows)
    x, window_x = along(conv.columns, pooled.columns)
    pre = (y[:, None] * conv.columns + x)[..., None] * conv.channels + np.arange(conv.channels)
    post = (window_y[:, None] * pooled.columns + window_x)[..., None] * conv.channels
    post = post + np.arange(conv.channels)
    order = np.argsort(pre.ravel(), kind="stable")
    return pre.ravel()[order], post.ravel()[order]


class FirstSpikes:
    """The first spikes of a layer for many images: sparse, sorted by image and step.

    Parameters
    ----------
    shape : MapShape
    image, neuron, step : arrays of int
        One entry a spike, in any order.
    n_images : int
    """

    def __init__(self, shape, image, neuron, step, n_images):
        self.shape = shape
        order = np.lexsort((neuron, step, image))
        image, step = image[order], step[order].astype(np.int32)
        self.neuron = neuron[order].astype(np.int32)
        begins = (np.diff(image, prepend=-1) != 0) | (np.diff(step, prepend=-1) != 0)
        first = np.flatnonzero(begins)  # of the spikes of one image and step
        self._step, self._size = step[first], np.diff(first, append=len(step)).astype(np.int64)
        numbers = np.arange(n_images + 1)
        self._first = np.searchsorted(image, numbers)
        self._first_step = np.searchsorted(image[first], numbers)

    def __len__(self):
        return len(self._first) - 1

    def in_steps(self, images, steps_per_image):
        """Return the spikes of some images shown one after the other as `StepSpikes`."""
        spikes = [slice(self._first[k], self._first[k + 1]) for k in images]
        steps = [slice(self._first_step[k], self._first_step[k + 1]) for k in images]
        shown = np.arange(len(steps), dtype=np.int32) * np.int32(steps_per_image)
        shown = np.repeat(shown, [part.stop - part.start for part in steps])
        return StepSpikes(
            None,
            np.concatenate([self.neuron[part] for part in spikes]),
            np.concatenate([self._step[part] for part in steps]) + shown,
            np.concatenate([self._size[part] for part in steps]),
        )

    def of(self, images, steps_per_image):
        """Return the spikes of some images as a generator of Brian2 takes them.

        Returns
        -------
        neurons : array
        times : array
            In seconds, sorted.
        """
        neurons, steps = self.in_steps(images, steps_per_image)
        return neurons, steps * float(STEP / second)

    def sums(self, values):
        """Add up a value of the spiking neurons for each image, shape (images,)."""
        total = np.concatenate([[0], np.cumsum(values[self.neuron])])
        return total[self._first[1:]] - total[self._first[:-1]]
