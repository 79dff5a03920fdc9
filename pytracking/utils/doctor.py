"""``python -m pytracking.utils.doctor``: what this installation found, and where.

Ends with exit code 1 when a path that was set does not exist.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ltr.admin.cli import CommandParser, command, json_results
from ltr.admin.environment import Environment, comments, train_environment
from ltr.admin.errors import CheckpointError
from ltr.admin.opencv import how_to_repair, installed_distributions
from ltr.admin.places import NAME
from pytracking.utils.environment import evaluation_environment

PACKAGES = (
    *("torch", "torchvision", "numpy", "scipy", "pillow", "simplejpeg", "zlib-ng", "av"),
    *("pycocotools", "rich", "platformdirs", "shtab"),
)
"""What every command may use; OpenCV, which has several names, has a row of its own."""
EXTRAS = {
    "train": ("lightning", "tensorboard"),
    "plots": ("matplotlib", "pandas"),
    "interactive": ("aiohttp", "networkx", "scikit-image"),
    "referring": ("transformers", "h5py"),
    "ray": ("ray",),
    "visdom": ("visdom",),
    "vot": ("vot-trax",),
    "hub": ("huggingface-hub", "safetensors"),
    "backends": ("aiohttp", "cvat-sdk"),
    "export": ("onnx", "onnxscript", "onnxruntime"),
}
"""What else is used, by the extra that brings it."""
_MADE_ON_DEMAND = ("results_path", "result_plot_path", "workspace_dir", "tensorboard_dir")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print versions, device, paths and networks."""
    parser = CommandParser(__doc__, prog="vos-doctor")
    parser.add_json()
    arguments = parser.parse_args(argv)
    from pytracking.utils.loading import SHIPPED_NETWORKS

    evaluation = evaluation_environment()
    training = train_environment()
    missing = dict.fromkeys((*_missing(evaluation), *_missing(training)))
    problems = [*_opencv_problems(), *missing]
    with json_results(arguments.json) as results:
        results["versions"] = _print_rows("versions", _versions())
        results["evaluation"] = _print_rows("evaluation", _paths(evaluation), evaluation.file)
        results["training"] = _print_rows("training", _paths(training), training.file)
        folders = (*evaluation.network_folders, SHIPPED_NETWORKS)
        results["networks"] = _print_rows("networks", _networks(list(dict.fromkeys(folders))))
        results["problems"] = problems
        for sentence in problems:
            print(f"problem: {sentence}")
        print(f"{len(problems)} problems")
    return 1 if problems else 0


def _print_rows(
    title: str, rows: Iterator[tuple[str, str]], file: Path | None = None
) -> dict[str, str]:
    """Print a section; returns it."""
    print(f"{title}  {file or ''}".rstrip())
    section = dict(rows)
    for name, value in section.items():
        print(f"  {name:22} {value}")
    print()
    return section


def _versions() -> Iterator[tuple[str, str]]:
    import torch

    from ltr.admin.devices import best_device

    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for name in PACKAGES:
        yield name, _version(name) or "not installed"
    yield "opencv", _opencv()
    for extra, names in EXTRAS.items():
        for name in names:
            yield name, _version(name) or f"not installed: pip install '{NAME}[{extra}]'"
    device = best_device()
    shown = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    yield "device", f"{shown}, {torch.get_num_threads()} CPU threads"


def _version(name: str) -> str:
    """Version of an installed package; empty where it is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _opencv() -> str:
    """The version that works here, and the packages that brought it."""
    try:
        import cv2

        version = str(cv2.__version__)
    except (ImportError, AttributeError):
        version = "does not work"
    return f"{version} ({', '.join(installed_distributions()) or 'not from a package'})"


def _opencv_problems() -> Iterator[str]:
    """What is wrong with OpenCV, and the lines that mend it."""
    found = installed_distributions()
    if "does not work" in _opencv():
        yield f"OpenCV cannot be used: {how_to_repair()}"
    elif len(found) > 1:
        yield f"{' and '.join(found)} share one folder, so one is broken: {how_to_repair()}"


def _paths(environment: Environment) -> Iterator[tuple[str, str]]:
    """Every path variable that has a value, with the place that set it."""
    for name in comments(type(environment)):
        if value := getattr(environment, name):
            shown = value if isinstance(value, str) else ", ".join(value)
            yield name, f"{shown}  ({environment.sources.get(name, 'default')})"


def _missing(environment: Environment) -> Iterator[str]:
    """Paths that a person set, but that do not exist."""
    for name, source in environment.sources.items():
        value = "" if name in _MADE_ON_DEMAND else getattr(environment, name)
        for path in (value,) if isinstance(value, str) else value:
            if path and not Path(path).exists():
                yield f"{name} = {path} does not exist (set in {source})"


def _networks(folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """What lies in ``network_path``, read without executing anything."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.pth*"))]
    for path in paths:
        yield path.name, _network(path)
    if not paths:
        yield "none", "python -m pytracking.utils.download --list shows the released ones"


def _network(path: Path) -> str:
    from ltr.admin.checkpoint import read_checkpoint

    try:
        checkpoint = read_checkpoint(path)
    except CheckpointError as error:
        return str(error)
    form = "upstream's form" if checkpoint.is_upstream else "safe form"
    return f"{checkpoint.net_type or 'unknown network'}, epoch {checkpoint.epoch}, {form}"


if __name__ == "__main__":
    sys.exit(main())
