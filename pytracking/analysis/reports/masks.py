"""Reports of the protocols that compare masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.protocols.pytracking import text_bar_graph
from pytracking.analysis.protocols.youtubevos import GroupScores
from pytracking.analysis.reports.report import Heading, Report, Table, csv_table

_COLUMNS = ("J&F", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")


def davis_report(heading: Heading, scores: Scores, set_name: str) -> Report:
    """The report of DAVIS, with the two tables of the official program.

    Args:
        heading: What was scored.
        scores: Scores of all objects.
        set_name: Name of the split in the tables' file names: ``val``, ``test-dev``, ...
    """
    numbers = totals(scores)
    return Report(
        heading,
        (object_table(scores),),
        scores.summary,
        numbers,
        davis_csv(scores, set_name),
        scores,
    )


def davis_csv(scores: Scores, set_name: str) -> dict[str, str]:
    """Both tables in the official layout, by file name."""
    numbers = totals(scores)
    columns = ["J&F-Mean", *_COLUMNS[1:]]
    return {
        f"global_results-{set_name}.csv": csv_table(columns, [list(numbers.values())]),
        f"per-sequence_results-{set_name}.csv": _csv_of_objects(scores),
    }


def _csv_of_objects(scores: Scores) -> str:
    """The official table of the objects: name, mean J and mean F."""
    rows = [(o.name, o.j_statistics.mean, o.f_statistics.mean) for o in scores.objects]
    return csv_table(["Sequence", "J-Mean", "F-Mean"], rows)


def pytracking_report(heading: Heading, scores: Scores, dataset: str) -> Report:
    """The report of pytracking's rule, with the two tables of its evaluator.

    Args:
        heading: What was scored.
        scores: Scores of all objects.
        dataset: Name of the data set, for the names of the tables.
    """
    numbers = totals(scores)
    graphs = {item.name: text_bar_graph(item.j) for item in scores.objects}
    return Report(
        heading,
        (replace(object_table(scores), remarks=graphs),),
        scores.summary,
        numbers,
        pytracking_csv(scores, dataset),
        scores,
    )


def pytracking_csv(scores: Scores, dataset: str) -> dict[str, str]:
    """Both tables as pytracking writes them, by file name; they hold J only."""
    columns = ["J-Mean", "J-Recall", "J-Decay"]
    rows = [(item.name, *item.j_statistics[:3]) for item in scores.objects]
    return {
        f"{dataset}_global_results.csv": csv_table(columns, [list(scores.j[:3])]),
        f"{dataset}_per-sequence_results.csv": csv_table(["Sequence", *columns], rows),
    }


def youtubevos_report(
    heading: Heading, scores: Scores, groups: GroupScores, set_name: str
) -> Report:
    """The report of YouTube-VOS.

    Args:
        heading: What was scored.
        scores: Scores of all objects.
        groups: Means of the seen and unseen categories.
        set_name: Name of the split in the tables' file names.
    """
    numbers = {
        "G": groups.overall,
        "J_seen": groups.j_seen,
        "J_unseen": groups.j_unseen,
        "F_seen": groups.f_seen,
        "F_unseen": groups.f_unseen,
    }
    csv_files = {
        f"global_results-{set_name}.csv": csv_table(list(numbers), [list(numbers.values())]),
        f"per-sequence_results-{set_name}.csv": _csv_of_objects(scores),
    }
    total = Table(tuple(numbers), {}, total=tuple(numbers.values()))
    return Report(
        heading, (object_table(scores), total), groups.summary, numbers, csv_files, scores
    )


def refdavis_report(heading: Heading, annotators: Sequence[Scores]) -> Report:
    """The report of Ref-DAVIS: the mean over its four annotators.

    Args:
        heading: What was scored.
        annotators: The scores of each, by the unsupervised rule of DAVIS.
    """
    rows = {f"anno_{k}": tuple(totals(scores).values()) for k, scores in enumerate(annotators)}
    means = np.mean(list(rows.values()), axis=0).tolist()
    numbers = dict(zip(_COLUMNS, means, strict=True))
    summary = " ".join(
        f"{name}={100 * numbers[column]:.1f}"
        for name, column in (("J&F", "J&F"), ("J", "J-Mean"), ("F", "F-Mean"))
    )
    joined = Scores.join(
        Scores(
            tuple(replace(item, sequence=f"anno_{k}/{item.sequence}") for item in scores.objects),
            {f"anno_{k}/{name}": source for name, source in scores.sources.items()},
        )
        for k, scores in enumerate(annotators)
    )
    table = Table(_COLUMNS, rows, "annotators", total=tuple(means))
    csv_files = {
        f"anno_{k}/{name}": text
        for k, scores in enumerate(annotators)
        for name, text in davis_csv(scores, "val").items()
    }
    return Report(heading, (object_table(joined), table), summary, numbers, csv_files, joined)


def totals(scores: Scores) -> dict[str, float]:
    """The global numbers by their official names."""
    values = (scores.j_and_f, *scores.j[:3], *scores.f[:3])
    return dict(zip(_COLUMNS, values, strict=True))


def object_table(scores: Scores) -> Table:
    """One row per object."""
    rows = {
        item.name: (item.j_and_f, *item.j_statistics[:3], *item.f_statistics[:3])
        for item in scores.objects
    }
    return Table(_COLUMNS, rows, "objects", total=tuple(totals(scores).values()))
