"""Data sets of single images, and videos made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ltr.data.bounding_boxes import box_of_mask
from ltr.data.randomness import Generators
from ltr.data.transforms import Frame
from ltr.data.video_dataset import Frames, VideoDataset


class ImageDataset(ABC):
    """Numbered images with one marked object each."""

    @abstractmethod
    def get_name(self) -> str:
        """Name, version and split, for instance ``COCO/2014/train``."""

    @abstractmethod
    def get_num_images(self) -> int:
        """Number of images; one that shows several objects counts once for each."""

    @abstractmethod
    def get_image(self, image_id: int) -> np.ndarray:
        """Read an image, uint8 (H, W, 3) RGB."""

    @abstractmethod
    def get_mask(self, image_id: int) -> np.ndarray:
        """Read the object's mask, uint8 (H, W), 0 or 1."""

    def get_category(self, image_id: int) -> str:
        """Name what kind of object is marked; data sets without categories say ``object``."""
        return "object"

    def get_picture(self, image_id: int) -> int:
        """Number of the picture, equal for all objects in it."""
        return image_id

    def get_image_info(self, image_id: int) -> dict[str, Any]:
        """Describe the object of an image.

        Returns:
            ``mask`` float32 (H, W), ``bbox`` float32 (4,), ``valid`` and ``visible``.
        """
        mask = self.get_mask(image_id).astype(np.float32)
        is_visible = bool(mask.any())
        return {
            "mask": mask,
            "bbox": box_of_mask(mask),
            "valid": is_visible,
            "visible": is_visible,
        }

    def get_frame(self, image_id: int) -> Frame:
        """Read an image with mask and box."""
        info = self.get_image_info(image_id)
        return Frame(self.get_image(image_id), info["mask"], info["bbox"])


class ImageVideos(VideoDataset):
    """Videos whose frames are made of still images when they are asked for.

    Args:
        name: Name of the data set.
        count: Number of sequences.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count

    @abstractmethod
    def make_frames(self, sequence_id: int, count: int, random: Generators) -> list[Frame]:
        """Make ``count`` frames; all differences between them come from ``random``."""

    def get_name(self) -> str:
        """Name of the data set."""
        return self._name

    def get_num_sequences(self) -> int:
        """Number of images."""
        return self._count

    def is_video_sequence(self) -> bool:
        """Always False: frames have no order."""
        return False

    def get_sequence_info(self, sequence_id: int) -> dict[str, Any]:
        """Describe a sequence: one frame that shows its object."""
        seen = np.ones((1, 1), dtype=np.int64)
        return {"sequence": f"image {sequence_id}", "visible": seen, "valid": seen}

    def get_frames(
        self, sequence_id: int, frame_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> Frames:
        """Make as many frames as there are ids, always the same ones."""
        frames = self.make_frames(sequence_id, len(frame_ids), Generators.seeded(sequence_id))
        values = {
            "mask": [frame.mask for frame in frames],
            "bbox": [frame.box for frame in frames],
        }
        return [frame.image for frame in frames], values, info or {}
