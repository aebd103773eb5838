"""Synaptic operations of the datapath: how many a second, and their modelled energy, as a CSV.

    BRIANPRUNE_DATA=... python benchmarks/hardware_operations.py

A synaptic operation is an input spike at one synapse. Input spikes and clock cycles are those of the first 200 MNIST test
images (`Datapath.work`); the clock is that of the model; energy is the model's, not measured.
Writes ``benchmarks/hardware_operations.csv``.
"""

from pathlib import Path

import pandas as pd

import brianprune as bp
from brianprune.hardware import DatapathEnergy, Resources

#: Neurons and cores of the designs of figures/hardware.
DESIGNS = ((100, 10), (800, 16))


def main():
    images = bp.mnist().load().test[:200]
    rows = []
    for neurons, cores in DESIGNS:
        network = bp.DiehlCook(n_exc=neurons)
        work = Resources(network=network, cores=cores).datapath().work(images)
        modelled = DatapathEnergy().image(**work)
        operations = work["events"] * neurons
        rows.append(
            {
                "neurons": neurons,
                "cores": cores,
                "input_spikes": work["events"],
                "operations_per_image": operations,
                "cycles_per_image": work["cycles"],
                "milliseconds_per_image": modelled["time_ms"],
                "gsop_per_second": operations / modelled["time_ms"] * 1e-6,
                "picojoule_per_sop": modelled["energy_nj"] / operations * 1e3,
            }
        )
        print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
