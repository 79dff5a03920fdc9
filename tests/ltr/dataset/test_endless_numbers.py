"""JSON has ``Infinity``, which is not a whole number: one sentence, like other damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltr.admin.errors import DataError
from ltr.dataset.referring.a2d import read_a2d_samples
from ltr.dataset.referring.expressions import read_expressions
from ltr.dataset.referring.jhmdb import read_jhmdb_samples
from ltr.dataset.youtubevis_file import read_vis_file
from pytracking.tracker.referring.given_files import read_key_frames

VIDEO = '{"id": Infinity, "height": 2, "width": 2, "file_names": ["a.jpg"]}'
FILES = {
    "a2d_sentences_single_frame_test_annotations.json": (
        '[["text", "v", Infinity, 0]]',
        lambda folder, _: read_a2d_samples(folder, "test"),
    ),
    "jhmdb_sentences_samples_metadata.json": (
        '[["v", "Rename_Images/r/v/1.png", "puppet_mask/r/v/puppet_mask.mat", Infinity, "text"]]',
        lambda folder, _: read_jhmdb_samples(folder),
    ),
    "meta_expressions/train/meta_expressions.json": (
        '{"videos": {"v": {"frames": ["0"],'
        ' "expressions": {"0": {"exp": "a dog", "obj_id": Infinity}}}}}',
        lambda folder, _: read_expressions(folder, "train"),
    ),
    "key_frames.json": ('{"v": {"0": Infinity}}', lambda _, file: read_key_frames(file)),
    "valid.json": (
        f'{{"categories": [], "videos": [{VIDEO}], "annotations": null}}',
        lambda _, file: read_vis_file(file),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_an_endless_number_is_a_sentence(tmp_path: Path, name: str) -> None:
    content, read = FILES[name]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    with pytest.raises(DataError, match="infinity"):
        read(tmp_path, file)
