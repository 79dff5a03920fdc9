"""The rows of a Dense Unsupervised Learning experiment (arXiv 2111.06265; released code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Count, CountOrZero
from ltr.train_settings.recipe import Recipe

_STRIDE = 8


@dataclass(frozen=True, kw_only=True)
class DenseULearnRecipe(Recipe):
    """Data, network and losses; see ``Recipe`` for the other rows.

    An epoch of ``samples_per_epoch`` clips continues with the videos after those of the last one.

    Args:
        train_videos: Names (``ltr/dataset/unlabelled.py``) of one or more sets of videos.
        filelist: A list of upstream, which chooses videos of the only set.
        validation_videos: Videos for the validation losses, named in the same way.
        validation_frame_gap: Largest distance between neighbouring frames of a validation clip.
        scored_split: List of DAVIS 2017 through whose videos labels are propagated in the epochs of
            ``validation_interval``; the best J&F chooses ``checkpoint_best``. None scores nothing.
        num_scored: Only the first so many of them; 0 takes all.
        video_len: Number of frames per clip.
        frame_gap: Largest distance between neighbouring frames of a training clip.
        keep_order: Take the anchors of a training clip from its first frame instead of a random
            one.
        crop_size: Height and width, pixels; their eighth is a multiple of both grids.
        smallest_range: Frames are scaled to a shorter side from this range, the end excluded.
        rnd_crop: Crop anywhere, instead of in the centre.
        rnd_hflip: Mirror clips.
        guided_hflip: Mirror the regularising view once more.
        rnd_zoom_range: Part of the main view that the regularising view shows.
        feature_dim: Channels of the embedding.
        backbone_width: Channels of the backbone's stem.
        grid_size: Anchors along each axis.
        grid_size_ref: Positions along each axis that the consistency of the views compares.
        temp: Divides the cosines.
        ce_ref: Weight of the consistency.
        stop_grad: The regularising view gives targets only.
    """

    samples_per_epoch: Count
    train_videos: tuple[str, ...]
    filelist: str | None = None
    validation_videos: tuple[str, ...] = ()
    validation_frame_gap: int = 2
    scored_split: str | None = None
    num_scored: CountOrZero = 5
    video_len: int = 5
    frame_gap: int = 5
    keep_order: bool = False

    crop_size: tuple[int, int] = (256, 256)
    smallest_range: tuple[int, int] = (256, 320)
    rnd_crop: bool = True
    rnd_hflip: bool = True
    guided_hflip: bool = True
    rnd_zoom_range: tuple[float, float] = (0.5, 1.0)

    feature_dim: int = 128
    backbone_width: int = 64
    grid_size: int = 8
    grid_size_ref: int = 4
    temp: float = 0.05
    ce_ref: float = 0.1
    stop_grad: bool = True

    learning_rates: Mapping[str, float] = field(default_factory=lambda: {"fast_net": 1e-4})
    weight_decay: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    bias_factor: float | None = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.frame_gap, self.validation_frame_gap) < 1 or self.temp <= 0:
            raise ConfigError("frame_gap, validation_frame_gap and temp must be positive")
        if self.video_len < 2:
            raise ConfigError("video_len must be >= 2: the first frame has no loss of its own")
        for grid in (self.grid_size, self.grid_size_ref):
            if any(side <= 0 or side % (_STRIDE * grid) for side in self.crop_size):
                raise ConfigError(
                    f"crop_size must be multiples of {_STRIDE * grid} for a grid of {grid}, "
                    f"got {self.crop_size}"
                )
        if self.filelist is not None and len(self.train_videos) != 1:
            raise ConfigError("filelist belongs to one set of train_videos")
