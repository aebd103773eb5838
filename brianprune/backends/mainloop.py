"""C++ of the main program: where a run starts, and what each step calls."""

__all__ = ["loop_lines", "starting_lines"]


def starting_lines(clocks):
    """C++ that sets the clocks to the start of the run."""
    lines = []
    for clock in clocks.values():
        lines += [
            f"{clock['timestep']}[0] = segment::step_at(_segment_start, {clock['dt']}[0]);",
            f"{clock['t']}[0] = {clock['timestep']}[0]*{clock['dt']}[0];",
        ]
    return lines


def loop_lines(clocks, steps, marking=(), before=()):
    """C++ that calls all code, in Brian2's order, at the times of its clocks.

    Parameters
    ----------
    clocks : dict
        Arrays of each clock, by name.
    steps : list of (str, str)
        Clock and code object.
    marking : collection of (str, str)
        Code object, and group all neurons of which are marked after it.
    before : collection of (str, str)
        Code object, and what is done before it.
    """
    if not steps:
        return []
    lines = [
        f"const int64_t _end_{name} = segment::step_at(_segment_end, {clock['dt']}[0]);"
        for name, clock in clocks.items()
    ]
    times = ", ".join(f"{clock['t']}[0]" for clock in clocks.values())
    shortest = ", ".join(f"{clock['dt']}[0]" for clock in clocks.values())
    done = " || ".join(
        f"({clock['t']}[0] == _segment_now && {clock['timestep']}[0] >= _end_{name})"
        for name, clock in clocks.items()
    )
    lines += [
        f"const double _segment_same = 1e-4*std::min({{{shortest}}});",
        "while (true) {",
        f"    const double _segment_now = std::min({{{times}}});",
        f"    if ({done})",
        "        break;",
    ]
    lines += [
        f"    const bool _now_{name} = {clock['t']}[0] - _segment_now <= _segment_same;"
        for name, clock in clocks.items()
    ]
    for name, code in steps:
        lines += [f"    if (_now_{name}) {line}" for other, line in before if other == code]
        lines.append(f"    if (_now_{name}) _run_{code}();")
        for other, group in marking:
            if other == code:
                lines.append(
                    f'    if (_now_{name}) segment::mark_all(segment::marked("{group}", 0));'
                )
    for name, clock in clocks.items():
        lines += [
            f"    if (_now_{name}) {{",
            f"        {clock['timestep']}[0]++;",
            f"        {clock['t']}[0] = {clock['timestep']}[0]*{clock['dt']}[0];",
            "    }",
        ]
    return [*lines, "}"]
