"""From the frames of one sequence to the tensors of one training sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ltr.data.bounding_boxes import BoxJitter
from ltr.data.crops import CropMode, crop_image, crop_mask, target_window
from ltr.data.randomness import Generators
from ltr.data.transforms import Compose, Frame, ToTensor


@dataclass(frozen=True)
class SegProcessing:
    """Crop frames around displaced targets and augment them.

    The train frames are annotated for the network, the test frames are to be segmented. Each of
    the two groups is first changed as a whole, then frame by frame after the crop.

    Args:
        output_size: Width and height of a crop.
        search_area_factor: Square root of the crop's area over that of the displaced box.
        crop_mode: See ``target_window``.
        max_scale_change: See ``target_window``.
        train_jitter: Displacement of the boxes of train frames.
        test_jitter: Displacement of the boxes of test frames.
        joint_transform: Applied with one roll to the train and one to the test frames.
        to_tensor: The last step, with one roll per frame.
        frame_transform: Applied before it, with one roll per frame.
    """

    output_size: tuple[int, int]
    search_area_factor: float
    train_jitter: BoxJitter
    test_jitter: BoxJitter
    joint_transform: Compose
    to_tensor: ToTensor
    frame_transform: Compose = field(default_factory=Compose)
    crop_mode: CropMode = "inside_major"
    max_scale_change: float | None = None

    def __call__(
        self, train: Sequence[Frame], test: Sequence[Frame], random: Generators
    ) -> dict[str, torch.Tensor]:
        """Process one sample.

        Args:
            train: Annotated frames as read, with the true boxes.
            test: Frames to be segmented, as read, with the true boxes.
            random: Random generators of this sample.

        Returns:
            ``train_images`` (frames, 3, h, w) float32, ``train_masks`` (frames, h, w) float32,
            ``train_anno`` (frames, 4) true boxes moved along, and the same for ``test``.

        Raises:
            DataError: A displaced box is too small to be cropped.
        """
        train = self.joint_transform.jointly(train, random)
        test = self.joint_transform.jointly(test, random)
        return {
            **self._group("train", train, self.train_jitter, random),
            **self._group("test", test, self.test_jitter, random),
        }

    def _group(
        self, name: str, frames: Sequence[Frame], jitter: BoxJitter, random: Generators
    ) -> dict[str, torch.Tensor]:
        displaced = [jitter(frame.box, random.torch) for frame in frames]
        crops = [self._crop(frame, box) for frame, box in zip(frames, displaced, strict=True)]
        crops = self.frame_transform.separately(crops, random)
        tensors = [self.to_tensor(frame, self.to_tensor.roll(random)) for frame in crops]
        return {
            f"{name}_images": torch.stack([frame.image for frame in tensors]),
            f"{name}_masks": torch.stack([frame.mask for frame in tensors]),
            f"{name}_anno": torch.stack([frame.box for frame in tensors]),
        }

    def _crop(self, frame: Frame, displaced: np.ndarray) -> Frame:
        height, width = frame.image.shape[:2]
        window = target_window(
            (width, height),
            displaced,
            self.search_area_factor,
            self.output_size,
            self.crop_mode,
            self.max_scale_change,
        )
        return Frame(
            crop_image(frame.image, window, self.output_size),
            crop_mask(frame.mask, window, self.output_size),
            window.move_box(frame.box, self.output_size),
        )
