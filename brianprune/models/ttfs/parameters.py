"""The deep convolutional time-to-first-spike network of Kheradpisheh et al. (2018).

Latency-coded images drive layers of non-leaky integrate-and-fire neurons with shared kernels.
Each neuron spikes at most once an image; a location that spikes silences its other maps. Layers
learn one after the other: the first neuron of a map to fire does STDP for the whole map and keeps
its neighbourhood from winning in other maps. It is the base network of Nguyen et al. (2021), as far as
their abstract tells (doi 10.1145/3477145.3477157).

Sources: Kheradpisheh et al. 2018, Neural Networks 99:56 (doi 10.1016/j.neunet.2017.12.005),
"code" in the table, as quoted in public code; "ours" elsewhere.
"""

from __future__ import annotations

from typing import Any

from ...parameters import CODE, OURS, Parameter, Parameters

__all__ = ["CALTECH_LAYERS", "DIGITS_LAYERS", "MNIST_LAYERS", "Convolution", "DeepTTFS"]


class Convolution(Parameters):
    """One convolutional layer and the pooling that follows it.

    Examples
    --------
    >>> Convolution(n_maps=4, kernel=5, threshold=10.).pool
    1
    """

    n_maps = Parameter(4, "maps, each with one shared kernel", CODE, minimum=1, structural=True)
    kernel = Parameter(5, "width and height of a kernel", CODE, minimum=1, structural=True)
    threshold = Parameter(10.0, "potential at which a neuron fires", CODE, above=0.0)
    padding = Parameter(0, "silent pixels around the input", OURS, minimum=0, structural=True)
    inhibition_radius = Parameter(
        2,
        "a winner keeps neurons of other maps within this distance from winning",
        OURS,
        minimum=0,
        maximum=10_000,
    )
    tolerance = Parameter(
        1,
        "steps by which an input may be later than the winner and be potentiated",
        OURS,
        minimum=0,
        maximum=10_000,
    )
    pool = Parameter(
        1, "width and height of a pooling window; 1: no pooling", CODE, minimum=1, structural=True
    )
    pool_stride = Parameter(1, "distance of pooling windows", CODE, minimum=1, structural=True)
    max_images = Parameter(10_000, "presentations after which learning ends", OURS, minimum=1)

    def validate(self) -> None:
        if self.pool_stride > self.pool:
            raise ValueError(
                f"Convolution.pool_stride = {self.pool_stride}: above pool = {self.pool}, windows would"
                " leave neurons out"
            )


#: Faces and motorbikes, height 160. Maps, kernels, pooling and thresholds are Kheradpisheh et
#: al.'s, but for conv3, which has 10 maps there; padding and inhibition are ours.
CALTECH_LAYERS = (
    Convolution(
        n_maps=4,
        kernel=5,
        threshold=10.0,
        padding=2,
        inhibition_radius=2,
        tolerance=0,
        pool=7,
        pool_stride=6,
        max_images=6_000,
    ),
    Convolution(
        n_maps=20,
        kernel=16,
        threshold=60.0,
        inhibition_radius=8,
        pool=2,
        pool_stride=2,
        max_images=12_000,
    ),
    Convolution(n_maps=30, kernel=5, threshold=2.0, inhibition_radius=1, max_images=6_000),
)
#: Kheradpisheh et al.'s MNIST network, on- and off-centre input.
MNIST_LAYERS = (
    Convolution(
        n_maps=30,
        kernel=5,
        threshold=15.0,
        padding=2,
        pool=2,
        pool_stride=2,
        tolerance=0,
        max_images=6_000,
    ),
    Convolution(n_maps=100, kernel=5, threshold=10.0, inhibition_radius=1, max_images=20_000),
)
#: A small network for the embedded digits; ours.
DIGITS_LAYERS = (
    Convolution(
        n_maps=8,
        kernel=5,
        threshold=8.0,
        padding=2,
        pool=2,
        pool_stride=2,
        tolerance=0,
        max_images=1_000,
    ),
    Convolution(n_maps=20, kernel=5, threshold=8.0, inhibition_radius=1, max_images=2_000),
)


class DeepTTFS(Parameters):
    """Parameters of the deep time-to-first-spike network.

    Examples
    --------
    >>> DeepTTFS().replace(layers__1__threshold=100.0).layers[1].threshold
    100.0
    """

    layers = Parameter(CALTECH_LAYERS, "the convolutional layers, first to last", kind=tuple)
    # input
    n_bins = Parameter(30, "time steps in which the input spikes", CODE, minimum=1, maximum=10_000)
    dog_size = Parameter(7, "width of the difference-of-Gaussians filter", CODE, minimum=3)
    sigma_centre = Parameter(1.0, "of the filter, in pixels", CODE, above=0.0)
    sigma_surround = Parameter(2.0, "of the filter, in pixels", CODE, above=0.0)
    contrast = Parameter(15.0, "contrast above which a pixel spikes", CODE, minimum=0.0)
    off_centre = Parameter(False, "off-centre cells beside the on-centre ones", CODE)
    # learning
    w_mean = Parameter(0.8, "mean of the initial weights", CODE, above=0.0, maximum=1.0)
    w_std = Parameter(0.05, "standard deviation of the initial weights", CODE, minimum=0.0)
    a_plus = Parameter(0.004, "rate of potentiation at first", CODE, minimum=0.0)
    a_minus_ratio = Parameter(0.75, "rate of depression over that of potentiation", CODE, minimum=0)
    a_plus_max = Parameter(
        0.032, "rate of potentiation to which it grows; a_plus: constant", OURS, minimum=0.0
    )
    growth_interval = Parameter(500, "images after which the rates double", CODE, minimum=1)
    convergence = Parameter(
        0.01, "a layer has learned when the mean of w(1-w) is below this", CODE, minimum=0.0
    )
    check_interval = Parameter(100, "images between checks of convergence", OURS, minimum=1)
    # readout
    readout_window = Parameter(
        0,
        "width of the windows in which the last layer's potential is maximised; 0: whole map",
        OURS,
        minimum=0,
    )
    svm_C = Parameter(1.0, "of the linear support vector machine", CODE, above=0.0)

    def validate(self) -> None:
        if not self.layers or not all(isinstance(layer, Convolution) for layer in self.layers):
            raise TypeError(
                f"DeepTTFS.layers = {self.layers!r}: must be a tuple of at least one Convolution"
            )
        if self.dog_size % 2 == 0:
            raise ValueError(f"DeepTTFS.dog_size = {self.dog_size}: must be odd")
        if self.sigma_surround <= self.sigma_centre:
            raise ValueError(
                f"DeepTTFS.sigma_surround = {self.sigma_surround}: must be above sigma_centre ="
                f" {self.sigma_centre}"
            )
        if self.a_plus_max < self.a_plus:
            raise ValueError(
                f"DeepTTFS.a_plus_max = {self.a_plus_max}: must be at least a_plus = {self.a_plus};"
                " set both"
            )

    @property
    def steps_per_image(self) -> int:
        """Time steps of an image: a spike of the last bin still reaches the pooling layer."""
        return self.n_bins + 2

    @property
    def size(self) -> int:
        """Shared weights for each input channel of the first layer: a measure of cost."""
        maps = [1 + self.off_centre, *(layer.n_maps for layer in self.layers)]
        return sum(maps[k] * layer.kernel**2 * layer.n_maps for k, layer in enumerate(self.layers))

    def rate(self, n_images: int) -> Any:
        """Return the rate of potentiation after `n_images` presentations of a layer."""
        doubled = self.a_plus * 2.0 ** min(n_images // self.growth_interval, 64)
        return min(doubled, self.a_plus_max)
