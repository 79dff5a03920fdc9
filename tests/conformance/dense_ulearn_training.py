"""Training: the two views of a clip, losses, gradients and steps of the optimiser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ltr.actors.dense_ulearn import DenseULearnActor
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.image_io import read_image
from ltr.data.two_views import TwoViews, ViewRoll, scaled_size
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet
from ltr.models.loss.self_training import align, anchor_logits, pseudo_labels, take_positions
from ltr.trainers.optimizer import make_optimizer
from tests.conformance.dense_ulearn_network import golden_network
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input

_LOSSES = (1e-5, 1e-4, 1e-3)
# The gradient of a bias before a batch norm is zero; what is left of it is rounding.
_NOISE = 1e-7
_SLICES = {
    "grad_conv1": ("fast_net.backbone.conv1.weight", (1, 1)),
    "grad_emb_q_conv2": ("fast_net.emb_q.conv2.weight", (4, 8)),
    "grad_layer4_1_conv2": ("fast_net.backbone.layer4.1.conv2.weight", (32, 32)),
}


def run_views(case: Path, manifest: Mapping[str, Any], report: Report) -> None:
    """Make both views of every item with the recorded draws."""
    config = manifest["config"]
    maker = TwoViews(
        crop_size=tuple(config["CROP_SIZE"]),
        shorter_side_range=tuple(config["SMALLEST_RANGE"]),
        zoom_range=tuple(config["RND_ZOOM_RANGE"]),
    )
    for item in manifest["items"]:
        video = item["video"]
        frames = {int(path.stem): path for path in (case / "frames" / video).glob("*.png")}
        images = [read_image(frames[number]) for number in item["frame_ids"]]
        views = maker.apply(images, _roll(item, config, images[0].shape[:2]))
        for kind, pixels in (("main", views.main), ("reg", views.reg)):
            with np.load(case / f"{video}.{kind}.npz") as archive:
                wanted = dict(archive)
            name = f"{video}.{kind}"
            report.close(
                case.name, f"{name}.frames", pixels.transpose(0, 3, 1, 2), wanted["frames"],
                absolute=1,
            )  # fmt: skip
            theta = views.theta if kind == "main" else np.eye(2, 3, dtype=np.float32)
            theta = np.broadcast_to(theta, wanted["affine"].shape)
            report.close(case.name, f"{name}.affine", theta, wanted["affine"], absolute=1e-6)


def _roll(item: Mapping[str, Any], config: Mapping[str, Any], size: tuple[int, int]) -> ViewRoll:
    low, high = config["SMALLEST_RANGE"]
    side = low + int((high - low) * item["scale_smallest_u"])
    spare = [a - b for a, b in zip(scaled_size(size, side), config["CROP_SIZE"], strict=True)]
    crop = item["crop_ij"] or [round(max(0, length) / 2) for length in spare]
    return ViewRoll(
        shorter_side=side,
        crop=tuple(crop),
        flips=config["RND_HFLIP"] and item["hflip_u"] > 0.5,
        flips_reg=config["GUIDED_HFLIP"] and item["guided_hflip_u"] > 0.5,
        zoom=item["zoom_s"],
        zoom_corner=tuple(item["zoom_ij"]),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sum in the order of the reference, which ran on one thread.

    Adam's first steps follow the sign even of the smallest gradients: another order of the sums
    moves the loss of the second step by 3e-4.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_thread()
def run_steps(case: Path, manifest: Mapping[str, Any], report: Report) -> None:
    """Compare the losses of every step; of the first one also what leads to them."""
    with np.load(case / "outputs.npz") as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    network = golden_network(case, manifest["seed"], manifest["weight_gain"]).train()
    config, batch = manifest["config"], _batch(case, manifest, arrays)
    actor = DenseULearnActor(
        network, config["GRID_SIZE"], config["GRID_SIZE_REF"], config["TEMP"], config["CE_REF"],
        config["STOP_GRAD"],
    )  # fmt: skip
    if config["BLOCK_BN"]:
        report.fail(case.name, "BLOCK_BN is not built: no published recipe uses it")
        return
    optimizer = make_optimizer(
        network,
        {"fast_net": config["LR"]},
        config["OPT"].lower(),
        config["WEIGHT_DECAY"],
        config["MOMENTUM"],
        (config["BETA1"], 0.999),
        bias_factor=2.0,
    )
    for step, wanted in enumerate(manifest["losses_float32"]):
        positions = {
            "anchors": arrays.pop(f"anchors{step}"),
            "reference_anchors": arrays.pop(f"anchors_ref{step}"),
        }
        if step == 0:
            _compare_maps(case.name, network, batch | positions, config["TEMP"], arrays, report)
        optimizer.zero_grad()
        loss, stats = actor(batch | positions)
        loss.backward()
        limit = _LOSSES[min(step, len(_LOSSES) - 1)]
        for name, value in wanted.items():
            report.close(
                case.name, f"step{step}.{name}", stats[f"Loss/{name}"], value, relative=limit
            )
        if step == 0:
            _compare_gradients(case.name, network, manifest, arrays, report)
        optimizer.step()
    state = network.state_dict()
    for name, want in manifest["norms_after_steps"].items():
        report.close(case.name, f"norm {name}", state[name].norm(), want, relative=1e-4)
    counters = [v for k, v in state.items() if k.endswith("num_batches_tracked")]
    want = manifest["num_batches_tracked_after"]
    report.equal(case.name, "num_batches_tracked", {int(v) for v in counters}, {want})
    for name in arrays:
        report.fail(case.name, f"unknown array {name!r}")


def _batch(
    case: Path, manifest: Mapping[str, Any], arrays: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    if isinstance(manifest["inputs"], str):
        main, reg = _recorded_views(case)
    else:
        main, reg = _drawn_views(manifest)
    reference = arrays.pop("affine_reg")
    if not torch.equal(reference, torch.eye(2, 3).expand_as(reference)):
        raise ValueError("affine_reg is not the identity")
    return {"main": main, "reg": reg, "theta": arrays.pop("affine_main")}


def _drawn_views(manifest: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    config, name, seed = manifest["config"], manifest["case"], manifest["seed"]
    shape = (config["B"], config["T"], 3, *config["crop"])
    main, other = (
        _normalise(seeded_input(f"{name}.{kind}", shape, seed, "image")) for kind in ("main", "reg")
    )
    return main, 0.5 * other + 0.5 * main


def _recorded_views(case: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """The views of the folder's augmentation case, its items as clips."""
    manifests = {path.parent: json.loads(path.read_text()) for path in _manifests(case.parent)}
    source = next(path for path, content in manifests.items() if content["kind"] == "augmentation")
    videos = [item["video"] for item in manifests[source]["items"]]
    clips = []
    for kind in ("main", "reg"):
        stored = [np.load(source / f"{video}.{kind}.npz")["frames"] for video in videos]
        clips.append(_normalise(torch.from_numpy(np.stack(stored)).float()))
    return clips[0], clips[1]


def _manifests(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/manifest.json"))


def _normalise(images: torch.Tensor) -> torch.Tensor:
    """(clips, frames, 3, H, W), 0..255 -> network input."""
    return IMAGENET_RGB.normalise(images.flatten(0, 1)).unflatten(0, images.shape[:2])


@torch.no_grad()
def _compare_maps(
    case: str,
    network: DenseULearnNet,
    batch: Mapping[str, torch.Tensor],
    temperature: float,
    arrays: dict[str, torch.Tensor],
    report: Report,
) -> None:
    """Pseudo labels, affinities and errors of all frames, the reference frame included."""
    state = {name: value.clone() for name, value in network.state_dict().items()}
    main, reg = network(batch["main"], batch["reg"])
    network.load_state_dict(state)
    anchors = take_positions(main[:, 0], batch["anchors"])
    aligned = align(main.flatten(0, 1), batch["theta"].flatten(0, 1)).unflatten(0, main.shape[:2])
    logits = anchor_logits(aligned, anchors, temperature).flatten(0, 1).movedim(-1, 1)
    labels = pseudo_labels(reg, anchors).flatten(0, 1)
    report.share(case, "pseudo", labels, arrays.pop("pseudo"), 0.999, 0.0)
    soft = logits.softmax(dim=1)[:, ::8]
    report.share(case, "map_soft", soft, arrays.pop("map_soft"), 0.999, 1e-3)
    error = F.cross_entropy(logits, labels, reduction="none")
    report.share(case, "error_map", error, arrays.pop("error_map"), 0.999, 1e-3)


def _compare_gradients(
    case: str,
    network: DenseULearnNet,
    manifest: Mapping[str, Any],
    arrays: dict[str, torch.Tensor],
    report: Report,
) -> None:
    parameters = dict(network.named_parameters())
    report.equal(case, "parameters", sorted(parameters), sorted(manifest["grad_norms"]))
    total = torch.stack([parameter.grad.norm() for parameter in parameters.values()]).norm()
    report.close(case, "gradient norm", total, manifest["grad_norm_total"], relative=1e-3)
    for name, want in manifest["grad_norms"].items():
        norm = parameters[name].grad.norm()
        noise = _NOISE * manifest["grad_norm_total"]
        report.close(case, f"gradient {name}", norm, want, relative=1e-3, absolute=noise)
    for name, (parameter, steps) in _SLICES.items():
        if name in arrays:
            got = parameters[parameter].grad[:: steps[0], :: steps[1]]
            report.close(case, name, got, arrays.pop(name), relative=2e-3)
