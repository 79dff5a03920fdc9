"""Writes the graphs of a tracker into a folder that the runner reads."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from ltr.admin.files import file_checksum
from ltr.admin.optional import import_optional
from ltr.data.json_io import write_json
from pytracking.export.graph import ExportedSystem, Graph
from pytracking.export.runner.manifest import ENDINGS, MANIFEST, VERSION, Format
from pytracking.utils.staging import check_free, staged_folder

_OPSET = 18


def write_export(
    system: ExportedSystem,
    description: dict[str, Any],
    folder: Path,
    form: Format,
    overwrite: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Write all graphs and the manifest; the folder is there whole or not at all.

    Args:
        system: What is exported.
        description: Description of the tracker, JSON-like; stored in the manifest.
        folder: New or empty.
        form: ``onnx`` or ``torch-export``.
        overwrite: Replace an earlier export.
        report: Is told every file that has been made.

    Raises:
        ConfigError: A package that writes this format is missing, or the folder holds something.
        OutputError: It cannot be written.
    """
    check_writable(folder, form, overwrite)
    entries = {}
    files = [graph.name + ENDINGS[form] for graph in system.graphs]
    with staged_folder(folder, [*files, MANIFEST], overwrite) as staging:
        for graph, name in zip(system.graphs, files, strict=True):
            _write_graph(graph, staging / name, form)
            entries[graph.name] = _describe(graph, staging / name)
            report(name)
        manifest = {
            "version": VERSION,
            "format": form,
            **description,
            "settings": system.settings,
            "graphs": entries,
        }
        write_json(staging / MANIFEST, manifest)


def check_writable(folder: Path, form: Format, overwrite: bool = False) -> None:
    """Refuse what ``write_export`` would refuse, before anything is computed.

    Raises:
        ConfigError: A package that writes this format is missing, or the folder holds something.
    """
    if form == "onnx":
        for package in ("onnx", "onnxscript"):
            import_optional(package, "--format onnx", "export")
    check_free(folder, () if overwrite else (MANIFEST,))


def _describe(graph: Graph, file: Path) -> dict[str, Any]:
    inputs = {
        name: {"shape": list(value.shape), "type": str(value.dtype).removeprefix("torch.")}
        for name, value in graph.inputs.items()
    }
    return {
        "file": file.name,
        "sha256": file_checksum(file),
        "inputs": inputs,
        "outputs": list(graph.outputs),
    }


@torch.no_grad()
def _write_graph(graph: Graph, file: Path, form: Format) -> None:
    with _quiet():
        inputs = tuple(graph.inputs.values())
        program = torch.export.export(graph.module.eval(), inputs, strict=False)
        if form == "torch-export":
            torch.export.save(program, file)
        else:
            _write_onnx(program, graph, file)


def _write_onnx(program: ExportedProgram, graph: Graph, file: Path) -> None:
    torch.onnx.export(
        program,
        f=file,
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
        custom_translation_table={
            torch.ops.aten.sort.stable: _sort,
            torch.ops.aten.sum.dim_IntList: _sum,
        },
    )


def _sort(values: Any, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:
    """A stable sort in ONNX: TopK puts the lower index first where values are equal."""
    from onnxscript import opset18

    length = opset18.Shape(values, start=dim, end=dim + 1 or None)
    return opset18.TopK(values, length, axis=dim, largest=int(descending), sorted=1)


def _sum(values: Any, dim: Any = None, keepdim: bool = False, dtype: int = -1) -> Any:
    """A sum in ONNX, one axis after the other, the last one first.

    Over several axes at once onnxruntime adds to a single float32, whose relative error reaches
    1e-4; PyTorch's is 1e-7.
    """
    from onnxscript import opset18

    rank = len(values.shape)
    dims = range(rank) if dim is None else [dim] if isinstance(dim, int) else dim
    for axis in sorted((axis % rank for axis in dims), reverse=True):
        axes: Any = opset18.Constant(value_ints=[axis])
        values = opset18.ReduceSum(values, axes, keepdims=int(keepdim))
    return values if dtype == -1 else opset18.Cast(values, to=dtype)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what PyTorch's exporters say of their own parts."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
