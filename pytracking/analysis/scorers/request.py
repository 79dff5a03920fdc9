"""What is to be scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ltr.admin.errors import ConfigError, DataError, did_you_mean
from pytracking.analysis.protocols.interactive import SessionLimits
from pytracking.analysis.reports.report import Heading
from pytracking.utils.environment import find_root

OFFICIAL = "official"


@dataclass(frozen=True)
class CurveOptions:
    """Options of the interactive rule.

    Args:
        limits: Limits of time and rounds.
        metric: ``"J"``, ``"F"`` or ``"J_AND_F"``.
        threshold: Seconds at which the curve is read.
    """

    limits: SessionLimits = field(default_factory=SessionLimits)
    metric: str = "J_AND_F"
    threshold: float = 60.0


@dataclass(frozen=True)
class Request:
    """One evaluation.

    Args:
        results: Folder of the results; a file where the results are one file.
        find_root: Gives the existing folder of a path variable, or raises ConfigError.
        dataset: Name of the data set, ``folder:PATH``, or empty for the folder ``ground_truth``.
        tracker: Name of the tracker, for the report.
        rule: ``"official"``, or the name of another rule that the data set allows.
        ground_truth: Annotations that lie elsewhere, a folder or a file.
        sequences: Only these; empty takes all.
        threads: Number of processes.
        quiet: Show no progress.
        session: Options of the interactive rule.
        is_class_agnostic: Whether instances of all categories are taken as one.
        best_only: Whether average precision in referring sees one prediction an image.
    """

    results: Path
    find_root: Callable[[str], Path] = find_root
    dataset: str = ""
    tracker: str = ""
    rule: str = OFFICIAL
    ground_truth: Path | None = None
    sequences: tuple[str, ...] = ()
    threads: int = 1
    quiet: bool = False
    session: CurveOptions = field(default_factory=CurveOptions)
    is_class_agnostic: bool = False
    best_only: bool = False

    def heading(self, rule: str) -> Heading:
        """What the report is about."""
        benchmark = f"{self.dataset or self.ground_truth}, {rule}"
        return Heading(self.tracker or str(self.results), benchmark)

    def choose(self, names: list[str]) -> list[str]:
        """The wanted sequences, in the order of the data set.

        Raises:
            ConfigError: The data set does not have one of them.
        """
        for name in self.sequences:
            if name not in names:
                hint = did_you_mean(name, names)
                raise ConfigError(
                    f"{self.dataset or 'the data set'} has no sequence {name!r}{hint}"
                )
        return [name for name in names if not self.sequences or name in self.sequences]

    def result_file(self, *names: str) -> Path:
        """The results where they are one file: given itself, or in the folder under some name.

        Raises:
            DataError: There is no such file.
        """
        for path in (self.results, *(self.results / name for name in names)):
            if path.is_file():
                return path
        raise DataError(f"{self.results} is not a file and holds no {' or '.join(names)}")


def no_ground_truth(request: Request, server: str) -> ConfigError:
    """The one sentence for a data set whose annotations only its server has."""
    return ConfigError(
        f"{request.dataset} has no public ground truth: pack the results with run_tracker.py "
        f"--submission FILE.zip and upload the file to {server}, or give --ground-truth PATH"
    )
