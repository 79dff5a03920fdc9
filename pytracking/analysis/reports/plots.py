"""Plots as PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from ltr.admin.optional import import_optional
from pytracking.analysis.reports.figures import Figure
from pytracking.analysis.reports.report import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito: apart also for people who confuse red and green.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#B8A600", "#000000")
_BAR_WIDTH = 0.8
_INCHES_A_GROUP = 0.32
_LONG_NAME = 12


def draw_png(figure: Figure) -> bytes:
    """Draw a figure; returns the PNG file."""
    import_optional("matplotlib", "a plot", "plots")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    width = max(7.0, 2.0 + _INCHES_A_GROUP * len(figure.groups) * max(1, len(figure.series) - 1))
    canvas = Canvas(figsize=(min(width, 24.0), 4.2), dpi=110, layout="constrained")
    axes = canvas.add_subplot()
    draw = _draw_bars if figure.kind == "bars" else _draw_lines
    draw(axes, figure)
    axes.set_title(_plain(figure.title), fontsize=11, loc="left")
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    axes.set_ylim(*value_range(figure))
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(figure.series) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    buffer = io.BytesIO()
    FigureCanvasAgg(canvas).print_png(buffer)
    return buffer.getvalue()


def value_range(figure: Figure) -> tuple[float, float]:
    """Limits of the vertical axis: 0 to 100, wider where values lie outside."""
    values = [value for line in figure.series for value in line.y if not np.isnan(value)]
    return min(0.0, *values, 0.0), max(100.0, *values, 100.0)


def colour_of(position: int) -> str:
    """Colour of a series, as ``#RRGGBB``."""
    return COLOURS[position % len(COLOURS)]


def _plain(text: str) -> str:
    """Text that Matplotlib does not take as a formula, nor FreeType as half a character."""
    return printable(text).replace("$", r"\$")


def _draw_lines(axes: Axes, figure: Figure) -> None:
    for position, line in enumerate(figure.series):
        style = "-" if position < len(COLOURS) else "--"
        axes.plot(
            line.x, line.y, style, label=_plain(line.label), color=colour_of(position), lw=1.6
        )
    axes.margins(x=0.01)


def _draw_bars(axes: Axes, figure: Figure) -> None:
    width = _BAR_WIDTH / len(figure.series)
    for position, line in enumerate(figure.series):
        middles = np.array(line.x) + (position + 0.5) * width - _BAR_WIDTH / 2
        axes.bar(middles, line.y, width, label=_plain(line.label), color=colour_of(position))
    is_crowded = len(figure.groups) > 8 or max(map(len, figure.groups), default=0) > _LONG_NAME
    names = list(map(_plain, figure.groups))
    places = range(len(names))
    if is_crowded:
        axes.set_xticks(places, names, fontsize=9, rotation=60, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(places, names, fontsize=9)
    axes.set_xlim(-0.6, len(figure.groups) - 0.4)
