"""Parameters of label propagation, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Count, CountOrZero, Positive, Probability, Range, Ranged

_FAST_RADIUS = 2 / 3  # of the exact one
_FAST_CARRIED = 3


@dataclass(frozen=True)
class DenseULearnParameters(Ranged):
    """One configuration of the tracker; names as upstream's.

    Args:
        net: Checkpoint or released snapshot, a path or a name below ``network_path``.
        key: Features that are compared: ``res3``, ``res4`` or ``key``.
        radius: Distance below which positions of earlier frames count, on the feature grid.
        temp: Divides the cosines before the softmax.
        knn: Number of positions from which a position takes its label.
        cxt_size: Number of earlier frames that are searched, besides an object's first one.
        input_size: Shorter side of the network's input in pixels; -1 leaves frames as they are.
        carried_frames: At most so many frames in a row take the last result, moved along the
            optical flow, where that agrees with tracking; on a CPU. 0 tracks every frame.
        carried_agreement: Intersection over union above which the two agree.
        fast: Whether accuracy was traded for speed, see ``faster``.
    """

    net: str
    key: Literal["res3", "res4", "key"] = "res4"
    radius: Positive = 12
    temp: Annotated[float, Range(1e-4)] = 0.05
    knn: Count = 10
    cxt_size: Count = 20
    input_size: Annotated[int, Range(-1, 8192)] = -1
    carried_frames: CountOrZero = 0
    carried_agreement: Probability = 0.72
    fast: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_size != -1 and self.input_size < 8:
            raise ConfigError(f"input_size must be -1 or >= 8 pixels, got {self.input_size}")

    def faster(self) -> DenseULearnParameters:
        """The parameters of the fast mode: positions are matched nearer by.

        Features are compared in the precision of the network. Where objects move slowly, only
        some frames are tracked.
        """
        return replace(
            self,
            radius=self.radius * _FAST_RADIUS,
            carried_frames=max(self.carried_frames, _FAST_CARRIED),
            fast=True,
        )
