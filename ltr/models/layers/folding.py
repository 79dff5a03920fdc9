"""Folding batch norms with fixed statistics into the convolutions before them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeGuard, TypeVar

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from torchvision.ops import FrozenBatchNorm2d

Network = TypeVar("Network", bound=nn.Module)


def fold_batch_norms(module: Network) -> Network:
    """Fold every batch norm that follows a convolution, in place; for inference only.

    Pairs are found by position in an ``nn.Sequential`` and by name elsewhere (``conv1``, ``bn1``);
    a module whose names differ says in ``norm_of`` which norm follows which convolution.
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
    names, norm_of = list(children), getattr(parent, "norm_of", {})
    for index, name in enumerate(names):
        if isinstance(parent, nn.Sequential):
            follower = names[index + 1] if index + 1 < len(names) else ""
        else:
            usual = name.replace("conv", "bn") if name.startswith("conv") else ""
            follower = norm_of.get(name, usual)
        if isinstance(children[name], nn.Conv2d) and _is_batch_norm(children.get(follower)):
            yield name, follower


def convolve_and_normalise(x: torch.Tensor, conv: nn.Conv2d, norm: nn.Module) -> torch.Tensor:
    """Compute ``norm(conv(x))``.

    A batch norm with fixed statistics scales the weights instead of the output: the same up to
    rounding, and no second activation is kept for the backward pass. In eval mode this is left to
    ``fold_batch_norms``, except for norms that are never trained.

    Args:
        x: (N, C, H, W).
        conv: Without a bias, if ``norm`` is a batch norm.
        norm: What follows it; anything but such a batch norm is applied as it is.
    """
    if not _is_batch_norm(norm) or _is_left_alone(norm):
        return norm(conv(x))
    values = dict(norm.named_parameters()) | dict(norm.named_buffers())
    scale = values["weight"] * torch.rsqrt(values["running_var"] + norm.eps)
    return F.conv2d(
        x,
        conv.weight * scale.view(-1, 1, 1, 1),
        values["bias"] - values["running_mean"] * scale,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
    )


def _is_batch_norm(module: nn.Module | None) -> TypeGuard[nn.BatchNorm2d | FrozenBatchNorm2d]:
    """Whether it is PyTorch's, or torchvision's with fixed statistics.

    torchvision takes a second to import: a network that has nothing of it does not wait for that.
    """
    torchvision_ops = sys.modules.get("torchvision.ops")
    if torchvision_ops and isinstance(module, torchvision_ops.FrozenBatchNorm2d):
        return True
    return isinstance(module, nn.BatchNorm2d)


def _is_left_alone(norm: nn.BatchNorm2d | FrozenBatchNorm2d) -> bool:
    is_trainable = isinstance(norm, nn.BatchNorm2d)
    return is_trainable and (norm.training or not torch.is_grad_enabled())
