"""A trained network in Verilog that takes images from an AXI4-Stream and answers with their classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import analysis
from ..arithmetic import FixedPoint
from .datapath import Datapath, join_bits, write_hex
from .poisson import words_of
from .simulation import STREAM, verilog

__all__ = ["StreamClassifier"]


class StreamClassifier:
    """The Verilog of a trained network behind AXI4-Streams: images in, classes out.

    Parameters
    ----------
    result : Result
        See `Datapath`; its neurons are labelled.
    arithmetic, banks, cores, lanes
        See `Datapath`.

    Notes
    -----
    An image is a packet of ``2 + words`` words of ``lanes`` bytes: the seeds of its spikes, low half first, then
    its pixels. The answer is the class that `brianprune.analysis.predict` gives for the twin's counts, or a flag that
    no labelled neuron spiked.
    """

    def __init__(
        self,
        result: Any,
        arithmetic: FixedPoint | None = None,
        banks: int = 16,
        cores: int | None = None,
        lanes: int = 16,
    ) -> None:
        self.datapath = Datapath(result, arithmetic, banks, cores, lanes)
        labels = np.asarray(result.labels)
        if labels.shape != np.shape(result.alive):
            raise ValueError(
                f"result.labels of shape {labels.shape}: must be one for each neuron,"
                f" {np.shape(result.alive)}"
            )
        self.labels = labels[self.datapath.alive]
        if not (self.labels >= 0).any():
            raise ValueError("result.labels: no living neuron has a class; train on more images")

    def packets(self, images: ArrayLike, first: int = 0) -> list[list[int]]:
        """Return the words of each image's packet: a list of lists of int.

        Parameters
        ----------
        images : array of uint8, shape (images, inputs)
        first : int
            Number of the first image, for the generator's seeds.
        """
        lanes, packets = self.datapath.lanes, []
        for k, image in enumerate(self.datapath.check_images(images)):
            seeds = join_bits(self.datapath.seeds(first + k), 16)
            words = [seeds % 2 ** (8 * lanes), seeds >> 8 * lanes]
            words += [join_bits(pixels, 8) for pixels in words_of(image, lanes)]
            packets.append(words)
        return packets

    def classes(self, images: ArrayLike, first: int = 0, backend: str = "numpy") -> NDArray[Any]:
        """Return the twin's answers: a class or -1 for each image, shape (images,)."""
        fired = self.datapath.trace(images, first, states=False, backend=backend)["fired"]
        counts = [np.bincount(own[own >= 0], minlength=self.datapath.n) for own in fired]
        return analysis.predict(np.array(counts), self.labels)

    def export(self, folder: str | Path) -> None:
        """Write the Verilog sources, ``design.vh``, and what is loaded: a folder, made if need be.

        ``weights.hex``, ``theta.hex`` as `Datapath.export` writes them; ``labels.hex``: class of each neuron, the
        highest bit for none; ``members.hex``: number of neurons of each class.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in STREAM.files:
            (folder / name).write_text(verilog(name))
        (folder / "design.vh").write_text(self.defines())
        self.datapath.write_network(folder)
        labels, members = self.class_words()
        write_hex(folder / "labels.hex", labels, 32)
        write_hex(folder / "members.hex", members, 32)

    @property
    def n_classes(self) -> int:
        """Number of classes, up to the highest that a neuron has."""
        return int(self.labels.max()) + 1

    def defines(self) -> str:
        """Return the constants of the Verilog, as the text of ``design.vh``."""
        return self.datapath.defines(1) + f"`define CLASSES {self.n_classes}\n"

    def class_words(self) -> tuple[list[int], list[int]]:
        """Return the class of each neuron, the highest bit for none, and the number of neurons of each class."""
        none = 2 ** max(1, (self.n_classes - 1).bit_length())
        members = np.bincount(self.labels[self.labels >= 0], minlength=self.n_classes)
        return np.where(self.labels < 0, none, self.labels).tolist(), members.tolist()
