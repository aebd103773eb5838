"""A trained network on an FPGA board: a project that one command builds, and images over its serial port."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .simulation import SERIAL, verilog
from .stream import StreamClassifier

__all__ = ["Board"]

#: First byte of a frame, see ``serial_classifier.v``.
IMAGE, WEIGHTS, THETA, LABEL, MEMBERS, ASK = range(1, 7)
#: Flags of an answer.
SILENT, LOST = 1, 128
#: Seconds after which the board has given up a frame.
GIVEN_UP = 0.2

_MAKEFILE = """\
# make: the bitstream (yosys, nextpnr-ecp5, ecppack); make load: onto the board (openFPGALoader)
NEXTPNR = nextpnr-ecp5
ECPPACK = ecppack
OPTIONS = --85k --package CABGA381 --speed 6 --router router2
SOURCES = {sources}

.DELETE_ON_ERROR:
ulx3s.bit: netlist.json ulx3s.lpf
\t$(NEXTPNR) $(OPTIONS) --json netlist.json --lpf ulx3s.lpf --textcfg ulx3s.config
\t$(ECPPACK) --compress ulx3s.config ulx3s.bit

netlist.json: $(SOURCES) design.vh
\tyosys -q -p "synth_ecp5 -top ulx3s -json netlist.json" $(SOURCES)

.PHONY: load
load: ulx3s.bit
\topenFPGALoader --board ulx3s ulx3s.bit
"""


class Board:
    """A trained network on the ULX3S, an ECP5 board: images go to its serial port, classes come back.

    The bitstream has the sizes of the network; its weights, thresholds and classes are sent to the board. Another
    network of these sizes needs no other bitstream.

    Parameters
    ----------
    classifier : StreamClassifier
        With at most 256 classes and 256 cores.

    Raises
    ------
    ValueError
        If there are more: says how many.

    Examples
    --------
    With pyserial, and the board at a port:

    >>> board = Board(StreamClassifier(result, cores=1))          # doctest: +SKIP
    >>> board.export("my_board")         # then: make -C my_board load      # doctest: +SKIP
    >>> port = serial.Serial("/dev/ttyUSB0", 1_000_000, timeout=2)    # doctest: +SKIP
    >>> board.load(port)                                           # doctest: +SKIP
    >>> board.classify(port, images)                               # doctest: +SKIP
    """

    def __init__(self, classifier: StreamClassifier) -> None:
        self.classifier = classifier
        if classifier.n_classes > 256:
            raise ValueError(
                f"{classifier.n_classes} classes: an answer has one byte for the class"
            )
        datapath = classifier.datapath
        if datapath.cores > 256:
            raise ValueError(
                f"{datapath.cores} cores: must be at most 256; give the StreamClassifier cores="
            )
        formats = datapath.arithmetic.formats
        bits = max(datapath.banks * formats["w"].bits, formats["theta"].bits, 32)
        self._data_bytes = -(-bits // 8)

    def export(self, folder: str | Path) -> None:
        """Write the project: Verilog, ``design.vh``, pins, Makefile; ``network.bin``, the bytes of `network`.

        ``make`` in the folder needs yosys, nextpnr-ecp5 and ecppack; ``make load`` openFPGALoader.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*SERIAL.files, "ulx3s.lpf"):
            (folder / name).write_text(verilog(name))
        (folder / "design.vh").write_text(self.defines())
        (folder / "Makefile").write_text(_MAKEFILE.format(sources=" ".join(SERIAL.files)))
        (folder / "network.bin").write_bytes(self.network())

    def defines(self) -> str:
        """Return the constants of the Verilog, as the text of ``design.vh``."""
        return f"{self.classifier.defines()}`define DATA_BYTES {self._data_bytes}\n"

    def network(self) -> bytes:
        """Return the bytes that load the network into the board."""
        return b"".join(self._network())

    def _network(self):
        datapath = self.classifier.datapath
        weights, thetas = datapath.network_words()
        labels, members = self.classifier.class_words()
        per_core = len(weights) // datapath.cores
        frames = [
            self._frame(WEIGHTS, word, place % per_core, place // per_core)
            for place, word in enumerate(weights)
        ]
        frames += [
            self._frame(THETA, theta, place // datapath.cores, place % datapath.cores)
            for place, theta in enumerate(thetas)
        ]
        frames += [self._frame(LABEL, label, neuron) for neuron, label in enumerate(labels)]
        return frames + [
            self._frame(MEMBERS, number, label) for label, number in enumerate(members)
        ]

    def _frame(self, kind, value, address, core=0):
        place = bytes([core]) + int(address).to_bytes(3, "little")
        return _frame(kind, place + int(value).to_bytes(self._data_bytes, "little"))

    def images(self, images: ArrayLike, first: int = 0) -> list[bytes]:
        """Return the bytes of each image: a list; parameters as of `StreamClassifier.packets`."""
        lanes = self.classifier.datapath.lanes
        return [
            _frame(IMAGE, b"".join(word.to_bytes(lanes, "little") for word in packet))
            for packet in self.classifier.packets(images, first)
        ]

    def load(self, port: Any) -> None:
        """Send the network to the board.

        Parameters
        ----------
        port
            An open serial port: ``write(bytes)``, and ``read(n)`` that gives fewer bytes when time is over; where it
            has ``reset_input_buffer()``, that is called.

        Raises
        ------
        RuntimeError
            If the board does not answer, or something of the network did not come.
        """
        _empty(port)
        time.sleep(GIVEN_UP)  # of a frame that somebody began
        frames = self._network()
        self._ask(port)  # what came before
        port.write(b"".join(frames))
        flags, came = self._ask(port)
        if flags or came != len(frames) % 256:
            raise RuntimeError(
                "the network did not come as it was sent: load it again, with nobody else at the port and the"
                " bitstream of these sizes"
            )

    def _ask(self, port):
        port.write(_frame(ASK, b""))
        flags, came = _answer(port, _frame(ASK, b""), "the board was asked what came")
        return flags, came

    def classify(self, port: Any, images: ArrayLike, first: int = 0) -> NDArray[np.int64]:
        """Show images to the board, one after the other.

        Parameters
        ----------
        port
            See `load`.
        images, first
            See `StreamClassifier.packets`.

        Returns
        -------
        array of int, shape (images,)
            A class, or -1 where no labelled neuron spiked; what `StreamClassifier.classes` gives.

        Raises
        ------
        RuntimeError
            If the board does not answer, answers something else, or says that it left something out.
        """
        classes = []
        _empty(port)
        for k, frame in enumerate(self.images(images, first)):
            port.write(frame)
            flags, label = _answer(port, frame, f"image {k}")
            if flags & ~SILENT:
                raise RuntimeError(
                    f"image {k}: flags {flags:#04x}: the board left out something that came; load the network again,"
                    " with nobody else at the port"
                )
            classes.append(-1 if flags & SILENT else label)
        return np.array(classes, dtype=np.int64)


def _frame(kind, data):
    """Return a frame with its sum."""
    frame = bytes([kind]) + data
    return frame + bytes([sum(frame) % 256])


def _empty(port):
    """Forget what came and was not read."""
    getattr(port, "reset_input_buffer", lambda: None)()


def _answer(port, frame, what):
    """Return the flags and the value of the answer to a frame."""
    answer = port.read(3)
    if len(answer) != 3:
        raise RuntimeError(
            f"{what}: {len(answer)} of 3 bytes came; is the bitstream of these sizes loaded, and the port's timeout"
            " longer than a presentation?"
        )
    flags, value, echo = answer
    if echo != frame[-1]:
        raise RuntimeError(
            f"{what}: the answer is to something that was sent before: open the port again, and load the network"
        )
    return flags, value
