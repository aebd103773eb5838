"""The layout: sizes of modules and functions, imports in one direction, what Brian2's inside is used for."""

import ast
import inspect
from pathlib import Path

import pytest

import brianprune
import brianprune.hardware

ROOT = Path(brianprune.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py"))
#: Rooms from the bottom to the top: each imports from those below it and from its own.
LAYERS = (
    ("version", "texts"),
    ("parameters", "streams", "stepspikes", "storage", "brian2_compat"),
    ("programs", "generator", "datasets"),
    ("arithmetic", "codeobjects", "encoding", "identity"),
    ("models", "analysis", "html"),
    ("pruning",),
    ("hdf5", "provenance", "backends"),
    ("results", "inference"),
    ("runs",),
    ("experiment", "deep_experiment"),
    ("parallel",),
    ("sweeps", "plot", "exchange"),
    ("hardware",),
    ("figures",),
    ("__main__", "__init__"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


NAMES = {name_of(path): path for path in MODULES}


def imports_of(path):
    """The package's modules that a module imports, as tuples of names."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            continue
        base = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
        base = tuple(part for part in base if part)
        for alias in node.names:
            found = next(
                name for name in ((*base, alias.name), base, ("__init__",)) if name in NAMES
            )
            yield found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    mine = name_of(path)
    for other in imports_of(path):
        if other in (("__init__",), ("version",)):
            continue
        assert other[0] == mine[0] or LEVEL[other[0]] < LEVEL[mine[0]], (
            f"{'.'.join(mine)} imports {'.'.join(other)}, which is not below it"
        )


def test_no_module_imports_itself_in_a_circle():
    graph = {
        name: {other for other in imports_of(path) if other != name and other != ("__init__",)}
        for name, path in NAMES.items()
    }
    done = set()

    def visit(name, path):
        assert name not in path, " -> ".join(".".join(part) for part in (*path, name))
        if name in done:
            return
        for other in graph[name]:
            # a package's front door may be behind its rooms
            if other != name[:-1]:
                visit(other, (*path, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "figures" not in path.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_room_is_too_large(path):
    assert len(path.read_text().splitlines()) <= 450
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 80, f"{path.name}: {node.name}"


def public_functions():
    """Functions and methods that users call: those of `brianprune.__all__`, of its classes' bases too."""
    found = {}
    offered = [
        (module, name) for module in (brianprune, brianprune.hardware) for name in module.__all__
    ]
    for module, name in offered:
        one = getattr(module, name)
        if inspect.ismodule(one):
            members = [getattr(one, member) for member in one.__all__]
        elif inspect.isclass(one):
            ours = [cls for cls in one.__mro__ if cls.__module__.startswith("brianprune")]
            members = [
                value
                for cls in ours
                for member, value in vars(cls).items()
                if not member.startswith("_") or member == "__init__"
            ]
        else:
            members = [one]
        for member in members:
            if isinstance(member, property):
                member = member.fget
            if isinstance(member, (classmethod, staticmethod)):
                member = member.__func__
            if inspect.isfunction(member):
                found[f"{member.__module__}.{member.__qualname__}"] = member
    return found


def test_what_users_call_is_annotated():
    found = public_functions()
    assert len(found) > 250
    missing = []
    for name, function in found.items():
        signature = inspect.signature(function)
        arguments = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
        annotations = [p.annotation for p in arguments] + [signature.return_annotation]
        if inspect.Signature.empty in annotations:
            missing.append(name)
    assert not missing


#: Private names of Brian2's that the package has used.
PRIVATE = {
    "_code_objects", "_pathways", "_neuron_index", "_spike_time", "_clock", "_dims", "_contained_objects",
    "_write_arrays", "_queue", "_stored_state", "_N", "_resize", "_updaters", "_buffer", "_spikespace",
}  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "brian2_compat" not in path.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_one_room_reaches_into_brian2(path):
    tree = ast.parse(path.read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & PRIVATE
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("brian2"):
            assert not [alias.name for alias in node.names if alias.name.startswith("_")]
