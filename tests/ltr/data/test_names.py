"""Names and paths that annotation files may hold."""

from pathlib import Path

import pytest

from ltr.admin.errors import DataError
from ltr.data.names import plain_name, plain_path

FILE = Path("list.json")


@pytest.mark.parametrize("name", ["dog", "n" * 250, "00005", "ein Hund é", "a.b", "..."])
def test_names_pass(name):
    assert plain_name(name, FILE) == name
    assert plain_path(f"v/{name}", FILE) == f"v/{name}"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "a/", "../a", "a\0b", "\ud800", "n" * 251, None, 7, ["a"]]
)
def test_what_is_no_name(name):
    with pytest.raises(DataError, match=r"list\.json: .* is not a valid name"):
        plain_name(name, FILE)


@pytest.mark.parametrize(
    "path", ["", "/a/b", "../a", "a/../b", "a/\0", "a/\ud800", "a/" + "é" * 126, None, 7]
)
def test_what_is_no_path(path):
    with pytest.raises(DataError, match=r"list\.json: .* is not a path inside the data set"):
        plain_path(path, FILE)
