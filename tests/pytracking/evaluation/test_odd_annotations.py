"""Annotation files of users: shared folders, no folders, backslashes, no sentence, no score."""

from __future__ import annotations

import json

import pytest

from ltr.admin.errors import DataError
from ltr.data.json_io import finite_number
from ltr.dataset.referring.expressions import read_expressions
from pytracking.evaluation.datasets import get_dataset


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["v/0.jpg", "v/1.jpg"], ["v_1", "v_2"]),
        (["0.jpg", "1.jpg"], ["video_1", "video_2"]),
        (["v\\0.jpg", "w\\1.jpg"], ["v", "w"]),
        (["a/v/0.jpg", "b/v/0.jpg"], ["a_v", "b_v"]),
    ],
)
def test_every_youtubevis_video_has_a_name_of_its_own(tmp_path, monkeypatch, files, names):
    videos = [
        {"id": number, "height": 4, "width": 6, "length": 1, "file_names": [file]}
        for number, file in enumerate(files, 1)
    ]
    content = {"videos": videos, "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "valid.json").write_text(json.dumps(content))
    monkeypatch.setenv("PYTRACKING_YTVIS2019_DIR", str(tmp_path))
    assert get_dataset("ytvis2019_valid").names == names


@pytest.mark.parametrize("sentence", [None, "  ", 7])
def test_what_is_not_a_sentence_is_refused(tmp_path, sentence):
    file = tmp_path / "meta_expressions/train/meta_expressions.json"
    file.parent.mkdir(parents=True)
    entry = {"frames": ["00000"], "expressions": {"0": {"exp": sentence}}}
    file.write_text(json.dumps({"videos": {"v": entry}}))
    with pytest.raises(DataError, match=r"video v: .*the sentence is .*, expected text"):
        read_expressions(tmp_path, "train")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", None, True])
def test_what_is_not_a_score_is_refused(value):
    with pytest.raises(ValueError, match="is not a finite number"):
        finite_number(value)
