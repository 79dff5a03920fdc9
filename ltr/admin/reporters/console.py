"""The printed lines of a training run, and its progress bar."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from ltr.admin.progress import FrameProgress
from ltr.admin.reporters.base import BatchReport, EpochReport, Reporter

_LOG = logging.getLogger(__name__)


class Console(Reporter):
    """Prints the running means every few batches, and the time left after every epoch.

    Args:
        interval: Print every so many batches, and the last one of an epoch.
        names: What is printed; None prints all.
        quiet: Print nothing.
    """

    def __init__(
        self, interval: int = 10, names: Sequence[str] | None = None, quiet: bool = False
    ) -> None:
        self.interval = interval
        self.names = names
        self.quiet = quiet
        self._bar: FrameProgress | None = None
        self._output = sys.stdout

    def on_batch(self, report: BatchReport) -> None:
        """Advance the bar and print a line when it is due."""
        if self._bar is None:
            self._bar = FrameProgress(
                f"{report.loader} epoch {report.epoch}",
                report.num_batches - report.batch + 1,
                self.quiet,
                unit="batches",
            ).__enter__()
        self._bar.advance()
        is_last = report.batch == report.num_batches
        if not self.quiet and (is_last or report.batch % self.interval == 0):
            self._print(line_of(report, self.names))
        if is_last:
            self.close()

    def on_epoch(self, report: EpochReport) -> None:
        """Tell the time that is left."""
        left = (report.max_epochs - report.epoch) * report.seconds
        resampled = f", {report.resampled} samples replaced" if report.resampled else ""
        _LOG.info(
            "epoch %d of %d in %s%s, about %s left",
            report.epoch,
            report.max_epochs,
            duration(report.seconds),
            resampled,
            duration(left),
        )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def _print(self, line: str) -> None:
        # At a terminal the bar redirects sys.stdout so that the line goes above it; a file or pipe
        # must get its lines itself.
        print(line, file=None if self._output.isatty() else self._output, flush=True)


def line_of(report: BatchReport, names: Sequence[str] | None = None) -> str:
    """The line that pytracking's users know.

    >>> means = {"Loss/total": 0.523142}
    >>> line_of(BatchReport("train", 3, 40, 1000, 40, means, means, 21.13, 23.9, 0.0, 1.0))
    '[train: 3, 40 / 1000] FPS: 21.1 (23.9)  ,  Loss/total: 0.52314'
    """
    head = f"[{report.loader}: {report.epoch}, {report.batch} / {report.num_batches}]"
    parts = [f"{head} FPS: {report.mean_fps:.1f} ({report.fps:.1f})"]
    parts += [
        f"{name}: {value:.5f}"
        for name, value in report.means.items()
        if names is None or name in names
    ]
    return "  ,  ".join(parts)


def duration(seconds: float) -> str:
    """A duration in words.

    >>> duration(59.6), duration(754), duration(50400)
    ('1 min 00 s', '12 min 34 s', '14 h 00 min')
    """
    total = round(seconds)
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    return f"{total // 3600} h {total % 3600 // 60:02d} min"
