"""The decisions around the network: which query, which key frame, which order, which object.

All are pure functions of the network's outputs. Mask logits are float (frames, h, w) on the
network's grid, a quarter of its input.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

from ltr.models.referring.outputs import best_queries
from pytracking.tracker.referring.parameters import KeyCriterion

_SET = 0.5
_BACKGROUND = 0.1


def choose_query(logits: torch.Tensor) -> int:
    """The query that answers for the whole clip, see ``best_queries``.

    Args:
        logits: (frames, queries, classes).
    """
    return int(best_queries(logits[None]))


def query_scores(logits: torch.Tensor, query: int) -> torch.Tensor:
    """Score of a query in every frame, (frames,), 0..1."""
    return logits[:, query].sigmoid().amax(dim=-1)


def full_probabilities(mask_logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Mask probabilities at the frames' own size, (frames, H, W)."""
    enlarged = F.interpolate(mask_logits[:, None].float(), size, mode="bilinear")
    return enlarged[:, 0].sigmoid()


def merge_objects(probabilities: torch.Tensor) -> torch.Tensor:
    """Let the objects of a frame compete, as upstream does for Ref-DAVIS.

    Args:
        probabilities: (objects, ..., H, W), of each object by its own sentence.

    Returns:
        uint8 (..., H, W), 0 where no object reaches 0.5, else the place of the best one plus 1.
    """
    certain = torch.where(probabilities < _SET, 0.0, probabilities)
    background = torch.full_like(certain[:1], _BACKGROUND)
    return torch.cat([background, certain]).argmax(dim=0).to(torch.uint8)


class KeyFrameTerms(NamedTuple):
    """What the choice of a key frame depends on, each (frames,).

    Args:
        score: Score of the query, 0..1.
        certainty: Mean probability inside the mask, 0 where the mask is empty.
        stability: Mean overlap with the masks of the neighbouring frames.
    """

    score: torch.Tensor
    certainty: torch.Tensor
    stability: torch.Tensor


def key_frame_terms(scores: torch.Tensor, mask_logits: torch.Tensor) -> KeyFrameTerms:
    """Measure the masks of a query.

    Two empty masks do not overlap; a video of one frame is stable.

    Args:
        scores: (frames,) of the query, 0..1.
        mask_logits: (frames, h, w).
    """
    probabilities = mask_logits.float().sigmoid().flatten(1)
    masks = probabilities > _SET
    areas = masks.sum(dim=1)
    certainty = (probabilities * masks).sum(dim=1) / areas.clamp(min=1)
    return KeyFrameTerms(scores, certainty, _stability(masks))


def _stability(masks: torch.Tensor) -> torch.Tensor:
    """Mean overlap of every mask, bool (frames, pixels), with its one or two neighbours."""
    count = len(masks)
    if count == 1:
        return torch.ones(1, device=masks.device)
    common = (masks[1:] & masks[:-1]).sum(dim=1)
    either = (masks[1:] | masks[:-1]).sum(dim=1)
    overlaps = common / either.clamp(min=1)
    sums = F.pad(overlaps, (1, 0)) + F.pad(overlaps, (0, 1))
    neighbours = torch.full_like(sums, 2.0)
    neighbours[[0, -1]] = 1.0
    return sums / neighbours


def choose_key_frame(terms: KeyFrameTerms, criterion: KeyCriterion = "confidence") -> int:
    """The frame from which is tracked; the first one of equals.

    Where all masks are empty the score alone decides.

    Args:
        terms: Terms from ``key_frame_terms``.
        criterion: ``confidence``: score times certainty; ``stability``: that times stability;
            ``score``; ``first``: the first mask that is not empty; ``middle`` of the video.
    """
    is_empty = terms.certainty == 0
    if criterion == "middle":
        return len(is_empty) // 2
    if criterion == "score" or bool(is_empty.all()):
        return int(terms.score.argmax())
    if criterion == "first":
        return int((~is_empty).int().argmax())
    values = terms.score * terms.certainty
    if criterion == "stability":
        values = values * terms.stability
    return int(values.argmax())


def tracking_order(length: int, key: int, skip_neighbours: bool = False) -> list[tuple[int, int]]:
    """The steps outward from a key frame, first to the end, then to the beginning.

    Args:
        length: Frames of the video.
        key: The key frame.
        skip_neighbours: Leave out the frames next to it, as the released script does.

    Returns:
        Pairs: a frame and the one whose mask makes its tracking image.

    >>> tracking_order(5, 2)
    [(3, 2), (4, 3), (1, 2), (0, 1)]
    """
    first = 2 if skip_neighbours else 1
    steps: list[tuple[int, int]] = []
    for frames in (range(key + first, length), range(key - first, -1, -1)):
        steps += zip(frames, (key, *frames), strict=False)
    return steps
