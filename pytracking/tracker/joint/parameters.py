"""Parameters of the JOINT tracker, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import (
    Count,
    CountOrZero,
    Finite,
    NotNegative,
    Positive,
    Probability,
    Range,
    Ranged,
    Share,
    Side,
)
from ltr.data.image_format import CAFFE_BGR, ImageFormat
from pytracking.tracker.joint.geometry import BorderMode

_FAST_MEMORY, _FAST_INTERVAL, _FAST_ITERATIONS, _FAST_TOLERANCE = 5, 5, 0, 0.05
_FAST_CARRIED = 3


@dataclass(frozen=True)
class JointParameters(Ranged):
    """One configuration of the JOINT tracker.

    Args:
        net: Checkpoint, a path or a name below ``network_path``.
        image_sample_size: (height, width) of the network's input, multiples of 16, in pixels.
        search_area_scale: Side of the search area relative to the object's box.
        border_mode: What happens to a search window that leaves the image.
        patch_max_scale_change: Limit of the shrinking of a window; None for no limit.
        seg_to_bb_mode: How a mask becomes a box: ``var``, by its first and second moments.
        seg_to_bb_sz_factor: Side of the object's box in standard deviations of its mask.
        max_scale_change: Smallest and largest factor of the search scale from frame to frame.
        min_mask_area: Sum of probabilities below which an object keeps its last box.
        sample_memory_size: Number of memory frames of an object, the first frame included.
        learning_rate: Temporal weight of a new memory frame.
        init_samples_minimum_weight: Floor of the first frame's temporal weight.
        train_sample_interval: A frame enters the memory every so many frames.
        train_skipping: The filter is optimised only every so many frames.
        update_target_model: Whether the filter is optimised after the first frame.
        net_opt_iter: Filter iterations on the first frame.
        net_opt_update_iter: Filter iterations at each memory update.
        image_format: ``bgr255``, ``bgr`` or ``rgb``.
        image_mean: Mean of the network's input, in its channel order.
        image_std: Standard deviation of the network's input, in its channel order.
        window_tolerance: Objects whose search windows differ by no more than this share of their
            sides look through one of them; 0 keeps every window where it is.
        carried_frames: At most so many frames in a row take the last result, moved along the
            optical flow, where that agrees with tracking; on a CPU. 0 tracks every frame.
        carried_agreement: Intersection over union above which the two agree.
        fast: Whether accuracy was traded for speed, see ``faster``.
    """

    net: str
    image_sample_size: tuple[Side, Side] = (480, 832)
    search_area_scale: Positive = 5.0
    border_mode: BorderMode = "inside_major"
    patch_max_scale_change: Annotated[float, Range(1)] | None = None
    seg_to_bb_mode: Literal["var"] = "var"
    seg_to_bb_sz_factor: Positive = 4.0
    max_scale_change: tuple[Positive, Positive] = (0.95, 1.1)
    min_mask_area: NotNegative = 100.0
    sample_memory_size: Annotated[int, Range(2)] = 20
    learning_rate: Share = 0.1
    init_samples_minimum_weight: Probability = 0.25
    train_sample_interval: Count = 3
    train_skipping: Count = 1
    update_target_model: bool = True
    net_opt_iter: CountOrZero = 20
    net_opt_update_iter: CountOrZero = 3
    image_format: str = CAFFE_BGR.name
    image_mean: tuple[Finite, Finite, Finite] = CAFFE_BGR.mean
    image_std: tuple[Positive, Positive, Positive] = CAFFE_BGR.std
    window_tolerance: Probability = 0.0
    carried_frames: CountOrZero = 0
    carried_agreement: Probability = 0.88
    fast: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        ImageFormat(self.image_format, self.image_mean, self.image_std)
        if any(side % 16 for side in self.image_sample_size):
            raise ConfigError(
                f"image_sample_size must be multiples of 16, got {self.image_sample_size}"
            )
        smallest, largest = self.max_scale_change
        if smallest > largest:
            raise ConfigError(f"max_scale_change must ascend, got {self.max_scale_change}")

    def faster(self) -> JointParameters:
        """The parameters of the fast mode: a smaller memory that changes less often.

        Where objects move slowly, only some frames are tracked.
        """
        return replace(
            self,
            sample_memory_size=min(self.sample_memory_size, _FAST_MEMORY),
            train_sample_interval=max(self.train_sample_interval, _FAST_INTERVAL),
            net_opt_update_iter=min(self.net_opt_update_iter, _FAST_ITERATIONS),
            carried_frames=max(self.carried_frames, _FAST_CARRIED),
            window_tolerance=max(self.window_tolerance, _FAST_TOLERANCE),
            fast=True,
        )
