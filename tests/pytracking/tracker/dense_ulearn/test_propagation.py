"""Label propagation against its reference implementation: every position with every position."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F

from ltr.models.dense_ulearn.matching import match_everywhere, match_nearby, plan_tiles
from ltr.models.dense_ulearn.propagation import annotate, start_state, step
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


@dataclass
class Plain:
    """The published algorithm on dense matrices."""

    params: DenseULearnParameters
    features: list[torch.Tensor] = field(default_factory=list)
    labels: list[torch.Tensor] = field(default_factory=list)
    references: list[tuple[int, int, int]] = field(default_factory=list)

    def step(self, features: torch.Tensor, started: torch.Tensor | None) -> torch.Tensor:
        height, width, _ = features.shape
        time = len(self.features)
        parts = [self._propagate(*reference, features) for reference in self.references]
        labels = torch.cat(parts, dim=1) if parts else features.new_zeros(height * width, 0)
        if started is not None:
            known = labels.shape[1]
            masks = F.interpolate(
                started[None], (height, width), mode="bilinear", align_corners=True
            )
            masks = masks[0].flatten(1).t()
            share = masks.sum(dim=1, keepdim=True) if known else 1.0
            labels = torch.cat([(1 - share) * labels, share * masks], dim=1)
            self.references.append((time, known, known + len(started)))
        self.features.append(features)
        self.labels.append(labels)
        return labels.t().unflatten(1, (height, width))

    def _propagate(self, start: int, first: int, last: int, query: torch.Tensor) -> torch.Tensor:
        time, params = len(self.features), self.params
        times = [start, *(max(t, start) for t in range(time - params.cxt_size, time))]
        rows, columns = torch.meshgrid(*map(torch.arange, query.shape[:2]), indexing="ij")
        places = torch.stack([rows, columns], dim=2).flatten(0, 1).float()
        far = torch.cdist(places, places) >= params.radius
        scores = []
        for entry, past in enumerate(times):
            cosines = query.flatten(0, 1) @ self.features[past].flatten(0, 1).t()
            scores.append(cosines.masked_fill(far, -1e10) if entry else cosines)
        best, index = (torch.cat(scores, dim=1) / params.temp).topk(params.knn, dim=1)
        labels = torch.cat([self.labels[past][:, first:last] for past in times])
        return torch.einsum("pk,pkm->pm", best.softmax(dim=1), labels[index])


@pytest.mark.parametrize(
    ("size", "radius", "knn", "cxt_size", "late"),
    [
        ((9, 11), 3, 5, 3, None),
        ((26, 21), 12, 10, 20, 4),
        ((25, 19), 5.5, 10, 4, 3),
        ((4, 5), 2, 30, 2, 2),
        ((14, 17), 4, 1, 1, 5),
    ],
)
def test_tiles_multiplicities_and_shared_matches_change_nothing(size, radius, knn, cxt_size, late):
    torch.manual_seed(0)
    params = DenseULearnParameters("", radius=radius, knn=knn, cxt_size=cxt_size)
    base = torch.randn(*size, 8)
    height, width = 8 * size[0], 8 * size[1]
    masks = torch.zeros(3, height, width)
    masks[1, : height // 2, : width // 3] = 1
    masks[2, height // 2 :, width // 2 :] = 1
    masks[0] = 1 - masks.sum(dim=0)
    new = torch.zeros(1, height, width)
    new[0, height // 3 : height // 2, width // 2 :] = 1
    plain, state = Plain(params), None
    for time in range(9):
        features = F.normalize(torch.randn(*size, 8) + 2 * base, dim=2)
        state = state or start_state(features, params)
        started = {0: masks, late: new}.get(time)
        got, want = step(state, features, started, params), plain.step(features, started)
        torch.testing.assert_close(got, want, rtol=0, atol=2e-6)


def test_an_annotated_frame_stays_in_the_context_near_its_positions():
    torch.manual_seed(0)
    params = DenseULearnParameters("", radius=3, knn=1, cxt_size=2)
    start, annotated, *others = F.normalize(torch.randn(7, 10, 40, 64), dim=3)
    masks = torch.zeros(2, 10, 40)
    masks[1, 9, 20] = 1
    masks[0] = 1 - masks[1]
    state = start_state(start, params)
    step(state, start, masks, params)
    known = torch.zeros(2, 10, 40)
    known[1, :, 30:] = 1
    known[0] = 1 - known[1]
    annotate(state, annotated, known, [1])
    for query in others:  # more frames than the context holds
        query[5, 34] = query[5, 5] = annotated[5, 35]
        found = step(state, query, None, params)
    assert found[1, 5, 34] == 1
    assert found[1, 5, 5] == 0


@pytest.mark.parametrize(("height", "width", "radius"), [(30, 54, 12), (7, 40, 3.5), (1, 1, 1)])
def test_tiles_cover_a_map_once_and_their_windows_hold_the_whole_disk(height, width, radius):
    covered = torch.zeros(height, width)
    for tile in plan_tiles(torch.empty(height, width, 1), radius):
        covered[tile.rows, tile.columns] += 1
        rows = torch.arange(height)[tile.rows]
        columns = torch.arange(width)[tile.columns]
        query = torch.cartesian_prod(rows, columns)
        everything = torch.cartesian_prod(torch.arange(height), torch.arange(width))
        near = torch.cdist(everything.float(), query.float()) < radius
        inside = torch.zeros_like(near)
        inside[tile.positions] = ~tile.outside
        assert torch.equal(inside, near)
    assert (covered == 1).all()


def test_more_matches_than_positions_are_cut():
    found = match_everywhere(torch.randn(2, 3, 4), torch.randn(2, 3, 4), 10)
    assert found.scores.shape == (6, 6)
    assert found.positions.sort(dim=0).values[:, 0].tolist() == list(range(6))


def test_two_threads_and_the_order_in_memory_change_no_match():
    torch.manual_seed(3)
    maps = F.normalize(torch.randn(4, 19, 27, 16), dim=3)
    ordered = maps.permute(1, 2, 0, 3).contiguous().permute(2, 0, 1, 3)
    tiles, choices = plan_tiles(maps[0], 4.5), [torch.arange(4), torch.tensor([1, 3])]
    before, found = torch.get_num_threads(), []
    try:
        for count, keys in ((1, maps), (2, ordered)):
            torch.set_num_threads(count)
            with torch.inference_mode():
                near = match_nearby(maps[0], keys, tiles, choices, 7)
                found.append([*near, match_everywhere(maps[1], maps[0], 7)])
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        assert torch.allclose(one.scores, two.scores, atol=1e-6)
        assert torch.equal(one.frames, two.frames)
        assert torch.equal(one.positions, two.positions)


@pytest.mark.parametrize("radius", [1, 3, 4.5, 40])
def test_matches_nearby_are_the_best_within_the_radius(radius):
    torch.manual_seed(4)
    keys, queries = F.normalize(torch.randn(4, 9, 21, 8), dim=3).split((3, 1))
    tiles = plan_tiles(queries[0], radius)
    (found,) = match_nearby(queries[0], keys, tiles, [torch.arange(3)], 5)
    places = torch.cartesian_prod(torch.arange(9.0), torch.arange(21.0))
    far = torch.cdist(places, places) >= radius
    cosines = queries.flatten(0, 2) @ keys.flatten(0, 2).t()
    best = cosines.masked_fill(far.repeat(1, 3), -torch.inf).topk(5, dim=1)
    assert torch.allclose(found.scores.t(), best.values, atol=1e-6)
    is_match = best.values > -torch.inf
    index = (found.frames * 9 * 21 + found.positions).t()
    assert torch.equal(index[is_match], best.indices[is_match])


@pytest.mark.parametrize("size", [(13, 21), (4, 4), (1, 5)])
@pytest.mark.parametrize("rank", [0, 2, 9])
def test_a_bound_leaves_out_nothing_above_it(size, rank):
    torch.manual_seed(5)
    keys, queries = F.normalize(torch.rand(2, *size, 512), dim=3)  # cosines of about 0.75
    with torch.inference_mode():
        want = match_everywhere(queries, keys, 10)
        bounds = want.scores[min(rank, len(want.scores) - 1)]
        got = match_everywhere(queries, keys, 10, bounds)
    above = want.scores >= bounds
    assert torch.allclose(got.scores[above], want.scores[above], atol=1e-6)
    assert torch.equal(got.positions[above], want.positions[above])
    assert (got.scores <= want.scores + 1e-6).all()


def test_infinite_bounds_leave_out_nothing():
    torch.manual_seed(6)
    keys, queries = F.normalize(torch.randn(2, 20, 21, 64), dim=3)
    with torch.inference_mode():
        want = match_everywhere(queries, keys, 10)
        got = match_everywhere(queries, keys, 10, torch.full((420,), -torch.inf))
    assert torch.allclose(got.scores, want.scores, atol=1e-6)
