"""Clips from frames to files, with a segmenter that draws what the sentence says."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import read_label_map, write_image
from ltr.data.rle import encode
from pytracking.evaluation.datasets.sequence import SequenceList, WholeVideoSequence
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.evaluation.outputs.submission import pack_submission
from pytracking.evaluation.running.sequence import run_sequence
from pytracking.tracker.whole_video import InstanceTrack, TextPrompt, WholeVideoTracker, label_map

_SHAPE = (12, 16)
EXPRESSION_MASKS = "pytracking.evaluation.outputs.formats:EXPRESSION_MASKS"
LABEL_MAPS = "pytracking.evaluation.outputs.formats:LABEL_MAPS"
_HALVES = {"left": np.s_[:, :8], "right": np.s_[:, 8:], "all": np.s_[:, :]}


class HalfSegmenter(WholeVideoTracker):
    """Finds the half of the frame that a sentence names, in all frames but the first."""

    takes_text = True

    @classmethod
    def create(cls, params, runtime):
        return cls()

    def segment(self, frames, prompt, advance=lambda count: None):
        tracks = []
        for text in prompt.texts:
            mask = np.zeros(frames[0].shape[:2], bool)
            mask[_HALVES[text]] = True
            tracks.append(InstanceTrack((None, *[encode(mask)] * (len(frames) - 1)), 0.5))
        advance(len(frames))
        return tracks


@pytest.fixture
def sequence(tmp_path) -> WholeVideoSequence:
    frames = tuple(tmp_path / "frames" / f"{index:05d}.png" for index in range(3))
    for frame in frames:
        write_image(frame, np.zeros((*_SHAPE, 3), np.uint8))
    texts = {"0": "left", "1": "all"}
    return WholeVideoSequence("dog", "test", _SHAPE, frames, EXPRESSION_MASKS, texts)


def test_each_sentence_has_its_folder(sequence, tmp_path):
    folder, counted, seen = ResultFolder(tmp_path / "results"), [], []
    run_sequence(
        HalfSegmenter(),
        sequence,
        folder,
        lambda sequence, frame: seen.append(frame.output.segmentation),
        counted.append,
    )
    assert counted == [3]
    assert folder.finished() == ["dog"]
    left = np.asarray(Image.open(tmp_path / "results/dog/0/00002.png"))
    assert (left[:, :8] == 255).all()
    assert not left[:, 8:].any()
    assert not read_label_map(tmp_path / "results/dog/1/00000.png").any()
    assert [np.unique(labels).tolist() for labels in seen] == [[0], [1, 2], [1, 2]]


def test_the_archive_holds_every_expression(sequence, tmp_path):
    folder = ResultFolder(tmp_path / "results")
    dataset = SequenceList("test", {"dog": lambda: sequence}, result_format=EXPRESSION_MASKS)
    with pytest.raises(DataError, match="lacks 1 of 1"):
        pack_submission(dataset, folder, tmp_path / "out.zip")
    run_sequence(HalfSegmenter(), sequence, folder)
    assert pack_submission(dataset, folder, tmp_path / "out.zip") == 6
    with zipfile.ZipFile(tmp_path / "out.zip") as pack:
        names = pack.namelist()
    assert names[0] == "Annotations/dog/0/00000.png"
    assert names[-1] == "Annotations/dog/1/00002.png"


def test_a_failing_clip_leaves_nothing(sequence, tmp_path):
    folder = ResultFolder(tmp_path / "results")
    Path(sequence.frames[0]).write_bytes(b"")
    with pytest.raises(DataError, match=r"00000\.png"):
        run_sequence(HalfSegmenter(), sequence, folder)
    assert not list((tmp_path / "results").iterdir())


def test_a_segmenter_needs_its_sentences(sequence, tmp_path):
    folder = ResultFolder(tmp_path / "results")
    with pytest.raises(ConfigError, match="needs a sentence, and test has none"):
        run_sequence(HalfSegmenter(), replace(sequence, texts={}, result_format=LABEL_MAPS), folder)
    silent = HalfSegmenter()
    silent.takes_text = False
    with pytest.raises(ConfigError, match="takes no sentences"):
        run_sequence(silent, sequence, folder)


def test_earlier_tracks_cover_later_ones():
    tracks = HalfSegmenter().segment(
        np.zeros((2, *_SHAPE, 3), np.uint8), TextPrompt(("right", "all", "left"))
    )
    labels = label_map(tracks, 1, _SHAPE)
    assert np.unique(labels[:, :8]).tolist() == [2]
    assert np.unique(labels[:, 8:]).tolist() == [1]
    assert not label_map(tracks, 0, _SHAPE).any()
