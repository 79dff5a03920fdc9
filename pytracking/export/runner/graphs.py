"""Exported graphs that can be called with arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.admin.optional import import_optional
from pytracking.export.runner.manifest import Arrays, Call, GraphFile, Manifest

_NEW = "new_"


class ExportedGraph:
    """A graph and the arrays that it takes.

    Args:
        file: What the manifest says of it.
        call: Runs it: inputs by name, outputs by name.
    """

    def __init__(self, file: GraphFile, call: Call) -> None:
        self.file = file
        self._call = call

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an input."""
        return self.file.inputs[name][0]

    def zeros(self, *names: str) -> Arrays:
        """Empty arrays for some inputs."""
        return {name: np.zeros(*self.file.inputs[name]) for name in names}

    def memory_names(self) -> tuple[str, ...]:
        """Names of the inputs that come out changed."""
        return tuple(name for name in self.file.inputs if _NEW + name in self.file.outputs)

    def run(self, memory: Arrays, **inputs: np.ndarray) -> Arrays:
        """Run the graph, and replace what comes out changed.

        Args:
            memory: Inputs by name; changed in place.
            **inputs: All other inputs.

        Returns:
            The outputs that are not part of the memory.
        """
        wanted = self.file.inputs
        given = {name: inputs.get(name, memory.get(name)) for name in wanted}
        arrays = {
            name: np.ascontiguousarray(value, dtype=wanted[name][1])
            for name, value in given.items()
            if value is not None
        }
        outputs = self._call(arrays)
        memory |= {
            name.removeprefix(_NEW): outputs.pop(name) for name in list(outputs) if _is_new(name)
        }
        return outputs


def _is_new(name: str) -> bool:
    return name.startswith(_NEW)


def open_graphs(manifest: Manifest, threads: int = 0) -> dict[str, ExportedGraph]:
    """Load the graphs of a manifest.

    Args:
        manifest: From ``read_manifest``.
        threads: Threads of onnxruntime; 0 for one per core.

    Raises:
        ConfigError: The package that runs the format is missing.
        DataError: A graph cannot be loaded.
    """
    if manifest.form == "torch-export":
        from pytracking.export.torch_graphs import load_program

        load: Callable[[GraphFile], Call] = load_program
    else:
        runtime = import_optional("onnxruntime", "running an exported tracker", "export")

        def load(file: GraphFile) -> Call:
            return _open_onnx(runtime, file, threads)

    return {name: ExportedGraph(file, load(file)) for name, file in manifest.graphs.items()}


def _open_onnx(runtime: Any, file: GraphFile, threads: int) -> Call:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(
            str(file.path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's own classes are not public
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"onnxruntime cannot load {file.path}: {reason}") from error
    names = [own.name for own in session.get_inputs()]

    def call(inputs: Mapping[str, np.ndarray]) -> Arrays:
        used = {name: inputs[name] for name in names}
        return dict(zip(file.outputs, session.run(None, used), strict=True))

    return call


def check_threads(threads: int) -> int:
    """Refuse a negative number of threads.

    Raises:
        ConfigError: It is negative.
    """
    if threads < 0:
        raise ConfigError(f"--threads must be 0 (all cores) or more, got {threads}")
    return threads
