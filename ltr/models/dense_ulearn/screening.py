"""Finds the few cosines above a known bound by products in bf16, and misses none."""

from __future__ import annotations

import torch

from ltr.admin.devices import computes_bf16
from ltr.models.layers.matmul import can_pack, is_exact_inference

# Rounded to 8 bits each, two vectors of length one change their cosine by 2 * 2**-9 + 2**-18 at
# most. The rest is for sums in single precision and for the rounding of small differences.
_ERROR = 2**-8 + 2**-14
_GROUP = 16  # of positions that are ruled out together
_MOST = 32  # above the bound, for a query on average; with more, exact products are faster


def can_screen(x: torch.Tensor) -> bool:
    """Whether products in bf16 are fast here and bounds can be added to them."""
    is_float = is_exact_inference(x) or (x.dtype == torch.bfloat16 and not torch.is_grad_enabled())
    return is_float and can_pack(x.device) and computes_bf16(x.device)


def strongest_above(
    queries: torch.Tensor,
    keys: torch.Tensor,
    rounded: torch.Tensor,
    bounds: torch.Tensor,
    count: int,
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The largest cosines of every query, those below its bound only by chance.

    Args:
        queries: (n, channels), of length one.
        keys: (m, channels), of length one.
        rounded: The keys in bf16.
        bounds: (n,).
        count: Number of cosines.

    Returns:
        Cosines and positions, (count, n), best first, minus infinity where there are no more; None
        if too many cosines are above the bounds.
    """
    linear = torch.ops.mkldnn._linear_pointwise
    differences = linear(rounded, queries.bfloat16(), -bounds, "none", [], "")
    whole = len(keys) // _GROUP * _GROUP
    grouped = differences[:whole].unflatten(0, (-1, _GROUP))
    groups, owners = (grouped.amax(dim=1) > -_ERROR).nonzero(as_tuple=True)
    members, found = (grouped[groups, :, owners] > -_ERROR).nonzero(as_tuple=True)[::-1]
    rest, rest_owners = (differences[whole:] > -_ERROR).nonzero(as_tuple=True)
    positions = torch.cat([groups[found] * _GROUP + members, rest + whole])
    owners = torch.cat([owners[found], rest_owners])
    if len(positions) > _MOST * len(queries):
        return None
    cosines = torch.linalg.vecdot(queries[owners].float(), keys[positions].float())
    return _table(cosines, positions, owners, len(queries), count)


def _table(
    scores: torch.Tensor, positions: torch.Tensor, owners: torch.Tensor, queries: int, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest scores of every owner and their positions, (count, queries)."""
    owners, order = owners.sort(stable=True)
    numbers = owners.bincount(minlength=queries)
    rank = torch.arange(len(owners)) - (numbers.cumsum(0) - numbers)[owners]
    size = (queries, max(count, int(numbers.max())))
    table = scores.new_full(size, -torch.inf)
    table[owners, rank] = scores[order]
    places = torch.zeros(size, dtype=torch.int64)
    places[owners, rank] = positions[order]
    best, index = table.topk(count, dim=1)
    return best.t(), places.gather(1, index).t()
