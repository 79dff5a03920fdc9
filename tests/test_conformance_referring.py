"""What the referring part of the conformance runner says of folders that it does not understand."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.conformance.__main__ import main
from tests.shared_material import golden


@pytest.fixture
def folder(tmp_path):
    """The case of the position encodings alone."""
    for suffix in (".json", ".npz"):
        shutil.copyfile(golden("referring") / f"posenc{suffix}", tmp_path / f"posenc{suffix}")
    entry = {"arrays": "posenc.npz", "description": "posenc.json"}
    (tmp_path / "manifest.json").write_text(json.dumps({"cases": {"posenc": entry}}))
    return tmp_path


def outcome(folder, capsys):
    code = main(["referring", str(folder)])
    return code, capsys.readouterr().out


def rename(folder, name):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cases"] = {name: manifest["cases"]["posenc"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_arrays(folder, **changes):
    with np.load(folder / "posenc.npz") as archive:
        arrays = dict(archive) | changes
    np.savez(folder / "posenc.npz", **arrays)


def test_one_case_alone_passes(folder, capsys):
    assert outcome(folder, capsys)[0] == 0


def test_a_wrong_number_fails(folder, capsys):
    change_arrays(folder, pos1d=np.zeros((2, 32, 6), np.float32))
    code, text = outcome(folder, capsys)
    assert code == 1
    assert "2 passed, 1 failed" in text


def test_an_unknown_array_fails(folder, capsys):
    change_arrays(folder, surprise=np.zeros(2))
    assert "unknown array 'surprise'" in outcome(folder, capsys)[1]


def test_an_unknown_kind_of_case_fails(folder, capsys):
    rename(folder, "surprise")
    assert "unknown kind of case" in outcome(folder, capsys)[1]


def test_an_unknown_file_fails(folder, capsys):
    (folder / "surprise.npz").write_bytes(b"")
    assert "surprise.npz" in outcome(folder, capsys)[1]


def test_a_missing_file_and_a_missing_manifest_fail(folder, capsys):
    (folder / "posenc.npz").unlink()
    assert "FAIL" in outcome(folder, capsys)[1]
    (folder / "manifest.json").unlink()
    assert "it has no manifest.json" in outcome(folder, capsys)[1]
