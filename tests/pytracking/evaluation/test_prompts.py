from __future__ import annotations

import argparse
import logging

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import write_label_map
from pytracking.cli.prompt_arguments import parse_box, parse_mask
from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt
from pytracking.evaluation.prompts import plan_prompts, with_box_masks
from pytracking.tracker.base import FrameInfo

SIZE = (8, 6)


@pytest.fixture
def mask_file(tmp_path):
    """A function that writes a label map whose first pixels have the given values."""

    def write(name: str, *values: int):
        labels = np.zeros((6, 8), np.uint8)
        labels.flat[: len(values)] = values
        write_label_map(tmp_path / name, labels)
        return tmp_path / name

    return write


def test_ids_are_kept_with_gaps(mask_file):
    plan = plan_prompts([MaskPrompt(0, mask_file("m.png", 3, 7, 254))], [], SIZE)
    assert plan[0].object_ids == (3, 7, 254)
    assert plan[0].mask.flat[:4].tolist() == [3, 7, 254, 0]


def test_void_is_no_object(mask_file):
    plan = plan_prompts([MaskPrompt(0, mask_file("m.png", 2, 255))], [], SIZE)
    assert plan[0].object_ids == (2,)
    assert plan[0].mask.max() == 2


def test_black_and_white_mask_is_object_1(mask_file, caplog):
    with caplog.at_level(logging.INFO):
        plan = plan_prompts([MaskPrompt(0, mask_file("m.png", 255, 255))], [], SIZE)
    assert plan[0].object_ids == (1,)
    assert (plan[0].mask == 1).sum() == 2
    assert "its object becomes object 1" in caplog.text


def test_one_black_and_white_file_an_object(mask_file):
    first = MaskPrompt(0, mask_file("a.png", 255))
    second = MaskPrompt(0, mask_file("b.png", 0, 255))
    plan = plan_prompts([first, second], [], SIZE)
    assert plan[0].object_ids == (1, 2)
    assert plan[0].mask.flat[:2].tolist() == [1, 2]


def test_grey_and_one_bit_files(tmp_path):
    for mode in ("L", "1", "RGB", "RGBA"):
        picture = Image.new(mode, SIZE)
        picture.putpixel((1, 1), (255,) * len(mode) if len(mode) > 1 else 255)
        picture.save(tmp_path / f"{mode}.png")
        plan = plan_prompts([MaskPrompt(0, tmp_path / f"{mode}.png")], [], SIZE)
        assert plan[0].object_ids == (1,), mode
        assert (plan[0].mask == 1).sum() == 1, mode


def test_later_mask_starts_new_objects_only(mask_file, caplog):
    first = MaskPrompt(0, mask_file("a.png", 1, 2))
    later = MaskPrompt(5, mask_file("b.png", 1, 2, 4))
    plan = plan_prompts([later, first], [], SIZE)
    assert {frame: info.object_ids for frame, info in plan.items()} == {0: (1, 2), 5: (4,)}
    assert plan[5].mask.flat[:3].tolist() == [0, 0, 4]
    assert "the ids [1, 2] started before and are ignored" in caplog.text


def test_later_mask_without_a_new_object_is_refused(mask_file):
    masks = [MaskPrompt(0, mask_file("a.png", 1)), MaskPrompt(5, mask_file("b.png", 1))]
    with pytest.raises(DataError, match=r"b\.png starts no new object: the ids \[1\]"):
        plan_prompts(masks, [], SIZE)


def test_boxes_and_black_and_white_masks_get_free_ids(mask_file):
    masks = [MaskPrompt(0, mask_file("a.png", 1, 3)), MaskPrompt(4, mask_file("b.png", 255))]
    boxes = [BoxPrompt(9, (1, 1, 2, 2)), BoxPrompt(0, (0, 0, 3, 3))]
    plan = plan_prompts(masks, boxes, SIZE)
    assert plan[0].object_ids == (1, 3, 4)
    assert plan[0].boxes == {4: (0, 0, 3, 3)}
    assert plan[4].object_ids == (2,)
    assert plan[9].object_ids == (5,)


def test_hidden_mask_of_the_same_frame_is_refused(mask_file):
    masks = [MaskPrompt(0, mask_file("a.png", 1)), MaskPrompt(0, mask_file("b.png", 2))]
    with pytest.raises(DataError, match="nothing is left of objects"):
        plan_prompts(masks, [], SIZE)


def test_mask_of_another_size_names_both(mask_file):
    with pytest.raises(DataError, match=r"m\.png is 8x6, the video 854x480"):
        plan_prompts([MaskPrompt(0, mask_file("m.png", 1))], [], (854, 480))


@pytest.mark.parametrize("value", [0])
def test_mask_without_object_is_refused(mask_file, value):
    with pytest.raises(DataError, match="holds no object"):
        plan_prompts([MaskPrompt(0, mask_file("m.png", value))], [], SIZE)


def test_missing_mask_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        plan_prompts([MaskPrompt(0, tmp_path / "m.png")], [], SIZE)


def test_smoothed_mask_is_refused(tmp_path):
    ramp = np.linspace(0, 255, 200).astype(np.uint8).reshape(10, 20)
    Image.fromarray(ramp).save(tmp_path / "soft.png")
    with pytest.raises(DataError, match=r"smoothed or noisy edges \(199 grey values"):
        plan_prompts([MaskPrompt(0, tmp_path / "soft.png")], [], (20, 10))


def test_sixteen_bit_mask(tmp_path):
    values = np.zeros((6, 8), np.uint16)
    values[0, 0] = 5
    Image.fromarray(values).save(tmp_path / "small.png")
    plan = plan_prompts([MaskPrompt(0, tmp_path / "small.png")], [], SIZE)
    assert plan[0].object_ids == (5,)
    values[0, 1] = 700
    Image.fromarray(values).save(tmp_path / "large.png")
    with pytest.raises(DataError, match="values up to 700"):
        plan_prompts([MaskPrompt(0, tmp_path / "large.png")], [], SIZE)


def test_prompt_behind_the_end_is_refused(mask_file):
    with pytest.raises(ConfigError, match=r"frame 10, the video has frames 0\.\.9"):
        plan_prompts([], [BoxPrompt(10, (0, 0, 2, 2))], SIZE, length=10)


def test_box_outside_the_video_is_refused_before_the_run():
    boxes = [BoxPrompt(0, (0, 0, 2, 2)), BoxPrompt(900, (8, 0, 2, 2))]
    with pytest.raises(DataError, match="box 8,0,2,2 has no area inside the 8x6 frame"):
        plan_prompts([], boxes, SIZE)


def test_no_prompt_is_refused():
    with pytest.raises(ConfigError, match="no object is given"):
        plan_prompts([], [], SIZE)


def test_argument_forms():
    assert parse_mask("a/b.png").frame == 0
    assert parse_mask("12:a b.png") == MaskPrompt(12, parse_mask("a b.png").path)
    assert parse_box("1,2,3,4") == BoxPrompt(0, (1, 2, 3, 4))
    assert parse_box("7:1,2,3,4") == BoxPrompt(7, (1, 2, 3, 4))


@pytest.mark.parametrize("text", ["", "1,2,3", "a:1,2,3,4", "1,2,3,4,5", "1,2,3,x"])
def test_wrong_boxes_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected FRAME:x,y,w,h"):
        parse_box(text)


def scene() -> np.ndarray:
    """A bright square on dark noise."""
    generator = np.random.default_rng(0)
    image = generator.integers(20, 60, (120, 160, 3), dtype=np.uint8)
    image[40:80, 70:110] = generator.integers(180, 220, (40, 40, 3), dtype=np.uint8)
    return image


def test_masks_win_over_boxes():
    image = scene()
    labels = np.zeros((120, 160), np.uint8)
    labels[:, 90:] = 1
    info = with_box_masks(image, FrameInfo((1, 2), labels, {2: (60, 30, 60, 60)}))
    assert (info.mask[:, 90:] == 1).all()
    assert (info.mask == 2).sum() == pytest.approx(40 * 20, rel=0.05)
    assert (labels == 2).sum() == 0


def test_complete_prompts_are_left_alone():
    image = scene()
    info = FrameInfo((1,), np.ones((120, 160), np.uint8), {1: (0, 0, 5, 5)})
    assert with_box_masks(image, info) is info


def test_covered_box_is_refused():
    image = scene()
    info = FrameInfo((1, 2), np.ones((120, 160), np.uint8), {2: (60, 30, 60, 60)})
    with pytest.raises(DataError, match="box of object 2 is completely covered"):
        with_box_masks(image, info)
