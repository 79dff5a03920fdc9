"""The arrows between modules: downwards only, and no circle but those named here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
    ("experiments", "interactive_page", "recommendation"),
    ("cli",),
    ("evaluation",),
    ("analysis",),
    ("parameter", "tracker"),
    ("utils",),
)

# What is left of older layouts: the sampling modules of ltr/data know the data sets they draw from,
# and four drawing modules know the types of a tracker's results.
KNOWN_UPWARD = {
    ("ltr.data.sampler", "ltr.dataset.base"),
    ("ltr.data.instance_pairs", "ltr.dataset.instance_pairs"),
    ("ltr.data.clips", "ltr.dataset.unlabelled"),
    ("ltr.data.referring.samples", "ltr.dataset.referring.base"),
    ("ltr.data.referring.samples", "ltr.models.referring.batches"),
    ("pytracking.utils.window", "pytracking.tracker.base"),
    ("pytracking.utils.visdom", "pytracking.tracker.base"),
    ("pytracking.utils.instance_drawing", "pytracking.tracker.clip"),
    ("pytracking.utils.box_mask", "pytracking.tracker.base"),
}
KNOWN_CIRCLES = {
    ("ltr.dataset.pasted_objects", "ltr.dataset.registry", "ltr.dataset.unlabelled"),
    ("ltr.models.propose_reduce.seq_mask_rcnn", "ltr.models.propose_reduce.training"),
}


@cache
def arrows() -> dict[str, frozenset[str]]:
    """Imported modules by module, imports inside functions and under TYPE_CHECKING included."""
    files = {}
    for package in ("ltr", "pytracking"):
        for file in ROOT.glob(f"{package}/**/*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            files[name.removesuffix(".__init__")] = file
    return {
        name: frozenset(target for target in _imported(file, files) if target != name)
        for name, file in files.items()
    }


def _imported(file: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                yield member if member in modules else node.module


def _layer(module: str, package: str, layers: tuple[tuple[str, ...], ...]) -> int | None:
    """Position of a module's layer from the top; modules beside the folders are commands (-1)."""
    first, *rest = module.split(".")
    if first != package or not rest:
        return None
    return next((level for level, names in enumerate(layers) if rest[0] in names), -1)


@pytest.mark.parametrize(("package", "layers"), [("ltr", LTR), ("pytracking", PYTRACKING)])
def test_imports_go_downwards(package, layers):
    upward = set()
    for module, targets in arrows().items():
        for target in targets:
            levels = [_layer(name, package, layers) for name in (module, target)]
            if None not in levels and levels[1] < levels[0]:
                upward.add((module, target))
    assert upward == {pair for pair in KNOWN_UPWARD if pair[0].startswith(f"{package}.")}


def test_the_training_library_knows_nothing_of_the_evaluation_library():
    for module, targets in arrows().items():
        if module.startswith("ltr"):
            assert not [target for target in targets if target.startswith("pytracking")], module


def test_there_are_no_import_circles():
    reachable = {module: _reach(module) for module in arrows()}
    circles = {
        tuple(sorted(other for other in targets if module in reachable[other]))
        for module, targets in reachable.items()
        if module in targets
    }
    assert circles == KNOWN_CIRCLES


def _reach(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for target in arrows()[waiting.pop()] - found:
            found.add(target)
            waiting.append(target)
    return found
