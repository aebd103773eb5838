"""Where the traces of a learning rule live: in the groups, or in the synapses for GeNN."""

from brian2.utils.stringtools import word_substitute

from ..parts import identifiers, lines_of, unaliased
from .names import of_traces, of_weights, renamed

__all__ = ["traces_in_groups", "traces_in_synapses", "values_in_synapses"]


def traces_in_groups(rule, on_pre, on_post, synapse, names):
    """Let traces live in the groups: presynaptic ones in a neuron for each input, which its synapses read.

    The synapses act before the trace is set: `on_pre` reads it as it was.
    """
    trace = set_trace = clear = ""
    parameters = of_traces(rule, rule.pre_traces)
    ends = {name: f"{name}_post" for name in rule.pre_traces}
    ends |= {name: f"{names[name]}_post" for name in parameters}
    for name, (tau, code) in rule.pre_traces.items():
        trace += f"d{name}/dt = -{name} / {names[tau]} : 1\n"
        clear += f"{name} = 0\n"
        for variable, operation, expression in unaliased(code):
            target = f"{variable}_post" if variable == name else variable
            set_trace += f"{target} {operation} {word_substitute(expression, ends)}\n"
    trace += renamed(rule.declarations(parameters), names)
    read = {*rule.read("on_pre")[0], *rule.read("on_post")[0]}
    before = {f"{name}_post": f"{name}_before_post" for name in rule.read("on_post")[1]}
    unchanged = {}
    for side, renamed_post in (("pre", {}), ("post", before)):
        names_of_side = [
            f"{name}_pre"
            if name in rule.pre_traces
            else renamed_post.get(f"{name}_post", f"{name}_post")
            for name in rule.unchanged_at_zero(f"on_{side}")
        ]
        if names_of_side:
            unchanged[side] = names_of_side
    return {
        "unchanged_at_zero": unchanged,
        "decaying": tuple(rule.post_traces),
        "synapse": synapse,
        "on_pre": on_pre,
        "on_post": word_substitute(on_post, before),
        "trace": trace,
        "set_trace": set_trace,
        "clear_trace": clear,
        "trace_of_synapse": {f"{name}_pre": name for name in rule.pre_traces if name in read},
    }


def traces_in_synapses(rule, on_pre, on_post, synapse, names):
    """Let traces that a pathway reads and writes live in the synapses, for GeNN."""
    clear = ""
    pre = {f"{name}_pre": f"pre_{name}" for name in rule.pre_traces}
    post = {f"{name}_post": f"post_{name}" for name in rule.read("on_post")[1]}
    on_pre, on_post = word_substitute(on_pre, pre), word_substitute(on_post, pre | post)
    called = _in_synapse(rule, names)
    declared = set(of_weights(rule))
    for side, traces in (("pre", rule.pre_traces), ("post", rule.read("on_post")[1])):
        for name in traces:
            code = getattr(rule, f"{side}_traces")[name][1]
            trace = f"{side}_{name}"
            synapse += f"d{trace}/dt = -{trace} / tau_of_{trace} : 1 (event-driven)\n"
            synapse += f"tau_of_{trace} : second (shared, constant)\n"
            clear += f"{trace} = 0\n"
            lines = word_substitute(lines_of(unaliased(code)), called | {name: trace})
            if side == "pre":
                on_pre += lines
            else:
                on_post += lines
            used = [p for p in rule.fields if p in identifiers(code) and p not in declared]
            declared |= set(used)
            synapse += renamed(rule.declarations(used), called)
    return {"synapse": synapse, "on_pre": on_pre, "on_post": on_post, "clear_synapse": clear}


def values_in_synapses(rule, names):
    """Return the values of what `circuit` declares for traces that live in the synapses."""
    found = {}
    for side, traces in (("pre", rule.pre_traces), ("post", rule.read("on_post")[1])):
        for name in traces:
            tau, code = getattr(rule, f"{side}_traces")[name]
            found[f"tau_of_{side}_{name}"] = getattr(rule, tau)
            called = _in_synapse(rule, names)
            used = identifiers(code) & rule.fields.keys()
            found |= {called[parameter]: getattr(rule, parameter) for parameter in used}
    return found


def _in_synapse(rule, names):
    """Return the names in a synapse of the parameters of traces, which the group of neurons has too."""
    return {
        name: new if name in of_weights(rule) else f"{new}_of_synapse"
        for name, new in names.items()
    }
