"""Parameters of ProposeReduce, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.ranges import Count, CountOrZero, Probability, Range, Ranged, Side
from ltr.dataset.youtubevis_classes import CLASSES

if TYPE_CHECKING:
    from ltr.models.propose_reduce.detection import DetectionSettings

ReductionName = Literal["class_agnostic", "category_aware", "soft"]
_Width = Annotated[float, Range(1e-4)]


@dataclass(frozen=True)
class ReductionSettings(Ranged):
    """Thresholds of the reduction.

    Args:
        score_threshold: Sequences below this score are dropped, 0..1; the very best stays, except
            in soft NMS.
        nms_iou: Of two sequences with at least this sequence IoU, the one with the lower score is
            dropped; 0..1.
        sigma: Width of the Gaussian that lowers the scores of overlapping sequences in soft NMS.
        max_instances: Largest number of sequences (per category) after soft NMS.
        class_score_threshold: In the second stage of the category-aware reduction, what
            ``score_threshold`` is in the first: scores of a category below this end it, 0..1.
        min_output_score: Category scores below this are left out of the results, 0..1.
    """

    score_threshold: Probability
    nms_iou: Probability = 0.5
    sigma: _Width = 0.5
    max_instances: Count = 100
    class_score_threshold: Probability = 0.001
    min_output_score: Probability = 0.0


_PUBLISHED = MappingProxyType(
    {
        "class_agnostic": ReductionSettings(0.05, 0.5, min_output_score=0.05),
        "category_aware": ReductionSettings(0.05, 0.9, min_output_score=0.001),
        "soft": ReductionSettings(0.001, max_instances=20),
    }
)


@dataclass(frozen=True)
class ProposeReduceParameters(Ranged):
    """One configuration; None takes the published value of the reduction.

    Args:
        net: Checkpoint of this code or released file, a path or a name below ``network_path``.
        categories: Names of the network's classes: ``ytvis2019``, ``ytvis2021`` or ``davis``.
        img_scale: Longest and shortest side of the network's input, in pixels.
        key_num: Number of key frames, spread over the clip.
        mem_step: A frame enters the memory every so many frames; 0 where ``mem_num`` tells.
        mem_num: About as many frames enter the memory, whatever the clip's length; 0 where
            ``mem_step`` tells. Without both every frame enters.
        max_memory: Limit of the mask memory, MiB; a video that would need more stores frames less
            often, with a warning.
        max_per_img: Largest number of instances of a key frame.
        detection_threshold: Instances of key frames below this score are ignored, 0..1.
        reduction: How sequences of one object are reduced to one: ``class_agnostic``,
            ``category_aware`` or ``soft``.
        score_threshold: See ``ReductionSettings``.
        nms_iou: See ``ReductionSettings``.
        sigma: See ``ReductionSettings``.
        max_instances: See ``ReductionSettings``.
        class_score_threshold: See ``ReductionSettings``.
        min_output_score: See ``ReductionSettings``.
        max_cached_frames: Number of frames whose features are cached. In videos up to this length
            each frame passes the backbone once, in longer ones some pass it twice.
        max_objects_per_batch: Number of objects decoded in one batch.
    """

    net: str
    categories: str = "ytvis2019"
    img_scale: tuple[Side, Side] = (640, 360)
    key_num: Count = 5
    mem_step: CountOrZero = 0
    mem_num: CountOrZero = 0
    max_memory: Count = 4096
    max_per_img: Count = 10
    detection_threshold: Probability = 0.2
    reduction: ReductionName = "class_agnostic"
    score_threshold: Probability | None = None
    nms_iou: Probability | None = None
    sigma: _Width | None = None
    max_instances: Count | None = None
    class_score_threshold: Probability | None = None
    min_output_score: Probability | None = None
    max_cached_frames: Count = 36
    max_objects_per_batch: Count = 8

    def __post_init__(self) -> None:
        super().__post_init__()
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

    def memory_step(self, num_frames: int) -> int:
        """A frame of a clip enters the memory every so many frames."""
        return max(num_frames // self.mem_num, 1) if self.mem_num else self.mem_step or 1

    @property
    def detection_settings(self) -> DetectionSettings:
        """Thresholds of the instances of key frames."""
        from ltr.models.propose_reduce.detection import DetectionSettings

        return DetectionSettings(self.detection_threshold, max_detections=self.max_per_img)

    @property
    def reduction_settings(self) -> ReductionSettings:
        """The published thresholds with the changes of this configuration."""
        names = [field.name for field in fields(ReductionSettings)]
        changes = {name: getattr(self, name) for name in names}
        changes = {name: value for name, value in changes.items() if value is not None}
        return replace(_PUBLISHED[self.reduction], **changes)
