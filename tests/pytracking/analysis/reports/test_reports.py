"""Tables, CSV, JSON, plots and the page."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from pytracking.analysis.metrics.scores import FrameSource, ObjectScores, Scores
from pytracking.analysis.reports.comparison import (
    comparison_csv,
    comparison_frame,
    comparison_table,
)
from pytracking.analysis.reports.figures import Figure, Series, compare_trackers, figures_of
from pytracking.analysis.reports.html import html_page
from pytracking.analysis.reports.masks import davis_report, pytracking_report
from pytracking.analysis.reports.plots import draw_png, value_range
from pytracking.analysis.reports.report import Heading, Report, Table
from pytracking.analysis.reports.tikz import draw_tikz
from pytracking.analysis.reports.worst_frames import draw_worst_frames
from pytracking.analysis.reports.writing import write_everything
from tests.pytracking.analysis.mask_folders import moving_squares, write_masks

_HEADING = Heading("a tracker", "a data set")


def _scores(objects: int = 3, frames: int = 10, source: FrameSource | None = None) -> Scores:
    values = np.linspace(0.9, 0.1, frames)
    names = tuple(f"{number:05d}" for number in range(frames))
    items = tuple(
        ObjectScores("dog", str(i), names, values / i, values / i) for i in range(1, objects + 1)
    )
    return Scores(items, {} if source is None else {item.name: source for item in items})


def test_the_text_ends_with_the_summary():
    lines = davis_report(_HEADING, _scores(), "val").text().splitlines()
    assert lines[0] == "a tracker on a data set"
    assert lines[-1] == "J&F=30.6 J=30.6 F=30.6"
    rows = [line for line in lines if line.startswith("dog_")]
    assert len(rows) == 3
    assert rows[0].split() == ["dog_1", "50.0", "50.0", "50.0", "62.2", "50.0", "50.0", "62.2"]
    assert len({line.index("50.0") for line in rows[:1]}) == 1


def test_reports_are_data_frames_too():
    pytest.importorskip("pandas")
    report = davis_report(_HEADING, _scores(2), "val")
    frame = report.to_dataframe()
    assert list(frame.index.names) == ["table", "row"]
    by_row = frame.droplevel("table")
    assert by_row.loc["dog_2", "J-Mean"] == pytest.approx(0.25)
    assert by_row.loc["dog_1", "F-Recall"] == pytest.approx(0.5)
    both = comparison_frame({"a": report.numbers, "b": {"J-Mean": 0.5}})
    assert both.index.name == "tracker"
    assert both.loc["a", "J-Mean"] == report.numbers["J-Mean"]
    assert np.isnan(both.loc["b", "F-Mean"])


def test_official_tables():
    files = davis_report(_HEADING, _scores(2), "val").csv_files
    assert files["global_results-val.csv"].splitlines()[0] == (
        "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay"
    )
    assert files["per-sequence_results-val.csv"].splitlines() == [
        "Sequence,J-Mean,F-Mean",
        "dog_1,0.500,0.500",
        "dog_2,0.250,0.250",
    ]
    files = pytracking_report(_HEADING, _scores(1), "dv2017_val").csv_files
    assert list(files) == ["dv2017_val_global_results.csv", "dv2017_val_per-sequence_results.csv"]


def test_a_long_table_shows_the_worst_rows_and_its_total():
    rows = {f"v_{i}": (i / 100,) for i in range(100)}
    lines = Table(("J",), rows, total=(0.5,)).text().splitlines()
    assert lines[1].split() == ["v_0", "0.0"]
    assert "(the 20 worst of 100)" in lines
    assert lines[-1].split() == ["all", "50.0"]


def test_undefined_numbers():
    report = Report(
        _HEADING, (Table(("AP",), {"cow": (float("nan"),)}),), "AP=-1.0", {"AP": np.nan}
    )
    assert "cow   -" in report.text()
    assert json.loads(json.dumps(report.as_json(), allow_nan=False))["numbers"] == {"AP": None}


def test_json_has_every_frame():
    content = davis_report(_HEADING, _scores(1, 4), "val").as_json()
    (item,) = content["objects"]
    assert item["frames"] == ["00000", "00001", "00002", "00003"]
    assert item["J"] == pytest.approx([0.9, 0.6333333, 0.3666667, 0.1])
    assert item["J_statistics"]["mean"] == pytest.approx(0.5)


def test_trackers_side_by_side():
    table = comparison_table(["joint x", "b"], {"J": [50.0, 7.125]}, "set")
    assert table == (
        "\nset          | J          |\njoint x      | 50.00      |\nb            | 7.12       |\n"
    )
    text = comparison_csv({"a": {"J": 0.5}, "b": {"J": 0.25, "F": 1.0}})
    assert text.splitlines() == ["Tracker,J,F", "a,0.500,", "b,0.250,1.000"]


def _reports(objects: int = 3) -> dict[str, Report]:
    return {
        name: davis_report(Heading(name, "set"), _scores(objects), "val")
        for name in ("one & only", "two_50%")
    }


@pytest.mark.parametrize("objects", [1, 9, 50])
def test_plots_are_pictures(objects):
    reports = _reports(objects)
    figures = [*figures_of(reports["two_50%"]), *compare_trackers(reports)]
    assert [figure.name for figure in figures] == [
        "objects", "j_over_time", "comparison", "comparison_over_time",
    ]  # fmt: skip
    for figure in figures:
        with Image.open(io.BytesIO(draw_png(figure))) as picture:
            assert picture.width > 500
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_mean_over_time_averages_objects_not_frames():
    long, short = _scores(1, 200).objects[0], _scores(1, 20).objects[0]
    ones = ObjectScores("cat", "1", long.frames, np.ones(200), np.ones(200))
    zeros = ObjectScores("cat", "2", short.frames, np.zeros(20), np.zeros(20))
    reports = {"t": davis_report(_HEADING, Scores((ones, zeros)), "val")}
    line = compare_trackers(reports)[1].series[0]
    assert line.y == pytest.approx([50.0] * 20)


def test_tikz_is_complete_and_escaped():
    figure = compare_trackers(_reports())[0]
    text = draw_tikz(figure)
    assert text.count("{") == text.count("}")
    assert text.count("\\begin{") == text.count("\\end{") == 2
    assert "one \\& only" in text
    assert "two\\_50\\%" in text
    assert "{J\\&F},{J-Mean}" in text
    assert text.count("\\addplot") == 2
    assert re.search(r"\(1,30\.\d+\)", text)


def test_gaps_and_negative_values():
    series = Series("a", (0.0, 1.0, 2.0), (float("nan"), -12.0, 50.0))
    figure = Figure("f", "t", "x", "y", (series,))
    assert value_range(figure) == (-12.0, 100.0)
    assert "(0,nan)" in draw_tikz(figure)
    assert "unbounded coords=jump" in draw_tikz(figure)


class _Sources(HTMLParser):
    """Collects the tags and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for key, value in attributes if key in ("src", "href")]


def _source(tmp_path, with_images: bool) -> FrameSource:
    maps = moving_squares(10)
    folder = write_masks(tmp_path / "masks", maps)
    images = tmp_path / "images"
    if with_images:
        images.mkdir()
        for number, labels in enumerate(maps):
            Image.fromarray(np.full((*labels.shape, 3), 200, np.uint8)).save(
                images / f"{number:05d}.jpg"
            )
    return FrameSource(folder, folder, images)


@pytest.mark.parametrize("with_images", [True, False])
def test_the_page_needs_no_other_file(tmp_path, with_images):
    scores = _scores(2, 10, _source(tmp_path, with_images))
    report = davis_report(Heading("<script>alert(1)</script>", "set"), scores, "val")
    page = html_page({"x": report}, figures_of(report))
    parser = _Sources()
    parser.feed(page)
    assert "script" not in parser.tags
    assert len(parser.addresses) == 2 + 2 * 4, "two plots, four pairs of frames"
    assert all(address.startswith("data:image/") for address in parser.addresses)
    assert "dog_2, frame 00009: J 5.0, F 5.0" in page


def test_the_worst_frames_are_drawn_over_their_pictures(tmp_path):
    frames = draw_worst_frames(_scores(2, 10, _source(tmp_path, True)), count=3)
    assert [(frame.name, frame.frame) for frame in frames] == [
        ("dog_2", "00009"), ("dog_2", "00008"), ("dog_1", "00009"),
    ]  # fmt: skip
    picture = np.asarray(Image.open(io.BytesIO(frames[0].result)))
    assert abs(int(picture[-1, -1].mean()) - 200) < 5
    assert np.ptp(picture.astype(int), axis=2).max() > 60, "objects are coloured"


def test_frames_that_are_gone_are_left_out(tmp_path):
    source = _source(tmp_path, False)
    scores = _scores(1, 10, source)
    (source.truth / "00009.png").unlink()
    assert [frame.frame for frame in draw_worst_frames(scores)] == ["00008"]


def test_everything_is_written(tmp_path):
    write_everything(_reports(), tmp_path)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    plots = {f"plots/{name}.{kind}" for name in ("comparison", "comparison_over_time")
             for kind in ("png", "tex")}  # fmt: skip
    single = {"evaluation.json", "global_results-val.csv", "per-sequence_results-val.csv"}
    single |= {
        f"plots/{name}.{kind}" for name in ("objects", "j_over_time") for kind in ("png", "tex")
    }
    expected = {"comparison.csv", "comparison.json", "report.html"} | plots
    for folder in ("one_only", "two_50"):
        expected |= {f"{folder}/{name}" for name in single}
    assert names == expected
