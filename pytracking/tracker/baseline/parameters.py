"""Parameters of the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ltr.admin.ranges import Ranged


@dataclass(frozen=True)
class BaselineParameters(Ranged):
    """One configuration of a baseline.

    Args:
        method: ``copy_mask`` or ``optical_flow``.
        flow_preset: Preset of OpenCV's DIS optical flow, from fast and coarse to slow and fine.
    """

    method: Literal["copy_mask", "optical_flow"]
    flow_preset: Literal["ultrafast", "fast", "medium"] = "medium"
