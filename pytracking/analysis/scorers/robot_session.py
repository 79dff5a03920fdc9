"""The interactive rule: the report table of a session on a data set."""

from __future__ import annotations

from collections.abc import Sequence

from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.protocols.davis import count_objects
from pytracking.analysis.protocols.interactive import SequenceInfo, read_report, summarise_session
from pytracking.analysis.reports.report import Report, Table, csv_table
from pytracking.analysis.scorers.request import Request

_NUM_SCRIBBLES = 3  # a sequence of DAVIS 2017


def evaluate_session(request: Request, videos: Sequence[VideoTruth]) -> Report:
    """Reduce a report (CSV) to area under the curve and quality after some time.

    Raises:
        DataError: The report is missing or damaged.
    """
    options = request.session
    rows = read_report(request.result_file("report.csv"))
    sequences = {
        video.name: SequenceInfo(count_objects(video.read(video.frames[0])), _NUM_SCRIBBLES)
        for video in videos
    }
    scores = summarise_session(rows, sequences, options.limits, options.metric, options.threshold)
    numbers = {"AUC": scores.auc, f"{options.metric}@{options.threshold:g}s": scores.at_threshold}
    points = list(zip(scores.time.tolist(), scores.curve.tolist(), strict=True))
    return Report(
        request.heading("interactive"),
        (Table((options.metric,), {f"{time:.1f} s": (value,) for time, value in points}, "curve"),),
        scores.summary,
        numbers,
        {"curve.csv": csv_table(["time", options.metric], [list(point) for point in points])},
        curves={
            "quality over time": (
                "seconds",
                scores.time.tolist(),
                options.metric,
                scores.curve.tolist(),
            )
        },
    )
