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


def test_names_of_dots_do_not_stop_the_others(tmp_path):
    write_clips(tmp_path / "in", "..mp4", "...mp4", "._a.mp4", "b..mp4", "z.MTS")
    main([str(tmp_path / "in"), str(tmp_path / "out")])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.", "z"]


def test_two_videos_of_one_name_are_refused_before_work(tmp_path, capsys):
    """``a.mp4`` and ``a.mkv`` gave one folder, silently."""
    write_clips(tmp_path / "in", "a.mp4", "a.mkv", "z.mp4")
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert "2 videos would become the folder a: rename" in capsys.readouterr().err


def test_what_a_killed_run_left_is_swept(tmp_path):
    write_clips(tmp_path / "in", "a.mp4")
    left = tmp_path / "out" / ".b.x.otherhost.1.partial"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_files_that_are_no_videos_are_named(tmp_path, capsys):
    write_clips(tmp_path / "in", "a.mp4", "b.part", "notes.txt", ".hidden")
    assert main([str(tmp_path / "in"), str(tmp_path / "in" / "out")]) == 0
    assert "left out, no video files: b.part, notes.txt\n" in capsys.readouterr().out
