"""MANet: embedding, matching, and whole rounds on given embeddings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.manet import MANet, manet
from ltr.models.interactive.matching import match_globally, match_locally
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.manet import ManetHost
from pytracking.tracker.interactive.parameters import ManetParameters
from tests.conformance.interactive_assess import (
    MASK_SHARE,
    compare_keys,
    probability_limit,
    refuse_others,
    seeded_network,
    statistics,
)
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input

_NETWORK = 2e-4


class _GivenEmbeddings(ManetHost):
    """A host that is given the embeddings of its frames."""

    def __init__(self, params: ManetParameters, network: MANet, given: torch.Tensor) -> None:
        super().__init__(params, network, Runtime())
        self.given = given

    def _compute_embedding(self, index: int) -> tuple[torch.Tensor]:
        return (self.given[index : index + 1],)


@torch.no_grad()
def run(folder: Path, report: Report) -> None:
    """Run the forward case and the rounds of a folder."""
    case = json.loads((folder / "driver.json").read_text())
    network = seeded_network(manet(), case["seed"])
    compare_keys("manet", network, folder / "manifest.json", report)
    shape = (case["n"], 3, case["H"], case["W"])
    frames = IMAGENET_RGB.normalise(seeded_input("manet:frames", shape, case["seed"], "image"))
    embeddings = torch.cat([network.embed(frame[None]) for frame in frames])
    with np.load(folder / "forward.npz") as archive:
        wanted = dict(archive)
    extracter = network.feature_extracter
    top, features = extracter.backbone(frames[:1])[0], extracter(frames[:1])
    found = {
        "backbone_out": top.flatten()[::997],
        "backbone_stats": statistics(top),
        "deeplab_out": features.flatten()[::997],
        "deeplab_stats": statistics(features),
        "embedding": embeddings[:, ::10, ::3, ::3],
        "embedding_stats": statistics(embeddings),
        **_matches(case["seed"], wanted.pop("match_labels"), wanted.pop("match_global_labels")),
    }
    for name in [name for name in found if name in wanted]:
        report.close("manet forward", name, found[name], wanted.pop(name), relative=_NETWORK)
    refuse_others("manet forward", wanted, report)
    for head in (network.dynamic_seghead, network.inter_seghead):
        head.conv.weight.mul_(case["head_scale"])
    for path in sorted(folder.glob("driver_s*.npz")):
        _run_rounds(path, case, network, embeddings, report)


def _matches(seed: int, labels: np.ndarray, marks: np.ndarray) -> dict[str, torch.Tensor]:
    shape = (*labels.shape[:2], 6)
    there, here = (
        0.4 * seeded_input(f"match:{name}", shape, seed).permute(2, 0, 1) for name in "ab"
    )
    ids = int(labels.max()) + 1
    local = match_locally(here, there, torch.from_numpy(labels[..., 0]).long(), ids)
    anywhere = match_globally(here, there, torch.from_numpy(marks[..., 0]).long(), ids)
    return {
        "match_local": local.permute(1, 2, 0)[None, ..., None],
        "match_global": anywhere.permute(1, 2, 0)[None, ..., None],
    }


def _run_rounds(
    path: Path, case: Mapping[str, Any], network: MANet, embeddings: torch.Tensor, report: Report
) -> None:
    with np.load(path) as archive:
        wanted = dict(archive)
    digits = path.stem.removeprefix("driver_s")
    scale = float(f"{digits[0]}.{digits[1:] or 0}")
    size = case["H"], case["W"]
    host = _GivenEmbeddings(ManetParameters(input_size=size), network, embeddings * scale)
    host.start(np.zeros((case["n"], *size, 3), np.uint8), case["n_objects"])
    for number, frame in enumerate(case["order"], start=1):
        lines = [ScribbleLine.from_record(entry) for entry in case["new_scribbles"][number - 1]]
        name, limit = f"manet {path.stem} round {number}", probability_limit(number)
        labels = host.scribble_labels(lines)[None, None]
        report.equal(name, "labels", labels, wanted.pop(f"label_r{number}"))
        result = host.interact(frame, lines)
        want = wanted.pop(f"prob_r{number}")
        report.close(name, "prob", result.probs[..., ::4, ::4], want, absolute=limit)
        got = host.state.nearest.permute(0, 2, 3, 1)[:, ::2, ::2]
        report.close(name, "map", got, wanted.pop(f"global_map_r{number}"), absolute=limit)
        want = wanted.pop(f"mask_r{number}")
        report.share(name, "mask", result.masks, want, MASK_SHARE, 0)
    refuse_others(f"manet {path.stem}", wanted, report)
