"""The file beside exported graphs that says what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import file_checksum
from ltr.data.json_io import read_json

Format = Literal["onnx", "torch-export"]
Arrays = dict[str, np.ndarray]
Call = Callable[[Mapping[str, np.ndarray]], Arrays]

MANIFEST = "export.json"
VERSION = 1
ENDINGS: Mapping[Format, str] = {"onnx": ".onnx", "torch-export": ".pt2"}


@dataclass(frozen=True)
class GraphFile:
    """One exported graph.

    Args:
        path: Its file.
        inputs: Shape and NumPy type of each input, in their order.
        outputs: Names of the outputs, in their order.
    """

    path: Path
    inputs: Mapping[str, tuple[tuple[int, ...], np.dtype]]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """An exported tracker.

    Args:
        system: What runs the graphs: ``joint`` or ``dense_ulearn``.
        form: Format of the graphs.
        parameters: Parameters of the tracker.
        settings: What else the runner must know.
        graphs: By name.
    """

    system: str
    form: Format
    parameters: Mapping[str, Any]
    settings: Mapping[str, Any]
    graphs: Mapping[str, GraphFile]


def read_manifest(folder: Path) -> Manifest:
    """Read what lies in a folder of exported graphs, and check that it is whole.

    Raises:
        DataError: The folder, its manifest or a graph is missing, damaged or of another version.
    """
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder} is not an exported tracker: it has no {MANIFEST}")
    content = read_json(folder / MANIFEST)
    try:
        if content["version"] != VERSION:
            raise DataError(
                f"{folder / MANIFEST} has version {content['version']}, expected {VERSION}"
            )
        graphs = {name: _graph(folder, entry) for name, entry in content["graphs"].items()}
        if content["format"] not in ENDINGS:
            raise DataError(f"{folder / MANIFEST} names the unknown format {content['format']!r}")
        return Manifest(
            content["system"],
            content["format"],
            content["parameters"],
            content["settings"],
            graphs,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / MANIFEST} is damaged: {error!r}") from error


def _graph(folder: Path, entry: Mapping[str, Any]) -> GraphFile:
    path = folder / Path(entry["file"]).name
    if not path.is_file():
        raise DataError(f"{folder} lacks {path.name}, which its {MANIFEST} names")
    if file_checksum(path) != entry["sha256"]:
        raise DataError(f"{path} is not the file that was exported: its checksum differs")
    inputs = {
        name: (tuple(map(int, own["shape"])), np.dtype(own["type"]))
        for name, own in entry["inputs"].items()
    }
    return GraphFile(path, inputs, tuple(entry["outputs"]))
