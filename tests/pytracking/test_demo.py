from __future__ import annotations

import re

import pytest

from ltr.data.image_io import read_image
from pytracking.demo import main
from pytracking.utils.video_reader import read_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


def test_demo_ends_with_scores_and_speed(folder, capsys):
    assert main(["--output", str(folder), "--frames", "6", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    numbers = re.fullmatch(r"J&F=([\d.]+) J=([\d.]+) F=([\d.]+) fps=([\d.]+)", lines[-1])
    mean, region, boundary, rate = map(float, numbers.groups())
    assert mean == pytest.approx((region + boundary) / 2, abs=0.11)
    assert 30 < mean <= 100
    assert rate > 0
    named = [line.split(":", 1)[1].strip() for line in lines[-5:-1]]
    for path in (folder / name for name in named):
        assert path.exists(), path
    assert len(list(read_video(folder / "overlay.mp4"))) == 6


def test_demo_can_run_again(folder, capsys):
    assert main(["--output", str(folder), "--frames", "4", "--device", "cpu"]) == 0
    assert len(list((folder / "masks").iterdir())) == 4


def test_demo_never_replaces_other_results(tmp_path, capsys):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "mine.png").write_text("years of work")
    for _ in range(2):
        assert main(["--output", str(tmp_path), "--frames", "4", "--device", "cpu"]) == 2
        assert "holds results already" in capsys.readouterr().err
        assert [path.name for path in tmp_path.rglob("*.*")] == ["mine.png"]


def test_too_few_frames_are_refused(tmp_path, capsys):
    assert main(["--output", str(tmp_path / "out"), "--frames", "2"]) == 2
    assert "--frames 2: the scores need 3 or more" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_all_systems_beat_their_baselines(folder, capsys):
    words = ["--output", str(folder), "--frames", "4", "--device", "cpu", "--all"]
    assert main(words) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1].split(" ")[0].strip(",") for line in table] == [
        "joint", "dense_ulearn", "propose_reduce", "referring", "interactive",
    ]  # fmt: skip
    for line in table:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert float(cells[3]) > float(cells[5]), line
    assert (folder / "systems.md").read_text().splitlines()[2:] == table
    assert read_image(folder / "systems.png").shape == (5 * (144 + 24), 5 * 256, 3)
