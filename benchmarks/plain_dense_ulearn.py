"""Label propagation as published, without any of our shortcuts, to be measured against.

Every position of a frame is compared with every position of 21 context frames, in blocks of
columns; a dense mask pushes those beyond the radius out of the competition. This is done once for
every frame in which objects started.

The original program takes 11.4 s a frame and 22.7 s of CPU at 480x854 with the context full (one
start frame, two cores of a Zen 4 server, quiet, fp32).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.image_format import IMAGENET_RGB
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet
from pytracking.tracker.base import FrameInfo
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters

_BLOCK = 100


@dataclass
class PlainReference:
    """A frame in which objects started: its time, and which label channels are its own."""

    time: int
    channels: slice


class PlainPropagation:
    """The published algorithm on the same network.

    Args:
        params: Configuration.
        network: In eval mode.
        device: Where to compute.
    """

    def __init__(
        self, params: DenseULearnParameters, network: DenseULearnNet, device: torch.device
    ) -> None:
        self.params = params
        self.network = network
        self.device = device
        self.features: list[torch.Tensor] = []
        self.labels: list[torch.Tensor] = []
        self.references: list[PlainReference] = []
        self.mask: torch.Tensor | None = None

    @torch.no_grad()
    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> np.ndarray:
        """Label the next frame, uint8 (H, W); ids are numbers of channels."""
        features = self.embed(image)
        time = len(self.features)
        parts = [self._propagate(reference, features) for reference in self.references]
        labels = torch.cat(parts) if parts else features.new_zeros(0, *features.shape[1:])
        if info is not None:
            labels = self._start(info, labels, time)
        self.features.append(features)
        self.labels.append(labels)
        full = F.interpolate(labels[None], image.shape[:2], mode="bilinear", align_corners=True)[0]
        return full.argmax(dim=0).to(torch.uint8).cpu().numpy()

    def embed(self, image: np.ndarray) -> torch.Tensor:
        """Features (channels, h, w) of length one."""
        pixels = torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None].float()
        return getattr(self.network.embed(IMAGENET_RGB.normalise(pixels)), self.params.key)[0]

    def _start(self, info: FrameInfo, labels: torch.Tensor, time: int) -> torch.Tensor:
        numbers = ([] if self.references else [0]) + list(info.object_ids)
        started = torch.from_numpy(np.stack([info.mask == number for number in numbers]))
        pixels = started.to(self.device)[None].float()
        size = labels.shape[1:]
        masks = F.interpolate(pixels, size, mode="bilinear", align_corners=True)[0]
        known = len(labels)
        self.references.append(PlainReference(time, slice(known, known + len(masks))))
        if not known:
            return masks
        share = masks.sum(dim=0)
        return torch.cat([(1 - share) * labels, share * masks])

    def _propagate(self, reference: PlainReference, features: torch.Tensor) -> torch.Tensor:
        params, time, start = self.params, len(self.features), reference.time
        times = [start] + [max(past, start) for past in range(time - params.cxt_size, time)]
        channels, (height, width) = reference.channels, features.shape[1:]
        keys = torch.stack([self.features[past].flatten(1) for past in times])
        labels = torch.stack([self.labels[past][channels].flatten(1) for past in times], dim=1)
        # One product a context frame: a joint one copies all keys again for every block.
        queries = features.flatten(1).expand(len(keys), -1, -1)
        if self.mask is None:
            self.mask = _distance_mask(height, width, params.radius, self.device)
        found = []
        for first in range(0, queries.shape[2], _BLOCK):
            block = slice(first, first + _BLOCK)
            affinity = torch.einsum("ncs,ncp->nsp", keys, queries[..., block])
            affinity[1:] += self.mask[:, block]
            affinity = affinity.flatten(0, 1) / params.temp
            weights, index = affinity.topk(params.knn, dim=0)
            weights = weights.softmax(dim=0)
            found.append((labels.flatten(1)[:, index] * weights).sum(dim=1))
        return torch.cat(found, dim=1).unflatten(1, (height, width))


def _distance_mask(height: int, width: int, radius: float, device: torch.device) -> torch.Tensor:
    rows, columns = torch.meshgrid(
        torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij"
    )
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).float()
    is_near = torch.cdist(places, places) < radius
    return torch.where(is_near, 0.0, -1e10)
