"""Write the tables of figures/README.md and README.md from the CSVs.

``python figures/tables.py`` writes what stands between ``<!-- table: NAME -->`` and ``<!-- end -->``;
with ``--check`` it only says whether that is what the CSVs say.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

HERE = Path(__file__).parent
FILES = (HERE / "README.md", HERE.parent / "README.md")
TABLES = {}


def table(function):
    """Register a function that returns a DataFrame of text."""
    TABLES[function.__name__] = function
    return function


def read(name):
    """Read a figure's CSV."""
    return pd.read_csv(HERE / f"{name}.csv")


def interval(values, digits=2):
    """Mean and half width of the 95 % interval (Student's t), as text."""
    values = np.asarray(values, dtype=float)
    mean = f"{values.mean():.{digits}f}".replace("-", "−")
    if len(values) < 2:
        return mean
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{mean} ± {half:.{digits}f}"


def given(value, digits=2):
    """A number as text; nothing if there is none."""
    return "" if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


@table
def neuron_strategies():
    """Accuracy of the strategies beside the paper's."""
    rows = []
    paper = read("neuron_pruning/table2").set_index(["size", "strategy"])
    for (size, wanted, strategy), own in read("neuron_pruning/fig10").groupby(
        ["size", "wanted", "strategy"], sort=False
    ):
        printed = paper["paper_accuracy"].get((size, strategy))
        lost = paper["paper_difference"].get((size, strategy))
        if wanted != {100: 20, 800: 300}[size] and wanted:
            printed = lost = None
        if (size, wanted, strategy) == (800, 400, "S3 adaptive"):
            printed, lost = 88.71, -1.69
        rows.append(
            {
                "neurons": size,
                "to prune": wanted or "",
                "strategy": strategy,
                "pruned": f"{own['n_pruned'].mean():.0f}" if wanted else "",
                "n": len(own),
                "accuracy": interval(own["accuracy"]),
                "paper": given(printed),
                "difference": interval(own["difference"]) if wanted else "",
                "difference, paper": given(lost),
            }
        )
    return pd.DataFrame(rows).sort_values(["neurons", "to prune"], key=_as_numbers, kind="stable")


@table
def against_s3():
    """Accuracy of the strategies less that of S3, paired by seed."""
    accuracy = read("neuron_pruning/fig10").pivot_table(
        "accuracy", "seed", ["size", "wanted", "strategy"], sort=False
    )
    rows = []
    for strategy in (
        "post-training",
        "S1 constant",
        "S2 constant threshold",
        "random (control)",
        "margin (ours)",
    ):
        row = {"strategy": strategy}
        for size, wanted in ((100, 20), (800, 300)):
            pairs = accuracy[size, wanted][[strategy, "S3 adaptive"]].dropna()
            p = stats.ttest_rel(pairs[strategy], pairs["S3 adaptive"]).pvalue
            where = f"{wanted} of {size}, n = {len(pairs)}"
            row[f"{where}: points more than S3"] = interval(pairs[strategy] - pairs["S3 adaptive"])
            row[f"p, {size}"] = "< 0.001" if p < 0.001 else f"{p:.3f}"
        rows.append(row)
    return pd.DataFrame(rows)


def _as_numbers(column):
    return pd.to_numeric(column.replace("", 0))


@table
def homeostasis():
    """Loss by the time constant of the adaptive thresholds."""
    rows = []
    for (tau, strategy), own in read("neuron_pruning/homeostasis").groupby(
        ["tau_theta_s", "strategy"], sort=False
    ):
        rows.append(
            {
                "time constant, s": f"{tau:,.0f}",
                "strategy": strategy,
                "n": len(own),
                "accuracy": interval(own["accuracy"]),
                "difference": "" if strategy == "no pruning" else interval(own["difference"]),
                "spread of counts": given(own["spread_of_counts"].mean()),
            }
        )
    return pd.DataFrame(rows)


@table
def early():
    """Half of the neurons removed without labels."""
    rows = []
    found = read("neuron_pruning/early")
    accuracy = found.pivot(index="seed", columns="way", values="accuracy")
    for way, own in found.groupby("way", sort=False):
        when, _, which = way.partition(" ")
        chance = f"{when} random"
        against = "" if which == "random" or chance not in accuracy else interval(accuracy[way] - accuracy[chance])  # fmt: skip
        rows.append(
            {
                "way": way,
                "n": len(own),
                "living neurons": f"{own['n_alive'].mean():.0f}",
                "accuracy": interval(own["accuracy"]),
                "difference": "" if way == "unpruned" else interval(own["difference"]),
                "against random removal then": against,
                "saved in training, %": given(own["training_saved"].mean(), 1),
            }
        )
    return pd.DataFrame(rows)


@table
def ranking():
    """Loss of each strategy by network."""
    found = read("neuron_pruning/ranking")
    rows = []
    for network, own in found.groupby("network", sort=False):
        unpruned = own[own["strategy"] == "no pruning"]
        row = {
            "network": network,
            "n": len(unpruned),
            "unpruned": interval(unpruned["accuracy"]),
            "spread of counts": given(unpruned["spread_of_counts"].mean()),
        }
        for strategy, lost in own.groupby("strategy", sort=False)["difference"]:
            if strategy != "no pruning":
                row[strategy] = interval(lost)
        rows.append(row)
    return pd.DataFrame(rows)


@table
def weight_rules():
    """The weight rules at their operating points."""
    rows = []
    for _, own in read("weight_pruning/table_headline").iterrows():
        rows.append(
            {
                "rule": own["rule"],
                "n": int(own["n"]),
                "accuracy": f"{own['accuracy']:.2f} ± {own['accuracy_interval']:.2f}",
                "loss": f"{given(own['loss'])} ± {own['loss_interval']:.2f}",
                "saved in training, %": given(own["training_reduction"], 1),
                "saved in inference, %": given(own["inference_reduction"], 1),
                "connectivity": given(own["connectivity"], 3),
                "events, share of CPU, %": given(100 * own["event_cpu_share"]),
            }
        )
    paper = read("weight_pruning/table_headline").iloc[0]
    rows.append(
        {
            "rule": "paper, adaptive",
            "loss": given(paper["paper_loss"]),
            "saved in training, %": given(paper["paper_training_reduction"], 0),
            "saved in inference, %": given(paper["paper_inference_reduction"], 0),
            "events, share of CPU, %": '"negligible"',
        }
    )
    return pd.DataFrame(rows).astype(object).fillna("")


def _weights(found, by):
    rows = []
    for key, own in found.groupby(by, sort=False):
        rows.append(
            dict(zip(by, key, strict=True))
            | {
                "n": len(own),
                "accuracy": given(own["accuracy"].mean()),
                "loss": interval(own["loss"]),
                "left": given((own["connectivity"] - own["frozen"]).mean(), 3),
                "saved in training, %": given(own["training_reduction_without_frozen"].mean(), 1),
                "saved in inference, %": given(own["inference_reduction_without_frozen"].mean(), 1),
            }
        )
    return pd.DataFrame(rows)


@table
def weight_settings():
    """The weight rules over their settings."""
    return _weights(read("weight_pruning/accuracy_vs_connectivity"), ["rule", "setting"])


@table
def weight_sizes():
    """The adaptive rule by size and data set."""
    first = read("weight_pruning/sizes").assign(data="MNIST")
    second = read("weight_pruning/fashion_mnist").assign(data="Fashion-MNIST")
    return _weights(pd.concat([first, second]), ["data", "size"])


@table
def two_data_sets():
    """The adaptive rule and the rule by drive."""
    found = read("weight_pruning/two_data_sets")
    return _weights(found, ["data", "size", "rule", "setting"])


@table
def soft():
    """Soft pruning over its percentage."""
    return _weights(read("weight_pruning/soft"), ["rule", "setting"])


@table
def soft_read_off():
    """The loss of soft pruning where it saves as much as the paper says, and as the adaptive rule does."""
    found = read("weight_pruning/soft")
    saved = "inference_reduction_without_frozen"
    adaptive = found[found["rule"] == "adaptive"].set_index("seed")
    rows = []
    for rule, own in found[found["rule"] != "adaptive"].groupby("rule", sort=False):
        at = {"paper": [], "adaptive": []}
        for seed, curve in own.groupby("seed"):
            curve = curve.sort_values(saved)
            for name, where in (("paper", 33), ("adaptive", adaptive.loc[seed, saved])):
                at[name].append(np.interp(where, curve[saved], curve["loss"]))
        rows.append(
            {
                "rule": rule,
                "loss at 33 % saved": interval(pd.Series(at["paper"])),
                "loss at the adaptive rule's savings": interval(pd.Series(at["adaptive"])),
                "more than the adaptive rule there": interval(
                    pd.Series(at["adaptive"]) - adaptive["loss"].to_numpy()
                ),
            }
        )
    return pd.DataFrame(rows)


@table
def baseline():
    """The unpruned network."""
    rows = []
    for (data, parameters, size), own in read("baseline/accuracy").groupby(
        ["data", "parameters", "size"], sort=False
    ):
        rows.append(
            {
                "data": data,
                "parameters": parameters,
                "neurons": f"{size:,}",
                "n": len(own),
                "majority class": interval(own["accuracy"]),
                "weighted votes": given(own["weighted_votes"].mean()),
                "linear classifier": given(own["linear_classifier"].mean()),
                "Diehl & Cook": given(own["diehl_cook"].iloc[0], 1),
                "Guo et al.": given(own["guo"].iloc[0]),
            }
        )
    return pd.DataFrame(rows)


@table
def learning_rules():
    """The learning rules on test images."""
    found = read("baseline/learning_rules")
    found = found[found["images"] == "test"] if "test" in set(found["images"]) else found
    rows = []
    for rule, own in found.groupby("rule", sort=False):
        row = {"rule": rule}
        for size, part in own.groupby("size"):
            row[f"{size} neurons"] = interval(part["accuracy"])
        rows.append(row)
    return pd.DataFrame(rows).dropna()


#: Rows of the deep network's table: (quantity of the CSV, what it is).
DEEP = (
    ("unpruned", "accuracy unpruned, %"),
    ("accuracy", "accuracy pruned, %"),
    ("loss", "loss, points"),
    ("unpruned_whole_map", "one maximum a map: unpruned, %"),
    ("whole_map", "one maximum a map: pruned, %"),
    ("connectivity", "connections left (shared weights), %"),
    ("synapses", "synapses left (unrolled), %"),
    ("learning_operations", "learning: counted operations"),
    ("learning_energy", "learning: modelled energy"),
    ("learning_cycles", "learning: modelled cycles"),
    ("learning_cpu", "learning: CPU time"),
    ("inference_operations", "inference: counted operations"),
    ("inference_energy", "inference: modelled energy"),
    ("inference_cycles", "inference: modelled cycles"),
    ("inference_cpu", "inference: CPU time"),
    ("comparator", "pruning comparator, % of learning energy (paper: of power)"),
    ("images_unpruned", "presentations, unpruned"),
    ("images", "presentations, pruned"),
)


@table
def deep():
    """The deep network beside the paper's abstract."""
    found = read("connection_pruning/table")
    rows = []
    for quantity, meaning in DEEP:
        own = found[found["quantity"] == quantity].set_index("data")
        row = {"": meaning}
        for data in found["data"].unique():
            mean, half = own.loc[data, ["mean", "interval"]]
            digits = 4 if quantity == "comparator" else 0 if quantity.startswith("images") else 2
            row[data] = given(mean, digits)
            if not pd.isna(half) and digits == 2:
                row[data] += f" ± {half:.2f}"
        rows.append(row | {"paper": given(own["paper"].iloc[0])})
    return pd.DataFrame(rows)


@table
def deep_fixed_point():
    """The deep network that learned in fixed point."""
    rows = []
    for (rounding, bits), own in read("connection_pruning/fixed_point").groupby(
        ["rounding", "bits"], sort=False
    ):
        rows.append(
            {
                "bits of a weight": bits or "",
                "rounding": rounding,
                "n": len(own),
                "accuracy": interval(own["accuracy"]),
                "against double precision": interval(own["difference"]) if bits else "",
                "connections left, %": interval(own["connectivity"]),
                "presentations": f"{own['images'].mean():,.0f}",
            }
        )
    return pd.DataFrame(rows)


@table
def deep_fashion():
    """The deep network on Fashion-MNIST."""
    found = read("connection_pruning/fashion_mnist")
    columns = {
        "accuracy unpruned": "unpruned",
        "pruned": "accuracy",
        "loss, points": "loss",
        "connections left, %": "connectivity",
        "learning: operations": "learning_operations",
        "inference: operations": "inference_operations",
    }
    rows = [
        {"network": network, "n": len(own)}
        | {name: interval(own[column]) for name, column in columns.items()}
        | {"accuracy, Dong et al. (2023)": "87.0"}
        for network, own in found.groupby("network", sort=False)
    ]
    return pd.DataFrame(rows)


@table
def deep_verilog():
    """Clock cycles of the deep network's Verilog."""
    found = read("connection_pruning/verilog")
    rows = []
    for (data, layer, what), own in found.groupby(["data", "layer", "what"], sort=False):
        own = own.set_index("network")
        cycles = own["cycles_per_image"]
        rows.append(
            {
                "data": data,
                "layer": layer,
                "what": what,
                "presentations, unpruned and pruned": f"{own.loc['unpruned', 'images']:,}, {own.loc['pruned', 'images']:,}",
                "cycles an image, unpruned": f"{cycles['unpruned']:,.0f}",
                "pruned": f"{cycles['pruned']:,.0f}",
                "ratio": given(cycles["unpruned"] / cycles["pruned"]),
                "values compared": f"{own['compared'].sum():,}",
                "different": own["different"].sum(),
            }
        )
    return pd.DataFrame(rows)


@table
def deep_resources():
    """Resources of the deep network's layers."""
    rows = []
    for _, own in read("connection_pruning/resources").iterrows():
        rows.append(
            {
                "layer": own["layer"],
                "part": own["part"],
                "block RAM (36 kbit)": own["bram"],
                "LUT": f"{own['lut']:,}",
                "flip-flops": f"{own['ff']:,}",
                "DSP": own["dsp"],
                "LUT added, %": given(own["added_percent_lut"], 1),
                "flip-flops added, %": given(own["added_percent_ff"]),
            }
        )
    return pd.DataFrame(rows)


@table
def on_chip_learning():
    """What the Verilog learns."""
    rows = []
    for network, own in read("hardware/on_chip_learning").groupby("network", sort=False):
        seen = own["compared"].notna().any()
        rows.append(
            {
                "network": network,
                "n": len(own),
                "accuracy": interval(own["accuracy"]),
                "images simulated in Verilog": f"{own['simulated'].sum():,.0f}" if seen else "",
                "values compared": f"{own['compared'].sum():,.0f}" if seen else "",
                "different": f"{own['different'].sum():,.0f}" if seen else "",
                "cycles an image": f"{own['cycles_per_image'].mean():,.0f}" if seen else "",
            }
        )
    return pd.DataFrame(rows)


@table
def overhead():
    """What learning and pruning add to the datapath."""
    rows = []
    for _, row in read("hardware/overhead").iterrows():
        added = {name: given(row[f"{name}_added_percent"], 1) for name in ("lut", "ff", "bram")}
        rows.append(
            {
                "datapath": row["part"],
                "LUT": f"{row['lut']:,}",
                "flip-flops": f"{row['ff']:,}",
                "block RAM (36 kbit)": row["bram"],
                "DSP": row["dsp"],
                "LUT added, %": added["lut"],
                "flip-flops added, %": added["ff"],
                "block RAM added, %": added["bram"],
                "cycles an event": ""
                if pd.isna(row["events"])
                else f"{row['cycles_per_event']:,.0f}",
                "time added, %": given(row["time_added_percent"], 4),
            }
        )
    return pd.DataFrame(rows)


@table
def pipeline():
    """Clock, cycles, time and modelled energy of datapaths after place and route."""
    rows = []
    for _, row in read("hardware/pipeline").iterrows():
        learning = row[["normalisation_nj", "depression_nj", "potentiation_nj"]]
        rows.append(
            {
                "datapath": row["part"],
                "cores": f"{row['cores']:.0f}",
                "clock, MHz": given(row["clock_mhz"], 1),
                "LUT": f"{row['lut']:,}",
                "flip-flops": f"{row['ff']:,}",
                "block RAM (18 kbit)": f"{row['bram']:.0f} of {row['bram_available']:.0f}",
                "DSP": f"{row['dsp']:.0f} of {row['dsp_available']:.0f}",
                "cycles an image": f"{row['cycles']:,.0f}",
                "time, ms": given(row["time_ms"]),
                "energy, µJ": given(row["energy_nj"] / 1e3, 1),
                "of learning, µJ": given(learning.sum(min_count=1) / 1e3, 1),
            }
        )
    return pd.DataFrame(rows)


@table
def resources():
    """Resources of the datapath."""
    found = read("hardware/resources")
    return pd.DataFrame(
        {
            "living neurons": found["neurons"],
            "block RAM (36 kbit)": found["bram"],
            "LUT": found["lut"].map("{:,}".format),
            "flip-flops": found["ff"].map("{:,}".format),
            "DSP": found["dsp"],
            "cycles an image": found["cycles_per_image"].map("{:,.0f}".format),
        }
    )


@table
def fixed_point():
    """Inference in fixed point beside floating point."""
    rows = []
    for neurons, own in read("hardware/fixed_point").groupby("neurons"):
        rows.append(
            {
                "neurons": neurons,
                "n": len(own),
                "floating point": given(own["floating_point"].mean()),
                "fixed point": given(own["fixed_point"].mean()),
                "difference by seed": ", ".join(map(given, own["difference"])),
            }
        )
    return pd.DataFrame(rows)


@table
def word_length():
    """Accuracy by the length of one signal."""
    rows = []
    for (signal, bits), own in read("hardware/word_length").groupby(
        ["signal", "fraction_bits"], sort=False
    ):
        rows.append(
            {
                "signal": signal,
                "fraction bits": bits or "",
                "accuracy": given(own["accuracy"].mean()),
            }
        )
    return pd.DataFrame(rows)


@table
def fixed_point_learning():
    """Learning in fixed point."""
    rows = []
    for (rounding, bits), own in read("hardware/learning").groupby(
        ["rounding", "fraction_bits"], sort=False
    ):
        accuracy = ", ".join(map(given, own["accuracy"]))
        rows.append({"rounding": rounding, "bits": bits or "", "accuracy by seed": accuracy})
    return pd.DataFrame(rows)


def _fewer_cycles():
    """Return how many times fewer cycles inference takes in the Verilog of the pruned Caltech network."""
    found = read("connection_pruning/verilog")
    found = found[(found["data"] == found["data"].iloc[-1]) & (found["what"] != "learning")]
    cycles = found.groupby("network")["cycles_per_image"].sum()
    return cycles["unpruned"] / cycles["pruned"]


@table
def headlines():
    """The papers' headline numbers beside ours, for the first page."""
    neurons = read("neuron_pruning/fig10")
    s3 = neurons.query("size == 800 and wanted == 400 and strategy == 'S3 adaptive'")
    margin = neurons.query("size == 800 and wanted == 400 and strategy == 'margin (ours)'")
    groups = read("neuron_pruning/early").query("way == 'last communities (ours)'")
    rules = read("weight_pruning/table_headline").set_index("rule")
    weights, drive = rules.loc["adaptive"], rules.loc["drive, later (ours)"]
    deep = read("connection_pruning/table")
    deep = deep[deep["data"] == deep["data"].iloc[0]].set_index("quantity")
    merit = read("neuron_pruning/fig12").query("pruned == 400")

    def deep_row(what, quantity, paper):
        row = deep.loc[quantity]
        return what, paper, f"{row['mean']:.2f} ± {row['interval']:.2f}"

    rows = [
        ("400 of 800 neurons pruned while learning (S3): loss, points", "1.69",
         interval(-s3["difference"])),
        ("the same after training, with labels (ours)", "", interval(-margin["difference"])),
        ("the same when learning ends, without labels (ours; not so on Fashion-MNIST)", "",
         interval(-groups["difference"])),
        ("S3: memory, energy an image (model)", "2.3, 2.8 times less",
         f"{merit['memory_gain'].mean():.1f}, {merit['energy_gain'].mean():.1f} times less"),
        ("weights pruned while learning, 800 neurons: loss, points", "0.44",
         f"{weights['loss']:.2f} ± {weights['loss_interval']:.2f}"),
        ("the same: operations saved in training, inference", "30, 55 %",
         f"{weights['training_reduction']:.0f}, {weights['inference_reduction']:.0f} %"),
        ("the same by a rule of ours: loss, points", "",
         f"{drive['loss']:.2f} ± {drive['loss_interval']:.2f}"),
        ("the same: operations saved in training, inference", "",
         f"{drive['training_reduction']:.0f}, {drive['inference_reduction']:.0f} %"),
        deep_row("deep network: connections left, %", "connectivity", "7.17"),
        deep_row("the same: loss, points", "loss", '"unchanged"'),
        ("the same: cycles of inference in Verilog, one seed (paper: time)", "2.83 times less",
         f"{_fewer_cycles():.1f} times less"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["", "paper", "here"])


def markdown(frame):
    """Return a DataFrame as a table."""
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|---" * len(frame.columns) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.to_numpy()]
    return "\n".join(lines)


def written(text):
    """Return a text with its tables made anew."""
    parts = text.split("<!-- table: ")
    for k, part in enumerate(parts[1:], 1):
        name, _, rest = part.partition(" -->")
        _, _, after = rest.partition("<!-- end -->")
        parts[k] = f"{name} -->\n{markdown(TABLES[name]())}\n<!-- end -->{after}"
    return "<!-- table: ".join(parts)


def main(arguments):
    """Write the tables, or with ``--check`` compare them; return the exit status."""
    status = 0
    for path in FILES:
        text = path.read_text()
        new = written(text)
        if new != text and "--check" in arguments:
            print(f"{path}: tables are not those of the CSVs; run python figures/tables.py")
            status = 1
        elif new != text:
            path.write_text(new)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
