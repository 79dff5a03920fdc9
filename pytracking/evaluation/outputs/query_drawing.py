"""Boxes, points and masks of sentences over their frames, as ReferFormer's --visualize draws them.

A box of 2 pixels, a cross of 21 pixels at the point where the last decoder layer began to look, and
half of the colour where the mask is. Colours are Detectron's, each with red and blue exchanged.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image, read_label_map, write_image
from ltr.data.json_io import read_json
from pytracking.evaluation.datasets.sequence import SequenceList, WholeVideoSequence
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.evaluation.outputs.formats import as_whole_video
from pytracking.evaluation.outputs.referring import QUERIES_FILE

_ARM_PX = 10
_CROSS_PX = 4
_OUTLINE_PX = 2
_MATLAB = (
    (0.000, 0.447, 0.741), (0.850, 0.325, 0.098), (0.929, 0.694, 0.125), (0.494, 0.184, 0.556),
    (0.466, 0.674, 0.188), (0.301, 0.745, 0.933), (0.635, 0.078, 0.184), (0.300, 0.300, 0.300),
    (0.600, 0.600, 0.600), (1.000, 0.000, 0.000), (1.000, 0.500, 0.000), (0.749, 0.749, 0.000),
    (0.000, 1.000, 0.000), (0.000, 0.000, 1.000), (0.667, 0.000, 1.000),
)  # fmt: skip
_THIRDS = (0.0, 0.333, 0.667, 1.0)
_SIXTHS = (0.167, 0.333, 0.5, 0.667, 0.833, 1.0)
_SEVENTHS = (0.0, 0.143, 0.286, 0.429, 0.571, 0.714, 0.857, 1.0)


def query_colours() -> np.ndarray:
    """The colours by the number of the sentence.

    Returns:
        uint8 (79, 3), RGB.

    >>> len(query_colours()), query_colours()[:2].tolist()
    (79, [[188, 113, 0], [24, 82, 216]])
    """
    shares: list[tuple[float, ...]] = list(_MATLAB)
    shares += [(red, green, 0.0) for red, green in product(_THIRDS[1:], repeat=2)]
    grid = list(product(_THIRDS, repeat=2))
    shares += [(red, green, 0.5) for red, green in grid[1:]]
    shares += [(red, green, 1.0) for red, green in grid[1:-1]]
    for channel in range(3):
        shares += [tuple(share * (place == channel) for place in range(3)) for share in _SIXTHS]
    shares += [(share,) * 3 for share in _SEVENTHS]
    return (np.array(shares)[:, ::-1] * 255).astype(np.uint8)


def draw_query(
    image: np.ndarray,
    mask: np.ndarray,
    box: tuple[float, float, float, float] | None,
    point: tuple[float, float] | None,
    colour: np.ndarray,
) -> np.ndarray:
    """Draw what a sentence found in a frame.

    Args:
        image: uint8 (H, W, 3) RGB.
        mask: bool (H, W).
        box: Centre, width and height, 0..1 of the frame; None draws none.
        point: Place of the cross, 0..1 of the frame; None draws none.
        colour: uint8 (3,) RGB.

    Returns:
        uint8 (H, W, 3).
    """
    picture = Image.fromarray(image)
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    ink = (int(colour[0]), int(colour[1]), int(colour[2]))
    if box is not None:
        x, y, w, h = box
        corners = (
            ((x - w / 2) * width, (y - h / 2) * height),
            (
                (x + w / 2) * width,
                (y + h / 2) * height,
            ),
        )
        draw.rectangle(corners, outline=ink, width=_OUTLINE_PX)
    if point is not None:
        x, y = point[0] * width, point[1] * height
        draw.line((x - _ARM_PX, y, x + _ARM_PX, y), ink, _CROSS_PX)
        draw.line((x, y - _ARM_PX, x, y + _ARM_PX), ink, _CROSS_PX)
    pixels = np.array(picture)
    pixels[mask] = pixels[mask] * 0.5 + colour * 0.5
    return pixels


def draw_queries(dataset: SequenceList, folder: ResultFolder, target: Path) -> int:
    """Draw all finished videos, ``<video>/<number of the sentence>/<frame>.png``.

    Args:
        dataset: The sequences.
        folder: Folder of the masks.
        target: Where the pictures go.

    Returns:
        Number of pictures.

    Raises:
        DataError: A frame, a mask or ``queries.json`` is missing or damaged.
        OSError: The pictures cannot be written.
    """
    count = 0
    for name in sorted(set(folder.finished()).intersection(dataset.names)):
        count += _draw_video(as_whole_video(dataset[name]), folder, target / name)
    return count


def _draw_video(sequence: WholeVideoSequence, folder: ResultFolder, target: Path) -> int:
    file = folder.path / sequence.name / QUERIES_FILE
    if not file.is_file():
        raise DataError(
            f"{file} does not exist: an earlier version made these results; run them again with "
            "--overwrite"
        )
    queries, colours = read_json(file), query_colours()
    for number, expression in enumerate(sequence.texts):
        found = queries[expression]
        for position, frame in enumerate(sequence.frames):
            path = folder.mask_path(f"{sequence.name}/{expression}", frame.stem)
            picture = draw_query(
                read_image(frame),
                read_label_map(path) > 0,
                found["boxes"][position],
                found["points"][position],
                colours[number % len(colours)],
            )
            write_image(target / str(number) / f"{frame.stem}.png", picture)
    return len(sequence.texts) * len(sequence.frames)
