"""Draw the README's picture: a scene at dusk with three moving objects and their true masks.

python examples/draw_scene.py docs/images/demo.png
"""

import sys

import cv2
import numpy as np
from PIL import Image

from pytracking.utils.contact_sheet import ContactSheet
from pytracking.utils.overlay import draw_result

HEIGHT, WIDTH, FRAMES, TILES = 450, 800, 40, 6
SHIFT = 4  # coordinates have sixteen steps per pixel, for smooth edges


def backdrop() -> np.ndarray:
    """Sky, sun, hills and sea, uint8 (H, W, 3) RGB."""
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    sky = (1 - rows) * np.array([40, 52, 110]) + rows * np.array([250, 170, 120])
    image = np.repeat(sky, WIDTH, axis=1).astype(np.uint8)
    cv2.circle(image, (560, 270), 46, (255, 226, 170), -1, cv2.LINE_AA)
    x = np.arange(WIDTH)
    for base, height, speed, colour in ((300, 46, 95, (96, 78, 120)), (335, 34, 60, (62, 58, 98))):
        y = base + height * np.sin(x / speed + base) * np.cos(x / (2.3 * speed))
        hill = np.concatenate([np.stack([x, y], 1), [[WIDTH, HEIGHT], [0, HEIGHT]]])
        cv2.fillPoly(image, [hill.astype(np.int32)], colour, cv2.LINE_AA)
    cv2.rectangle(image, (0, 372), (WIDTH, HEIGHT), (46, 66, 112), -1)
    for row in range(378, HEIGHT, 9):
        cv2.line(image, ((row * 37) % 500, row), ((row * 37) % 500 + 240, row), (92, 104, 148), 1)
    return image


def polygon(image: np.ndarray, points: list, colour: tuple) -> None:
    """Fill a polygon given in pixels."""
    scaled = np.round(np.array(points) * 2**SHIFT).astype(np.int32)
    cv2.fillPoly(image, [scaled], colour, cv2.LINE_AA, SHIFT)


def balloon(image: np.ndarray, x: float, y: float, size: float) -> None:
    """A hot-air balloon with stripes and a basket."""
    for step, colour in enumerate(((214, 74, 66), (246, 214, 150), (214, 74, 66))):
        axes = (int(size * (1 - 0.36 * step)), int(size * 1.12))
        cv2.ellipse(image, (int(x), int(y)), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    polygon(image, [(x - 0.6 * size, y + 0.95 * size), (x + 0.6 * size, y + 0.95 * size),
                    (x + 0.18 * size, y + 1.6 * size), (x - 0.18 * size, y + 1.6 * size)],
            (176, 60, 58))  # fmt: skip
    polygon(image, [(x - 0.2 * size, y + 1.6 * size), (x + 0.2 * size, y + 1.6 * size),
                    (x + 0.16 * size, y + 1.95 * size), (x - 0.16 * size, y + 1.95 * size)],
            (120, 82, 52))  # fmt: skip


def boat(image: np.ndarray, x: float, y: float, size: float) -> None:
    """A sailing boat."""
    polygon(image, [(x - size, y), (x + size, y), (x + 0.7 * size, y + 0.35 * size),
                    (x - 0.7 * size, y + 0.35 * size)], (118, 70, 48))  # fmt: skip
    polygon(image, [(x, y - 1.9 * size), (x, y - 0.1 * size), (x - 0.85 * size, y - 0.1 * size)],
            (244, 240, 228))  # fmt: skip
    polygon(image, [(x + 0.08 * size, y - 1.6 * size), (x + 0.08 * size, y - 0.1 * size),
                    (x + 0.75 * size, y - 0.1 * size)], (226, 214, 196))  # fmt: skip


def bird(image: np.ndarray, x: float, y: float, size: float, beat: float) -> None:
    """A gull whose wings beat."""
    tip = 0.8 * np.sin(beat)
    polygon(image, [(x - 1.5 * size, y - tip * size), (x, y - 0.12 * size), (x + 1.5 * size,
            y - tip * size), (x + 0.2 * size, y + 0.3 * size), (x - 0.2 * size, y + 0.3 * size)],
            (232, 236, 244))  # fmt: skip
    cv2.ellipse(image, (int(x), int(y + 0.1 * size)), (int(0.28 * size), int(0.5 * size)), 0, 0,
                360, (210, 216, 230), -1, cv2.LINE_AA)  # fmt: skip


def objects(time: float) -> tuple:
    """What moves, far to near: the function that draws it, and where and how large it is."""
    return (
        (boat, (90 + 560 * time, 392 + 12 * time, 34 + 26 * time)),
        (balloon, (610 - 400 * time, 150 + 60 * np.sin(2.4 * time), 58 + 22 * time)),
        (bird, (140 + 520 * time, 210 - 90 * np.sin(3.1 * time), 30 + 14 * time, 40 * time)),
    )


still, sheet = backdrop(), ContactSheet(TILES, 400)
for frame in range(FRAMES):
    image, labels = still.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (draw, place) in enumerate(objects(frame / (FRAMES - 1)), 1):
        before = image.copy()
        draw(image, *place)
        labels[(image != before).any(axis=2)] = number
    sheet.add(frame, draw_result(image, labels))
picture = Image.fromarray(sheet.draw())
picture.quantize(palette=picture.quantize(256)).save(sys.argv[1], optimize=True)
