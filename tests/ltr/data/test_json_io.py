import pytest

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json, write_json


def test_what_is_written_is_read(tmp_path):
    content = {"name": "é", "values": [1, None, 2.5], "nested": {"a": []}}
    write_json(tmp_path / "new" / "file.json", content)
    assert read_json(tmp_path / "new" / "file.json") == content


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "file.json", [1])
    with pytest.raises(TypeError):
        write_json(tmp_path / "file.json", [1, object()])
    assert read_json(tmp_path / "file.json") == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read"), (b"", "is not a JSON file"), (b"[" * 10**5, "is not a JSON file")],
)
def test_damaged_files_are_told(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read_json(tmp_path / "file.json")
