"""RefCOCO's lists are pickles: nothing is executed, and damage does not fill the memory."""

from __future__ import annotations

import pickle
import resource
from pathlib import Path

import pytest

from ltr.admin.errors import DataError
from ltr.dataset.convert.refcoco import read_refs

_MIB = 1 << 10  # in the unit of ru_maxrss


def test_a_note_at_a_huge_place_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "refs(unc).p"
    valid = pickle.dumps([{"split": "val"}], 2)
    file.write_bytes(valid[:2] + b"]r\xff\xff\xff\x7f0" + valid[2:])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_refs(file) == [{"split": "val"}]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * _MIB


@pytest.mark.parametrize("content", [b"", b"\x80\x02]", b"\x80\x02}.", b"\x80\x02K\x01."])
def test_what_is_no_list_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "refs(unc).p"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"refs\(unc\)\.p is"):
        read_refs(file)
