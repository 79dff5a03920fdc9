"""Sentences about synthetic clips."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ltr.dataset.referring.expressions import read_expressions
from ltr.dataset.referring.synthetic import (
    VisibleObject,
    describe,
    main,
    sentences_of,
    visible_objects,
)
from ltr.dataset.referring.videos import ReferringVideos
from ltr.dataset.synthetic_shapes import SHAPES, SyntheticObject, render_clip
from ltr.models.referring.text_encoder import load_tokenizer, tokenise


def seen(shape: str, colour: str, motion: str, path: list[tuple[float, float]]) -> VisibleObject:
    return VisibleObject(SyntheticObject(shape, colour, motion, "middle", "small"), np.array(path))


RED = seen("square", "red", "left", [(0.9, 0.5), (0.7, 0.5)])
BLUE = seen("square", "blue", "still", [(0.2, 0.8), (0.2, 0.8)])
OTHER = seen("disc", "red", "down", [(0.3, 0.2), (0.3, 0.5)])


def test_sentences_name_what_sets_an_object_apart():
    assert describe(RED, [BLUE, OTHER], ("colour", "shape", "motion")) == (
        "the red square moving left"
    )
    assert describe(RED, [BLUE, OTHER], ("colour",)) is None
    assert describe(BLUE, [RED, OTHER], ("colour",)) == "the blue object"
    assert describe(BLUE, [RED, OTHER], ("shape", "place")) == "the square on the left"


def test_a_place_must_hold_in_every_frame_and_for_one_object_only():
    assert RED.places == ["on the right"]
    assert OTHER.places == ["on the left"]
    assert describe(OTHER, [RED, BLUE], ("colour", "place")) == "the red object on the left"
    near = seen("disc", "blue", "still", [(0.42, 0.5), (0.42, 0.5)])
    assert describe(OTHER, [near], ("shape", "place")) is None  # might be on the left too


@pytest.mark.parametrize("seed", range(6))
def test_no_sentence_fits_two_objects(seed):
    clip = render_clip(seed, 4, (64, 96), 3, 3)
    objects = visible_objects(clip)
    found = sentences_of(clip, seed)
    assert len(found) == 3
    for number, (_, form) in found.items():
        target, keys = objects[number - 1], form.split("+")
        others = [other for other in objects if other is not target]
        place = (target.places or [""])[0]
        assert not any(other.agrees(target, keys, place) for other in others)


def test_training_sentences_name_only_what_was_asked_for(tmp_path, capsys):
    target = tmp_path / "drawn"
    words = [str(target), "--train", "6", "--valid", "1", "--frames", "1"]
    assert main([*words, "--forms", "shape,shapes"]) == 2
    assert "no form 'shapes' (did you mean 'shape'" in capsys.readouterr().err
    assert main([*words, "--forms", "shape"]) == 0
    videos = read_expressions(target, "train")
    texts = [e.text for video in videos.values() for e in video.expressions.values()]
    assert 0 < len(texts) < 18
    assert {text.split()[-1] for text in texts} <= set(SHAPES)


def test_the_written_set_is_read_like_ref_youtube_vos(tmp_path, capsys):
    target = tmp_path / "drawn"
    words = [str(target), "--train", "3", "--valid", "2", "--frames", "3"]
    assert main(words) == 0
    assert main(words) == 2
    assert "is not empty" in capsys.readouterr().err
    videos = ReferringVideos("x", target)
    assert len(videos) == 9
    images, masks = videos.read(4, [0, 2])
    assert images[0].shape == (64, 96, 3)
    assert masks[0].any()
    valid = read_expressions(target, "valid")
    assert len(valid) == 2
    assert all(e.object_id is None for v in valid.values() for e in v.expressions.values())
    objects = json.loads((target / "valid_gt/expression_objects.json").read_text())["videos"]
    assert objects[next(iter(valid))] == {"0": 1, "1": 2, "2": 3}
    tokenizer = load_tokenizer(target / "tokenizer")
    pieces = tokenise(tokenizer, [videos.sentence(0), "the"])
    assert pieces.ids[:, 0].tolist() == [0, 0]
    assert pieces.attention.sum(dim=1)[1] == 3
    assert int(pieces.ids.max()) < 400
