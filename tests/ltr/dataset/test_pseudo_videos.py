import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.data.randomness import Generators
from ltr.data.transforms import AffineRoll, RandomAffine
from ltr.dataset.instance_sets import open_pairs
from ltr.dataset.instances import InstanceImages
from ltr.dataset.pseudo_videos import MOTION, PseudoVideos, ZoomedStills
from ltr.dataset.youtubevis_classes import CLASSES
from tests.small_coco import write_coco


@pytest.fixture
def coco(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_COCO_DIR", str(tmp_path))
    return write_coco(tmp_path)


def test_the_objects_of_an_image_are_one_pair(coco):
    pairs = open_pairs("pseudo:COCO/2017/train", CLASSES["ytvis2019"])
    assert len(pairs) == 1  # COCO's mouse is not an animal, and crowds are left out
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


def test_coarse_classes_take_every_object(coco):
    pairs = open_pairs("pseudo:COCO/2017/train", CLASSES["coarse"])
    labels = [pairs.read(n, Generators.seeded(0))[0].labels.tolist() for n in (0, 1)]
    assert labels == [[1, 3], [4]]  # a person on a motorcycle; COCO's mouse is an object


def test_zoomed_stills_are_as_wide_as_videos_and_show_an_object(coco):
    images = InstanceImages("COCO", coco, version="2017")
    pairs = ZoomedStills(images, CLASSES["davis"], RandomAffine())
    widths = set()
    for seed in range(20):
        query, guidance = pairs.read(1, Generators.seeded(seed))
        assert np.array_equal(query.image, guidance.image)
        height, width = query.image.shape[:2]
        assert width / height == pytest.approx(16 / 9, abs=0.05)
        assert 36 <= width <= 90  # the least part of 90 pixels that may be chosen is 0.4
        assert query.masks.shape[1:] == (height, width)
        assert 100 <= query.masks[0].sum() <= 400
        widths.add(width)
    assert len(widths) > 10
    assert open_pairs("zoomed:COCO/2017/train", CLASSES["davis"]).read(0, Generators.seeded(0))
