"""Small pictures, masks, videos, run lengths and archives, and how each is read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ltr.data import rle
from ltr.data.image_io import read_image, read_label_map, write_image, write_label_map
from ltr.data.json_io import read_json
from ltr.data.names import plain_name
from ltr.data.text_files import read_names
from pytracking.analysis.files.mask_reader import read_mask
from pytracking.analysis.files.submission_check import (
    ExpectedVideo,
    InstanceSubmission,
    MaskSubmission,
    check_submission,
)
from pytracking.utils.video_reader import read_video

SIZE = (24, 32)
FRAMES = ("00000", "00005")


def image() -> np.ndarray:
    """A picture with edges and gradients, uint8 (H, W, 3)."""
    rows, columns = np.indices(SIZE)
    return np.stack([rows * 8, columns * 7, (rows + columns) % 16 * 15], -1).astype(np.uint8)


def labels(number: int = 1) -> np.ndarray:
    """A label map with one object, uint8 (H, W)."""
    drawn = np.zeros(SIZE, np.uint8)
    drawn[6:15, 8 + number : 21] = number
    return drawn


def make_jpeg(folder: Path) -> None:
    """Write a picture."""
    write_image(folder / "frame.jpg", image())


def make_png(folder: Path) -> None:
    """Write a picture."""
    write_image(folder / "frame.png", image())


def make_mask(folder: Path) -> None:
    """Write a palette PNG as results are written."""
    write_label_map(folder / "mask.png", labels())


def make_filtered_mask(folder: Path) -> None:
    """Write a grey PNG whose rows are filtered, as other programs do."""
    cv2.imwrite(str(folder / "mask.png"), labels(), [cv2.IMWRITE_PNG_STRATEGY, 1])


def make_colour_mask(folder: Path) -> None:
    """Write a mask in colours, with transparency."""
    pixels = np.zeros((*SIZE, 4), np.uint8)
    pixels[labels() > 0] = 255
    Image.fromarray(pixels).save(folder / "mask.png")


def make_pages(folder: Path) -> None:
    """Write a TIFF of three pages."""
    pages = [Image.fromarray(np.roll(image(), shift, axis=1)) for shift in range(3)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])


def make_list(folder: Path) -> None:
    """Write a list as Windows programs do."""
    (folder / "val.txt").write_text("bear\nswan\n", encoding="utf-16")


def read_list(path: Path) -> None:
    """Read the names; each must be one of a folder."""
    for name in read_names(path, "the list"):
        plain_name(name, path)


def read_picture(path: Path) -> None:
    """Read a picture."""
    check(read_image(path), 3)


def read_frames(path: Path) -> None:
    """Read every frame."""
    with read_video(path) as video:
        for frame in video:
            check(frame, 3)


def read_mask_file(path: Path) -> None:
    """Read as prompts and training do."""
    check(read_label_map(path), 2)


def read_scored_mask(path: Path) -> None:
    """Read as the evaluation does."""
    check(read_mask(path).labels, 2)


def make_rle(folder: Path) -> None:
    """Write run lengths."""
    dump(folder / "mask.json", rle.encode(labels()))


def read_rle(path: Path) -> None:
    """Read and decode run lengths."""
    mask = rle.as_rle(read_json(path), *SIZE)
    if mask is not None:
        check(rle.decode(mask), 2)


def make_mask_archive(folder: Path) -> None:
    """Write an archive for a server of masks."""
    write_label_map(folder / "mask.png", labels())
    encoded = (folder / "mask.png").read_bytes()
    with zipfile.ZipFile(folder / "masks.zip", "w") as archive:
        for name in FRAMES:
            archive.writestr(zipfile.ZipInfo(f"Annotations/v/{name}.png"), encoded)


def check_mask_archive(path: Path) -> None:
    """Check it as before an upload."""
    video = ExpectedVideo("Annotations/v", FRAMES, SIZE, frozenset((1,)))
    check_submission(path, MaskSubmission("a server", (video,)))


def make_result_archive(folder: Path) -> None:
    """Write an archive for a server of instances."""
    mask = rle.encode(labels())
    entry = {"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": [mask, None]}
    with zipfile.ZipFile(folder / "results.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("results.json"), json.dumps([entry, entry]))


def check_result_archive(path: Path) -> None:
    """Check it as before an upload."""
    check_submission(path, InstanceSubmission("a server", {1: (2, *SIZE)}, frozenset((1, 2))))


def check(pixels: np.ndarray, axes: int) -> None:
    """Of whatever a reader returns the form must be right."""
    if pixels.dtype != np.uint8 or pixels.ndim != axes or not pixels.size:
        raise TypeError(f"expected uint8 pixels on {axes} axes, got {pixels.dtype} {pixels.shape}")


def made(path: Path) -> Path:
    """The path, whose folder exists now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write(path: Path, pixels: np.ndarray) -> None:
    """Write a picture into a new folder."""
    write_image(made(path), pixels)


def dump(path: Path, content: Any) -> None:
    """Write JSON into a new folder."""
    made(path).write_text(json.dumps(content))
