"""What is measured of masks, and the network that judges by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ltr.actors.recommendation import MeasureActor
from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import DataError
from ltr.data.interactive.mask_measures import MEASURES, measure_mask
from ltr.data.randomness import Generators, SampleKey
from ltr.dataset.interactive.measured_clips import MeasuredClips, group_by_round
from ltr.dataset.interactive.quality_masks import MaskSample
from ltr.models.interactive.measure_net import measure_network
from pytracking.tracker.interactive.quality import NetworkQuality, load_assess_network

SHAPE = (120, 200)


def disc(columns: int = 100, radius: int = 25) -> np.ndarray:
    """A disc in the middle row, bool."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (y - 60) ** 2 + (x - columns) ** 2 < radius**2


def picture() -> np.ndarray:
    """A red disc on green."""
    return np.where(disc()[..., None], np.uint8([200, 30, 30]), np.uint8([30, 160, 40]))


def measured(mask: np.ndarray, image: np.ndarray | None = None) -> dict[str, float]:
    values = measure_mask(picture() if image is None else image, mask.astype(np.float32))
    return dict(zip(MEASURES, values.tolist(), strict=True))


def test_a_right_mask_has_an_outline_at_an_edge_and_colours_of_its_own():
    found = measured(disc())
    assert found["confidence"] == 1
    assert found["certainty"] == 0.5
    assert found["holes"] == pytest.approx(0, abs=1e-6)
    assert found["largest piece"] == pytest.approx(1)
    assert found["solidity"] > 0.95
    assert found["elongation"] == 0
    assert found["area"] == pytest.approx(np.log(disc().mean()), abs=1e-4)
    assert found["inside like around"] < 0.05
    moved = measured(disc(125))
    assert moved["contrast"] < 0.5 * found["contrast"]
    assert moved["edge"] < found["edge"]
    assert moved["inside like around"] > found["inside like around"] + 0.3


def test_pieces_holes_and_the_border_are_seen():
    broken = disc(40, 15) | disc(150, 30)
    found = measured(broken)
    assert found["largest piece"] == pytest.approx(0.8, abs=0.02)
    assert found["solidity"] < 0.75
    ring = measured(disc() & ~disc(radius=12))
    assert ring["holes"] == pytest.approx((12 / 25) ** 2, abs=0.03)
    assert measured(disc(0))["at the border"] > 0.5 > found["at the border"] == 0


def test_soft_masks_are_less_certain_and_a_missing_object_measures_nothing():
    soft = measure_mask(picture(), 0.6 * disc().astype(np.float32))
    assert soft[0] == pytest.approx(0.6, abs=0.01)
    assert soft[1] < 0.35
    assert not measure_mask(picture(), np.zeros(SHAPE, np.float32)).any()


def test_frames_of_other_sizes_measure_alike():
    near = measure_mask(picture(), disc().astype(np.float32))
    size = (3 * SHAPE[1], 3 * SHAPE[0])
    far = [cv2.resize(x, size, interpolation=cv2.INTER_NEAREST) for x in (picture(), disc() * 1.0)]
    assert measure_mask(*far) == pytest.approx(near, abs=1e-4)


def test_the_network_judges_every_object_of_every_frame(tmp_path):
    network = measure_network()
    with torch.no_grad():
        network.judgement.weight[0, MEASURES.index("largest piece")] = 0.1
    network.eval()
    save_checkpoint(tmp_path / "net.pth.tar", network_fields(network))
    loaded = load_assess_network(str(tmp_path / "net.pth.tar"), torch.device("cpu"))
    whole, broken = disc(), disc(40, 15) | disc(150, 30)
    probs = torch.from_numpy(np.stack([[whole, broken], [broken, broken]])).float()
    probs = torch.cat([1 - probs.amax(dim=1, keepdim=True), probs], dim=1)
    found = NetworkQuality(loaded, batch=1).estimate_objects([picture()] * 2, probs)
    assert found[0, 0] == pytest.approx(0.65 + 0.1, abs=1e-4)
    assert found.ravel()[1:] == pytest.approx(0.65 + 0.08, abs=2e-3)


def test_only_differences_within_a_round_count_much():
    network = measure_network().eval()
    quality = torch.tensor([[0.2, 0.4], [0.9, 0.7]])
    batch = {"measures": torch.zeros(2, 2, len(MEASURES)), "quality": quality}
    with torch.no_grad():
        loss, stats = MeasureActor(network, level_weight=0.5)(batch)
    assert float(stats["Loss/within"]) == pytest.approx(0.01)
    level = float(((0.65 - quality) ** 2).mean())
    assert float(loss) == pytest.approx(0.01 + 0.5 * level)


@pytest.fixture
def samples(tmp_path: Path) -> list[MaskSample]:
    """Two rounds of three frames; in the second one the masks are right."""
    found = []
    for number in range(3):
        image, label = tmp_path / f"{number}.jpg", tmp_path / f"{number}.png"
        cv2.imwrite(str(image), picture()[..., ::-1])
        cv2.imwrite(str(label), disc().astype(np.uint8))
        for round_number, columns in ((1, 110), (2, 100)):
            file = tmp_path / f"{round_number}" / f"{number}.png"
            file.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(file), 255 * disc(columns).astype(np.uint8))
            found.append(MaskSample(image, label, 1, file))
    return found


def test_rounds_come_with_measures_and_quality(samples):
    clips = MeasuredClips(group_by_round(samples), 0.5, 4)
    drawn = [clips[SampleKey(0, 1, position)] for position in range(4)]
    quality = sorted(float(sample["quality"].mean()) for sample in drawn)
    assert quality[2:] == [1, 1]
    assert 0.3 < quality[0] == quality[1] < 0.7
    assert drawn[0]["measures"].shape == (3, len(MEASURES))
    again = clips.read(0, Generators.seeded(0))
    assert torch.equal(again["measures"], clips.read(0, Generators.seeded(1))["measures"])


def test_rounds_of_different_lengths_are_refused(samples):
    other = replace(samples[0], probabilities=samples[0].probabilities.parent / "x" / "0.png")
    with pytest.raises(DataError, match="one length, found 1 to 3"):
        group_by_round([*samples, other])


def test_the_shipped_network_likes_right_masks_best():
    """The right disc, one with a hole, a moved one, and two pieces of another place."""
    network = load_assess_network("quality_demo.pth.tar", torch.device("cpu"))
    broken = disc(40, 15) | disc(150, 30)
    masks = np.stack([disc(), disc() & ~disc(radius=12), disc(125), broken])[:, None]
    probs = torch.from_numpy(np.concatenate([~masks, masks], axis=1)).float()
    found = NetworkQuality(network).estimate([picture()] * 4, probs)
    assert found.tolist() == sorted(found.tolist(), reverse=True)
    assert found[0] > 0.9 > 0.6 > found[2]
