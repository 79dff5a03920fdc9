"""The decisions around the referring network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pytracking.tracker.referring.rules import (
    KeyFrameTerms,
    choose_key_frame,
    choose_query,
    full_probabilities,
    key_frame_terms,
    merge_objects,
    tracking_order,
)
from pytracking.tracker.referring.sentence_masks import sentence_masks
from tests.conformance.referring_rules import RULES
from tests.conformance.report import Report
from tests.shared_material import golden


@pytest.mark.parametrize("kind", list(RULES))
def test_reference_values(kind):
    folder, report = golden("referring"), Report()
    info = json.loads((folder / f"{kind}.json").read_text())
    RULES[kind](kind, info, np.load(folder / f"{kind}.npz"), report)
    assert report.passed > 2
    assert not report.failed, "\n".join(line for line in report.lines if "FAIL" in line)


def test_the_slot_has_the_best_mean_over_frames():
    logits = torch.tensor([[[9.0], [1.0]], [[-9.0], [1.0]]])
    assert choose_query(logits) == 1  # 0.50006 of one sure frame against 0.73
    assert choose_query(torch.tensor([[[0.0, 3.0], [2.0, 2.0]]])) == 0


def test_uncertain_and_empty_masks_are_no_key_frames():
    masks = torch.full((4, 6, 6), -9.0)
    masks[1, :3] = 0.5
    masks[2, :3] = 9.0
    masks[3, 3:] = 9.0
    terms = key_frame_terms(torch.tensor([0.9, 0.8, 0.7, 0.6]), masks)
    assert terms.certainty[0] == 0
    assert terms.certainty[1] == pytest.approx(0.6225, abs=1e-4)
    assert terms.stability.tolist() == [0, 0.5, 0.5, 0]
    chosen = {c: choose_key_frame(terms, c) for c in ("confidence", "score", "first", "stability")}
    assert chosen == {"confidence": 2, "score": 0, "first": 1, "stability": 2}
    assert choose_key_frame(terms, "middle") == 2


def test_without_any_mask_the_score_decides():
    terms = KeyFrameTerms(torch.tensor([0.1, 0.4, 0.4]), torch.zeros(3), torch.zeros(3))
    assert {choose_key_frame(terms, c) for c in ("confidence", "first", "stability")} == {1}


def test_one_frame_is_stable():
    assert key_frame_terms(torch.tensor([0.3]), torch.zeros(1, 2, 2)).stability.tolist() == [1.0]


@given(st.integers(1, 60), st.data(), st.booleans())
def test_tracking_visits_every_frame_once_from_a_known_one(length, data, skips):
    key = data.draw(st.integers(0, length - 1))
    steps = tracking_order(length, key, skips)
    near = {key, key - 1, key + 1} if skips else {key}
    assert sorted(frame for frame, _ in steps) == sorted(set(range(length)) - near)
    known = {key}
    for frame, source in steps:
        assert source in known
        assert (frame - key) * (source - key) >= 0
        known.add(frame)


def test_objects_compete_where_they_are_likely():
    probabilities = torch.tensor([[[0.6, 0.4, 0.9]], [[0.7, 0.45, 0.2]]])
    assert merge_objects(probabilities).tolist() == [[2, 0, 1]]


def test_probabilities_have_the_frames_size():
    logits = torch.tensor([[[-4.0, 4.0]]])
    found = full_probabilities(logits, (3, 8))
    assert found.shape == (1, 3, 8)
    assert (found[0, :, :2] < 0.1).all()
    assert (found[0, :, 6:] > 0.9).all()


def test_masks_of_sentences_ignore_the_padding():
    masks = torch.full((2, 4, 4), -5.0)
    masks[0, :, 2:] = 5.0
    found = sentence_masks(
        torch.tensor([[2.0], [-1.0]]),
        masks,
        torch.tensor([[0.5, 0.5, 0.2, 0.5]] * 2),
        (12, 10),
        (6, 5),
    )
    assert found.boxes[0].tolist() == pytest.approx([2.0, 1.5, 3.0, 4.5])
    assert found.masks.shape == (2, 6, 5)
    assert found.masks[0].sum() == 6  # columns 8 and 9 of the input: one of the frame
    assert not found.masks[1].any()
    assert found.scores.tolist() == pytest.approx([0.8808, 0.2689], abs=1e-4)
