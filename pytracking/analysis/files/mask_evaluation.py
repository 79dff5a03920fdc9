"""Compares folders of masks frame by frame, in one or more processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.data.frame_files import find_mask, list_masks
from ltr.data.mask_rule import refuse_mixed_masks
from ltr.data.palette import VOID
from pytracking.analysis.files.mask_reader import read_mask
from pytracking.analysis.files.parallel import map_in_order
from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.metrics.scores import FrameSource, Scores

_LOG = logging.getLogger(__name__)
_FRAMES_A_JOB = 16
_SHOWN_PROBLEMS = 5

Compare = Callable[[np.ndarray, np.ndarray], np.ndarray]
Assemble = Callable[[Sequence[np.ndarray]], Scores]


@dataclass(frozen=True)
class Comparison:
    """How one video (or one expression of it) is scored.

    Args:
        video: Its annotations.
        results: Folder of its result masks; those of no frame of the video are reported.
        frames: Names of the frames that are compared.
        compare: Scores one frame, annotation first; a function that another process can call.
        assemble: Makes the scores of the video from those of its frames.
    """

    video: VideoTruth
    results: Path
    frames: tuple[str, ...]
    compare: Compare
    assemble: Assemble = field(repr=False)


@dataclass(frozen=True)
class _Job:
    """Some frames of one comparison."""

    truth: Path
    results: Path
    frames: tuple[str, ...]
    compare: Compare


@dataclass
class _Outcome:
    """Values by frame, and what was wrong."""

    values: list[np.ndarray] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    foreign_palettes: list[str] = field(default_factory=list)
    void: list[tuple[str, int]] = field(default_factory=list)
    truth_kinds: dict[bool, Path] = field(default_factory=dict)


def evaluate_masks(
    comparisons: Sequence[Comparison], threads: int = 1, quiet: bool = False
) -> list[Scores]:
    """Score videos; the values do not depend on the number of processes.

    Args:
        comparisons: What to compare.
        threads: Number of processes; 0 and 1 work in this one.
        quiet: Show no progress.

    Returns:
        The scores of every comparison.

    Raises:
        DataError: Masks are missing, damaged, of another size, or show ids that must not occur; all
            such files are counted and the first ones named.
    """
    refuse_missing(comparisons)
    jobs = [
        _Job(own.video.folder, own.results, own.frames[start : start + _FRAMES_A_JOB], own.compare)
        for own in comparisons
        for start in range(0, len(own.frames), _FRAMES_A_JOB)
    ]
    outcomes: list[_Outcome] = []
    total = sum(len(comparison.frames) for comparison in comparisons)
    with FrameProgress("scoring", total, quiet=quiet) as progress:
        for job, outcome in zip(jobs, map_in_order(_run, jobs, threads), strict=True):
            outcomes.append(outcome)
            progress.advance(len(job.frames))
    _report_oddities(outcomes)
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    _raise_problems([*problems, *_mixed_kinds(outcomes)])
    values = iter([value for outcome in outcomes for value in outcome.values])
    scored = []
    for own in comparisons:
        scores = own.assemble([next(values) for _ in own.frames])
        source = FrameSource(own.video.folder, own.results, own.video.images)
        scored.append(replace(scores, sources={item.name: source for item in scores.objects}))
    return scored


def refuse_missing(comparisons: Iterable[Comparison]) -> None:
    """Look for all result masks before the first is read; report those that nothing asks for.

    Raises:
        DataError: Some are missing.
    """
    problems: list[str] = []
    extra: list[Path] = []
    for comparison in comparisons:
        found = set(list_masks(comparison.results))
        missing = [frame for frame in comparison.frames if frame not in found]
        if missing and not found:
            problems.append(f"{comparison.results} is missing")
        else:
            problems += [f"{comparison.results / frame}.png is missing" for frame in missing]
        beside = sorted(found.difference(comparison.video.known_frames()))
        extra += [find_mask(comparison.results, frame) for frame in beside]
    if extra:
        _LOG.warning("%d result masks belong to no frame, %s is the first", len(extra), extra[0])
    _raise_problems(problems)


def _run(job: _Job) -> _Outcome:
    """Compare the frames of one job; a bad file is noted and the others are still compared."""
    outcome = _Outcome()
    for frame in job.frames:
        path = find_mask(job.results, frame)
        try:
            truth = read_mask(find_mask(job.truth, frame))
            result = read_mask(path)
        except DataError as error:
            outcome.problems.append(str(error))
            continue
        if not result.has_known_palette:
            outcome.foreign_palettes.append(str(path))
        if truth.labels.any():
            outcome.truth_kinds.setdefault(truth.is_black_and_white, job.truth / frame)
        for folder, mask in ((job.truth, truth), (job.results, result)):
            if number := int(np.count_nonzero(mask.labels == VOID)):
                outcome.void.append((str(find_mask(folder, frame)), number))
        try:
            outcome.values.append(job.compare(truth.labels, result.labels))
        except DataError as error:
            outcome.problems.append(f"{path}: {error}")
    return outcome


def _report_oddities(outcomes: Sequence[_Outcome]) -> None:
    """Warn of masks that are scored although they may mean something else."""
    paths = [path for outcome in outcomes for path in outcome.foreign_palettes]
    if paths:
        _LOG.warning(
            "%d result masks have a palette of their own, %s is the first: its indices are taken "
            "as object ids",
            len(paths),
            paths[0],
        )
    found = [entry for outcome in outcomes for entry in outcome.void]
    if found:
        _LOG.warning(
            "%d pixels of %d masks are void (255) and belong to no object, %s is the first",
            sum(number for _, number in found),
            len(found),
            found[0][0],
        )


def _mixed_kinds(outcomes: Iterable[_Outcome]) -> Iterator[str]:
    """Videos of which some annotations are black and white and others hold ids."""
    kinds: dict[Path, dict[bool, Path]] = {}
    for outcome in outcomes:
        for is_black_and_white, path in outcome.truth_kinds.items():
            kinds.setdefault(path.parent, {})[is_black_and_white] = path
    for found in kinds.values():
        try:
            refuse_mixed_masks(found)
        except DataError as error:
            yield str(error)


def _raise_problems(problems: Sequence[str]) -> None:
    if not problems:
        return
    shown = "; ".join(problems[:_SHOWN_PROBLEMS])
    more = len(problems) - _SHOWN_PROBLEMS
    raise DataError(shown if more <= 0 else f"{shown}; and {more} more")
