"""Plots as TikZ, for papers: a picture that needs the package ``pgfplots``."""

from __future__ import annotations

import math

from pytracking.analysis.reports.figures import Figure, Series
from pytracking.analysis.reports.plots import colour_of, value_range

_NARROW = 0.72  # the legend stands on the right

_ESCAPES = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def draw_tikz(figure: Figure) -> str:
    """Write a figure as a ``tikzpicture``, to be read with LaTeX's ``input``."""
    low, high = value_range(figure)
    has_legend = len(figure.series) > 1
    options = [
        f"width={_NARROW if has_legend else 1:g}\\linewidth",
        "height=0.5\\linewidth",
        f"title={{{escape(figure.title)}}}",
        f"xlabel={{{escape(figure.x_label)}}}",
        f"ylabel={{{escape(figure.y_label)}}}",
        f"ymin={low:g}",
        f"ymax={high:g}",
        "ymajorgrids",
        "legend style={at={(1.02,1)}, anchor=north west, draw=none, font=\\footnotesize}",
        "legend cell align=left",
    ]
    if figure.kind == "bars":
        options += _bar_options(figure)
    lines = ["% needs \\usepackage{pgfplots} and \\pgfplotsset{compat=1.16}"]
    lines += [f"\\definecolor{{series{_letter(i)}}}{{HTML}}{{{colour_of(i)[1:]}}}"
              for i in range(len(figure.series))]  # fmt: skip
    lines += ["\\begin{tikzpicture}", "\\begin{axis}[", *(f"  {text}," for text in options), "]"]
    for position, series in enumerate(figure.series):
        lines += _plot(series, position, figure.kind == "bars")
        lines += [f"\\addlegendentry{{{escape(series.label)}}}"] if has_legend else []
    lines += ["\\end{axis}", "\\end{tikzpicture}", ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Make a text safe inside LaTeX.

    >>> print(escape("J&F 50%"))
    J\\&F 50\\%
    """
    return "".join(_ESCAPES.get(character, character) for character in text)


def _bar_options(figure: Figure) -> list[str]:
    names = ",".join(f"{{{escape(name)}}}" for name in figure.groups)
    ticks = ",".join(str(place) for place in range(len(figure.groups)))
    return [
        "ybar",
        "area legend",
        f"bar width={0.8 / len(figure.series):.3f}",
        "xmin=-0.6",
        f"xmax={len(figure.groups) - 0.4:g}",
        f"xtick={{{ticks}}}",
        f"xticklabels={{{names}}}",
        "x tick label style={rotate=60, anchor=east, font=\\small}",
    ]


def _plot(series: Series, position: int, is_bar: bool) -> list[str]:
    colour = f"series{_letter(position)}"
    style = f"fill={colour}, draw=none" if is_bar else f"{colour}, thick, mark=none"
    points = [
        f"  ({x:g},{'nan' if math.isnan(y) else format(y, '.3f')})"
        for x, y in zip(series.x, series.y, strict=True)
    ]
    return [
        f"\\addplot[{style}, unbounded coords=jump] coordinates {{",
        *points,
        "};",
    ]


def _letter(position: int) -> str:
    """Names of LaTeX colours hold letters only."""
    return chr(ord("A") + position % 26) * (1 + position // 26)
