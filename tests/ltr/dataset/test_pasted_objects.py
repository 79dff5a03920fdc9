from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import box_of_mask
from ltr.data.image_io import write_image, write_label_map
from ltr.data.randomness import Generators
from ltr.dataset.folder import FolderVideos
from ltr.dataset.pasted_objects import PastedObjects, Sprite, cut_out, draw_shape, fill, place
from ltr.dataset.registry import open_videos

_SIZE = (96, 64)


def write_plain_videos(folder: Path, colours: list[tuple[int, int, int]], frames: int = 6) -> Path:
    """Videos of one dark colour with a bright square of the same hue moving right."""
    for video, colour in enumerate(colours):
        for time in range(frames):
            image = np.full((*_SIZE[::-1], 3), colour, np.uint8)
            labels = np.zeros(image.shape[:2], np.uint8)
            labels[20:40, 10 + 5 * time : 30 + 5 * time] = 1
            image[labels == 1] = 3 * np.uint8(colour)
            write_image(folder / "JPEGImages" / f"v{video}" / f"{time:05d}.jpg", image)
            write_label_map(folder / "Annotations" / f"v{video}" / f"{time:05d}.png", labels)
    return folder


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    return write_plain_videos(folder, [(80, 10, 10), (10, 80, 10), (10, 10, 80)])


def test_clips_are_functions_of_their_random_numbers(videos: Path) -> None:
    pasted = open_videos(f"pasted:folder:{videos}")
    assert pasted.get_num_sequences() == 3
    assert not pasted.is_video_sequence()
    first, again, other = (pasted.make_frames(1, 4, Generators.seeded(s)) for s in (5, 5, 6))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.image, b.image) for a, b in zip(first, other, strict=True))


def test_masks_boxes_and_motion(videos: Path) -> None:
    pasted = PastedObjects(FolderVideos(videos, multiobj=False))
    shifts = []
    for seed in range(30):
        frames = pasted.make_frames(seed % 3, 3, Generators.seeded(seed))
        for frame in frames:
            assert frame.image.shape == (*_SIZE[::-1], 3)
            assert frame.image.dtype == np.uint8
            assert set(np.unique(frame.mask)) == {0.0, 1.0}
            assert frame.mask.sum() >= 30
            assert frame.box.tolist() == box_of_mask(frame.mask).tolist()
        shifts.append(np.abs(frames[-1].box - frames[0].box).max())
    assert np.mean(np.array(shifts) > 1) > 0.8


def test_scenery_stands_behind_and_inside_of_objects(videos: Path, tmp_path: Path) -> None:
    """The scenery is white, which no colour change makes of the videos' dark frames."""
    for number in range(3):
        write_image(tmp_path / "white" / f"{number}.jpg", np.full((80, 120, 3), 255, np.uint8))
    pasted = open_videos(f"pasted:folder:{videos}+folder:{tmp_path}")
    assert pasted.get_name().endswith(f"+folder:{tmp_path}")
    is_white = {"background": 0, "target": 0}
    for seed in range(60):
        frame = pasted.make_frames(seed % 3, 2, Generators.seeded(seed))[0]
        bright = frame.image.min(2) > 140
        is_white["background"] += bright[frame.mask == 0].mean() > 0.5
        is_white["target"] += bright[frame.mask == 1].mean() > 0.5
    assert 10 < is_white["background"] < 35
    assert 10 < is_white["target"] < 35


def test_some_clips_show_the_target_where_it_is(videos: Path) -> None:
    """In the videos, the object is a square of 20 x 20 that starts in row 20."""
    pasted = PastedObjects(FolderVideos(videos, multiobj=False))
    boxes = [pasted.make_frames(s % 3, 1, Generators.seeded(s))[0].box for s in range(80)]
    as_they_are = sum(box[1] == 20 and box[3] == 20 for box in boxes)
    assert 8 < as_they_are < 32


def test_filling_keeps_the_outline() -> None:
    masks = [np.ones((10, 20), np.float32), np.ones((30, 15), np.float32)]
    dark = Sprite([np.zeros((*mask.shape, 3), np.uint8) for mask in masks], masks)
    image = np.full((60, 80, 3), 200, np.uint8)
    filled = fill(dark, image, Generators.seeded(0).python)
    assert filled.masks is masks
    for picture, mask in zip(filled.images, masks, strict=True):
        assert picture.shape == (*mask.shape, 3)
        assert (picture == 200).all()


def test_cut_outs_are_the_pixels_below_the_mask() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    mask = np.zeros((20, 30), np.float32)
    mask[4:10, 5:17] = 1
    mask[4, 5] = 0
    sprite = cut_out([image], [mask])
    assert np.array_equal(sprite.images[0], image[4:10, 5:17])
    assert np.array_equal(sprite.masks[0], mask[4:10, 5:17])


def test_a_placed_sprite_keeps_its_colour_and_gets_its_size() -> None:
    sprite = Sprite([np.full((10, 20, 3), 200, np.uint8)] * 5, [np.ones((10, 20), np.float32)] * 5)
    for seed in range(20):
        layers = place(sprite, (160, 120), Generators.seeded(seed).python)
        assert len(layers) == 5
        for pixels, opacity in layers:
            assert (pixels[opacity > 0] == 200).all()
            assert 0 <= opacity.min() <= opacity.max() <= 1
        centre = np.argwhere(layers[0][1] > 0.5).mean(0)
        assert ((centre > 0) & (centre < (120, 160))).all()


def test_shapes_fill_part_of_their_box() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for seed in range(30):
        sprite = draw_shape(image, 2, Generators.seeded(seed).python)
        assert len(sprite.images) == len(sprite.masks) == 2
        assert sprite.images[0].shape[:2] == sprite.masks[0].shape
        assert 0.1 < sprite.masks[0].mean() < 0.9


def test_one_sequence_is_too_few(tmp_path: Path) -> None:
    write_plain_videos(tmp_path, [(80, 10, 10)])
    with pytest.raises(DataError, match="pasting needs two or more sequences"):
        open_videos(f"pasted:folder:{tmp_path}")
