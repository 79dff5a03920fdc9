"""The folder of a training run and the names of its checkpoints.

``<network>_ep0007.pth.tar`` stands after seven epochs; ``<network>_ep0007_step000123.pth.tar``
123 steps later, in the eighth. The newest one is the last in sorted order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltr.admin.checkpoint import SUFFIX, save_checkpoint
from ltr.admin.files import TEMPORARY_SUFFIX

_NAME = re.compile(rf"_ep(\d+)(?:_step(\d+))?{re.escape(SUFFIX)}$")


@dataclass(frozen=True)
class RunFolder:
    """Where one run writes.

    Args:
        path: The folder; made when something is written.
    """

    path: Path

    @classmethod
    def choose(
        cls, workspace: Path, project_path: str, fresh: bool = False, other_than: Path | None = None
    ) -> RunFolder:
        """Find the newest folder of a project, or the next free one.

        The first is ``<workspace>/checkpoints/<project_path>``, later ones end in ``_run002`` and
        so on.

        Args:
            workspace: Base of all runs.
            project_path: Path of the experiment below the workspace, for example
                ``ltr/joint/joint_stage1``.
            fresh: Whether a folder that was used is left alone.
            other_than: A folder that does not count, because a run just begins in it.
        """
        first = workspace / "checkpoints" / project_path
        numbers = [1] + [
            int(match[1])
            for path in first.parent.glob(f"{first.name}_run*")
            if (match := re.fullmatch(rf"{re.escape(first.name)}_run(\d+)", path.name))
            and path != other_than
        ]
        number = max(numbers)
        newest = first if number == 1 else first.with_name(f"{first.name}_run{number:03d}")
        if fresh and newest.is_dir() and any(newest.iterdir()):
            return cls(first.with_name(f"{first.name}_run{number + 1:03d}"))
        return cls(newest)

    def prepare(self) -> None:
        """Make the folder and remove what an interrupted write left behind."""
        self.path.mkdir(parents=True, exist_ok=True)
        for file in self.path.glob(f".*{TEMPORARY_SUFFIX}"):
            file.unlink(missing_ok=True)

    def checkpoints(self) -> list[Path]:
        """All checkpoints, the oldest first."""
        found = {path: _NAME.search(path.name) for path in self.path.glob(f"*{SUFFIX}")}
        places = {
            path: (int(match[1]), int(match[2] or 0)) for path, match in found.items() if match
        }
        return sorted(places, key=places.__getitem__)

    def newest(self) -> Path | None:
        """The checkpoint to resume from; None if there is none."""
        return next(reversed(self.checkpoints()), None)

    def save_best(self, record: Mapping[str, Any]) -> Path:
        """Write the checkpoint with the best score, in the place of the one before.

        A run does not resume from it.
        """
        path = self.path / f"checkpoint_best{SUFFIX}"
        save_checkpoint(path, record)
        return path

    def save(self, record: Mapping[str, Any], epoch: int, step: int = 0, keep: int = 0) -> Path:
        """Write a checkpoint, then remove those that it makes superfluous.

        Args:
            record: Fields of the checkpoint; ``net_type`` begins the file's name.
            epoch: Finished epochs.
            step: Steps of the epoch that is running.
            keep: How many of the checkpoints after epochs are kept; 0 keeps all. Of those within
                an epoch only the newest is.
        """
        place = f"ep{epoch:04d}" + (f"_step{step:06d}" if step else "")
        path = self.path / f"{record['net_type']}_{place}{SUFFIX}"
        save_checkpoint(path, record)
        is_within_epoch = {file: "_step" in file.name for file in self.checkpoints()}
        of_epochs = [file for file, is_within in is_within_epoch.items() if not is_within]
        passed = [file for file, is_within in is_within_epoch.items() if is_within]
        for file in passed + (of_epochs[:-keep] if keep else []):
            if file != path:
                file.unlink(missing_ok=True)
        return path
