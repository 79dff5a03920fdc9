"""Folding frozen batch norms into the convolutions before them."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Fold every batch norm that follows a convolution, in place; for inference only.

    Pairs are found by position in an ``nn.Sequential`` and by name elsewhere (``conv1``, ``bn1``).
    Folding twice changes nothing.

    Args:
        module: A network in eval mode.

    Returns:
        The same module.
    """
    for parent in list(module.modules()):
        for conv_name, norm_name in list(_pairs(parent)):
            fused = fuse_conv_bn_eval(getattr(parent, conv_name), getattr(parent, norm_name))
            setattr(parent, conv_name, fused)
            setattr(parent, norm_name, nn.Identity())
    return module


def _pairs(parent: nn.Module) -> Iterator[tuple[str, str]]:
    children = dict(parent.named_children())
    names = list(children)
    for index, name in enumerate(names):
        if isinstance(parent, nn.Sequential):
            follower = names[index + 1] if index + 1 < len(names) else None
        else:
            follower = name.replace("conv", "bn") if name.startswith("conv") else None
        if isinstance(children[name], nn.Conv2d) and isinstance(
            children.get(follower), nn.BatchNorm2d
        ):
            yield name, follower
