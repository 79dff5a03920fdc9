"""ATNet: both networks, the local transfer, the driver's helpers, and whole rounds."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.interactive.scribbles import ScribbleLine, parse_scribbles
from ltr.models.interactive.atnet import ATNet, FrameFeatures, atnet, transfer_globally
from ltr.models.interactive.transfer import correlate, transfer
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.atnet import AtnetHost
from pytracking.tracker.interactive.atnet_maps import (
    annotation_maps,
    label_by_threshold,
    plan_padding,
    plan_sweep,
)
from pytracking.tracker.interactive.parameters import AtnetParameters
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
_EVERY = {"res5": 997, "res4": 997, "res3": 997, "res2": 997}


@torch.no_grad()
def run(folder: Path, report: Report) -> None:
    """Run the forward case, the helpers and the rounds of a folder."""
    case = json.loads((folder / "cases.json").read_text())
    network = seeded_network(atnet(), case["seed"], case["gain"])
    compare_keys("atnet", network, folder / "manifest.json", report)
    with np.load(folder / "forward.npz") as archive:
        wanted = dict(archive)
    found = _forward(network, case) | _unit(case["seed"])
    for name in [name for name in found if name in wanted]:
        report.close("atnet forward", name, found[name], wanted.pop(name), relative=_NETWORK)
    refuse_others("atnet forward", wanted, report)
    _run_helpers(folder, report)
    record = json.loads((folder / "driver_scribbles.json").read_text())
    with np.load(folder / "driver_inputs.npz") as archive:
        video = archive["video"]
    for path in sorted(folder.glob("driver_align*.npz")):
        _run_rounds(path, record, video, network, report)


def _forward(network: ATNet, case: Mapping[str, Any]) -> dict[str, Any]:
    shape, seed = (case["n_objects"], 3, case["H"], case["W"]), case["seed"]
    frames = [
        IMAGENET_RGB.normalise(seeded_input(f"atnet:frame{index}", shape, seed, "image"))
        for index in range(3)
    ]
    extra = seeded_input("atnet:extra", shape, seed, "uniform")
    found: dict[str, Any] = {}
    for name, values in network.encoder_3ch(frames[0]).items():
        found[f"enc3_{name[0]}{name[-1]}"] = values.flatten()[::997]
        found[f"enc3_{name[0]}{name[-1]}_stats"] = statistics(values)
    inputs = torch.cat([frames[0], extra], dim=1)
    values = network.encoder_6ch(inputs)["res5"]
    found |= {"enc6_r5": values.flatten()[::997], "enc6_r5_stats": statistics(values)}
    logits, indicators = network.annotate(inputs)
    found |= {"anet_logit": logits[:, 0, ::2, ::2], "anet_ind": indicators.flatten()[::499]}
    found["anet_ind_stats"] = statistics(indicators)
    second = torch.cat([frames[1], extra.flip(3)], dim=1)
    second_logits, second_indicators = network.annotate(second)
    annotated = [(frames[0], indicators), (frames[1], second_indicators)]
    return found | _transferred(network, annotated, frames[2], second_logits.sigmoid())


def _transferred(
    network: ATNet,
    annotated: list[tuple[torch.Tensor, torch.Tensor]],
    frame: torch.Tensor,
    masks: torch.Tensor,
) -> dict[str, Any]:
    """Both transfers; every object of the case has a frame of its own."""
    found: dict[str, list[torch.Tensor]] = {}
    for index in range(len(frame)):
        own = slice(index, index + 1)
        target = network.encode(frame[own])
        looks = torch.stack(
            [
                transfer_globally(network.encode(image[own]).top, indicators[own], target.top)
                for image, indicators in annotated
            ]
        ).mean(dim=0)
        neighbour: FrameFeatures = network.encode(annotated[1][0][own])
        similarity = network.compare(target, neighbour)
        found.setdefault("global_transfer", []).append(looks)
        for is_aligned in (False, True):
            name, mask = f"align{int(is_aligned)}", masks[own]
            local = network.transfer_locally(similarity, mask, is_aligned)
            logits = network.propagate(target, network.mix(looks), similarity, mask, is_aligned)
            found.setdefault(f"local_transfer_{name}", []).append(local[:, 0])
            found.setdefault(f"tnet_{name}", []).append(logits)
    joined = {name: torch.cat(parts) for name, parts in found.items()}
    looks = joined.pop("global_transfer")
    described: dict[str, Any] = {
        "global_transfer": looks.flatten()[::499],
        "global_transfer_stats": statistics(looks),
    }
    for name in ("align0", "align1"):
        logits = joined.pop(f"tnet_{name}")
        described[f"tnet_logit_{name}"] = logits[:, 0, ::2, ::2]
        described[f"tnet_{name}_stats"] = statistics(logits)
    return described | joined


def _unit(seed: int) -> dict[str, torch.Tensor]:
    target, neighbour = (seeded_input(f"ltm:{name}", (2, 5, 12, 14), seed) for name in "ab")
    masks = seeded_input("ltm:m", (2, 1, 12, 14), seed, "uniform")
    products = correlate(target, neighbour)
    weights = products.softmax(dim=2)
    moved = {f"ltm_out_align{int(flag)}": transfer(weights, masks, flag) for flag in (False, True)}
    return {"ltm_corr": products, **moved}


def _run_helpers(folder: Path, report: Report) -> None:
    record = json.loads((folder / "helpers.json").read_text())
    for entry in record["prop_lists"]:
        now = entry["now"]
        numbers = now, entry["annotated"], entry["num_frames"], entry["proportion"]
        first, last = plan_sweep(*numbers)
        order = [*range(now, first - 1, -1), *range(now, last + 1)]
        report.equal(f"atnet order {now} of {entry['annotated']}", "frames", order, entry["out"])
    for entry in record["pad"]:
        found = [list(ends) for ends in plan_padding((entry["h"], entry["w"]))]
        report.equal(f"atnet pad {entry['h']}x{entry['w']}", "pad", found, entry["pad"])
    entry = record["combine"]
    found = label_by_threshold(drawn_input(entry["input"], entry["seed"]), entry["th"])
    report.equal("atnet combine", "masks", found.numpy(), np.asarray(entry["out"]))
    _run_scribble_maps(folder, record["frame"], report)


def drawn_input(text: str, seed: int) -> torch.Tensor:
    """The array of a text like ``seeded_input("name",(3,3,8,9),seed,"uniform")``."""
    name, shape, _, kind = ast.parse(text, mode="eval").body.args
    return seeded_input(
        ast.literal_eval(name), ast.literal_eval(shape), seed, ast.literal_eval(kind)
    )


def _run_scribble_maps(folder: Path, frame: int, report: Report) -> None:
    record = json.loads((folder / "driver_scribbles.json").read_text())
    lines = parse_scribbles(record["scribbles"]).frames[frame]
    with np.load(folder / "scribble_image.npz") as archive:
        wanted = dict(archive)
    labels = wanted.pop("prev_mask")
    for number in range(1, record["n_objects"] + 1):
        first = annotation_maps(lines, number, None, labels.shape)
        later = annotation_maps(lines, number, labels, labels.shape)
        for name, got in (("first_round", first[1]), ("pos", later[1]), ("neg", later[2])):
            want = wanted.pop(f"{name}_obj{number}")
            report.close("atnet scribbles", f"{name}_obj{number}", got, want, absolute=1e-6)
    refuse_others("atnet scribbles", wanted, report)


def _run_rounds(
    path: Path, record: Mapping[str, Any], video: np.ndarray, network: ATNet, report: Report
) -> None:
    with np.load(path) as archive:
        wanted = dict(archive)
    params = AtnetParameters(
        threshold=record["propth"],
        proportion=record["propagation_proportion"],
        align_corners=path.stem.removeprefix("driver_align") == "1",
    )
    host = AtnetHost(params, network, Runtime())
    host.start(video, record["n_objects"])
    padding = [list(ends) for ends in host.state.padding]
    report.equal(f"atnet {path.stem}", "padding", padding, record["pad_info"])
    scribbles, order = parse_scribbles(record["scribbles"]), record["order"]
    for number, frame in enumerate(order, start=1):
        lines = _lines_until(scribbles.frames[frame], order, number)
        result = host.interact(frame, lines)
        name = f"atnet {path.stem} round {number}"
        want, limit = wanted.pop(f"prob_r{number}"), probability_limit(number)
        report.close(name, "prob", result.probs[:, 1:, ::3, ::3], want, absolute=limit)
        want = wanted.pop(f"mask_r{number}")
        report.share(name, "mask", result.masks, want, MASK_SHARE, 0)
    refuse_others(f"atnet {path.stem}", wanted, report)


def _lines_until(
    lines: Sequence[ScribbleLine], order: Sequence[int], number: int
) -> Sequence[ScribbleLine]:
    """The lines of a frame that earlier rounds and this one drew.

    Rounds are told apart by their first line, that of object 1.
    """
    starts = [index for index, line in enumerate(lines) if line.object_id == 1] + [len(lines)]
    rounds = [position for position, frame in enumerate(order) if frame == order[number - 1]]
    return lines[: starts[rounds.index(number - 1) + 1]]
