"""Parameters of the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BaselineParameters:
    """One configuration of a baseline.

    Args:
        method: ``copy_mask`` or ``optical_flow``.
        flow_preset: Of OpenCV's DIS flow, from rough and fast to fine and slow.
    """

    method: Literal["copy_mask", "optical_flow"]
    flow_preset: Literal["ultrafast", "fast", "medium"] = "medium"
