"""Clock and size of the Verilog after place and route on an ECP5, and what an image takes then."""

from __future__ import annotations

import inspect
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from ..arithmetic import FixedPoint
from ..experiment import Experiment
from ..parameters import OURS, Parameter
from .datapath import Datapath
from .energy import DatapathEnergy
from .learning import LearningDatapath
from .measurements import OfVerilog, OnChipLearning, Sizes
from .simulation import program_of
from .synthesis import synthesise

__all__ = ["Implementation", "place_and_route", "routed"]

#: Cells as nextpnr names them.
CELLS = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"}


def place_and_route(defines: str, goal_mhz: float = 100.0) -> dict[str, float]:
    """Synthesise a datapath, place and route it on an LFE5U-85F of speed grade 6, pins left out.

    Parameters
    ----------
    defines : str
        The text of ``design.vh``, see `Datapath.defines`.
    goal_mhz : float
        The clock that is asked for.

    Returns
    -------
    dict
        See `routed`.

    Raises
    ------
    RuntimeError
        If yosys or nextpnr-ecp5 is not installed or fails.
    """
    program = program_of("nextpnr-ecp5")
    with tempfile.TemporaryDirectory(prefix="brianprune-nextpnr-") as folder:
        synthesise(defines, "synth_ecp5", Path(folder, "netlist.json"))
        done = subprocess.run(
            [program, "--85k", "--package", "CABGA381", "--speed", "6", "--out-of-context", "--json", "netlist.json",
             "--freq", str(goal_mhz), "--timing-allow-fail"],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
    return routed(done)


def routed(done: subprocess.CompletedProcess) -> dict[str, float]:
    """Return what nextpnr said at last.

    Returns
    -------
    dict
        ``clock_mhz``; ``lut``, ``ff``, ``bram`` (of 18 kbit), ``dsp``, and of each how many there are, as
        ``lut_available``.

    Raises
    ------
    RuntimeError
        If it failed.
    """
    text = done.stdout + done.stderr
    clocks = re.findall(r"Max frequency for clock +'\S+': ([\d.]+) MHz", text)
    if done.returncode or not clocks:
        raise RuntimeError(f"nextpnr-ecp5 failed: {text[-1500:]}")
    found = {"clock_mhz": float(clocks[-1])}
    for name, cell in CELLS.items():
        [(used, available)] = re.findall(rf"{cell}: +(\d+)/ +(\d+)", text)
        found |= {name: int(used), f"{name}_available": int(available)}
    return found


class Implementation(OfVerilog):
    """A datapath placed and routed: its clock, its cells, and the cycles and the work of an image.

    Cycles are simulated where it learns, and the Verilog's otherwise, as `Datapath.work` counts them. Time and energy
    are a model's (`with_energy`).
    """

    experiment = Parameter(
        Experiment(arithmetic=FixedPoint()),
        "the network, in fixed point, and the rule that it is pruned by while learning",
        kind=Experiment,
    )
    learns = Parameter(False, "whether it learns or only infers", OURS, choices=(False, True))
    n_images = Parameter(
        20, "training images, from the first, whose work is counted", OURS, minimum=1
    )
    cores = Parameter(1, "neurons updated in parallel", OURS, minimum=1)
    banks = Parameter(16, "weights of a core that are read at once", OURS, minimum=1)
    simulator = OnChipLearning.simulator

    @property
    def network(self) -> Any:
        """The network that is measured."""
        return self.experiment.network

    @property
    def programs(self) -> tuple[str, ...]:
        """For place and route; to simulate what learns."""
        return ("yosys", "nextpnr-ecp5", *((self.simulator,) if self.learns else ()))

    def validate(self) -> None:
        if self.experiment.pruning is not None and not self.learns:
            raise ValueError(
                "Implementation.experiment: has a pruning rule, and learns=False: a datapath that only infers does not"
                " prune; set learns=True"
            )

    def _measure(self, backend, results, report):
        images = self.experiment.data.load().train[: self.n_images]
        size = {"cores": self.cores, "banks": self.banks}
        if self.learns:
            datapath = LearningDatapath(self.experiment, images.shape[1], **size)
            found = datapath.compare(
                images, simulator=self.simulator, states=False, backend=backend
            )
            cycles = found.cycles.mean()
            work = datapath.work(images, backend=backend) | {"cycles": cycles}
        else:
            datapath = Datapath(Sizes(self.experiment, images.shape[1]), **size)
            work = datapath.work(images)
        size = place_and_route(datapath.defines(1))
        return [{"cores": self.cores, "images": len(images)} | size | work]

    def with_energy(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the measured table with what `DatapathEnergy` says of it; the model is not stored.

        Examples
        --------
        >>> measured = Implementation()
        >>> measured.with_energy(measured.run().table)["energy_nj"]  # doctest: +SKIP
        """
        measured = table.iloc[0].to_dict()
        model = DatapathEnergy(clock_mhz=measured["clock_mhz"])
        energy = model.learning if self.learns else model.image
        work = {name: measured[name] for name in inspect.signature(energy).parameters}
        return pd.DataFrame([measured | energy(**work)])
