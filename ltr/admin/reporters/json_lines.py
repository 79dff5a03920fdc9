"""The log of a run for machines: one JSON object a line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import IO, Any

from ltr.admin.reporters.base import BatchReport, EpochReport, Reporter


class JsonLines(Reporter):
    """Appends to a file: every batch (``"kind": "batch"``) and every epoch (``"epoch"``).

    A resumed run writes the batches after its last checkpoint again; the last
    line with a step counts.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[str] | None = None

    def on_batch(self, report: BatchReport) -> None:
        """Write a batch, without the running means."""
        record = dataclasses.asdict(report)
        del record["means"]
        self._write("batch", record)

    def on_epoch(self, report: EpochReport) -> None:
        """Write an epoch."""
        self._write("epoch", dataclasses.asdict(report))

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, kind: str, record: dict[str, Any]) -> None:
        if self._stream is None:
            self._stream = self.path.open("a", encoding="utf-8", buffering=1)
        self._stream.write(json.dumps({"kind": kind, **record}) + "\n")
