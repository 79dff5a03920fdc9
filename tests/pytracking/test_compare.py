from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import write_label_map
from pytracking import compare, run_experiment
from pytracking.analysis.metrics.bootstrap import interval_of_mean
from pytracking.analysis.metrics.scores import ObjectScores, Scores
from pytracking.analysis.reports.paired import difference_table, differences, interval_table
from tests.pytracking.clips import bar_mask, numbered_frames, write_folder


def scores_of(**values: list[float]) -> Scores:
    """One object a value, each with two frames of this J and F."""
    return Scores(
        tuple(
            ObjectScores(sequence, str(number), ("0", "1"), np.full(2, value), np.full(2, value))
            for sequence, own in values.items()
            for number, value in enumerate(own)
        )
    )


def test_interval_is_that_of_resampled_sequences() -> None:
    rng = np.random.default_rng(5)
    values = {str(number): rng.normal(0.6, 0.1, 1 + number % 3).tolist() for number in range(40)}
    found = interval_of_mean(values)
    groups = [np.array(own) for own in values.values()]
    means = []
    draws = np.random.default_rng(9)
    for _ in range(4000):
        chosen = [groups[place] for place in draws.integers(0, 40, 40)]
        means.append(np.concatenate(chosen).mean())
    assert found.mean == pytest.approx(np.concatenate(groups).mean())
    assert found.low == pytest.approx(np.quantile(means, 0.025), abs=2e-3)
    assert found.high == pytest.approx(np.quantile(means, 0.975), abs=2e-3)
    assert interval_of_mean(values) == found


def test_interval_of_one_sequence_is_its_mean() -> None:
    assert interval_of_mean({"a": [0.2, 0.4]}) == pytest.approx((0.3, 0.3, 0.3))
    assert np.isnan(interval_of_mean({"a": []})).all()


def test_differences_pair_the_objects_that_both_have() -> None:
    first, second = scores_of(a=[0.5, 0.7], b=[0.9]), scores_of(a=[0.6, 0.7], c=[0.1])
    assert differences(second, first) == {"a": pytest.approx([0.1, 0.0])}
    table = difference_table({"x": first, "y": second})
    assert table.columns == ("x", "y - x")
    assert table.rows["a"] == pytest.approx((0.6, 0.05))
    assert table.rows["b"] == pytest.approx((0.9, np.nan), nan_ok=True)
    intervals = interval_table({"x": first, "y": second}, {})
    assert intervals.rows["x"][0] == pytest.approx(0.7)
    assert intervals.rows["y"][3] == pytest.approx(0.05)


@pytest.fixture
def three_folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Annotations of two videos, results that are right, and results that stand still."""
    truth, right, still = (tmp_path / name for name in ("truth", "right", "still"))
    for video in ("v", "w"):
        write_folder(tmp_path / "set/JPEGImages" / video, numbered_frames(6))
        for index in range(6):
            mask = bar_mask(index).astype(np.uint8)
            for folder in (truth, right, tmp_path / "set/Annotations"):
                write_label_map(folder / video / f"{index:05d}.png", mask)
            write_label_map(still / video / f"{index:05d}.png", bar_mask(0).astype(np.uint8))
        (still / f"{video}_1_time.txt").write_text("0.05\n" * 6)
    return truth, right, still


def test_folders_are_compared_on_annotations(
    three_folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, right, still = map(str, three_folders)
    out = tmp_path / "out"
    words = [right, still, "--ground-truth", truth, "--output", str(out), "--quiet"]
    assert compare.main(words) == 0
    told = capsys.readouterr().out
    assert "right: J&F=100.0" in told
    assert "20.0 frames/s" in told
    content = json.loads((out / "comparison.json").read_text())
    assert content["trackers"]["still"]["frames_per_second"] == pytest.approx(20)
    assert content["trackers"]["right"]["numbers"]["J&F"] == 1
    rows = content["intervals"]["rows"]
    assert rows["still"][3] == pytest.approx(rows["still"][0] - 1)
    page = (out / "report.html").read_text()
    assert page.count("frames in which they differ most") == 1
    assert page.count('<div class="row">') == 4
    assert page.count("image/jpeg") > 12
    assert 'name="viewport"' in page


def test_trackers_are_named_by_what_tells_their_folders_apart(
    three_folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, right, still = three_folders
    for name, folder in (("a", right), ("b", still)):
        shutil.copytree(folder, tmp_path / "results" / name / "set")
    folders = [str(tmp_path / "results" / name / "set") for name in "ab"]
    assert compare.main([*folders, "--ground-truth", str(truth), "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].startswith("a: J&F=100.0")


def test_without_annotations_the_first_folder_is_the_truth(
    three_folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    truth, right, _ = map(str, three_folders)
    assert compare.main([truth, right, "--quiet"]) == 0
    assert "right: J&F=100.0" in capsys.readouterr().out
    assert compare.main([truth, "--quiet"]) == 2
    assert compare.main([truth, truth + "/no", "--quiet"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_an_experiment_reports_what_compares_its_trackers(
    three_folders: tuple[Path, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pytracking.evaluation.tracker import trackerlist
    from pytracking.experiments import Experiment, baselines

    trackers = (*trackerlist("baseline", "copy_mask"), *trackerlist("baseline", "optical_flow"))
    data = f"folder:{tmp_path / 'set'}"

    def clips() -> Experiment:
        return trackers, (data,)

    clips.__module__ = baselines.__name__
    monkeypatch.setattr(baselines, "clips", clips, raising=False)
    words = ["baselines", "clips", "--results", str(tmp_path / "results"), "--quiet"]
    assert run_experiment.main(words) == 0
    assert "J&F with 95 % intervals" in capsys.readouterr().out
    folder = tmp_path / "results" / "experiments" / "baselines_clips" / "folder_set"
    content = json.loads((folder / "comparison.json").read_text())
    flow = content["trackers"]["baseline optical_flow"]
    assert flow["frames_per_second"] > 0
    assert flow["peak_mib"] is None or flow["peak_mib"] > 50
    assert "report.html" in {path.name for path in folder.iterdir()}
