"""Where the traces of a learning rule live: in the groups, or in the synapses for GeNN."""

from brian2.utils.stringtools import get_identifiers, word_substitute

from ..parts import statements
from .names import in_brackets, of_traces, of_weights, renamed

__all__ = ["values_in_synapses"]


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
        set_trace += word_substitute(code_of_trace(name, code, False), ends)
    trace += renamed(rule.declarations(parameters), names)
    read = {*rule.read("on_pre")[0], *rule.read("on_post")[0]}
    before = {f"{name}_post": f"{name}_before_post" for name in rule.read("on_post")[1]}
    return {
        "synapse": synapse,
        "on_pre": on_pre,
        "on_post": word_substitute(on_post, before),
        "trace": trace,
        "set_trace": set_trace,
        "clear_trace": clear,
        "trace_of_synapse": {f"{name}_pre": name for name in rule.pre_traces if name in read},
    }


def code_of_trace(name, code, is_read_before):
    """Return what a spike does to a trace of its neuron.

    After ``before = x``, ``x += 1`` would change both in Brian2's numpy target (seen on 2.5.4 to 2.11.0).
    """
    lines = ""
    for k, (variable, operation, expression) in enumerate(statements(code)):
        if is_read_before and k == 0:
            if operation != "=":
                expression = f"{variable} {operation[0]} {in_brackets(expression)}"
            expression, operation = word_substitute(expression, {name: f"{name}_before"}), "="
        lines += f"{variable} {operation} {expression}\n"
    return lines


def traces_in_synapses(rule, on_pre, on_post, synapse, names):
    """Let traces that a pathway reads and writes live in the synapses, for GeNN."""
    clear = ""
    pre = {f"{name}_pre": f"pre_{name}" for name in rule.pre_traces}
    post = {f"{name}_post": f"post_{name}" for name in rule.read("on_post")[1]}
    on_pre, on_post = word_substitute(on_pre, pre), word_substitute(on_post, pre | post)
    own = set(of_weights(rule))
    for side, traces in (("pre", rule.pre_traces), ("post", rule.read("on_post")[1])):
        for name in traces:
            code = getattr(rule, f"{side}_traces")[name][1]
            synapse += (
                f"d{side}_{name}/dt = -{side}_{name} / tau_of_{side}_{name} : 1 (event-driven)\n"
            )
            synapse += f"tau_of_{side}_{name} : second (shared, constant)\n"
            clear += f"{side}_{name} = 0\n"
            lines = word_substitute(
                code_of_trace(name, code, False), names | {name: f"{side}_{name}"}
            )
            on_pre, on_post = (
                (on_pre + lines, on_post) if side == "pre" else (on_pre, on_post + lines)
            )
            used = [p for p in get_identifiers(code) & rule.fields.keys() if p not in own]
            own |= set(used)
            synapse += renamed(rule.declarations(used), names)
    return {"synapse": synapse, "on_pre": on_pre, "on_post": on_post, "clear_synapse": clear}


def values_in_synapses(rule, names):
    """Return the values of what `circuit` declares for traces that live in the synapses."""
    found = {}
    for side, traces in (("pre", rule.pre_traces), ("post", rule.read("on_post")[1])):
        for name in traces:
            tau, code = getattr(rule, f"{side}_traces")[name]
            found[f"tau_of_{side}_{name}"] = getattr(rule, tau)
            used = get_identifiers(code) & rule.fields.keys()
            found |= {names[parameter]: getattr(rule, parameter) for parameter in used}
    return found
