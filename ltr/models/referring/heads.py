"""Heads on the decoder's states: boxes, and masks by dynamic convolutions (2.8, 2.9)."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.referring.positions import inverse_sigmoid


class MLP(nn.Module):
    """Linear layers with ReLUs between them.

    Args:
        dims: Channels of the input, of each hidden layer and of the output.
    """

    def __init__(self, *dims: int) -> None:
        super().__init__()
        pairs = itertools.pairwise(dims)
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairs)

    @property
    def last(self) -> nn.Linear:
        """The layer that computes the output."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Linear)  # a ModuleList forgets the class of its members
        return layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., first dim) -> (..., last dim)."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


def refine_boxes(changes: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Move references in logit space.

    Args:
        changes: (..., 4).
        references: Points (..., 2) or boxes (..., 4), 0..1.

    Returns:
        Boxes (..., 4), 0..1: centre, width and height.
    """
    start = F.pad(inverse_sigmoid(references), (0, 4 - references.shape[-1]))
    return (changes + start).sigmoid()


class DynamicMaskHead(nn.Module):
    """Three 1x1 convolutions whose weights come from a query, over features and coordinates.

    The parameters of a query are all weights, layer by layer, each (out, in), then all biases. The
    first layer reads the features and then dx and dy: from the cell to the reference, in pixels of
    the input.

    Args:
        dim: Channels of the features.
        channels: Channels between the layers.
        num_layers: Number of layers.
        has_coordinates: Whether dx and dy are input too.
        stride: Pixels from cell to cell of the features.
    """

    def __init__(
        self, dim: int, channels: int, num_layers: int, has_coordinates: bool, stride: int = 4
    ) -> None:
        super().__init__()
        self.dim = dim
        self.has_coordinates = has_coordinates
        self.stride = stride
        inputs = [dim + 2 * has_coordinates, *[channels] * (num_layers - 1)]
        self.shapes = list(zip([*[channels] * (num_layers - 1), 1], inputs, strict=True))

    @property
    def num_parameters(self) -> int:
        """Numbers that a query must supply."""
        return sum(outputs * (inputs + 1) for outputs, inputs in self.shapes)

    def forward(
        self, features: torch.Tensor, parameters: torch.Tensor, centers: torch.Tensor
    ) -> torch.Tensor:
        """Segment.

        Args:
            features: (N, dim, h, w).
            parameters: (N, Q, num_parameters).
            centers: References in pixels, x first, (N, Q, 2).

        Returns:
            Logits (N, Q, h, w).
        """
        first = self._split(parameters)[0][0]
        # The features are the same for all queries: one product instead of a copy for each.
        products = first[..., : self.dim].flatten(1, 2) @ features.flatten(2)
        return self._finish(products.unflatten(2, features.shape[-2:]), parameters, centers)

    def read(
        self,
        conv: nn.Conv2d,
        maps: torch.Tensor,
        parameters: torch.Tensor,
        centers: torch.Tensor,
    ) -> torch.Tensor:
        """Segment without computing the features.

        The last convolution before the features and the first layer are one convolution with the
        few channels of all queries.

        Args:
            conv: 3x3, C to ``dim`` channels; its result would be the features.
            maps: (N, C, h, w), what the features are computed from.
            parameters: (N, Q, num_parameters).
            centers: References in pixels, x first, (N, Q, 2).

        Returns:
            Logits (N, Q, h, w).
        """
        first = self._split(parameters)[0][0][..., : self.dim].flatten(1, 2)
        kernels = (first @ conv.weight.flatten(1)).unflatten(2, conv.weight.shape[1:])
        biases = None if conv.bias is None else first @ conv.bias
        found = [
            F.conv2d(one, kernel, None if biases is None else biases[i], padding=1)
            for i, (one, kernel) in enumerate(zip(maps.split(1), kernels, strict=True))
        ]
        return self._finish(torch.cat(found), parameters, centers)

    def _finish(
        self, products: torch.Tensor, parameters: torch.Tensor, centers: torch.Tensor
    ) -> torch.Tensor:
        """Logits (N, Q, h, w) of products of first weights and features (N, Q * out, h, w)."""
        weights, biases = self._split(parameters)
        height, width = products.shape[-2:]
        first = weights[0]
        x = products.unflatten(1, first.shape[1:3]).flatten(3)
        if self.has_coordinates:
            # No product of matrices: under autocast it would round hundreds of pixels to halves.
            offsets = self._offsets(centers, height, width)
            for weight, offset in zip(first[..., self.dim :].unbind(-1), offsets, strict=True):
                x = x + weight[..., None] * offset[:, :, None]
        x = x + biases[0][..., None]
        for weight, bias in zip(weights[1:], biases[1:], strict=True):
            x = weight @ F.relu(x) + bias[..., None]
        return x.squeeze(2).unflatten(-1, (height, width))

    def _split(self, parameters: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Weights (N, Q, out, in) and biases (N, Q, out) of the layers."""
        sizes = [outputs * inputs for outputs, inputs in self.shapes]
        parts = parameters.split([*sizes, *(outputs for outputs, _ in self.shapes)], dim=-1)
        count = len(self.shapes)
        pairs = zip(parts[:count], self.shapes, strict=True)
        return [part.unflatten(-1, shape) for part, shape in pairs], list(parts[count:])

    def _offsets(
        self, centers: torch.Tensor, height: int, width: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """From every cell to the centre along x and y, (N, Q, h * w) each."""
        y, x = (
            torch.arange(side, device=centers.device) * self.stride + self.stride // 2
            for side in (height, width)
        )
        cells = torch.stack(torch.meshgrid(x, y, indexing="xy")).flatten(1)
        dx, dy = (centers[..., None] - cells).unbind(2)
        return dx, dy


def box_heads(dim: int, num_layers: int, is_shared: bool) -> nn.ModuleList:
    """One box head a decoder layer, or the same for all; they start by changing nothing."""
    heads = [MLP(dim, dim, dim, 4) for _ in range(1 if is_shared else num_layers)]
    for head in heads:
        nn.init.zeros_(head.last.weight)
        nn.init.zeros_(head.last.bias)
    # The first references are points: start with small boxes, sigmoid(-2) = 12 %.
    nn.init.constant_(heads[0].last.bias[2:], -2.0)
    return nn.ModuleList(heads * num_layers if is_shared else heads)


def class_heads(dim: int, num_classes: int, num_layers: int, is_shared: bool) -> nn.ModuleList:
    """One classifier a decoder layer, or the same for all; every class starts at 1 %."""
    heads = [nn.Linear(dim, num_classes) for _ in range(1 if is_shared else num_layers)]
    for head in heads:
        nn.init.constant_(head.bias, -math.log(99))
    return nn.ModuleList(heads * num_layers if is_shared else heads)
