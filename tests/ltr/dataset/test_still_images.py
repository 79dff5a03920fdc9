from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy.io import savemat

from ltr.admin.errors import ConfigError, DataError
from ltr.data.randomness import Generators
from ltr.data.transforms import Compose, Frame, RandomAffine
from ltr.dataset.image_base import ImageDataset
from ltr.dataset.instances import InstanceImages
from ltr.dataset.registry import open_images, open_videos
from ltr.dataset.saliency import LAYOUTS, SalientObjects
from ltr.dataset.sbd import SBD
from ltr.dataset.synthetic_video import SyntheticVideo, SyntheticVideoBlend, paste

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
MASK = np.zeros((20, 30), np.uint8)
MASK[4:10, 5:17] = 1
BOX = [5, 4, 12, 6]


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def write_instances(file: Path, images: list[dict]) -> None:
    polygon = [5, 4, 17, 4, 17, 10, 5, 10]
    plain = {"size": [20, 30], "counts": [104, 6, *[14, 6] * 11, 600 - 104 - 12 * 6 - 14 * 11]}
    packed = coco_mask.encode(np.asfortranarray(MASK))
    packed["counts"] = packed["counts"].decode()
    shapes = [[polygon], plain, packed]
    annotations = [
        {"image_id": images[0]["id"], "segmentation": shape, "area": 72, "iscrowd": 0}
        for shape in shapes
    ]
    annotations.append({**annotations[1], "iscrowd": 1})
    annotations.append({**annotations[0], "area": 0.5})
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"images": images, "annotations": annotations}))


@pytest.mark.parametrize("name", LAYOUTS)
def test_salient_objects(name: str, tmp_path: Path, monkeypatch) -> None:
    layout = LAYOUTS[name]
    write(tmp_path / layout.images / f"a{layout.image_suffix}", IMAGE)
    write(tmp_path / layout.masks / "a.png", MASK * 255)
    write(tmp_path / layout.images / f"without_mask{layout.image_suffix}", IMAGE)
    monkeypatch.setenv(f"LTR_{layout.variable.upper()}", str(tmp_path))
    images = open_images(name)
    assert images.get_num_images() == 1
    assert images.get_image_info(0)["bbox"].tolist() == BOX
    assert images.get_image(0).shape == IMAGE.shape
    videos = open_videos(name)
    frames = videos.make_frames(0, 3, Generators.seeded(0))
    assert all((frame.mask == MASK).all() for frame in frames)


def test_missing_images_name_the_expected_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no ECSSD images: expected images/\*\.jpg"):
        SalientObjects("ECSSD", tmp_path)


def test_coco_reads_polygons_and_both_run_lengths(tmp_path: Path) -> None:
    image = {"id": 9, "file_name": "COCO_train2014_000000000009.jpg", "height": 20, "width": 30}
    write_instances(tmp_path / "annotations" / "instances_train2014.json", [image])
    write(tmp_path / "images" / "train2014" / image["file_name"], IMAGE)
    images = InstanceImages("COCO", tmp_path)
    assert images.get_name() == "COCO/2014/train"
    assert images.get_num_images() == 3
    for number in range(3):
        assert (images.get_mask(number) == MASK).all()
        assert images.get_image(number).shape == IMAGE.shape
    assert InstanceImages("COCO", tmp_path, min_area=0.1).get_num_images() == 3
    with pytest.raises(DataError, match="holds no instance"):
        InstanceImages("COCO", tmp_path, min_area=100)


@pytest.mark.parametrize(
    "image",
    [
        {"file_name": "COCO_train2014_000000000009.jpg", "not_exhaustive_category_ids": []},
        {"not_exhaustive_category_ids": []},
    ],
)
def test_lvis_finds_images_by_their_address(image: dict, tmp_path: Path) -> None:
    address = "http://images.cocodataset.org/train2017/000000000009.jpg"
    image = {**image, "id": 9, "coco_url": address, "height": 20, "width": 30}
    write_instances(tmp_path / "annotations" / "lvis_v0.5_train.json", [image])
    write(tmp_path / "images" / "train2017" / "000000000009.jpg", IMAGE)
    images = InstanceImages("LVIS", tmp_path)
    assert images.get_image(0).shape == IMAGE.shape
    assert images.get_image_info(0)["bbox"].tolist() == BOX


@pytest.mark.parametrize("content", ["{", "[]", '{"images": [], "annotations": [{}]}'])
def test_damaged_annotations_are_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "annotations" / "instances_train2014.json"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(DataError, match=r"instances_train2014\.json is (damaged|not a JSON)"):
        InstanceImages("COCO", tmp_path)


def test_sbd_has_one_item_an_instance(tmp_path: Path) -> None:
    numbers = MASK.copy()
    numbers[15:, :3], numbers[0, 0] = 2, 255
    write(tmp_path / "img" / "a.jpg", IMAGE)
    (tmp_path / "inst").mkdir()
    savemat(tmp_path / "inst" / "a.mat", {"GTinst": {"Segmentation": numbers}})
    (tmp_path / "train.txt").write_text("a\n")
    images = SBD(tmp_path)
    assert images.get_num_images() == 2
    assert (images.get_mask(0) == MASK).all()
    assert images.get_image_info(1)["bbox"].tolist() == [0, 15, 3, 5]
    (tmp_path / "inst" / "a.mat").write_bytes(b"no mat file at all")
    with pytest.raises(DataError, match=r"a\.mat is damaged"):
        SBD(tmp_path)


class OneImage(ImageDataset):
    def get_name(self) -> str:
        return "one"

    def get_num_images(self) -> int:
        return 1

    def get_image(self, image_id: int) -> np.ndarray:
        return IMAGE

    def get_mask(self, image_id: int) -> np.ndarray:
        return MASK


def test_synthetic_frames_move_independently_and_boxes_follow() -> None:
    videos = SyntheticVideo(OneImage(), Compose(RandomAffine(max_rotation=10, max_scale=0.3)))
    first, second = videos.make_frames(0, 2, Generators.seeded(0))
    assert (first.image != second.image).any()
    for frame in (first, second):
        rows, columns = np.nonzero(frame.mask)
        x, y, width, height = frame.box
        assert (x, y) == (columns.min(), rows.min())
        assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    images, values, _ = videos.get_frames(0, [1, 1])
    assert len(images) == len(values["mask"]) == 2


def test_paste_puts_the_object_and_nothing_else() -> None:
    white = np.full((20, 30, 3), 255, np.uint8)
    pasted = paste(Frame(IMAGE, MASK.astype(np.float32), np.float32(BOX)), white, (15, 10))
    assert pasted.box.tolist() == [9, 7, 12, 6]
    assert (pasted.image[7:13, 9:21] == IMAGE[4:10, 5:17]).all()
    assert (pasted.image[pasted.mask == 0] == 255).all()


@pytest.mark.parametrize(
    ("centre", "box"),
    [((0, 0), [0, 0, 6, 3]), ((29, 19), [23, 16, 7, 4]), ((-30, 0), [0, 0, 1, 1])],
)
def test_paste_cuts_what_lies_outside(centre: tuple[int, int], box: list[int]) -> None:
    white = np.full((20, 30, 3), 255, np.uint8)
    frame = Frame(IMAGE, MASK.astype(np.float32), np.float32(BOX))
    pasted = paste(frame, white, centre)
    assert pasted.box.tolist() == box
    assert pasted.mask.any() == (centre[0] >= 0)


def test_blend_keeps_the_object_and_the_background() -> None:
    videos = SyntheticVideoBlend(OneImage(), OneImage())
    assert videos.get_name() == "blend:one+one"
    frames = videos.make_frames(0, 4, Generators.seeded(0))
    assert len({tuple(frame.box) for frame in frames}) > 1
    for frame in frames:
        assert (frame.image[frame.mask == 0] == IMAGE[frame.mask == 0]).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DAVIS/2017/train/x", "expected a name like 'DAVIS/2017/train'"),
        ("YoutubeVOS/2019", "did you mean 'YouTubeVOS'"),
        ("blend:MSRA10K", r"expected blend:FOREGROUNDS\+BACKGROUNDS"),
        ("ECSSD", "ecssd_dir is not set"),
    ],
)
def test_wrong_names_are_explained(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_videos(name)
