"""One case of the referring reference values: its description, its arrays, what was compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.conformance.report import ArrayLike, Report, as_array
from tests.seeded_weights import seeded_input, seeded_tensor


class Case:
    """A case whose arrays must all be read as inputs or be compared.

    Args:
        folder: Where the files lie.
        name: Name of the case.
        entry: Entry of the manifest, with the names of the two files.
        report: Where the outcome goes.
    """

    def __init__(self, folder: Path, name: str, entry: Mapping[str, Any], report: Report) -> None:
        self.name = name
        self.report = report
        self.description = json.loads((folder / entry["description"]).read_text())
        with np.load(folder / entry["arrays"]) as archive:
            self.arrays = dict(archive)
        self.pending = set(self.arrays)

    def __getitem__(self, key: str) -> Any:
        return self.description[key]

    @property
    def seed(self) -> int:
        """Of the weights and inputs."""
        return self.description.get("weights_seed", self.description.get("seed")) or 0

    def has(self, name: str) -> bool:
        """Whether this array is part of the case."""
        return name in self.arrays

    def array(self, name: str) -> np.ndarray:
        """An array that is an input; packed masks are unpacked."""
        self.pending.discard(name)
        info = self.description["arrays"].get(name, {})
        if info.get("packed"):
            count = int(np.prod(info["shape"]))
            return np.unpackbits(self.arrays[name])[:count].reshape(info["shape"]).astype(bool)
        return self.arrays[name]

    def input(self, name: str) -> torch.Tensor:
        """An array that is an input, as a tensor."""
        return torch.from_numpy(self.array(name))

    def drawn(self, name: str, shape: Sequence[int], kind: str = "normal") -> torch.Tensor:
        """An input by the rule."""
        return seeded_input(name, shape, self.seed, kind)

    def compare(self, name: str, got: ArrayLike, **limits: float) -> None:
        """Compare an output with the array of this name, where the case has it."""
        if not self.has(name):
            return
        self.pending.discard(name)
        info, found = self.description["arrays"].get(name, {}), as_array(got)
        if list(found.shape) != list(info.get("shape", found.shape)):
            self.report.fail(f"{self.name}.{name}", f"shape {found.shape}, not {info['shape']}")
            return
        wanted = self.arrays[name]
        if info.get("stride", 1) not in (1, None):
            found = found.reshape(-1)[:: info["stride"]]
        self.report.close(self.name, name, found, wanted.reshape(found.shape), **limits)

    def finish(self) -> None:
        """What was neither read nor compared is not understood."""
        for name in sorted(self.pending):
            self.report.fail(self.name, f"unknown array {name!r}")


def seeded(module: nn.Module, seed: int) -> nn.Module:
    """The module in eval mode, with weights by the rule."""
    state = {
        key: value if value.dtype == torch.int64 else seeded_tensor(key, value.shape, seed)
        for key, value in module.state_dict().items()
    }
    module.load_state_dict(state)
    return module.eval()
