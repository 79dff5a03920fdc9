"""Parameters of the promptable video models."""

from __future__ import annotations

from dataclasses import dataclass

from ltr.admin.ranges import Count, Ranged


@dataclass(frozen=True)
class PromptableParameters(Ranged):
    """A video model with a memory of frames.

    Args:
        net: Folder of the weights in the form of transformers (``config.json``,
            ``model.safetensors`` and the processor's files), searched below ``network_path``.
        kept_frames: Number of last frames whose results are kept; the released models look at 16.
    """

    net: str
    kept_frames: Count = 16
