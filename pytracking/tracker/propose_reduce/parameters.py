"""Parameters of ProposeReduce, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.dataset.youtubevis_classes import CLASSES

ReductionName = Literal["class_agnostic", "category_aware", "soft"]


@dataclass(frozen=True)
class ReductionSettings:
    """Thresholds of the reduction.

    Args:
        least_score: Sequences below it are not kept, except the very best.
        largest_overlap: Sequence IoU from which the lower score is dropped.
        sigma: How fast scores decay with the overlap, where they decay.
        most: Number of sequences (of a category) that remain, where scores decay.
        least_output: Scores of categories below it are not told.
    """

    least_score: float
    largest_overlap: float = 0.5
    sigma: float = 0.5
    most: int = 100
    least_output: float = 0.0


_PUBLISHED = MappingProxyType(
    {
        "class_agnostic": ReductionSettings(0.05, 0.5, least_output=0.05),
        "category_aware": ReductionSettings(0.001, 0.9, least_output=0.001),
        "soft": ReductionSettings(0.001, most=20),
    }
)


@dataclass(frozen=True)
class ProposeReduceParameters:
    """One configuration; None takes the published value of the reduction.

    Args:
        net: Checkpoint of this code or released file, a path or a name below ``network_path``.
        categories: Names of the network's classes: ``ytvis2019``, ``ytvis2021`` or ``davis``.
        img_scale: Longest and shortest side of the network's input, in pixels.
        key_num: Number of key frames, spread over the clip.
        mem_step: A frame enters the memory every so many frames; 0 where ``mem_num`` tells.
        mem_num: About as many frames enter the memory, whatever the clip's length; 0 where
            ``mem_step`` tells. Without both every frame enters.
        max_memory: MiB of mask memory at most; where a clip would need more, frames enter it less
            often, and a warning tells.
        max_per_img: Number of instances of a key frame at most.
        detection_score: Instances of key frames below it do not count.
        reduction: How sequences of one object are reduced to one: ``class_agnostic``,
            ``category_aware`` or ``soft``.
        least_score: See ``ReductionSettings``.
        largest_overlap: See ``ReductionSettings``.
        sigma: See ``ReductionSettings``.
        most: See ``ReductionSettings``.
        least_output: See ``ReductionSettings``.
        feature_frames: Number of frames whose features are kept. Clips up to this length pass the
            backbone once, the rest of longer ones twice.
        object_batch: Number of objects that are decoded together.
    """

    net: str
    categories: str = "ytvis2019"
    img_scale: tuple[int, int] = (640, 360)
    key_num: int = 5
    mem_step: int = 0
    mem_num: int = 0
    max_memory: int = 4096
    max_per_img: int = 10
    detection_score: float = 0.2
    reduction: ReductionName = "class_agnostic"
    least_score: float | None = None
    largest_overlap: float | None = None
    sigma: float | None = None
    most: int | None = None
    least_output: float | None = None
    feature_frames: int = 36
    object_batch: int = 8

    def __post_init__(self) -> None:
        if self.categories not in CLASSES:
            raise ConfigError(
                f"categories: unknown value {self.categories!r}"
                f"{did_you_mean(self.categories, CLASSES)}"
            )
        if self.mem_step and self.mem_num:
            raise ConfigError(
                f"mem_step={self.mem_step} and mem_num={self.mem_num} exclude each other: "
                "set one of them to 0"
            )
        if min(self.mem_step, self.mem_num) < 0 or min(self.img_scale) < 32:
            raise ConfigError("mem_step and mem_num must be >= 0, the sides of img_scale >= 32")
        counts = ("key_num", "max_per_img", "object_batch", "feature_frames", "max_memory")
        for name in counts:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.sigma is not None and self.sigma <= 0:
            raise ConfigError(f"sigma must be > 0, got {self.sigma}")

    def memory_step(self, num_frames: int) -> int:
        """A frame of a clip enters the memory every so many frames."""
        return max(num_frames // self.mem_num, 1) if self.mem_num else self.mem_step or 1

    @property
    def reduction_settings(self) -> ReductionSettings:
        """The published thresholds with the changes of this configuration."""
        names = ("least_score", "largest_overlap", "sigma", "most", "least_output")
        changes = {name: getattr(self, name) for name in names}
        changes = {name: value for name, value in changes.items() if value is not None}
        return replace(_PUBLISHED[self.reduction], **changes)
