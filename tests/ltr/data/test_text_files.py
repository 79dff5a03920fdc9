"""Lists of names: every way in which they cannot be read is one sentence."""

from __future__ import annotations

import os

import pytest

from ltr.admin.errors import DataError
from ltr.data.text_files import read_names


def test_names_are_the_words_of_the_file(tmp_path):
    (tmp_path / "val.txt").write_text("bear\n\n camel \n")
    assert read_names(tmp_path / "val.txt", "the list") == ["bear", "camel"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_tell_the_encoding(tmp_path, encoding):
    (tmp_path / "val.txt").write_text("bär\nswan\n", encoding=encoding)
    assert read_names(tmp_path / "val.txt", "the list") == ["bär", "swan"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"b\xe4r", "is not text: .*; save it as UTF-8"),
        ("bear".encode("utf-16-le"), "holds null characters: save it as UTF-8"),
        ("pipe", "cannot be read: Not a regular file"),
    ],
)
def test_what_is_not_a_list_is_named(tmp_path, content, message):
    path = tmp_path / "val.txt"
    if content == "pipe":
        os.mkfifo(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"the list .*val\.txt {message}"):
        read_names(path, "the list")
