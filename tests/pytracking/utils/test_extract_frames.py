"""Videos that become folders of frames: odd names stop nothing."""

from __future__ import annotations

import os
from pathlib import Path

from pytracking.utils.extract_frames import main
from tests.pytracking.clips import numbered_frames, write_clip


def write_clips(folder: Path, *names: str) -> None:
    folder.mkdir()
    content = write_clip(folder / "first.mp4", numbered_frames(2)).read_bytes()
    (folder / "first.mp4").unlink()
    for name in names:
        (folder / name).write_bytes(content)


def test_names_of_dots_and_doubled_ones_do_not_stop_the_others(tmp_path, capsys):
    """``..mp4`` ended the command; ``a.mp4`` and ``a.mkv`` gave one folder, silently."""
    write_clips(tmp_path / "in", "..mp4", "...mp4", "a.mp4", "a.mkv", "b..mp4", "z.mp4")
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.", "z"]
    assert capsys.readouterr().err.count("2 videos would become the folder a: rename") == 2


def test_what_a_killed_run_left_is_swept(tmp_path):
    write_clips(tmp_path / "in", "a.mp4")
    left = tmp_path / "out" / ".b.x.otherhost.1.partial"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
