"""The equations of the winner-take-all network: what its parts say, and what the network adds.

The strings of the parts are textbook Brian2. Here they get masks, frozen synapses, clipping, one
winner per step, and a reset between images. Traces live in the groups, where they cost one decay per
neuron; in the textbook form, for GeNN, those that a pathway both reads and writes live in the synapses.
"""

import ast
from typing import NamedTuple

from brian2 import Equations
from brian2.equations.equations import DIFFERENTIAL_EQUATION
from brian2.utils.stringtools import word_substitute

from ...texts import syntax_tree, unit_of
from ..parts import identifiers, lines_of, statements, unaliased, without_comments
from .names import (
    in_brackets,
    of_group,
    of_step,
    of_synapses,
    of_traces,
    of_weights,
    renamed,
    variable_names,
)
from .traces import traces_in_groups, traces_in_synapses

__all__ = ["Circuit", "arrival", "circuit", "inhibition", "steps_free"]


class Circuit(NamedTuple):
    """The strings of a network in one form; an empty one is left out."""

    exc: str  #: equations of the excitatory neurons
    crossing: str  #: when one is above its threshold
    reset: str  #: what its spike does
    started: str  #: what sets its fast state before an image
    refractory: bool  #: whether it is Brian2's
    synapse: str  #: equations of the plastic synapses
    on_pre: str
    on_post: str
    trace: str = ""  #: equations of the presynaptic traces, one neuron per input
    set_trace: str = ""  #: what an input's spike does to them
    clear_trace: str = ""  #: before an image
    trace_of_synapse: dict = {}  #: name in the synapse: variable of the trace
    count_step: str = ""  #: what counts the steps of an image
    next_image: str = ""  #: what happens to the neurons before an image, with a rest or without
    clear_synapse: str = ""  #: before an image, traces that live in the synapse
    #: by "pre" and "post": variables where whose value is 0 a spike does not change the weight
    unchanged_at_zero: dict = {}
    decaying: tuple = ()  #: traces of the neurons that nothing but a spike lifts from 0
    hub: str = ""
    hub_clear: str = ""
    find_winner: str = ""
    count_spikes: str = ""
    broadcast: str = ""
    #: before an image, in this order
    adapt: str = ""
    sum_weights: str = ""
    factor: str = ""
    scale_weights: str = ""
    #: of a network that is stepped by statements, not by a state updater
    step: str = ""
    trace_step: str = ""


#: What every neuron has beside its model.
NEURON = """
theta                                                   : {unit}
alive                                                   : boolean (constant)
steps_per_image                                         : integer (shared, constant)
"""
#: The step of the image, counted once for all that asks.
IMAGE_STEP = "image_step : integer (shared)\n"
COUNT_STEP = "image_step = timestep(t, dt) % steps_per_image"
REFRACTORY = "t_refractory : second (shared, constant)\n"
#: A neuron is free from a step of the image on. One number of 32 bits, which is compared with one,
#: and an equation without branches: several neurons are stepped in one instruction.
FREE = "free = int(image_step >= free_from) : integer\nfree_from : integer\n"
FREE += "refractory_steps : integer (shared, constant)\n"
SET_FREE = "free_from = image_step + refractory_steps\n"
#: The steps of the next image count from 0; without a rest all are free.
NEXT_IMAGE = "free_from = (free_from - steps_per_image)*int(free_from > steps_per_image)\n"
#: The last step of an image is silent: every spike has arrived when the next one begins.
CROSSING = "{left} > {right} + theta and {free}alive and image_step + 1 != steps_per_image"
CROSSING_TEXTBOOK = """{left} > {right} + theta and {free}alive \
and (timestep(t, dt) + 1) % steps_per_image != 0"""
#: With one winner per step, only the neuron that the hub names fires.
WINNER = "winner : integer (linked)\n"
IS_WINNER = "i == winner"
#: Before each image, without a rest: the state that lives for milliseconds. Refractoriness
#: comes first, as Brian2 does not write to v while it holds.
STARTED_REFRACTORY = "not_refractory = True\n{started}lastspike = -1*second\n"

#: Plastic synapses. `mask` is 1, or 0 for a pruned synapse, whose `w` is 0 and stays 0.
SYNAPSE = "w : 1\n"
MASK = "mask : 1 (constant)\n"
#: Where `plastic` is 0 the weight stays as it is; a neuron's frozen weights add up to `frozen_sum`.
PLASTIC = "plastic : 1 (constant)\n"
FROZEN_SUM = "frozen_sum : 1 (constant)\n"

#: Weights are scaled to their sum before each image, plastic ones to what the frozen ones leave of it.
TOTAL = "total : 1\n"
CLEAR_SUM = "total = 0\n"
SUM_WEIGHTS = "total_post += w"
FACTOR = "total = {target} / (total + int(total == 0))"
SCALE_WEIGHTS = "w = clip(w*total_post, 0, {w_max})"
SUM_PLASTIC = "total_post += w*plastic"
FACTOR_PLASTIC = "total = clip({target} - frozen_sum, 0, {target}) / (total + int(total == 0))"
SCALE_PLASTIC = "w = clip(w*(total_post*plastic + (1 - plastic)), 0, {w_max})"

#: The hub of the broadcast: how many neurons spiked in this step and, for one winner per
#: step, which of them is highest above its threshold (ties: the lowest index). The index is
#: i_pre: plain i is overwritten by a loop counter in the Cython code of Brian2 2.10 and 2.11.
HUB = """
n_spikes                                                : integer
winner                                                  : integer
highest                                                 : {unit}
"""
HUB_CLEAR = """
n_spikes = 0
winner = -1
highest = {lowest}
"""
FIND_WINNER = """
_margin = {margin}
_better = int(_margin > highest_post)
winner_post = _better*i_pre + (1 - _better)*winner_post
highest_post = _better*_margin + (1 - _better)*highest_post
n_spikes_post = 1
"""
COUNT_SPIKES = "n_spikes_post += 1"


def circuit(network, form):
    """Return the strings of a network in a form.

    Parameters
    ----------
    network : DiehlCook
    form : Form
    """
    names = variable_names(network)
    neurons, rule = network.neurons, network.plasticity
    unit = unit_of(neurons.threshold_dimensions)
    refractory = "refractory" in neurons.fields
    held = refractory and not steps_free(network, form)  # by Brian2's own refractoriness
    exc, started = _neurons(network, form, names, unit, refractory, held)
    left, right = (renamed(side, names["neurons"]) for side in neurons.potential)
    synapse, on_pre, on_post = SYNAPSE + arrival(network)[0], arrival(network)[1], ""
    parts = {}
    if form.learning:
        synapse += MASK + PLASTIC * form.freezing
        synapse += renamed(rule.declarations(of_weights(rule)), names["plasticity"])
        on_pre += _weight_code(rule, "on_pre", form, names["plasticity"])
        on_post = _weight_code(rule, "on_post", form, names["plasticity"])
        traces = traces_in_synapses if form.textbook else traces_in_groups
        parts = traces(rule, on_pre, on_post, synapse, names["plasticity"])
        parts |= _before_image(network, form, names)
    else:
        parts = {"synapse": synapse, "on_pre": on_pre, "on_post": on_post}
    return Circuit(
        exc=exc,
        crossing=(CROSSING_TEXTBOOK if form.textbook else CROSSING).format(
            left=left,
            right=right,
            free="not_refractory and " if held else "image_step >= free_from and " * refractory,
        ),
        reset=_reset(network, form, names) + SET_FREE * (refractory and not held),
        started=started,
        refractory=held,
        count_step=COUNT_STEP * (not form.textbook),
        next_image=NEXT_IMAGE * (refractory and not held),
        **_hub(network, names, left, right, unit),
        **parts,
    )


def steps_free(network, form):
    """Whether refractoriness can be a number in the equations: where it is the same as Brian2's."""
    (excite,) = statements(network.neurons.excite)
    return (
        form.method == "linear_implicit"
        and network.neurons.method is None
        and not form.textbook
        and "unless refractory" not in Equations(network.neurons.equations)[excite.variable].flags
    )


def _when_free(equations):
    """Write equations that hold still while refractory with `free`."""
    lines = []
    for name, equation in Equations(equations).items():
        what, unit = name, unit_of(equation.dim)
        if equation.type == DIFFERENTIAL_EQUATION:
            what = f"d{name}/dt"
        if equation.expr is not None:
            held = "unless refractory" in equation.flags
            what += f" = free*({equation.expr.code})" if held else f" = {equation.expr.code}"
        flags = ", ".join(flag for flag in equation.flags if flag != "unless refractory")
        lines.append(f"{what} : {unit}{f' ({flags})' if flags else ''}")
    return "\n".join(lines)


def _neurons(network, form, names, unit, refractory, held):
    """Return the equations of the excitatory neurons and what starts them before an image."""
    neurons, rule = network.neurons, network.plasticity
    own = renamed(neurons.equations, names["neurons"])
    if refractory and not held:
        own = _when_free(own) + "\n" + FREE
    exc = own + "\n" + NEURON.format(unit=unit) + IMAGE_STEP * (not form.textbook)
    exc += renamed(neurons.declarations(), names["neurons"]) + REFRACTORY * held
    if network.is_broadcast and not form.textbook:
        exc += renamed(network.inhibition.declarations(), names["inhibition"])
    started = renamed(neurons.started(), names["neurons"])
    if held:
        started = STARTED_REFRACTORY.format(started=started)
    elif refractory:
        started += "free_from = 0\n"
    if form.learning:
        traces = of_group(rule, names["plasticity"])
        for name, (tau, _) in rule.post_traces.items():
            exc += f"d{name}/dt = -{name} / {traces[tau]} : 1\n"
            started += f"{name} = 0\n"
        for name in rule.read("on_post")[1]:
            exc += f"{name}_before : 1\n"
        exc += renamed(rule.declarations(of_traces(rule, rule.post_traces)), traces)
        exc += FROZEN_SUM * form.freezing
        if network.adaptation is not None:
            exc += renamed(network.adaptation.declarations(), names["adaptation"])
            exc += "image_duration : second (shared, constant)\n"
        if network.normalisation is not None:
            exc += TOTAL + renamed(network.normalisation.declarations(), names["normalisation"])
    return exc, started


def _reset(network, form, names):
    """Return what a spike does to its neuron. A trace that is read at spikes is read before it is set."""
    code = lines_of(unaliased(renamed(network.neurons.reset, names["neurons"])))
    if form.learning:
        if network.adaptation is not None:
            code += lines_of(unaliased(renamed(network.adaptation.on_spike, names["adaptation"])))
        rule = network.plasticity
        names_of_traces = of_group(rule, names["plasticity"])
        traces = "".join(f"{name}_before = {name}\n" for name in rule.read("on_post")[1])
        traces += "".join(f"{statement}\n" for _, statement in rule.post_traces.values())
        code += renamed(lines_of(unaliased(traces)), names_of_traces)
    if network.is_broadcast and not form.textbook:  # its own share of the broadcast
        (inhibit,) = statements(network.neurons.inhibit)
        back = {"+=": "-=", "-=": "+="}[inhibit.operation]
        step = in_brackets(renamed(network.inhibition.step, names["inhibition"]))
        expression = renamed(inhibit.expression, names["neurons"] | {"step": step})
        code += f"{inhibit.variable} {back} {expression}\n"
    return code


def arrival(network):
    """Return what an arriving spike does to its target, as (equations, code) of the synapses."""
    return _step(network, "excite")


def inhibition(network):
    """Return what inhibition does to its target, as (equations, code) of synapses."""
    return _step(network, "inhibit")


def _step(network, attribute):
    """Return the equations and code of synapses that step a variable of their target.

    The parameters are the synapses' own: GeNN's synapses do not see those of neurons.
    """
    names = {kind: of_synapses(own) for kind, own in variable_names(network).items()}
    (statement,) = statements(getattr(network.neurons, attribute))
    equations = renamed(
        network.neurons.declarations(of_step(network, attribute)["neurons"]), names["neurons"]
    )
    expression = renamed(statement.expression, names["neurons"])
    if attribute == "inhibit":
        equations += renamed(network.inhibition.declarations(), names["inhibition"])
        step = in_brackets(renamed(network.inhibition.step, names["inhibition"]))
        expression = word_substitute(expression, {"step": step})
    return equations, f"{statement.variable}_post {statement.operation} {expression}\n"


def _hub(network, names, left, right, unit):
    """Return the strings of the hub and of what it broadcasts."""
    own = {*names["neurons"].values(), *network.neurons.variables, "theta"}
    ends = {name: f"{name}_pre" for name in own & identifiers(f"({left}) + ({right}) + theta")}
    margin = f"{word_substitute(left, ends)} - theta_pre"
    if identifiers(right) & {*network.neurons.variables, "theta"}:
        margin = f"{word_substitute(left, ends)} - ({word_substitute(right, ends)}) - theta_pre"
    lowest = {"1": "-1e9", "volt": "-1*volt"}.get(unit, f"-1e9*{unit}")
    found = {
        "hub": HUB.format(unit=unit),
        "hub_clear": HUB_CLEAR.format(lowest=lowest),
        "find_winner": FIND_WINNER.format(margin=margin),
        "count_spikes": COUNT_SPIKES,
    }
    if network.is_broadcast:
        (inhibit,) = statements(network.neurons.inhibit)
        step = _with_ending(network.inhibition, names["inhibition"], "_post")
        step = in_brackets(word_substitute(network.inhibition.step, step))
        ends = _with_ending(network.neurons, names["neurons"], "_post") | {
            "step": f"({step}*n_spikes_pre)"
        }
        expression = word_substitute(inhibit.expression, ends)
        found["broadcast"] = f"{inhibit.variable}_post {inhibit.operation} {expression}"
    return found


def _weight_code(rule, attribute, form, names):
    """Return what spikes do to a weight: clipped, masked where it could grow, not where it is frozen."""
    found = unaliased(renamed(getattr(rule, attribute) or "", names))
    changes = [k for k, statement in enumerate(found) if statement.variable == "w"]
    # one change is made in place, several on the way to the last
    now = "w" if len(changes) == 1 else "_w_new"
    lines = f"{now} = w\n" if len(changes) > 1 else ""
    for k, statement in enumerate(found):
        if "w" in identifiers(statement.expression) or statement.operation in ("*=", "/="):
            lines += f"_w_seen = clip({now}, 0, {names['w_max']})\n"
        expression = renamed(statement.expression, {"w": "_w_seen"})
        if statement.variable != "w":
            lines += f"{statement._replace(expression=expression)}\n"
            continue
        value = _new_weight(now, statement.operation, expression, form.freezing)
        if k == changes[-1]:
            mask = "*mask" * rule.may_grow(attribute)
            lines += f"w = clip({value}, 0, {names['w_max']}){mask}\n"
        else:
            lines += f"{now} = {value}\n"
    return lines


def _new_weight(now, operation, expression, freezing):
    """Write what a statement makes of a weight."""
    if operation in ("+=", "-="):
        change = in_brackets(expression, product=True)
        if freezing:
            change = _times_plastic(expression)
        return f"{now} {operation[0]} {change}"
    value = expression if operation == "=" else f"_w_seen{operation[0]}{in_brackets(expression)}"
    return f"{now} + plastic*({value} - {now})" if freezing else value


def _times_plastic(expression):
    """Multiply an expression by `plastic`, behind its first factor."""
    tree = syntax_tree(expression).body
    node, parent = tree, None
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        node, parent = node.left, node
    if parent is None:
        return f"plastic*({expression})"
    parent.left = ast.BinOp(node, ast.Mult(), ast.Name("plastic"))
    return ast.unparse(tree)


def _before_image(network, form, names):
    """Return what happens once an image while learning: adaptation decays, weights are scaled."""
    found = {"adapt": ""}
    if network.adaptation is not None:
        found["adapt"] = lines_of(
            unaliased(renamed(network.adaptation.before_image, names["adaptation"]))
        )
    if network.normalisation is not None:
        target = in_brackets(
            renamed(without_comments(network.normalisation.target), names["normalisation"])
        )
        found["adapt"] += CLEAR_SUM
        found["sum_weights"] = SUM_PLASTIC if form.freezing else SUM_WEIGHTS
        found["factor"] = (FACTOR_PLASTIC if form.freezing else FACTOR).format(target=target)
        scale = SCALE_PLASTIC if form.freezing else SCALE_WEIGHTS
        found["scale_weights"] = scale.format(w_max=names["plasticity"]["w_max"])
    return found


def _with_ending(part, names, ending):
    """Names of a part's parameters and variables as a synapse sees them at one end."""
    variables = getattr(part, "state_variables", ())
    return {name: names[name] + ending for name in part.fields} | {
        name: name + ending for name in variables
    }
