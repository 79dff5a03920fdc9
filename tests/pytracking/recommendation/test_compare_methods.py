"""Comparison of methods, sample by sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytracking.recommendation.compare_methods import difference, main, read_curves


def write_evaluation(folder: Path, method: str, *rounds: tuple[str, int, float, float]) -> None:
    folder = folder / "joint_demo" / "wild" / "davis" / method
    folder.mkdir(parents=True)
    lines = ["sequence,scribble_idx,interaction,quality"]
    for video, scribbles, *values in rounds:
        lines += [f"{video},{scribbles},{n},{value}" for n, value in enumerate(values, start=1)]
    (folder / "rounds.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two videos from two sets of scribbles; chance is played twice."""
    write_evaluation(
        tmp_path, "ours", ("bear", 1, 0.5, 0.8), ("bear", 2, 0.5, 0.6), ("dog", 1, 0.4, 0.4)
    )
    for seed, change in ((1, -0.1), (2, 0.1)):
        write_evaluation(
            tmp_path / f"seed{seed}",
            "random",
            ("bear", 1, 0.5, 0.6 + change),
            ("bear", 2, 0.5, 0.6 + change),
            ("dog", 1, 0.4, 0.5 + change),
        )
    return tmp_path


def test_methods_are_compared_on_the_samples_that_both_have(results):
    """Areas under (0, a, b) are (a + b / 2) / 2, so a change of the last round counts a quarter."""
    curves = read_curves([results])
    found = difference(curves["ours (wild)"], curves["random (wild)"])
    assert found.mean == pytest.approx((0.2 + 0 - 0.1) / 4 / 3)
    assert found.sets == pytest.approx([(0.2 - 0.1) / 2 / 4, 0.0])
    assert found.over_sets == pytest.approx(0.0125 / 2)
    assert found.over_videos == pytest.approx((0.025 + 0.025) / 2)
    assert (found.wins, found.samples) == (1, 3)


def test_the_tables_are_printed(results, capsys):
    assert main([str(results)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("ours (wild): AUC=38.3 (3 samples) sets 37.5, 40.0 rounds 46.7 60.0")
    assert out[2].startswith("ours (wild) - random (wild): 0.8 sets 1.3, 0.0; standard error 0.63")
    assert out[2].endswith("better on 1 of 3")


def test_what_was_not_played_is_one_sentence(results, tmp_path, capsys):
    assert main([str(results), "--method", "random (wlid)"]) == 2
    assert "did you mean 'random (wild)'" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 2
    assert "holds no rounds.csv" in capsys.readouterr().err
    (results / "seed1/joint_demo/wild/davis/random/rounds.csv").write_text("sequence\nbear\n")
    assert main([str(results)]) == 2
    assert "is damaged" in capsys.readouterr().err
