"""The quality network."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ltr.data.image_format import IMAGENET_RGB
from ltr.models.interactive.assess import assess_network
from ltr.models.interactive.region import crop_regions, crop_transform, enclosing_box
from tests.conformance.report import ArrayLike, Report, as_array
from tests.seeded_weights import seeded_input, seeded_state_dict

NETWORK = 1e-4
MASK_SHARE = 0.999
_CONSTANTS = {"Encoder.mean": IMAGENET_RGB.mean, "Encoder.std": IMAGENET_RGB.std}

Network = TypeVar("Network", bound=nn.Module)


def seeded_network(network: Network, seed: int, gain: float = 1.0) -> Network:
    """Fill a network with weights by the rule; ImageNet constants stay. In eval mode."""
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    state = seeded_state_dict(shapes, seed, gain)
    for key in _CONSTANTS.keys() & state.keys():
        state[key] = torch.tensor(_CONSTANTS[key]).view(1, 3, 1, 1)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def compare_keys(case: str, network: nn.Module, manifest: Path, report: Report) -> None:
    """Compare names, shapes and types of all entries, in any order."""
    wanted = json.loads(manifest.read_text())["state_dict"]
    own = network.state_dict().items()
    found = [[k, list(v.shape), str(v.dtype).removeprefix("torch.")] for k, v in own]
    report.equal(case, manifest.stem, sorted(found), sorted(wanted))


def statistics(values: ArrayLike) -> np.ndarray:
    """Mean, deviation and sum of magnitudes of a whole tensor."""
    values = as_array(values).astype(np.float64)
    return np.array([values.mean(), values.std(ddof=1), np.abs(values).sum()])


def probability_limit(number: int) -> float:
    """Tolerance of a host's probabilities in a round, from 1: flipped pixels feed back."""
    return 1e-3 if number == 1 else 1e-2


def refuse_others(case: str, names: Iterable[str], report: Report) -> None:
    """Arrays of a file that nothing was compared with count as failed."""
    for name in names:
        report.fail(case, f"unknown array {name!r}")


@torch.no_grad()
def run(folder: Path, report: Report) -> None:
    """Compare the network's input region, features and estimate."""
    case = json.loads((folder / "cases.json").read_text())
    network = seeded_network(assess_network(), case["seed"])
    compare_keys("assess", network, folder / "manifest.json", report)
    with np.load(folder / "forward.npz") as archive:
        wanted = dict(archive)
    size = case["H"], case["W"]
    probabilities = torch.from_numpy(wanted.pop("prob"))
    shape = (len(probabilities), 3, *size)
    frames = seeded_input("assess:frames", shape, case["seed"], "image") / 255
    boxes = enclosing_box(probabilities > 0.5)
    region = crop_regions(frames, boxes)
    mask = crop_regions(probabilities[:, None], boxes)
    features = network.Encoder(region, {"p": mask})
    found = {
        "quality": network(frames, probabilities),
        "box_yxhw": boxes,
        "theta": crop_transform(boxes, size),
        "roi_frame": region[:, :, ::16, ::16],
        "roi_prob": mask[:, 0, ::8, ::8],
        "r5": features["res5"].flatten()[::401],
        "r5_stats": statistics(features["res5"]),
        "r2": features["res2"].flatten()[::4001],
    }
    for name in [name for name in found if name in wanted]:
        report.close("assess", name, found[name], wanted.pop(name), relative=NETWORK)
    refuse_others("assess", wanted, report)
