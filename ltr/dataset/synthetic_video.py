"""Videos made of still images: moved, or pasted over each other."""

from __future__ import annotations

import numpy as np

from ltr.data.bounding_boxes import box_of_mask
from ltr.data.randomness import Generators
from ltr.data.transforms import Compose, Frame, RandomAffine, RandomFlip
from ltr.dataset.image_base import ImageDataset, ImageVideos

MOVED = Compose(
    RandomFlip(0.5), RandomAffine(max_rotation=20, max_shear=0.1, max_scale=0.3, max_aspect=0.1)
)
"""How synthetic videos move their images."""


class SyntheticVideo(ImageVideos):
    """An image repeated, each frame transformed on its own.

    Args:
        images: What is repeated.
        transform: Applied to every frame; without it all frames are equal.
    """

    def __init__(self, images: ImageDataset, transform: Compose | None = None) -> None:
        name = images.get_name()
        super().__init__(
            name if transform is None else f"synthetic:{name}", images.get_num_images()
        )
        self.images = images
        self.transform = transform or Compose()

    def make_frames(self, sequence_id: int, count: int, random: Generators) -> list[Frame]:
        """Repeat and transform an image; boxes are measured again."""
        frame = self.images.get_frame(sequence_id)
        moved = self.transform.separately([frame] * count, random)
        return [Frame(f.image, f.mask, box_of_mask(f.mask)) for f in moved]


class SyntheticVideoBlend(ImageVideos):
    """Objects cut out of one data set and pasted on images of another, differently in every frame.

    Args:
        foregrounds: Gives the objects.
        backgrounds: One image per video is drawn.
        foreground_transform: Applied to the object in every frame.
        background_transform: Applied to the background in every frame.
    """

    def __init__(
        self,
        foregrounds: ImageDataset,
        backgrounds: ImageDataset,
        foreground_transform: Compose | None = None,
        background_transform: Compose | None = None,
    ) -> None:
        name = f"blend:{foregrounds.get_name()}+{backgrounds.get_name()}"
        super().__init__(name, foregrounds.get_num_images())
        self.foregrounds = foregrounds
        self.backgrounds = backgrounds
        self.foreground_transform = foreground_transform or Compose()
        self.background_transform = background_transform or Compose()

    def make_frames(self, sequence_id: int, count: int, random: Generators) -> list[Frame]:
        """Paste an object at uniformly random places; it may end up outside, with an empty mask."""
        foreground = self.foregrounds.get_frame(sequence_id)
        number = random.python.randint(0, self.backgrounds.get_num_images() - 1)
        background = self.backgrounds.get_frame(number)
        above = self.foreground_transform.separately([foreground] * count, random)
        below = self.background_transform.separately([background] * count, random)
        return [_paste_anywhere(*pair, random) for pair in zip(above, below, strict=True)]


def _paste_anywhere(foreground: Frame, background: Frame, random: Generators) -> Frame:
    height, width = background.image.shape[:2]
    centre = (random.python.randint(0, width - 1), random.python.randint(0, height - 1))
    return paste(foreground, background.image, centre)


def paste(foreground: Frame, background: np.ndarray, centre: tuple[int, int]) -> Frame:
    """Put the masked object of a frame on an image.

    Args:
        foreground: Gives object and mask.
        background: uint8 (H, W, 3), not changed.
        centre: Pixel (x, y) of the background where the centre of the object's box goes.

    Returns:
        The image with what of the object lies inside it, its mask and box.
    """
    x0, y0, width, height = box_of_mask(foreground.mask).astype(int).tolist()
    left, top = centre[0] - width // 2, centre[1] - height // 2
    rows = slice(max(top, 0), min(top + height, background.shape[0]))
    columns = slice(max(left, 0), min(left + width, background.shape[1]))
    source = (
        slice(rows.start - top + y0, rows.stop - top + y0),
        slice(columns.start - left + x0, columns.stop - left + x0),
    )
    image = background.copy()
    mask = np.zeros(image.shape[:2], dtype=np.float32)
    if rows.start < rows.stop and columns.start < columns.stop:
        mask[rows, columns] = foreground.mask[source]
        image[mask > 0] = foreground.image[source][foreground.mask[source] > 0]
    return Frame(image, mask, box_of_mask(mask))
