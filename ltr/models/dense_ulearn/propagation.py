"""Label propagation (Jabri et al., arXiv 2006.14613; Araslanov et al., arXiv 2111.06265).

A position of a new frame takes the mean of the labels of the most similar positions of earlier
frames: of the frame in which an object started, anywhere; of the last frames, nearby, and nearby
also of the frames that a person annotates later, which stay. In upstream's list of context frames
the start frame stands for every frame that lies before it, so its nearby positions count several
times. Here they are matched once and weighted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F

from ltr.models.dense_ulearn.matching import (
    Matches,
    Tile,
    match_everywhere,
    match_nearby,
    plan_tiles,
)


class PropagationRules(Protocol):
    """How labels are propagated; the parameters of the tracker are one."""

    @property
    def radius(self) -> float:
        """Distance below which positions of earlier frames count, on the feature grid."""

    @property
    def temp(self) -> float:
        """Divides the cosines before the softmax."""

    @property
    def knn(self) -> int:
        """Number of positions from which a position takes its label."""

    @property
    def cxt_size(self) -> int:
        """Number of earlier frames that are searched, besides an object's first one."""


@dataclass
class Reference:
    """A frame in which objects started, and other annotated frames of these objects.

    Args:
        time: Number of the frame.
        channels: Label channels that started in it; all others come from other references.
        features: (h, w, channels).
        annotated: Features of the other frames, (frames, h, w, channels).
        labels: Those channels, ((1 + frames) * h * w, channels), those of the start first.
    """

    time: int
    channels: slice
    features: torch.Tensor
    annotated: torch.Tensor
    labels: torch.Tensor

    def match(
        self, features: torch.Tensor, tiles: Sequence[Tile], count: int, nearby: Matches
    ) -> Matches:
        """The ``count`` best matches in the start frame, anywhere, and in all others, nearby.

        Those of the start frame that score less than as many in ``nearby`` may be missing.
        """
        bounds = nearby.scores[count - 1] if len(nearby.scores) >= count else None
        found = match_everywhere(features, self.features, count, bounds)
        if len(self.annotated) == 0:
            return found
        frames = torch.arange(len(self.annotated), device=features.device)
        (near,) = match_nearby(features, self.annotated, tiles, [frames], count)
        size = self.features.shape[0] * self.features.shape[1]
        positions = near.positions + (1 + near.frames) * size
        pairs = zip(found, near._replace(positions=positions), strict=True)
        return Matches(*(torch.cat(pair) for pair in pairs))


@dataclass
class PropagationState:
    """All that is remembered of a video.

    Args:
        tiles: Tiles of the feature map, from ``plan_tiles``.
        features: The last frames, (cxt_size, h, w, channels); a frame's slot is its time modulo
            ``cxt_size``. In memory the frames of a position lie side by side.
        labels: Soft labels of the context frames, (cxt_size, h * w, labels), 0..1.
        references: First frames of the objects, in order of time.
        time: Number of the next frame.
    """

    tiles: list[Tile]
    features: torch.Tensor
    labels: torch.Tensor
    references: list[Reference] = field(default_factory=list)
    time: int = 0


def start_state(features: torch.Tensor, params: PropagationRules) -> PropagationState:
    """The state before the first frame, whose features are (h, w, channels)."""
    height, width, channels = features.shape
    size = params.cxt_size
    return PropagationState(
        tiles=plan_tiles(features, params.radius),
        features=features.new_zeros(height, width, size, channels).permute(2, 0, 1, 3),
        labels=features.new_zeros(size, height * width, 0, dtype=torch.float32),
    )


def step(
    state: PropagationState,
    features: torch.Tensor,
    started: torch.Tensor | None,
    params: PropagationRules,
) -> torch.Tensor:
    """Label the next frame and remember it.

    Args:
        state: Changed in place.
        features: (h, w, channels), of length one.
        started: Masks of what starts in this frame, (new labels, H, W), 0 or 1. The first frame
            must have some, the background being the first of them.
        params: Configuration.

    Returns:
        Soft labels (labels, h, w). They need not add up to one after objects have started.
    """
    height, width, _ = features.shape
    labels = propagate(state, features, params)
    if started is not None:
        labels = _with_started(labels, started, (height, width))
        added = len(started)
        state.labels = F.pad(state.labels, (0, added))
        known = labels.shape[1]
        channels = slice(known - added, known)
        own = labels[:, channels]
        reference = Reference(state.time, channels, features, features[None][:0], own)
        state.references.append(reference)
    slot = state.time % params.cxt_size
    state.features[slot], state.labels[slot] = features, labels
    state.time += 1
    return labels.t().unflatten(1, (height, width))


def annotate(
    state: PropagationState, features: torch.Tensor, masks: torch.Tensor, channels: Sequence[int]
) -> None:
    """Let an annotated frame stay in the context of objects that have started.

    Args:
        state: Changed in place.
        features: (h, w, channels), of length one.
        masks: What the frame shows, (labels, H, W), 0 or 1, the background first.
        channels: Labels that a user gave.
    """
    height, width = features.shape[:2]
    labels = shrink_masks(masks, (height, width))
    for reference in state.references:
        if any(reference.channels.start <= c < reference.channels.stop for c in channels):
            reference.annotated = torch.cat([reference.annotated, features[None]])
            reference.labels = torch.cat([reference.labels, labels[:, reference.channels]])


def relabel(state: PropagationState, masks: torch.Tensor, size: int) -> None:
    """Replace the labels of the frame labelled last.

    Args:
        state: Changed in place.
        masks: All labels, (labels, H, W), 0 or 1, the background first.
        size: ``cxt_size``.
    """
    height, width = state.features.shape[1:3]
    state.labels[(state.time - 1) % size] = shrink_masks(masks, (height, width))


def drop_channel(state: PropagationState, channel: int) -> None:
    """Forget a label; later ones move up by one."""
    kept = [c for c in range(state.labels.shape[2]) if c != channel]
    state.labels = state.labels[:, :, kept]
    for reference in state.references:
        begin, end = reference.channels.start, reference.channels.stop
        own = [c - begin for c in range(begin, end) if c != channel]
        reference.labels = reference.labels[:, own]
        begin -= channel < begin
        reference.channels = slice(begin, begin + len(own))
    state.references = [r for r in state.references if r.channels.start < r.channels.stop]


def shrink_masks(masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Masks (labels, H, W) at the size of the features, (h * w, labels)."""
    small = F.interpolate(masks[None].float(), size, mode="bilinear", align_corners=True)[0]
    return small.flatten(1).t()


def propagate(
    state: PropagationState, features: torch.Tensor, params: PropagationRules
) -> torch.Tensor:
    """The labels that a frame takes from earlier ones, (h * w, labels)."""
    if not state.references:
        return state.labels.new_zeros(features.shape[0] * features.shape[1], 0)
    size, parts = params.cxt_size, []
    nearby = _match_context(state, features, params)
    for reference in state.references:
        age = state.time - reference.time
        copies = state.labels.new_ones(size)
        copies[reference.time % size] = max(1, size + 1 - age)
        context = state.labels[:, :, reference.channels]
        found = nearby[min(age, size)]
        lasting = reference.match(features, state.tiles, params.knn, found)
        parts.append(take_labels(lasting, reference.labels, found, context, copies, params))
    return torch.cat(parts, dim=1)


def _match_context(
    state: PropagationState, features: torch.Tensor, params: PropagationRules
) -> dict[int, Matches]:
    """Nearby matches in the last frames, by the number of frames that a reference admits.

    A reference admits the frames since its own one.
    """
    size, time = params.cxt_size, state.time
    lengths = {min(time - reference.time, size) for reference in state.references}
    slots = [
        torch.tensor([past % size for past in range(time - length, time)], device=features.device)
        for length in lengths
    ]
    keys = state.features[: min(time, size)]
    found = match_nearby(features, keys, state.tiles, slots, params.knn)
    return dict(zip(lengths, found, strict=True))


def take_labels(
    lasting: Matches,
    reference_labels: torch.Tensor,
    nearby: Matches,
    context_labels: torch.Tensor,
    copies: torch.Tensor,
    params: PropagationRules,
) -> torch.Tensor:
    """Mean label of the ``knn`` best matches, weighted by the softmax of their cosines.

    Args:
        lasting: Matches in the annotated frames.
        reference_labels: (annotated frames * h * w, labels).
        nearby: Matches in the context.
        context_labels: (frames, h * w, labels).
        copies: How often each frame occurs in the context, (frames,).
        params: Configuration.

    Returns:
        (h * w, labels).
    """
    scores = torch.cat([lasting.scores, nearby.scores])
    counts = torch.cat([torch.ones_like(lasting.scores), copies[nearby.frames]])
    scores, order = scores.sort(dim=0, descending=True, stable=True)
    counts = counts.gather(0, order)
    before = counts.cumsum(dim=0) - counts
    counts = torch.minimum(counts, (params.knn - before).clamp(min=0))
    weights = counts * torch.exp((scores - scores[:1]) / params.temp)
    weights = weights / weights.sum(dim=0)
    flat = context_labels.flatten(0, 1)
    found = nearby.frames * context_labels.shape[1] + nearby.positions
    table = torch.cat([reference_labels, flat])
    index = torch.cat([lasting.positions, found + len(reference_labels)]).gather(0, order)
    return torch.einsum("kp,kpm->pm", weights, table[index])


def _with_started(
    labels: torch.Tensor, started: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Lay new masks over propagated labels; in the first frame there is nothing below.

    The border values of the masks count twice in later frames, ``(1 - s) * labels + s * mask``, as
    upstream has it.
    """
    masks = shrink_masks(started, size)
    if labels.shape[1] == 0:
        return masks
    share = masks.sum(dim=1, keepdim=True)
    return torch.cat([(1 - share) * labels, share * masks], dim=1)
