from __future__ import annotations

import os
import stat

import pytest

from ltr.admin.files import atomic_write, file_checksum


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_at_the_end(tmp_path):
    with atomic_write(tmp_path / "new" / "a.txt", "w") as stream:
        stream.write("ä")
        stream.flush()
        assert "a.txt" not in names(tmp_path / "new")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ä".encode()
    assert names(tmp_path / "new") == ["a.txt"]


def fail_in_the_middle(path) -> None:
    with atomic_write(path) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt


def test_an_error_keeps_the_old_file_and_leaves_no_other(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_checksums_are_those_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_checksum(tmp_path / "a").startswith("ba7816bf8f01cfea")
    assert file_checksum(tmp_path / "a", "md5") == "900150983cd24fb0d6963f7d28e17f72"
