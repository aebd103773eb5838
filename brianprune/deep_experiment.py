"""DeepExperiment: the deep time-to-first-spike network, learned and pruned layer by layer."""

from __future__ import annotations

from typing import Any

from .backends.registry import EVENTS
from .datasets import Dataset, EventFolders, RecordedSpikes, digits
from .models import DIGITS_LAYERS, DeepTTFS, FixedPointTTFS
from .models.ttfs import LayerShape, MapShape
from .parameters import OURS, Parameter
from .pruning import ConnectionPruning
from .results import DeepResult
from .runs import Simulation
from .runs.layerwise import LayerwiseRun

__all__ = ["DeepExperiment"]


class DeepExperiment(Simulation):
    """A deep time-to-first-spike network, connection pruning, images and a seed.

    Immutable; ``replace()`` makes the next one. The default is small and needs no download;
    ``bp.DeepExperiment(network=bp.DeepTTFS(), data=bp.caltech101())`` is the base network's size.

    Examples
    --------
    >>> import brianprune as bp
    >>> experiment = bp.DeepExperiment(pruning=bp.ConnectionPruning(theta=0.2))
    >>> experiment.replace(network__layers__1__threshold=9.0, seed=1).network.layers[1].threshold
    9.0
    """

    result_class = DeepResult
    needs = frozenset({EVENTS})

    network = Parameter(
        DeepTTFS(layers=DIGITS_LAYERS, off_centre=True, readout_window=2),
        "the spiking network",
        kind=DeepTTFS,
    )
    pruning = Parameter(
        None, "connection pruning; None: no pruning", kind=(ConnectionPruning, type(None))
    )
    arithmetic = Parameter(
        None,
        "fixed point of the hardware; None: double precision",
        kind=(FixedPointTTFS, type(None)),
    )
    data = Parameter(digits(), "the images", kind=Dataset)
    seed = Parameter(0, "of the initial weights and the order of the images", OURS, minimum=0)
    evaluate_on = Parameter(
        "test", "the images of the accuracy", OURS, choices=("test", "validation")
    )

    def validate(self) -> None:
        if isinstance(self.data, RecordedSpikes | EventFolders):
            raise TypeError(
                "DeepExperiment.data: recorded spikes have no contrast, which decides who spikes first; use images"
            )
        if self.pruning is not None:
            self.pruning.validate_for(len(self.network.layers))
        if self.arithmetic is not None:
            self.arithmetic.check_learning(self.network, self.pruning)
        if self.evaluate_on == "validation" and self.data.n_validation == 0:
            raise ValueError(
                "DeepExperiment.evaluate_on = 'validation': the data has none; set"
                " data__n_validation"
            )

    def _prepare(self, backend, segment, store):
        return LayerwiseRun(self, backend, segment, store)

    def shapes(self, image_shape: tuple[int, int]) -> list[Any]:
        """Return the `LayerShape` of each layer for images of shape (rows, columns).

        Raises
        ------
        ValueError
            If a kernel is larger than its input, or a potential too large for the arithmetic.
        """
        inputs = MapShape(*image_shape, 1 + self.network.off_centre)
        found = []
        for layer in self.network.layers:
            found.append(LayerShape(layer, inputs, self.network.n_bins))
            if self.arithmetic is not None:
                self.arithmetic.check(found[-1].kernels, layer.threshold)
            inputs = found[-1].pooled
        return found
