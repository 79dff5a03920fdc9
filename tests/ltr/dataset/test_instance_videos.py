import json

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import write_image, write_label_map
from ltr.data.randomness import Generators
from ltr.data.rle import encode
from ltr.dataset.convert.__main__ import main
from ltr.dataset.davis_instances import describe_davis
from ltr.dataset.instance_sets import open_pairs
from ltr.dataset.instance_videos import guidance_frames
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.dataset.youtubevis_file import VisWriter, find_split, read_vis_file
from tests.shared_material import data
from tests.video_trees import label_map, textured_frame, write_davis

NAMES = ("cat", "dog")
SQUARES = [{1: (4, 4), 2: (30, 10)}, {1: (8, 4)}, {2: (34, 12)}, {}]


@pytest.fixture
def root(tmp_path):
    """A video with a cat and a dog that are not always there."""
    writer = VisWriter(NAMES, "test")
    files = [f"pets/{number:05d}.jpg" for number in range(len(SQUARES))]
    for number, file in enumerate(files):
        write_image(tmp_path / "train/JPEGImages" / file, textured_frame(number))
    writer.add(files, [label_map(each) for each in SQUARES], {1: "cat", 2: "dog"})
    writer.write(tmp_path / "train.json")
    return tmp_path


def edited(root, change):
    record = json.loads((root / "train.json").read_text())
    change(record)
    (root / "train.json").write_text(json.dumps(record))
    return root


def test_every_frame_with_an_object_is_a_query(root):
    pairs = open_pairs(f"videos:{root}/train", NAMES)
    assert len(pairs) == 3
    query, guidance = pairs.read(0, Generators.seeded(0))
    assert query.labels.tolist() == [1, 2]
    assert query.boxes.tolist() == [[4, 4, 8, 8], [30, 10, 8, 8]]
    assert np.array_equal(query.masks[1], label_map({1: (30, 10)}))
    assert len(guidance.numbers) == 1
    assert pairs.source(2).endswith("pets/00002.jpg")


def test_the_guidance_is_any_frame_that_fits(root):
    pairs = open_pairs(f"videos:{root}/train", NAMES)
    seen = {tuple(pairs.read(0, Generators.seeded(n))[1].numbers.tolist()) for n in range(12)}
    assert seen == {(0,), (1,)}
    alone, itself = pairs.read(1, Generators.seeded(0))
    assert alone.numbers.tolist() == [0]
    assert itself.numbers.tolist() == [0, 1]


def test_a_lonely_frame_guides_itself(root):
    def keep_first(record):
        for annotation in record["annotations"]:
            for key in ("segmentations", "bboxes", "areas"):
                annotation[key][1:] = [None] * 3

    pairs = open_pairs(f"videos:{edited(root, keep_first)}/train", NAMES)
    query, guidance = pairs.read(0, Generators.seeded(0))
    assert len(pairs) == 1
    assert guidance is query


@pytest.mark.parametrize("key", ["bboxes", "areas", "segmentations"])
def test_objects_without_mask_box_or_area_are_left_out(root, key):
    def remove(record):
        record["annotations"][0][key][0] = None

    pairs = open_pairs(f"videos:{edited(root, remove)}/train", NAMES)
    assert pairs.read(0, Generators.seeded(0))[0].labels.tolist() == [2]


def test_crowds_and_boxes_below_a_pixel_are_left_out(root):
    def change(record):
        record["annotations"][0]["iscrowd"] = 1
        record["annotations"][1]["bboxes"][0][2] = 0.5

    pairs = open_pairs(f"videos:{edited(root, change)}/train", NAMES)
    assert len(pairs) == 1


def test_without_classes_all_objects_are_instances(root):
    pairs = open_pairs(f"videos:{root}/train", CLASSES["davis"])
    assert pairs.classes == ("instance",)
    assert pairs.read(0, Generators.seeded(0))[0].labels.tolist() == [1, 1]


def test_an_object_of_a_shown_class_must_be_shown_too():
    shown = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]], bool)
    assert guidance_frames(shown, np.array([1, 1, 2]), 0) == [2, 3]
    assert guidance_frames(shown, np.array([1, 2, 3]), 0) == [1, 2, 3]
    assert guidance_frames(shown, np.array([1, 1, 1]), 2) == [0, 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda r: r.update(annotations=None), "has no annotations"),
        (lambda r: r["annotations"][0].update(video_id=7), "annotation 0 is damaged: 7"),
        (lambda r: r["annotations"][1].update(category_id=9), "no category 9"),
        (lambda r: r["annotations"][1]["bboxes"].pop(), "expected 4 masks, boxes and areas"),
        (
            lambda r: r["videos"][0].update(file_names=["../x.jpg"] * 4),
            "not a path inside the data set",
        ),
        (lambda r: r["videos"][0].pop("height"), "not a file in YouTube-VIS's format"),
        (lambda r: r.update(videos=[]), "holds no video"),
        (lambda r: r.update(annotations=5), "'annotations' is not a list"),
        (lambda r: r["annotations"][0]["segmentations"][0].update(counts="%%"), "damaged"),
        (
            lambda r: r["annotations"][0]["segmentations"].__setitem__(0, encode(np.eye(3))),
            "the mask is",
        ),
    ],
)
def test_damaged_files_are_told_in_one_sentence(root, change, sentence):
    with pytest.raises(DataError, match=sentence):
        open_pairs(f"videos:{edited(root, change)}/train", NAMES)


def test_other_categories_are_refused(root):
    with pytest.raises(DataError, match="cat, dog"):
        open_pairs(f"videos:{root}/train", ("cat", "horse"))


def test_a_frame_of_another_size_is_refused(root):
    write_image(root / "train/JPEGImages/pets/00000.jpg", textured_frame(0, (20, 20)))
    with pytest.raises(DataError, match=r"00000.jpg is \(20, 20\)"):
        open_pairs(f"videos:{root}/train", NAMES).read(0, Generators.seeded(0))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("YoutubeVIS/2019/train", "did you mean 'YouTubeVIS'"),
        ("YouTubeVIS/2020/train", "2019 and 2021 are known"),
        ("YouTubeVIS/2019/train", "ytvis2019_dir"),
        ("DAVIS/2017/train/480p", "unknown data set"),
    ],
)
def test_unknown_sets_and_unset_paths(name, sentence):
    with pytest.raises(ConfigError, match=sentence):
        open_pairs(name, NAMES)


def test_real_videos(monkeypatch):
    monkeypatch.setenv("LTR_YTVIS2019_DIR", str(data("ytvis-mini")))
    pairs = open_pairs("YouTubeVIS/2019/train", CLASSES["ytvis2019"])
    assert len(pairs) == 8 + 9 + 10
    query, guidance = pairs.read(20, Generators.seeded(3))
    assert [pairs.classes[label - 1] for label in query.labels] == ["cow", "sedan", "person"]
    assert guidance.numbers.tolist() == [0, 1, 2]


def write_unsupervised(folder):
    frames = {"00000": {1: (4, 4)}, "00001": {1: (6, 4), 2: (20, 9)}}
    root = write_davis(folder, {"bear": frames, "goat": {"00000": {1: (5, 5)}}}, split="train")
    labels = label_map({3: (6, 4)})
    labels[:2] = 255
    write_label_map(root / "Annotations_unsupervised/480p/goat/00000.png", labels)
    return root


def test_label_maps_of_davis_become_a_file(tmp_path):
    root = write_unsupervised(tmp_path / "davis")
    (root / "ImageSets/2017/val.txt").write_text("goat")
    assert main(["davis", str(root), str(tmp_path)]) == 0
    assert [video.name for video in read_vis_file(tmp_path / "valid_davis.json").videos] == ["goat"]
    found = read_vis_file(tmp_path / "train_davis.json")
    assert dict(found.categories) == {1: "instance"}
    assert [video.files for video in found.videos] == [
        ("bear/00000.jpg", "bear/00001.jpg"),
        ("goat/00000.jpg",),
    ]
    first, second = found.tracks[1]
    assert first.boxes == ((4, 4, 8, 8), (6, 4, 8, 8))
    assert second.boxes == (None, (20, 9, 8, 8))
    assert second.areas == (None, 64)
    assert [track.boxes for track in found.tracks[2]] == [((6, 4, 8, 8),)]  # not the void pixels


def test_davis_is_read_without_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_DAVIS_DIR", str(write_unsupervised(tmp_path / "davis")))
    pairs = open_pairs("DAVIS", CLASSES["davis"])
    assert len(pairs) == 3
    assert pairs.read(1, Generators.seeded(0))[0].labels.tolist() == [1, 1]


def test_the_sequences_of_davis_have_coarse_classes(tmp_path, monkeypatch):
    videos = {name: {"00000": {1: (4, 4)}} for name in ("bear", "soccerball")}
    monkeypatch.setenv("LTR_DAVIS_DIR", str(write_davis(tmp_path / "davis", videos, "train")))
    pairs = open_pairs("DAVIS/2017/train", CLASSES["coarse"])
    found = [pairs.read(n, Generators.seeded(0))[0].labels.tolist() for n in range(2)]
    assert [pairs.classes[label - 1] for [label] in found] == ["animal", "object"]


def test_another_sequence_has_no_coarse_class(tmp_path, monkeypatch):
    videos = {"judo": {"00000": {1: (4, 4)}}}
    monkeypatch.setenv("LTR_DAVIS_DIR", str(write_davis(tmp_path / "davis", videos, "train")))
    with pytest.raises(DataError, match="class of DAVIS sequence 'judo' is not known"):
        open_pairs("DAVIS", CLASSES["coarse"])


def test_data_sets_take_turns_by_their_weights(root, tmp_path, monkeypatch):
    """Three of the first, two of the second; the first has three frames, the second one."""
    videos = {"bear": {"00000": {1: (4, 4)}}}
    monkeypatch.setenv("LTR_DAVIS_DIR", str(write_davis(tmp_path / "davis", videos, "train")))
    record = json.loads((root / "train.json").read_text())
    names = CLASSES["coarse"]
    record["categories"] = [{"id": n, "name": name} for n, name in enumerate(names, 1)]
    (root / "train.json").write_text(json.dumps(record))
    pairs = open_pairs(f"videos:{root}/train=3+DAVIS/2017/train=2", names)
    assert (len(pairs), pairs.classes) == (5, names)  # in one round all were shown
    sources = [pairs.source(n) for n in range(5)]
    assert len(set(sources[:3])) == 3
    assert all(source.endswith("bear/00000.jpg") for source in sources[3:])
    assert all(pairs.is_wide(n) for n in range(len(pairs)))
    assert pairs.read(4, Generators.seeded(0))[0].labels.tolist() == [2]


@pytest.mark.parametrize("weight", ["0", "two", "1.5"])
def test_a_wrong_weight_is_a_sentence(root, weight):
    with pytest.raises(ConfigError, match="NAME=WEIGHT"):
        open_pairs(f"videos:{root}/train={weight}+videos:{root}/train", NAMES)


def test_davis_without_label_maps_is_told(tmp_path, capsys):
    root = write_davis(tmp_path, {"bear": {"00000": None}}, split="train")
    assert main(["davis", str(root), str(tmp_path / "new")]) == 2
    assert "holds label maps" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"val\.txt cannot be read"):
        describe_davis(root, "val")
    assert not (tmp_path / "new").exists()


def test_both_years_layouts_are_found(root):
    (root / "train.json").rename(root / "train" / "instances.json")
    assert find_split(root, "train").file.name == "instances.json"
    with pytest.raises(DataError, match="neither"):
        find_split(root, "valid")
