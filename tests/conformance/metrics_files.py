"""Files of the reference values of the evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltr.data.frame_files import list_masks
from pytracking.analysis.files.truth_folder import VideoTruth

TOLERANCE = 1e-6


def load(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def truth_folder(case: Path, expected: Mapping[str, Any]) -> Path:
    """Ground truth of a case: its ``gt``, or where its note says."""
    own = case / "gt"
    if own.is_dir():
        return own
    _, mark, path = expected["note"].rpartition("ground truth = ")
    if not mark:
        raise FileNotFoundError(f"{case} has no gt folder and its note names none")
    return (case / path.strip()).resolve()


def video(folder: Path, name: str, starts: dict[int, str] | None = None) -> VideoTruth:
    """The annotations of a sequence."""
    return VideoTruth(name, folder / name, list_masks(folder / name), starts or {})
