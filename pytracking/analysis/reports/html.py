"""A report as one HTML file that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.reports.figures import Figure
from pytracking.analysis.reports.paired import (
    Cost,
    Disagreement,
    difference_table,
    interval_table,
    paired_scores,
    worst_disagreements,
)
from pytracking.analysis.reports.plots import draw_png
from pytracking.analysis.reports.report import TOTAL, Report, Table, format_percent
from pytracking.analysis.reports.worst_frames import WorstFrame, draw_worst_frames

_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
h2::first-letter { text-transform: capitalize; } .name { margin: 1.2rem 0 .3rem; }
.summary { font: 600 1.1rem ui-monospace, monospace; background: #eef4f9; padding: .6rem .9rem;
  border-radius: 6px; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; }
.scroll { max-height: 32rem; overflow: auto; display: inline-block; max-width: 100%; }
img { max-width: 100%; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr));
  gap: 1rem; margin: 1rem 0; align-items: start; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1rem; }
figure { margin: 0; } figure div { display: flex; gap: 3px; } figure img { width: 50%; }
.row { display: flex; gap: 3px; } .row figure { flex: 1; } .row img { width: 100%; }
figcaption { font-size: .85rem; color: #555; }
"""


def html_page(
    reports: Mapping[str, Report],
    figures: Sequence[Figure],
    costs: Mapping[str, Cost] | None = None,
) -> str:
    """Write the page: scores, plots, tables, and the frames with the lowest scores.

    Several trackers are also compared on the same objects.

    Args:
        reports: Reports by name of the tracker.
        figures: The plots.
        costs: What the trackers took, by the same names.
    """
    first = next(iter(reports.values())).heading
    title = str(first) if len(reports) == 1 else first.benchmark
    parts = [f"<h1>{escape(title)}</h1>"]
    for name, report in reports.items():
        label = f"{escape(name)}: " if len(reports) > 1 else ""
        parts.append(f'<p class="summary">{label}{escape(report.summary)}</p>')
    if figures:
        parts.append(f'<div class="plots">{"".join(map(_figure, figures))}</div>')
    parts += _comparison(paired_scores(reports), costs or {})
    for name, report in reports.items():
        parts += _report(name, report, len(reports) > 1)
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n{_VIEWPORT}\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def _report(name: str, report: Report, is_one_of_many: bool) -> list[str]:
    prefix = f"{name}: " if is_one_of_many else ""
    parts = []
    for table in reversed(report.tables):
        parts.append(f"<h2>{escape(prefix + (table.title or 'all'))}</h2>{_table(table)}")
    worst = draw_worst_frames(report.scores) if report.scores else []
    if worst:
        parts.append(f"<h2>{escape(prefix)}lowest frames (left: annotation, right: result)</h2>")
        parts.append('<div class="frames">' + "".join(map(_worst_frame, worst)) + "</div>")
    return parts


def _comparison(scored: Mapping[str, Scores], costs: Mapping[str, Cost]) -> list[str]:
    if not scored:
        return []
    parts = []
    for table in (interval_table(scored, costs), difference_table(scored)):
        parts.append(f"<h2>{escape(table.title)}</h2>{_table(table)}")
    frames = worst_disagreements(scored)
    if frames:
        parts.append("<h2>frames in which they differ most</h2>")
        parts += map(_disagreement, frames)
    return parts


def _disagreement(frame: Disagreement) -> str:
    pictures = "".join(
        f'<figure><img alt="{escape(kind)}" src="{_data(picture, "jpeg")}">'
        f"<figcaption>{escape(kind)}{_score_of(frame, kind)}</figcaption></figure>"
        for kind, picture in frame.pictures.items()
    )
    return (
        f'<p class="name">{escape(frame.name)}, frame {escape(frame.frame)}</p>'
        f'<div class="row">{pictures}</div>'
    )


def _score_of(frame: Disagreement, kind: str) -> str:
    return f": {format_percent(frame.scores[kind])}" if kind in frame.scores else ""


def _figure(figure: Figure) -> str:
    return f'<img alt="{escape(figure.title)}" src="{_data(draw_png(figure), "png")}">'


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in ("", *table.columns))
    total = [] if table.total is None else [(TOTAL, table.total)]
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{format_percent(value)}</td>" for value in row)
        + (f"<td>{escape(table.remarks[name])}</td>" if name in table.remarks else "")
        + "</tr>"
        for name, row in [*table.rows.items(), *total]
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _worst_frame(frame: WorstFrame) -> str:
    pictures = "".join(
        f'<img alt="{kind}" src="{_data(picture, "jpeg")}">'
        for kind, picture in (("annotation", frame.truth), ("result", frame.result))
    )
    caption = (
        f"{frame.name}, frame {frame.frame}: "
        f"J {format_percent(frame.j)}, F {format_percent(frame.f)}"
    )
    return f"<figure><div>{pictures}</div><figcaption>{escape(caption)}</figcaption></figure>"


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
