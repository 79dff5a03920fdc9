"""Segmentation decoder: fused encodings and backbone features to a score map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.resizing import resize_bicubic
from ltr.models.layers.shifts import sum_shifted


class FeatureReducer(nn.Module):
    """TSE: reduce a backbone feature and mix it with the target's encoding."""

    def __init__(self, feature_dim: int, encoding_dim: int, out_dim: int) -> None:
        super().__init__()
        self.encoding_dim = encoding_dim
        mixed = out_dim + encoding_dim
        self.reduce = nn.Sequential(
            nn.Conv2d(feature_dim, out_dim, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_dim, out_dim, 1),
        )
        self.transform = nn.Sequential(
            nn.Conv2d(mixed, mixed, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(mixed, mixed, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(mixed, out_dim, 3, 1, 1),
            nn.ReLU(inplace=True),
        )

    def see(self, reduced: torch.Tensor) -> torch.Tensor:
        """What reduced features (crops, out_dim, H, W) add to the first result of ``mix``.

        The first convolution of the mixture is linear, so its part that sees features is computed
        once a crop.

        Returns:
            (crops, out_dim + encoding_dim, H, W).
        """
        first = self._first
        return F.conv2d(reduced, first.weight[:, : -self.encoding_dim], first.bias, padding=1)

    def mix(self, seen: torch.Tensor, encodings: torch.Tensor) -> torch.Tensor:
        """Transform features and encodings of the same size, stacked along the channels.

        Args:
            seen: Of the features of each object, see ``see``; it may be overwritten.
            encodings: (objects, encoding_dim, H, W).

        Returns:
            (objects, out_dim, H, W).
        """
        of_encodings = self._first.weight[:, -self.encoding_dim :]
        x = seen + F.conv2d(encodings, of_encodings, padding=1)
        for layer in list(self.transform)[1:]:
            x = layer(x)
        return x

    @property
    def _first(self) -> nn.Conv2d:
        first = self.transform[0]
        assert isinstance(first, nn.Conv2d)  # a Sequential forgets the classes of its members
        return first


class RefinementBlock(nn.Module):
    """RRB: a 1x1 projection followed by a residual block."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(dim, dim, 1)
        self.bblock = nn.Sequential(
            nn.Conv2d(dim, dim, 3, 1, 1),
            nn.BatchNorm2d(dim),
            nn.ReLU(inplace=True),
            nn.Conv2d(dim, dim, 3, 1, 1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, dim, H, W) -> the same shape."""
        x = self.conv1x1(x)
        return self.bblock(x).add_(x).relu_()


class ChannelAttention(nn.Module):
    """CAB: gate the shallow feature by both features' global averages, then add the deep one."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.convreluconv = nn.Sequential(
            nn.Conv2d(2 * dim, dim, 1), nn.ReLU(inplace=True), nn.Conv2d(dim, dim, 1)
        )

    def forward(self, shallow: torch.Tensor, deep: torch.Tensor) -> torch.Tensor:
        """Shallow (N, dim, H, W), deep (N, dim, h, w) -> (N, dim, H, W)."""
        averages = torch.cat([_global_average(shallow), _global_average(deep)], dim=1)
        gate = torch.sigmoid(self.convreluconv(averages))
        if deep.shape[-2:] != (1, 1):
            deep = resize(deep, shallow.shape[-2:])
        return torch.addcmul(deep, shallow, gate)


class ScoreHead(nn.Module):
    """Two convolutions, each after a bicubic resize."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, dim // 2, 3, 1, 1)
        self.conv2 = nn.Conv2d(dim // 2, 1, 3, 1, 1)

    def forward(self, x: torch.Tensor, image_size: Sequence[int]) -> torch.Tensor:
        """(N, dim, h, w) -> (N, 1, *image_size).

        Resizing and the second convolution are both linear, so the channels are summed before the
        resize, one map per tap of the kernel: 9 maps are resized instead of ``dim / 2``.
        """
        double = (2 * x.shape[-2], 2 * x.shape[-1])
        return self.finish(F.relu(self.conv1(resize_bicubic(x, double)), inplace=True), image_size)

    def finish(self, x: torch.Tensor, image_size: Sequence[int]) -> torch.Tensor:
        """What follows the first convolution: (N, dim / 2, h, w) -> (N, 1, *image_size)."""
        k = self.conv2.kernel_size[0]
        taps = F.conv2d(x, self.conv2.weight.permute(2, 3, 0, 1).reshape(k * k, -1, 1, 1))
        taps = resize_bicubic(taps, image_size)
        summed = sum_shifted(taps.unflatten(1, (k, k, 1)))
        return summed if self.conv2.bias is None else summed + self.conv2.bias.view(1, 1, 1)


class _Seen(NamedTuple):
    """What a layer of crops gives for all objects.

    Args:
        average: Averages of the coarsest layer's reduced features, (crops, out_dim, 1, 1).
        mixed: See ``FeatureReducer.see``.
    """

    average: torch.Tensor | None
    mixed: torch.Tensor


class Decoder(nn.Module):
    """Refine the encodings from the coarsest backbone layer to the finest.

    Args:
        encoding_dim: Channels of the encodings.
        feature_dims: Channels of the backbone layers, coarsest first; the order of decoding.
        out_dims: Channels of the decoder at each layer.
    """

    def __init__(
        self, encoding_dim: int, feature_dims: Mapping[str, int], out_dims: Mapping[str, int]
    ) -> None:
        super().__init__()
        self.layers = tuple(feature_dims)
        self.TSE = nn.ModuleDict(
            {
                name: FeatureReducer(feature_dims[name], encoding_dim, out_dims[name])
                for name in self.layers
            }
        )
        self.RRB1 = nn.ModuleDict({name: RefinementBlock(out_dims[name]) for name in self.layers})
        self.CAB = nn.ModuleDict({name: ChannelAttention(out_dims[name]) for name in self.layers})
        self.RRB2 = nn.ModuleDict({name: RefinementBlock(out_dims[name]) for name in self.layers})
        pairs = zip(self.layers[:-1], self.layers[1:], strict=True)
        self.proj = nn.ModuleDict(
            {
                fine: nn.Sequential(
                    nn.Conv2d(out_dims[coarse], out_dims[fine], 1), nn.ReLU(inplace=True)
                )
                for coarse, fine in pairs
            }
        )
        self.project = ScoreHead(out_dims[self.layers[-1]])

    def forward(
        self,
        encodings: torch.Tensor,
        features: Mapping[str, torch.Tensor],
        image_size: Sequence[int],
        crop_index: torch.Tensor | None = None,
        levels: dict[str, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Decode to scores.

        Args:
            encodings: (objects, encoding_dim, H / 16, W / 16), the sum of both branches.
            features: Backbone layers, (crops, channels, h, w).
            image_size: (H, W) of the scores, in pixels.
            crop_index: (objects,) the crop of each object; None when they correspond one to one.
            levels: Receives the result of every layer as ``<layer>_dec`` when given.

        Returns:
            (objects, 1, H, W) foreground logits.
        """
        x = encodings  # the coarsest layer starts from an average instead and replaces it
        *coarse, finest = self.layers
        for name in coarse:
            x = self._refine(name, x, encodings, _of_objects(self._see(name, features), crop_index))
            if levels is not None:
                levels[f"{name}_dec"] = x
        # The finest maps are the largest of all. In inference the head sees one object at a time,
        # which bounds the memory; on a CPU the layer does, too, and its maps stay in the cache.
        together = len(x) if torch.is_grad_enabled() else 1
        size = together if x.device.type == "cpu" else len(x)
        crops, refined = self._see(finest, features), []
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            own = _of_objects(crops, crop_index, part)
            refined.append(self._refine(finest, x[part], encodings[part], own))
        if levels is not None:
            levels[f"{finest}_dec"] = torch.cat(refined)
        dtype = self.project.conv2.weight.dtype
        parts = [one.to(dtype) for part in refined for one in part.split(together)]
        return torch.cat([self.project(one, image_size) for one in parts])

    def _see(self, name: str, features: Mapping[str, torch.Tensor]) -> _Seen:
        reducer = self._reducer(name)
        reduced = reducer.reduce(features[name])
        average = None if name in self.proj else _global_average(reduced)
        return _Seen(average, reducer.see(reduced))

    def _refine(
        self, name: str, x: torch.Tensor, encodings: torch.Tensor, seen: _Seen
    ) -> torch.Tensor:
        """Refine the result of the coarser layer with what the objects' crops show."""
        resized = resize(encodings, seen.mixed.shape[-2:])
        shallow = self.RRB1[name](self._reducer(name).mix(seen.mixed, resized))
        deep = self.proj[name](x) if seen.average is None else seen.average
        return self.RRB2[name](self.CAB[name](shallow, deep))

    def _reducer(self, name: str) -> FeatureReducer:
        reducer = self.TSE[name]
        assert isinstance(reducer, FeatureReducer)  # a ModuleDict forgets its members' class
        return reducer


def _of_objects(crops: _Seen, crop_index: torch.Tensor | None, part: slice = slice(None)) -> _Seen:
    """What is seen in the crops of some objects."""
    index = part if crop_index is None else crop_index[part]
    average = None if crops.average is None else crops.average[index]
    return _Seen(average, crops.mixed[index])


def resize(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize bilinearly (half-pixel centres, no antialias); nothing to do when sizes agree."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)


def _global_average(x: torch.Tensor) -> torch.Tensor:
    return x.mean(dim=(2, 3), keepdim=True)
