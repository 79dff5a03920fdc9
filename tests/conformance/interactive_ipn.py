"""IPN: both networks, their regions and losses, the weights of blending, and whole rounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.interactive.rounds import blend_weights
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.ipn import (
    Guess,
    InteractionNet,
    PropagationNet,
    interaction_network,
    propagation_network,
)
from ltr.models.interactive.region import crop_grid, crop_transform, paste_grid
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.ipn import IpnHost
from pytracking.tracker.interactive.parameters import IpnParameters
from tests.conformance.interactive_assess import (
    MASK_SHARE,
    NETWORK,
    compare_keys,
    probability_limit,
    refuse_others,
    seeded_network,
    statistics,
)
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input


@torch.no_grad()
def run(folder: Path, report: Report) -> None:
    """Run the forward case and the rounds of a folder."""
    case = json.loads((folder / "driver.json").read_text())
    networks = (
        seeded_network(interaction_network(), case["seed"]),
        seeded_network(propagation_network(), case["seed"]),
    )
    for network, letter in zip(networks, "IP", strict=True):
        compare_keys("ipn", network, folder / f"manifest_{letter}.json", report)
    _run_forward(folder, case, *networks, report)
    _run_weights(case, report)
    for path in sorted(folder.glob("driver*.npz")):
        host = IpnHost(IpnParameters(), networks, Runtime())
        _run_rounds(path, case, host, report)


def _run_forward(
    folder: Path,
    case: Mapping[str, Any],
    interaction: InteractionNet,
    propagation: PropagationNet,
    report: Report,
) -> None:
    size, seed = (case["H"], case["W"]), case["seed"]
    frame = seeded_input("ipn:frame", (1, 3, *size), seed, "image") / 255
    blob = _block(size, slice(20, 60), slice(30, 90))
    mask = 0.3 * seeded_input("ipn:mask", (1, *size), seed, "uniform") + 0.6 * blob
    positive = _block(size, slice(30, 34), slice(40, 80))
    negative = _block(size, slice(5, 8), slice(10, 60))
    unknown = torch.full_like(mask, -1.0)
    first = interaction(frame, unknown, positive, negative)
    later = interaction(frame, mask, positive, negative)
    stored = seeded_input("ipn:pref", later.reference.shape, seed).abs()
    mixed = propagation.SEFA(later.reference, stored)
    alone = propagation(frame, unknown, 0.8 * blob, later.reference)
    with_stored = propagation(frame, mask, 0.8 * blob, mixed)
    found = {
        **_described("I_first", "ref", first, interaction.loss(first, blob, positive)),
        **_described("I_later", "ref", later, interaction.loss(later, blob, positive)),
        **_described("P_noprev", "aref", alone, propagation.loss(alone, blob)),
        **_described("P_prev", "aref", with_stored, propagation.loss(with_stored, blob)),
        "sefa": mixed.flatten()[::401],
        "roi_box": later.boxes,
        "roi_theta": crop_transform(later.boxes, size),
        "roi_fw": crop_grid(later.boxes, size)[:, ::32, ::32],
        "roi_bw": paste_grid(later.boxes, size)[:, ::16, ::16],
    }
    with np.load(folder / "forward.npz") as archive:
        wanted = dict(archive)
    for name in [name for name in found if name in wanted]:
        report.close("ipn forward", name, found[name], wanted.pop(name), relative=NETWORK)
    refuse_others("ipn forward", wanted, report)


def _block(size: tuple[int, int], rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(1, *size)
    mask[:, rows, columns] = 1
    return mask


def _described(name: str, reference: str, guess: Guess, loss: torch.Tensor) -> dict[str, Any]:
    return {
        f"{name}_prob": guess.probabilities,
        f"{name}_{reference}": guess.reference.flatten()[::401],
        f"{name}_{reference}_stats": statistics(guess.reference),
        f"{name}_ce": loss,
    }


def _run_weights(case: Mapping[str, Any], report: Report) -> None:
    for entry in case["weights"]:
        first, last, weights = blend_weights(entry["target"], entry["prev"], entry["num_frames"])
        wanted = entry["out"]
        name = f"ipn weights {entry['target']} {entry['prev']}"
        report.equal(name, "range", [first, last], wanted[:2])
        report.close(name, "weights", weights, wanted[2], absolute=1e-9)


def _run_rounds(path: Path, case: Mapping[str, Any], host: IpnHost, report: Report) -> None:
    with np.load(path) as archive:
        wanted = dict(archive)
    host.start(wanted.pop("video"), case["n_objects"])
    unmerged = []
    for number, frame in enumerate(case["order"], start=1):
        lines = [ScribbleLine.from_record(entry) for entry in case["new_scribbles"][number - 1]]
        result = host.interact(frame, lines)
        unmerged.append(host.state.objects[..., ::4, ::4].clone())
        name, limit = f"ipn {path.stem} round {number}", probability_limit(number)
        want = wanted.pop(f"prob_r{number}")
        report.close(name, "prob", result.probs[..., ::4, ::4], want, absolute=limit)
        want = wanted.pop(f"mask_r{number}")
        report.share(name, "mask", result.masks, want, MASK_SHARE, 0)
    # The arrays of the reference share memory from round to round: each one but the last holds
    # what the following round made of it.
    for number, got in enumerate([*unmerged[1:], unmerged[-1]], start=1):
        name, limit = f"ipn {path.stem} round {number}", probability_limit(number + 1)
        report.close(name, "obj", got, wanted.pop(f"obj_r{number}"), absolute=limit)
    refuse_others(f"ipn {path.stem}", wanted, report)
