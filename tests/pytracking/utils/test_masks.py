"""Masks of other programs become label PNGs."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from ltr.admin.process_memory import peak_mib, reset_peak
from ltr.data.image_io import read_label_map, write_label_map
from pytracking.utils.masks import main

TWO = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((20, 20), np.uint8))


def convert(tmp_path, *options: str) -> int:
    return main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), *options])


@pytest.fixture
def save(tmp_path):
    (tmp_path / "in").mkdir()
    return lambda name, pixels: Image.fromarray(pixels).save(tmp_path / "in" / name)


def test_colours_are_numbered_over_all_pictures(tmp_path, save, capsys):
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 255)], np.uint8)
    save("1.png", colours[TWO])
    save("2.png", colours[TWO * (TWO == 2)])
    assert convert(tmp_path) == 0
    assert "2 masks: #ff0000 = 1, #00ffff = 2" in capsys.readouterr().out
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/1.png"), TWO)
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/2.png"), TWO * (TWO == 2))


def test_127_and_255_become_two_objects(tmp_path, save):
    save("m.png", np.array([0, 127, 255], np.uint8)[TWO])
    assert convert(tmp_path) == 0
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/m.png"), TWO)


def test_smoothed_masks_are_cut(tmp_path, save, capsys):
    smooth = cv2.GaussianBlur((TWO > 0).astype(np.uint8) * 255, (9, 9), 3)
    save("m.jpg", smooth)
    assert convert(tmp_path, "--threshold", "128") == 0
    agreement = read_label_map(tmp_path / "out/m.png") == (smooth >= 128)
    assert agreement.mean() > 0.98
    assert "object 1 is what is at least as light as 128" in capsys.readouterr().out


BLOCKS = np.kron(TWO, np.ones((2, 2), np.uint8))


def save_form(form: str, file) -> None:
    """Two objects in a form in which no pixel value is an id."""
    colours = np.array([(0, 0, 0), (200, 30, 60), (40, 90, 220)], np.uint8)
    grey = np.array([0, 100, 200], np.uint8)[BLOCKS]
    pictures = {
        "colours.jpg": Image.fromarray(colours[BLOCKS]),
        "colours.webp": Image.fromarray(colours[BLOCKS]),
        "blurred.png": Image.fromarray(cv2.GaussianBlur(grey, (5, 5), 1)),
        "wide.png": Image.fromarray(BLOCKS.astype(np.uint16) * 1000),
        "white.png": Image.fromarray(
            np.where(BLOCKS[..., None] > 0, colours[BLOCKS], 255).astype(np.uint8)
        ),
    }
    pictures[form].save(file)


@pytest.mark.parametrize(
    "form", ["colours.jpg", "colours.webp", "blurred.png", "wide.png", "white.png"]
)
def test_two_objects_stay_two_whatever_happened_to_their_edges(tmp_path, save, form, capsys):
    """JPEGs became dozens of objects, smoothed grey ones a single one, 16 bits were clipped."""
    save_form(form, tmp_path / "in" / form)
    assert convert(tmp_path) == 0
    told = capsys.readouterr().out
    labels = read_label_map(tmp_path / "out" / f"{form.partition('.')[0]}.png")
    if labels[0, -1] == 2:  # numbered the other way round, and told
        labels = np.array([0, 2, 1], np.uint8)[labels]
    assert set(np.unique(labels)) == {0, 1, 2}, told
    assert (labels == BLOCKS).mean() > 0.985
    assert "= 1" in told
    assert "= 2" in told


def test_what_fills_no_area_is_refused(tmp_path, save, capsys):
    Image.fromarray(
        np.array([(0, 0, 0), (200, 30, 60)], np.uint8)[(BLOCKS > 0).astype(int)]
    ).convert("P").save(tmp_path / "in/dithered.png")
    assert convert(tmp_path) == 2
    assert "0 colours that fill an area" in capsys.readouterr().err
    Image.fromarray(BLOCKS * np.float32(0.4)).save(tmp_path / "in/dithered.tif")
    (tmp_path / "in/dithered.png").unlink()
    assert convert(tmp_path) == 2
    assert "not whole numbers" in capsys.readouterr().err


def test_masks_are_not_replaced(tmp_path, save, capsys):
    save("m.png", TWO)
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "in")]) == 2
    assert "holds the masks themselves" in capsys.readouterr().err


def test_masks_that_have_ids_keep_them(tmp_path, save, capsys):
    """Green is darker than red by one bit, and became object 1."""
    ids = np.where(TWO == 0, 255, TWO)
    write_label_map(tmp_path / "in/1.png", TWO)
    write_label_map(tmp_path / "in/2.png", ids)
    assert convert(tmp_path) == 0
    assert "2 masks: objects 1, 2, 800 pixels are void (255)" in capsys.readouterr().out
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/1.png"), TWO)
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/2.png"), ids)


def test_what_is_no_picture_is_named_and_two_of_one_name_are_refused(tmp_path, save, capsys):
    save("m.png", TWO)
    (tmp_path / "in/notes.txt").touch()
    assert convert(tmp_path) == 0
    assert "objects 1, 2; left out: notes.txt" in capsys.readouterr().out
    save("M.bmp", TWO)
    assert convert(tmp_path) == 2
    assert "would become one label PNG" in capsys.readouterr().err


_SQUARE = [[2, 3], [9, 3], [9, 8], [2, 8]]


def _labelme(*shapes: dict) -> str:
    return json.dumps({"imageWidth": 20, "imageHeight": 10, "shapes": shapes})


def test_labelme_files_are_imported(tmp_path, capsys):
    shape = {"label": "dog", "points": _SQUARE, "group_id": None, "shape_type": "polygon"}
    moved = [[x + 8, y] for x, y in _SQUARE]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("8", "31"):
        (folder / f"{name}.json").write_text(_labelme(shape))
        Image.new("RGB", (20, 10)).save(folder / f"{name}.png")  # the frame
    assert convert(tmp_path) == 0
    labels = read_label_map(tmp_path / "out/in/8.png")
    assert (labels[3:9, 2:10] == 1).all()
    assert np.count_nonzero(labels) == 48
    (folder / "31.json").write_text(_labelme(shape, {**shape, "points": moved}))
    assert main(["convert", str(folder), str(tmp_path / "b")]) == 2
    assert "a frame has two objects called 'dog'" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
    assert main(["convert", str(folder / "31.json"), str(tmp_path / "c")]) == 0
    assert set(np.unique(read_label_map(tmp_path / "c/31/31.png"))) == {0, 1, 2}


def test_cvat_files_of_images_are_imported(tmp_path, caplog):
    points = ";".join(f"{x},{y}" for x, y in _SQUARE)
    shape = f'<polygon label="dog" points="{points}" z_order="0"/>'
    image = '<image id="{0}" name="{0}.jpg" width="20" height="10">{1}</image>'
    images = image.format(9, shape + '<points label="eye" points="3,3"/>') + image.format(10, "")
    (tmp_path / "in.xml").write_text(f"<annotations>{images}</annotations>")
    assert main(["convert", str(tmp_path / "in.xml"), str(tmp_path / "out")]) == 0
    assert np.count_nonzero(read_label_map(tmp_path / "out/in/9.png") == 1) == 48
    assert not read_label_map(tmp_path / "out/in/10.png").any()
    assert "left out, since they cover no area: 1 points" in caplog.text
    two = image.format(1, shape * 2) + image.format(2, shape)
    (tmp_path / "in.xml").write_text(f"<annotations>{two}</annotations>")
    assert main(["convert", str(tmp_path / "in.xml"), str(tmp_path / "b")]) == 2


_SMALL = {"segmentation": [[3.0, 4.0, 5.0, 4.0, 5.0, 6.0]]}


def _coco(images: list[str], annotations: list[dict]) -> str:
    pictures = [
        {"id": n, "file_name": name, "width": 20, "height": 10} for n, name in enumerate(images)
    ]
    flat = [[float(value) for point in _SQUARE for value in point]]
    entries = [{"category_id": 1, "segmentation": flat, **entry} for entry in annotations]
    content = {"images": pictures, "annotations": entries, "categories": [{"id": 1, "name": "dog"}]}
    return json.dumps(content)


@pytest.mark.parametrize(
    ("images", "annotations", "objects"),
    [
        (["8.jpg", "31.jpg"], [{"image_id": 0}, {"image_id": 1}], {"8": {1}, "31": {1}}),
        (["8.jpg"], [{"image_id": 0, "attributes": {"track_id": 7}}], {"8": {7}}),
        (["8.jpg"], [{"image_id": 0, **_SMALL}, {"image_id": 0, "iscrowd": 1}], {"8": {1, 255}}),
    ],
)
def test_coco_files_are_imported(tmp_path, images, annotations, objects):
    (tmp_path / "in.json").write_text(_coco(images, annotations))
    assert main(["convert", str(tmp_path / "in.json"), str(tmp_path / "out")]) == 0
    for stem, ids in objects.items():
        assert set(np.unique(read_label_map(tmp_path / f"out/in/{stem}.png"))) - {0} == ids


def test_coco_objects_without_a_track_are_not_guessed(tmp_path, capsys):
    twice = [{"image_id": 0}, {"image_id": 0}, {"image_id": 1}]
    (tmp_path / "in.json").write_text(_coco(["a.jpg", "b.jpg"], twice))
    assert main(["convert", str(tmp_path / "in.json"), str(tmp_path / "out")]) == 2
    assert "add a track_id to every annotation" in capsys.readouterr().err
    (tmp_path / "in.json").write_text(_coco(["x/v/0.jpg", "y/v/0.jpg"], twice[1:]))
    assert main(["convert", str(tmp_path / "in.json"), str(tmp_path / "out")]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["x_v", "y_v"]


def test_pictures_of_more_pixels_than_a_frame_are_refused(tmp_path, capsys):
    Image.new("RGB", (64, 600_000), (200, 30, 30)).save(tmp_path / "large.png")
    reset_peak()
    before = peak_mib()
    assert main(["convert", str(tmp_path / "large.png"), str(tmp_path / "labels")]) == 2
    assert "has 64x600000 pixels in colours" in capsys.readouterr().err
    assert peak_mib() - before < 50, "it is not decoded"
