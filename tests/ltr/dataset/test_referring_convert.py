"""The converters of Ref-DAVIS and RefCOCO."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ltr.dataset.convert.__main__ import main
from ltr.dataset.referring.images import ReferringImages
from ltr.dataset.referring.videos import ReferringVideos, category_names
from tests.referring_trees import STEMS, write_davis_source, write_refcoco_source
from tests.video_trees import textured_frame


def test_refdavis_orders_sentences_by_object_and_annotator(tmp_path, capsys):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    write_davis_source(source)
    assert main(["refdavis", str(source), str(target), "--quiet"]) == 0
    assert "1 train videos and 1 valid videos" in capsys.readouterr().out
    file = target / "meta_expressions/train/meta_expressions.json"
    (video,) = (videos := json.loads(file.read_text())["videos"])
    assert video == "classic-car"
    entries = videos[video]["expressions"]
    assert list(entries) == [str(number) for number in range(8)]
    assert [entries[str(n)]["obj_id"] for n in range(8)] == ["1"] * 4 + ["2"] * 4
    assert entries["4"]["exp"] == "1 façade 2"
    assert entries["7"]["exp"] == "2_full_video façade 2"
    assert videos[video]["frames"] == list(STEMS)
    read = ReferringVideos("RefDAVIS/train", target, "train", category_names("refdavis"))
    assert len(read) == 8
    assert read.label(0) == category_names("refdavis").index("car")
    assert len(read.read(0, [0, 1])[1]) == 2
    assert (source / "DAVIS/JPEGImages/480p/dog" / f"{STEMS[0]}.jpg").is_file()  # nothing moved


def test_refdavis_names_the_damaged_line(tmp_path, capsys):
    write_davis_source(tmp_path)
    file = tmp_path / "davis_text_annotations/Davis17_annot1.txt"
    file.write_text('dog 1 "fine"\ndog one "bad"')
    assert main(["refdavis", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "Davis17_annot1.txt, line 2: expected video object" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_refcoco_gives_every_sentence_an_image(tmp_path, capsys):
    write_refcoco_source(tmp_path / "source")
    assert main(["refcoco", str(tmp_path / "source"), str(tmp_path)]) == 0
    assert "refcoco train 2, refcoco val 2" in capsys.readouterr().out
    content = json.loads((tmp_path / "refcoco/instances_refcoco_val.json").read_text())
    assert [item["caption"] for item in content["images"]] == ["val one", "two"]
    assert (content["info"], content["licenses"]) == ({"year": 2014}, [])
    assert [item["original_id"] for item in content["annotations"]] == [3, 3]
    assert [item["id"] for item in content["images"]] == [1, 2]
    assert [item["id"] for item in content["annotations"]] == [1, 2]
    both, second = (
        json.loads((tmp_path / f"refcoco/instances_refcoco_test{letter}.json").read_text())
        for letter in "AB"
    )
    texts = [[item["caption"] for item in part["images"]] for part in (both, second)]
    assert texts == [["testA one", "two", "testAB one", "two"], ["testAB one", "two"]]
    from ltr.data.image_io import write_image

    write_image(tmp_path / "train2014/one.jpg", textured_frame(0))
    _, (mask,) = ReferringImages("x", tmp_path, "refcoco").read(0, [0])
    assert 20 < mask.sum() < 45  # a triangle of 32 pixels
    assert np.flatnonzero(mask.any(axis=1)).max() <= 9


@pytest.mark.parametrize("content", [pytest.param(print, id="a function"), {"no": "list"}])
def test_hostile_pickles_are_refused(tmp_path, capsys, content):
    write_refcoco_source(tmp_path, content)
    assert main(["refcoco", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "refs(unc).p is" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_wrong_words(tmp_path, capsys):
    assert main(["refcooc", str(tmp_path), str(tmp_path)]) == 2
    assert "did you mean 'refcoco'" in capsys.readouterr().err
    assert main(["refcoco", str(tmp_path / "none"), str(tmp_path)]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main(["refdavis", str(tmp_path), str(tmp_path)]) == 2
    assert "ImageSets/2017" in capsys.readouterr().err
