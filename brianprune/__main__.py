"""``python -m brianprune``: versions, which backends work here; with ``demo`` one network, pruned while it learns."""

import platform
import sys

import brian2

from . import __version__, backends


def demo(picture="brianprune-demo.png"):
    """Train a network on embedded digits, prune it while it learns, draw what it learned."""
    from brian2 import ms, mV

    from . import AdaptiveWeightPruning, DiehlCook, Experiment, digits, plot

    print("100 neurons learn 1,297 handwritten digits by STDP, without labels.", flush=True)
    network = DiehlCook(theta_plus=0.05 * mV, tau_theta=6e5 * ms)
    unpruned = Experiment(network=network, data=digits())
    rule = AdaptiveWeightPruning(start=300, interval=100, theta_0=0.15)
    before = unpruned.run(report="progressbar")
    print("The same once more, pruned while it learns: weights below a threshold that adapts.")
    after = unpruned.replace(pruning=rule).run(report="progressbar")
    for name, result in (("unpruned", before), ("pruned", after)):
        print(f"{name:9} accuracy {result.accuracy:.1%}, {result.mask.mean():.0%} of the synapses")
    plot.receptive_fields(after).figure.savefig(picture)
    print(f"What the neurons of the pruned network learned is drawn in {picture}")


def backends_here():
    """Print versions, and which backends work on this machine."""
    print(
        f"brianprune {__version__}, Brian2 {brian2.__version__}, Python {platform.python_version()}"
    )
    for backend in backends.BACKENDS:
        try:
            backends.get(backend)
            print(f"{backend:14} works here")
        except RuntimeError as error:
            print(f"{backend:14} {error}")


if __name__ == "__main__":
    if sys.argv[1:] == ["demo"]:
        demo()
    elif sys.argv[1:]:
        sys.exit("python -m brianprune takes nothing, or 'demo'")
    else:
        backends_here()
