"""Which convolutions other algorithms than the direct form may compute, and when threads pay."""

from __future__ import annotations

import torch
from torch import nn


def is_plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution is 3x3, keeps the size of its maps, and is in float32 on a CPU."""
    return (
        conv.weight.shape[2:] == (3, 3)
        and conv.stride == (1, 1)
        and conv.padding == conv.dilation
        and conv.dilation[0] == conv.dilation[1]
        and (conv.groups, conv.padding_mode) == (1, "zeros")
        and (conv.weight.device.type, conv.weight.dtype) == ("cpu", torch.float32)
    )


def is_long_enough(products: int, least: int) -> bool:
    """Whether a step is so long that several threads gain more than they wait for each other.

    The direct form is one step; forms of several steps lose their lead on small maps.

    Args:
        products: Of the step, in any unit.
        least: For which it pays, in the same unit; one thread waits for none.
    """
    return products >= least or torch.get_num_threads() == 1
