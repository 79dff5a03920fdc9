"""The arrows between modules: downwards only, and no circle.

Imports inside functions and under TYPE_CHECKING count as well, and a failure says which they are.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LTR = (
    ("train_settings",),
    ("trainers",),
    ("actors",),
    ("models", "dataset"),
    ("data",),
    ("admin",),
)
PYTRACKING = (
    ("experiments", "interactive_page", "recommendation", "export"),
    ("cli",),
    ("evaluation",),
    ("analysis",),
    ("parameter", "tracker"),
    ("utils",),
)


@cache
def arrows() -> dict[str, dict[str, str]]:
    """By module, what it imports, and where: at its top, inside a function, or for types only."""
    files = {}
    for package in ("ltr", "pytracking"):
        for file in ROOT.glob(f"{package}/**/*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            files[name.removesuffix(".__init__")] = file
    found = {}
    for name, file in files.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        targets = dict(_imported(tree, "at the top", files))
        targets.pop(name, None)
        found[name] = targets
    return found


def _imported(tree: ast.AST, where: str, modules: Container[str]) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, where) for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                yield (member if member in modules else node.module), where
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _imported(node, "inside a function", modules)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imported(node, "for types only", modules)
        else:
            yield from _imported(node, where, modules)


def _layer(module: str, package: str, layers: tuple[tuple[str, ...], ...]) -> int | None:
    """Position of a module's layer from the top; modules beside the folders are commands (-1)."""
    first, *rest = module.split(".")
    if first != package or not rest:
        return None
    return next((level for level, names in enumerate(layers) if rest[0] in names), -1)


@pytest.mark.parametrize(("package", "layers"), [("ltr", LTR), ("pytracking", PYTRACKING)])
def test_imports_go_downwards(package, layers):
    upward = []
    for module, targets in arrows().items():
        for target, where in targets.items():
            levels = [_layer(name, package, layers) for name in (module, target)]
            if None not in levels and levels[1] < levels[0]:
                upward.append(f"{module} imports {target} ({where})")
    assert not upward


def test_the_training_library_knows_nothing_of_the_evaluation_library():
    upward = [
        f"{module} imports {target} ({where})"
        for module, targets in arrows().items()
        for target, where in targets.items()
        if module.startswith("ltr") and target.startswith("pytracking")
    ]
    assert not upward


def test_there_are_no_import_circles():
    reachable = {module: _reach(module) for module in arrows()}
    circles = [
        f"{module} imports {target} ({where}), which leads back"
        for module, targets in arrows().items()
        for target, where in targets.items()
        if module in reachable[target]
    ]
    assert not circles


def _reach(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for target in arrows()[waiting.pop()].keys() - found:
            found.add(target)
            waiting.append(target)
    return found


def test_an_import_is_found_wherever_it_stands():
    source = (
        "import a\nif TYPE_CHECKING:\n    from b import B\n"
        "class C:\n    def f(self):\n        from d import e\n"
    )
    found = list(_imported(ast.parse(source), "at the top", {"a", "b", "d.e", "d"}))
    assert found == [("a", "at the top"), ("b", "for types only"), ("d.e", "inside a function")]
