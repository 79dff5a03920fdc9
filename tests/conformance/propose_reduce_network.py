"""Reference cases of the network: backbone, proposals, boxes and propagation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.ops import nms

from ltr.data.image_format import IMAGENET_RGB
from ltr.models.layers.aggregation import aggregate
from ltr.models.propose_reduce.boxes import (
    BOX_STDS,
    base_anchors,
    clip,
    decode,
    half_open,
    inclusive,
    level_anchors,
)
from ltr.models.propose_reduce.detection import (
    PROPOSALS,
    DetectionSettings,
    ScoredBoxes,
    choose_detections,
    level_candidates,
)
from ltr.models.propose_reduce.propagation import Memory
from ltr.models.propose_reduce.released import from_upstream
from ltr.models.propose_reduce.roi import align_boxes, box_levels, paste_masks
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn
from tests.conformance.propose_reduce_files import (
    BACKBONES,
    Case,
    golden_network,
    network_input,
)
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input
from tests.upstream_functions import to_upstream

_PIXELS = 1e-2
_PROBABILITY = 1e-4
_NAMES = {"ytvis": 41, "davis": 2}


def run_manifest(path: Path, report: Report) -> None:
    """Compare names and shapes of a released file with those of the network, both ways."""
    _, backbone, data = path.stem.split("_")
    wanted = {key: (tuple(shape), dtype) for key, shape, dtype in json.loads(path.read_text())}
    with torch.device("meta"):
        own = seq_mask_rcnn(_NAMES[data], BACKBONES[backbone]).state_dict()
        file = {f"module.{key}": torch.empty(shape) for key, (shape, _) in wanted.items()}
    loaded = {key: tuple(value.shape) for key, value in from_upstream(file).items()}
    report.equal(path.stem, "network", loaded, {k: tuple(v.shape) for k, v in own.items()})
    back = {k: (tuple(v.shape), str(v.dtype)) for k, v in to_upstream(own).items()}
    wanted = {k: (s, f"torch.{d.removeprefix('torch.')}") for k, (s, d) in wanted.items()}
    report.equal(path.stem, "released", back, wanted)


@torch.inference_mode()
def run_backbone(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare the levels of backbone and pyramid."""
    case = Case(name, folder / f"{name}.npz", report)
    images = network_input(entry["input"], entry.get("img_shape"))
    network = golden_network(folder, entry)
    body = network.backbone.body(images)
    features = network.features(images)
    case.compare("x_sub", images)
    for level, value in enumerate(body.values(), 2):
        case.compare(f"C{level}", value)
    for level, value in enumerate(features.pyramid, 2):
        case.compare(f"P{level}", value)
    case.finish()


@torch.inference_mode()
def run_proposals(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare anchors, outputs and choice of the region proposals."""
    case = Case(name, folder / f"{name}.npz", report)
    network = golden_network(folder, entry)
    size = entry["img_shape"][:2]
    outputs = network.rpn(network.features(network_input(entry["input"], size)).pyramid)
    anchors = level_anchors(outputs[0])
    for level, (logits, deltas) in enumerate(zip(*outputs, strict=True)):
        case.compare(f"rpn_cls{level}", logits)
        case.compare(f"rpn_reg{level}", deltas)
        _compare_anchors(case, level, inclusive(anchors[level]))
        most = PROPOSALS.max_candidates
        found = level_candidates(logits[0], deltas[0], anchors[level], size, most)
        want = case.take(f"pre_nms{level}")
        report.close(name, f"pre_nms{level}", _scored(found), want, absolute=_PIXELS)
        keep = nms(found.boxes, found.scores, PROPOSALS.nms_iou)[:most]
        report.equal(name, f"keep{level}", keep.tolist(), case.take(f"keep{level}").tolist())
    [proposals] = network.propose(outputs, size)
    want = case.take("proposals")
    report.close(name, "proposals", _scored(proposals), want, absolute=_PIXELS)
    case.finish()


def _compare_anchors(case: Case, level: int, anchors: torch.Tensor) -> None:
    base = inclusive(base_anchors(4 * 2**level))
    parts = {
        f"base_anchors{level}": base,
        f"anchors{level}_first8": anchors[:8],
        f"anchors{level}_last4": anchors[-4:],
        f"anchors{level}_n": np.array(len(anchors)),
    }
    for key, found in parts.items():
        case.report.equal(case.name, key, np.asarray(found), case.take(key))


def _scored(found: ScoredBoxes) -> torch.Tensor:
    return torch.cat([inclusive(found.boxes), found.scores[:, None]], dim=1)


@torch.inference_mode()
def run_boxes(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare the heads on given boxes, and the detections on the case's own proposals."""
    case = Case(name, folder / f"{name}.npz", report)
    network = golden_network(folder, entry)
    size = entry["img_shape"][:2]
    pyramid = network.features(network_input(entry["input"], size)).pyramid
    boxes = half_open(torch.from_numpy(case.take("boxes")))
    report.equal(name, "levels", box_levels(boxes).numpy(), case.take("levels"))
    case.compare("roi7", align_boxes(pyramid, [boxes], 7))
    case.compare("roi14", align_boxes(pyramid, [boxes], 14))
    logits, deltas = network.classify(pyramid, [boxes])
    case.compare("cls_score", logits)
    case.compare("bbox_pred", deltas)
    moved = clip(decode(deltas.view(len(boxes), -1, 4), boxes[:, None], BOX_STDS), size)
    want = case.take("decoded")
    report.close(name, "decoded", inclusive(moved).flatten(1), want, absolute=_PIXELS)
    _compare_masks(case, network, pyramid, boxes)
    _compare_detections(case, network, pyramid, size)
    case.finish()


def _compare_masks(
    case: Case, network: SeqMaskRCNN, pyramid: tuple[torch.Tensor, ...], boxes: torch.Tensor
) -> None:
    logits = network.mask_logits(pyramid, [boxes])
    case.compare("mask_all", logits)
    labels = torch.from_numpy(case.take("mask_labels1"))
    chosen = logits[torch.arange(len(labels)), labels]
    case.compare("mask_logits", chosen)
    canvas = case.take("paste_hw").tolist()
    soft = paste_masks(chosen.sigmoid(), boxes, canvas, threshold=None)
    case.compare("paste_soft", soft, _PROBABILITY)
    hard = paste_masks(chosen.sigmoid(), boxes, canvas).numpy()
    want = np.unpackbits(case.take("paste_hard"))[: hard.size].reshape(hard.shape)
    case.report.equal(case.name, "paste_hard", hard.astype(np.uint8), want)


def _compare_detections(
    case: Case, network: SeqMaskRCNN, pyramid: tuple[torch.Tensor, ...], size: list[int]
) -> None:
    [proposals] = network.propose(network.rpn(pyramid), size)
    outputs = network.classify(pyramid, [proposals.boxes])
    scores = outputs[0].softmax(dim=1)[:, 1:].amax(dim=1)
    case.compare("prop_scores_max", scores)
    for prefix, labels, settings in (
        ("det_all", "det_all_labels0", DetectionSettings(max_detections=10**9)),
        ("det_bboxes", "det_labels0", DetectionSettings()),
    ):
        found = choose_detections(*outputs, proposals.boxes, size, settings)
        scored = _scored(ScoredBoxes(found.boxes, found.scores))
        case.report.close(case.name, prefix, scored, case.take(prefix), absolute=_PIXELS)
        case.report.equal(case.name, labels, found.classes.numpy() - 1, case.take(labels))


@torch.inference_mode()
def run_propagation(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare the propagation of given masks through a clip, layer by layer.

    The frames fill the whole input: ``img_shape`` is the size of the masks alone.
    """
    case = Case(name, folder / f"{name}.npz", report)
    network = golden_network(folder, entry)
    masks = torch.from_numpy(case.take("key_masks")).float()
    outputs = _record(network)
    memory = None
    for time, images in enumerate(_clip(entry)):
        features = network.features(images)
        if memory is None:
            memory = network.prop_head.memorise(features.pyramid[0], masks)
            _compare_layers(case, "mem0", outputs)
        outputs.clear()
        alone = network.prop_head.segment(memory, network.query(features))
        _compare_layers(case, f"t{time}", outputs)
        case.compare(f"t{time}_seg", alone[:, None], _PROBABILITY)
        logits = aggregate(alone)
        case.compare(f"t{time}_logit", logits[None])
        probabilities = logits.softmax(dim=0)
        case.compare(f"t{time}_prob", probabilities[None], _PROBABILITY)
        if time and time % entry["mem_step"] == 0:
            entry_of_frame = network.prop_head.memorise(features.pyramid[0], probabilities[1:])
            memory = Memory(
                *(torch.cat(p, dim=2) for p in zip(memory, entry_of_frame, strict=True))
            )
    report.equal(name, "mem_len", memory.keys.shape[2], int(case.take("mem_len")))
    case.compare("mem_key_final", memory.keys)
    case.compare("mem_value_final", memory.values)
    case.finish()


def _clip(entry: Mapping[str, Any]) -> list[torch.Tensor]:
    clip_entry = entry["clip"]
    whole = seeded_input(
        clip_entry["name"], clip_entry["shape"], clip_entry["seed"], clip_entry["kind"]
    )
    count, shift = clip_entry["frames"], clip_entry["shift"]
    width = whole.shape[-1] - shift * count
    frames = [whole[None, ..., shift * t : shift * t + width] for t in range(count)]
    return [IMAGENET_RGB.normalise(frame) for frame in frames]


def _record(network: SeqMaskRCNN) -> dict[str, torch.Tensor]:
    """Outputs of the propagation head's own modules, filled while it runs."""
    outputs: dict[str, torch.Tensor] = {}
    for name, module in network.prop_head.named_children():
        module.register_forward_hook(lambda _, __, y, name=name: outputs.__setitem__(name, y))
    return outputs


def _compare_layers(case: Case, prefix: str, outputs: Mapping[str, torch.Tensor]) -> None:
    for layer, value in outputs.items():
        case.compare(f"{prefix}_{layer}", value)
