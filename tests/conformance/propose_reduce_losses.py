"""Training losses and gradients of Seq Mask R-CNN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.actors.propose_reduce import class_accuracy, stack_frames, training_losses
from ltr.models.propose_reduce.boxes import half_open
from ltr.models.propose_reduce.losses import proposal_losses
from ltr.models.propose_reduce.released import from_upstream
from ltr.models.propose_reduce.targets import Sampling
from ltr.models.propose_reduce.training import TrainingFrames, guidance_masks, training_pass
from tests.conformance.propose_reduce_network import golden_network
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input
from tests.upstream_functions import to_upstream

# A bias of the memory's keys moves all scores of a position alike: its gradient is rounding.
_NOISE = 1e-9
_EVERYTHING = Sampling(rpn_batch_size=10**6, box_batch_size=10**6)
_LOSSES = {"cls": "loss_cls", "reg": "loss_reg", "mask": "loss_mask", "prop": "loss_prop"}


def run(case: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare every loss of a batch, what leads to the propagation loss, and all gradients."""
    with np.load(folder / f"{case}.npz") as archive:
        arrays = dict(archive)
    network = golden_network(folder, entry).train()
    query, guidance = (
        _frames(entry, arrays, "query", "gt"),
        _frames(entry, arrays, "guidance", "ref"),
    )
    links = [_links(arrays.pop(f"pids{number}")) for number in range(len(query.images))]
    outputs = training_pass(network, query, guidance, links, _EVERYTHING)
    losses = training_losses(outputs)
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    levels = proposal_losses(outputs.anchor_logits, outputs.anchor_deltas, outputs.anchor_targets)
    for name, got in zip(("loss_rpn_cls", "loss_rpn_reg"), levels, strict=True):
        report.close(case, name, got, arrays.pop(name), relative=1e-4)
    for name, wanted in _LOSSES.items():
        report.close(case, wanted, losses[name], arrays.pop(wanted), relative=1e-4)
    report.close(case, "acc", class_accuracy(outputs), arrays.pop("acc"), relative=1e-4)
    report.close(case, "loss_total", total, arrays.pop("loss_total"), relative=1e-4)
    soft = guidance_masks(network, network.features(guidance.images), guidance)
    for number, probabilities in enumerate(outputs.probabilities):
        got = soft[number][:, ::2, ::2]
        name = f"guidance_soft{number}"
        report.close(case, name, got, arrays.pop(name), absolute=1e-4)
        wanted = arrays.pop(f"prop_prob{number}")[0]
        got = probabilities[:, ::2, ::2]
        report.close(case, f"prop_prob{number}", got, wanted[1:], absolute=1e-4)
        report.close(
            case, f"prop_prob{number} background", 1 - got.sum(dim=0), wanted[0], absolute=1e-4
        )
    _compare_gradients(case, network, arrays, report)
    for name in arrays:
        report.fail(case, f"unknown array {name!r}")


def _frames(
    entry: Mapping[str, Any], arrays: dict[str, np.ndarray], name: str, prefix: str
) -> TrainingFrames:
    source = entry[name]
    height, width = entry["img_shape"][:2]
    images = seeded_input(source["name"], source["shape"], source["seed"], source["kind"])
    frames = []
    for number, image in enumerate(images):
        shape = arrays.pop(f"{prefix}_masks{number}_shape")
        bits = np.unpackbits(arrays.pop(f"{prefix}_masks{number}"))[: np.prod(shape)]
        frames.append(
            {
                "image": image[:, :height, :width],
                "labels": torch.from_numpy(arrays.pop(f"{prefix}_labels{number}")),
                "boxes": half_open(torch.from_numpy(arrays.pop(f"{prefix}_boxes{number}"))),
                "masks": torch.from_numpy(bits.reshape(shape)),
            }
        )
    return stack_frames(frames)


def _links(numbers: np.ndarray) -> torch.Tensor:
    """Numbers of objects in guidance and query frame, by the former."""
    pairs = sorted((int(there) - 1, here) for here, there in enumerate(numbers) if there > 0)
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)


def _compare_gradients(
    case: str, network: torch.nn.Module, arrays: dict[str, np.ndarray], report: Report
) -> None:
    gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
    names = arrays.pop("grad_names").tolist()
    ours = [name for old in names for name in from_upstream({old: torch.empty(0)})]
    report.equal(case, "parameters with a gradient", sorted(gradients), sorted(ours))
    upstream = to_upstream(gradients)
    norms = arrays.pop("grad_norms")
    noise = _NOISE * float(np.linalg.norm(norms))
    for name, want in zip(names, norms, strict=True):
        got = upstream[name].norm() if name in upstream else np.nan
        report.close(case, f"gradient {name}", got, want, relative=1e-3, absolute=noise)
