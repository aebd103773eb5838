"""One source of a translated network: what the main program needs, and nothing else.

Brian2 (2.9 to 2.11) writes a source for each code object, and functions that set, print and save arrays.
Compiling them one by one takes five times as long, and the compiler cannot see across calls.
"""

import re
from pathlib import Path

__all__ = ["RULE", "write_unit"]

#: Compiles the source; names of variables are those of Brian2's makefile.
RULE = """
.PHONY: unit
unit: unit.cpp
\t$(CXX) $(filter-out -c,$(CXXFLAGS)) unit.cpp -o $(PROGRAM) $(LFLAGS)
"""

#: Arrays begin where a vector instruction's line of the cache does.
_ALIGNED = """
#include <cstdlib>
#include <new>
void* operator new(std::size_t size)
{
    void* memory = ::aligned_alloc(64, (size + 63)/64*64 + 64*(size == 0));
    if (!memory)
        throw std::bad_alloc();
    return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
"""

#: Functions that no run of ours calls.
_UNUSED = re.compile(
    r"^(?:void|static void) (?:_debugmsg_\w+|_write_arrays|_dealloc_arrays|brian_end|set_from_command_line"
    r"|set_variable_by_name)\s*\([^)]*\)\s*\{",
    re.MULTILINE,
)
_INCLUDE = re.compile(r"^\s*#include\s*[<\"].*\n", re.MULTILINE)
_CALL = re.compile(r"\b_(run|before_run)_(\w+)\(\);")


def write_unit(folder):
    """Write ``unit.cpp`` into the folder of a translated network."""
    folder = Path(folder)
    main = _without_unused((folder / "main.cpp").read_text())
    sources = ["objects.cpp", "network.cpp", "synapses_classes.cpp", "run.cpp"]
    parts = [_without_unused((folder / name).read_text()) for name in sources]
    called = [
        f"code_objects/{name if kind == 'run' else f'before_run_{name}'}.cpp"
        for kind, name in dict.fromkeys(_CALL.findall(main))
        if (folder / "code_objects" / f"{name}.cpp").exists()
    ]
    codes = {name: _without_unused((folder / name).read_text()) for name in called}
    includes = dict.fromkeys(
        line.strip() for text in (*parts, *codes.values(), main) for line in _INCLUDE.findall(text)
    )
    lines = [_ALIGNED, *includes, *(_INCLUDE.sub("", part) for part in parts)]
    main = _INCLUDE.sub("", main)
    for number, (name, text) in enumerate(codes.items()):
        # each has support code of the same names
        lines += [f"namespace unit_{number} {{", _INCLUDE.sub("", text), "}"]
        function = (
            f"_{'' if Path(name).stem.startswith('before_run_') else 'run_'}{Path(name).stem}"
        )
        main = re.sub(rf"(?<![\w:]){function}\(\);", f"unit_{number}::{function}();", main)
    (folder / "unit.cpp").write_text("\n".join([*lines, main]))


def _without_unused(text):
    """Return a source without the functions that no run calls."""
    while match := _UNUSED.search(text):
        depth, end = 1, match.end()
        for brace in re.finditer(r'[{}]|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'', text[end:]):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if depth == 0:
                end += brace.end()
                break
        text = text[: match.start()] + text[end:]
    return text
