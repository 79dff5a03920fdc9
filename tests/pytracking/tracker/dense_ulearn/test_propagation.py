"""Label propagation against its reference implementation: every position with every position."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F

from ltr.models.dense_ulearn.matching import match_everywhere, plan_tiles
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
