import json

import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.data.image_io import write_image
from ltr.data.randomness import Generators
from ltr.data.transforms import AffineRoll, RandomAffine
from ltr.dataset.instance_sets import open_pairs
from ltr.dataset.instances import InstanceImages
from ltr.dataset.pseudo_videos import MOTION, PseudoVideos
from ltr.dataset.youtubevis_classes import CLASSES
from tests.video_trees import textured_frame

SHAPE = (60, 90)


def rectangle(x: int, y: int, width: int, height: int) -> list[list[int]]:
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


@pytest.fixture
def coco(tmp_path, monkeypatch):
    """A COCO with a person on a motorcycle, a mouse, and a crowd of dogs."""
    objects = [(1, 1, (20, 10, 20, 30)), (1, 4, (15, 30, 40, 20)), (2, 74, (30, 20, 20, 20))]
    annotations = [
        {"id": n, "image_id": image, "category_id": category, "iscrowd": 0,
         "area": box[2] * box[3], "segmentation": rectangle(*box)}
        for n, (image, category, box) in enumerate(objects, 1)
    ]  # fmt: skip
    annotations.append({**annotations[0], "id": 9, "category_id": 18, "iscrowd": 1})
    images = [
        {"id": n, "file_name": f"{n:012d}.jpg", "height": SHAPE[0], "width": SHAPE[1]}
        for n in (1, 2)
    ]
    for image in images:
        write_image(tmp_path / "images/train2017" / image["file_name"], textured_frame(3, SHAPE))
    names = {1: "person", 4: "motorcycle", 18: "dog", 74: "mouse"}
    record = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in names.items()],
    }
    file = tmp_path / "annotations/instances_train2017.json"
    file.parent.mkdir()
    file.write_text(json.dumps(record))
    monkeypatch.setenv("LTR_COCO_DIR", str(tmp_path))
    return tmp_path


def test_the_objects_of_an_image_are_one_pair(coco):
    pairs = open_pairs("pseudo:COCO/2017/train", CLASSES["ytvis2019"])
    assert len(pairs) == 1  # COCO's mouse is no animal, and crowds are left out
    for seed in range(5):
        query, guidance = pairs.read(0, Generators.seeded(seed))
        assert [pairs.classes[label - 1] for label in query.labels] == ["person", "motorbike"]
        assert set(guidance.numbers.tolist()) <= {0, 1}


def test_without_classes_every_object_counts(coco):
    pairs = open_pairs("pseudo:COCO/2017/train", CLASSES["davis"])
    assert len(pairs) == 2
    assert {
        int(label) for n in (0, 1) for label in pairs.read(n, Generators.seeded(0))[0].labels
    } == {1}


def test_the_two_frames_move_apart_and_masks_move_along(coco):
    pairs = open_pairs("pseudo:COCO/2017/train", CLASSES["davis"])
    moves = set()
    for seed in range(8):
        frames = pairs.read(1, Generators.seeded(seed))
        for frame in frames:
            x, y, width, height = frame.boxes[0].astype(int)
            rows, columns = np.nonzero(frame.masks[0])
            assert (x, y) == (columns.min(), rows.min())
            assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
            assert 0.6 * 400 < frame.masks[0].sum() < 1.6 * 400
            moves.add((x, y))
    assert len(moves) > 8


def test_a_motion_without_effect_gives_the_truth(coco):
    pairs = PseudoVideos(InstanceImages("COCO", coco, version="2017"), ("x",), RandomAffine())
    query, guidance = pairs.read(0, Generators.seeded(0))
    assert query.boxes[0].tolist() == [20, 10, 20, 30]
    assert np.array_equal(query.image, guidance.image)


def test_objects_that_leave_the_image_are_left_out(coco):
    class Away(RandomAffine):
        def roll(self, random):
            return AffineRoll(False, 0.0, (0.0, 0.0), (1.0, 1.0), (1.5, 0.0))

    pairs = PseudoVideos(InstanceImages("COCO", coco, version="2017"), ("x",), Away())
    with pytest.raises(DataError, match="out of the image"):
        pairs.read(0, Generators.seeded(0))


def test_classes_that_do_not_occur_are_an_error(coco):
    with pytest.raises(DataError, match="no instance of the classes"):
        open_pairs("pseudo:COCO/2017/train", ("fish", "shark"))


def test_shifts_move_the_centre_by_shares_of_the_sides():
    roll = AffineRoll(False, 0.0, (0.0, 0.0), (1.0, 1.0), (0.1, -0.2))
    matrix = MOTION.matrix((90, 60), roll)
    assert matrix == pytest.approx(np.array([[1, 0, 9], [0, 1, -12]]))
    rolls = [MOTION.roll(Generators.seeded(seed)).shift for seed in range(20)]
    assert 0.05 < np.abs(rolls).max() <= 0.1
