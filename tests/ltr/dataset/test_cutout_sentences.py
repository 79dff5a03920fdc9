"""Clips of cut-out persons, animals and vehicles, and sentences about them."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from ltr.data.randomness import SampleKey
from ltr.dataset.davis import Davis
from ltr.dataset.instances import InstanceImages
from ltr.dataset.referring.cutouts import CutoutClips, main
from ltr.dataset.referring.looks import GROUND, LookSamples
from ltr.dataset.referring.mixtures import (
    MIXED_PROPERTIES,
    PLACELESS_CUTOUT_FORMS,
    MixedClips,
)
from ltr.dataset.referring.rivals import RivalSamples, WordSamples
from ltr.dataset.referring.synthetic import VisibleObject, describe
from ltr.dataset.referring.synthetic import main as write_shapes
from ltr.dataset.referring.vocabulary import extend_vocabulary
from ltr.dataset.synthetic_shapes import COLOURS, SyntheticObject
from tests.small_cutouts import write_sources


def seen(sort: str, kind: str, size: str = "small", motion: str = "left") -> VisibleObject:
    looks = SyntheticObject(sort, "", motion, "middle", size, kind)
    return VisibleObject(looks, np.array([(0.2, 0.5)]))


DOG, CAT, COW = (seen(sort, "animal") for sort in ("dog", "cat", "animal"))
CAR = seen("car", "vehicle", "large", "still")


@pytest.mark.parametrize(
    ("target", "others", "form", "text"),
    [
        (DOG, [CAT, CAR], ("shape",), "the dog"),
        (DOG, [CAT, CAR], ("kind",), None),
        (DOG, [CAR], ("size", "kind"), "the small animal"),
        (DOG, [COW], ("shape",), "the dog"),
        (COW, [CAR], ("shape",), None),  # has no word of its own
        (COW, [DOG], ("kind",), None),
        (CAR, [DOG], ("size", "place"), "the large object on the left"),
        (CAR, [DOG], ("kind", "motion"), "the vehicle standing still"),
        (CAR, [DOG], ("colour",), None),
    ],
)
def test_sentences_about_kinds_sorts_and_sizes(target, others, form, text):
    assert describe(target, others, form) == text


def test_a_colour_may_be_that_of_any_cut_out():
    """A bus may be red, so among buses "the red object" means nothing."""
    disc = VisibleObject(
        SyntheticObject("disc", "red", "left", "middle", "small"), np.array([(0.2, 0.5)])
    )
    assert describe(disc, [CAR], ("colour",)) is None
    assert describe(disc, [CAR], ("colour", "shape")) == "the red disc"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def environment(sources, monkeypatch):
    for name, folder in zip(("LTR_COCO_DIR", "LTR_DAVIS_DIR"), sources, strict=True):
        monkeypatch.setenv(name, str(folder))


@pytest.fixture(scope="module")
def clips(sources):
    images = InstanceImages("COCO", sources[0], version="2017")
    videos = Davis(sources[1], multiobj=False, version="2017")
    return [CutoutClips(images, videos, is_valid) for is_valid in (False, True)]


def test_sequences_of_validation_are_kept_apart(clips):
    assert clips[0].counts() == {"person": 1, "dog": 1, "bus": 1}
    assert clips[1].counts() == {"person": 1, "animal": 1, "car": 1}


def test_clips_are_functions_of_their_seeds_and_say_what_they_show(clips):
    rounds = [clips[0].render(seed, 3) for seed in range(30)]
    again = clips[0].render(4, 3)
    assert all((a == b).all() for a, b in zip(again.images, rounds[4].images, strict=True))
    kinds = Counter(item.kind for clip in rounds for item in clip.objects)
    assert set(kinds) == {"person", "animal", "vehicle", "shape"}
    assert min(kinds.values()) >= 10
    assert all(bool(i.colour) == (i.kind == "shape") for clip in rounds for i in clip.objects)
    sizes: dict[str, list[int]] = {"small": [], "large": []}
    for clip in rounds:
        top = len(clip.objects)  # never covered
        sizes[clip.objects[-1].size].append(int((clip.labels[0] == top).sum()))
    assert max(sizes["small"]) < np.median(sizes["large"])


def test_every_object_of_a_clip_gets_a_sentence(clips):
    said = [clips[1].describe(seed, 4)[1] for seed in range(20)]
    assert all(len(sentences) == 3 for sentences in said)
    keys = {key for sentences in said for _, form in sentences.values() for key in form.split("+")}
    assert keys >= {"kind", "size", "motion", "place"}
    assert not any("dog" in text for sentences in said for text, _ in sentences.values())


def test_mixed_samples_train_looks_words_and_masks(environment):
    mixed = MixedClips("COCO/2017/train", "DAVIS/2017/train", 0.5)
    shown = {item.kind for seed in range(12) for item in mixed.render(seed, 1).objects}
    assert shown == {"shape", "person", "animal", "vehicle"}
    lengths = {len(mixed(seed)[0].images) for seed in range(12)}
    assert lengths == {8, 16, 24}
    looks = LookSamples(4, 3, (64, 96), 8, MIXED_PROPERTIES, mixed.render)[SampleKey(1, 1, 0)]
    assert looks["image_looks"].shape == (3, 5, 8, 12)
    kinds, _, colours = looks["image_looks"].unbind(1)[:3]
    assert ((colours == GROUND) >= (kinds == GROUND)).all()
    words = WordSamples(4, 6, 2, 40, mixed, PLACELESS_CUTOUT_FORMS)[SampleKey(1, 1, 1)]
    assert words["fits"].shape == (40, 3)
    assert words["fits"].any(1).all()
    sample = RivalSamples(4, 6, 2, mixed)[SampleKey(1, 1, 2)]
    assert len(sample["sentence"]) == len(sample["target"]) == 3


def test_the_data_set_names_no_colour_of_a_cut_out_and_extends_a_vocabulary(tmp_path, environment):
    assert write_shapes([str(tmp_path / "drawn"), "--train", "4", "--valid", "1", "--sizes"]) == 0
    words = ["--vocabulary", str(tmp_path / "drawn/tokenizer"), "--valid", "6", "--frames", "3"]
    assert main([str(tmp_path / "cut"), *words]) == 0
    kinds = json.loads((tmp_path / "cut/valid_gt/expression_kinds.json").read_text())["videos"]
    assert [len(entry) for entry in kinds.values()] == [3] * 6
    file = tmp_path / "cut/meta_expressions/valid/meta_expressions.json"
    said = [
        item["exp"]
        for entry in json.loads(file.read_text())["videos"].values()
        for item in entry["expressions"].values()
    ]
    coloured = [text for text in said if set(text.split()) & set(COLOURS)]
    assert not any({"person", "animal", "vehicle"} & set(text.split()) for text in coloured)
    assert main([str(tmp_path / "cut"), *words]) == 2  # not empty


def test_an_extended_vocabulary_reads_old_sentences_as_before(tmp_path):
    from tokenizers import ByteLevelBPETokenizer

    assert write_shapes([str(tmp_path / "drawn"), "--train", "30", "--valid", "1"]) == 0
    extend_vocabulary(tmp_path / "drawn/tokenizer", tmp_path / "more", ["dog", "person", "dolphin"])
    old, new = (
        ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
        for folder in (tmp_path / "drawn/tokenizer", tmp_path / "more")
    )
    text = "the red star on the left moving right"
    assert old.encode(text).ids == new.encode(text).ids
    assert len(old.encode(" dog person").ids) > len(new.encode(" dog person").ids) == 2
    assert new.get_vocab_size() <= 400
