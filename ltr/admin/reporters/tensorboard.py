"""TensorBoard files of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ltr.admin.optional import import_optional
from ltr.admin.reporters.base import EpochReport, Reporter

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard(Reporter):
    """Writes the means of every epoch and the learning rates, one folder a loader.

    Args:
        folder: Folder of the run's event files.
        info: Texts written in the first epoch, by name.
    """

    def __init__(self, folder: Path, info: dict[str, str]) -> None:
        self.folder = folder
        self.info = info
        self._writers: dict[str, SummaryWriter] = {}

    def on_epoch(self, report: EpochReport) -> None:
        """Write the scalars of an epoch."""
        if report.epoch == 1:
            for name, text in self.info.items():
                self._writer("info", 1).add_text(name, text)
        for loader, means in report.means.items():
            writer = self._writer(loader, report.epoch)
            for name, value in means.items():
                writer.add_scalar(name, value, report.epoch)
            if loader == report.training:
                for index, rate in enumerate(report.learning_rates):
                    writer.add_scalar(f"LearningRate/group{index}", rate, report.epoch)
            writer.flush()

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, loader: str, epoch: int) -> SummaryWriter:
        """The writer of a loader; what an interrupted run wrote from ``epoch`` on is hidden."""
        if loader not in self._writers:
            import_optional("tensorboard", "the log of a training", "train")
            from torch.utils.tensorboard import SummaryWriter

            self._writers[loader] = SummaryWriter(str(self.folder / loader), purge_step=epoch)
        return self._writers[loader]
