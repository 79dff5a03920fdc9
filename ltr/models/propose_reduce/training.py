"""The pass of a training step: a query frame is detected, and segmented from a guidance frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ltr.models.layers.aggregation import aggregate
from ltr.models.propose_reduce.boxes import level_anchors
from ltr.models.propose_reduce.mask_rcnn import Features, MaskRCNN
from ltr.models.propose_reduce.propagation import FrameQuery, Memory
from ltr.models.propose_reduce.roi import paste_masks
from ltr.models.propose_reduce.targets import (
    AnchorTargets,
    BoxTargets,
    Instances,
    Sampling,
    anchor_targets,
    box_targets,
    mask_targets,
)


class TrainingFrames(NamedTuple):
    """One frame of every pair of a batch.

    Args:
        images: (N, 3, H, W), normalised and padded.
        sizes: Height and width of every image without padding.
        objects: Ground truth of every image.
    """

    images: torch.Tensor
    sizes: Sequence[tuple[int, int]]
    objects: Sequence[Instances]


class TrainingOutputs(NamedTuple):
    """What the heads say, beside what they should have said.

    Args:
        anchor_logits: Objectness logits of every level, (N, anchors).
        anchor_deltas: Box regression of every level, (N, anchors, 4).
        anchor_targets: Targets of the sampled anchors of every image.
        class_logits: (boxes of all images, classes).
        box_deltas: (boxes of all images, 4 * classes).
        box_targets: Targets of the sampled proposals of every image.
        mask_logits: (boxes of objects of all images, classes, 28, 28).
        mask_targets: (boxes of objects of all images, 28, 28).
        probabilities: Propagated masks of every pair, float32 (objects, H, W), 0..1.
        truths: Ground-truth masks of these objects in the query frame, uint8 (objects, H, W) per
            pair.
        carried: The guidance frame's true masks as the attention alone carries them to the query
            frame, float32 (objects, H / 16, W / 16) per pair.
        key_lengths: Mean squared length of the keys that the attention compares, (objects,) per
            pair.
    """

    anchor_logits: list[torch.Tensor]
    anchor_deltas: list[torch.Tensor]
    anchor_targets: list[AnchorTargets]
    class_logits: torch.Tensor
    box_deltas: torch.Tensor
    box_targets: list[BoxTargets]
    mask_logits: torch.Tensor
    mask_targets: torch.Tensor
    probabilities: list[torch.Tensor]
    truths: list[torch.Tensor]
    carried: list[torch.Tensor]
    key_lengths: list[torch.Tensor]


def split_outputs(outputs: TrainingOutputs, size: int) -> list[TrainingOutputs]:
    """Cut the outputs of a batch into those of neighbouring pairs.

    Args:
        outputs: Outputs of all pairs.
        size: Pairs of a part; the last part may be smaller.
    """
    boxes = [len(each.labels) for each in outputs.box_targets]
    objects = [len(each.matched) for each in outputs.box_targets]
    parts = []
    for start in range(0, len(boxes), size):
        pairs = slice(start, start + size)
        box = slice(sum(boxes[:start]), sum(boxes[: start + size]))
        own = slice(sum(objects[:start]), sum(objects[: start + size]))
        parts.append(
            TrainingOutputs(
                anchor_logits=[level[pairs] for level in outputs.anchor_logits],
                anchor_deltas=[level[pairs] for level in outputs.anchor_deltas],
                anchor_targets=outputs.anchor_targets[pairs],
                class_logits=outputs.class_logits[box],
                box_deltas=outputs.box_deltas[box],
                box_targets=outputs.box_targets[pairs],
                mask_logits=outputs.mask_logits[own],
                mask_targets=outputs.mask_targets[own],
                probabilities=outputs.probabilities[pairs],
                truths=outputs.truths[pairs],
                carried=outputs.carried[pairs],
                key_lengths=outputs.key_lengths[pairs],
            )
        )
    return parts


def training_pass(
    network: MaskRCNN,
    query: TrainingFrames,
    guidance: TrainingFrames,
    links: Sequence[torch.Tensor],
    sampling: Sampling,
) -> TrainingOutputs:
    """Run all heads.

    Args:
        network: Any mode; random numbers are drawn where there are too many boxes.
        query: Are detected and segmented.
        guidance: Give the memory.
        links: int64 (objects, 2) per pair: number of an object in the guidance and in the query
            frame.
        sampling: How many boxes are learned from.
    """
    count = len(query.images)
    both = network.features(torch.cat([query.images, guidance.images]))
    own, other = _part(both, slice(0, count)), _part(both, slice(count, None))
    logits, deltas = network.rpn(own.pyramid)
    anchors = torch.cat(level_anchors(logits))
    proposals = _propose(network, logits, deltas, query.sizes)
    chosen = [box_targets(*parts, sampling) for parts in zip(proposals, query.objects, strict=True)]
    class_logits, box_deltas = network.classify(own.pyramid, [each.boxes for each in chosen])
    positives = [each.boxes[: len(each.matched)] for each in chosen]
    mask_logits = network.mask_logits(own.pyramid, positives)
    masks = [
        mask_targets(boxes, objects.masks[each.matched], mask_logits.shape[-1])
        for boxes, objects, each in zip(positives, query.objects, chosen, strict=True)
    ]
    probabilities, carried, key_lengths = _propagate(network, own, other, guidance, links)
    return TrainingOutputs(
        anchor_logits=[level.permute(0, 2, 3, 1).flatten(1) for level in logits],
        anchor_deltas=[level.permute(0, 2, 3, 1).reshape(count, -1, 4) for level in deltas],
        anchor_targets=[
            anchor_targets(anchors, objects.boxes, size, sampling)
            for objects, size in zip(query.objects, query.sizes, strict=True)
        ],
        class_logits=class_logits,
        box_deltas=box_deltas,
        box_targets=chosen,
        mask_logits=mask_logits,
        mask_targets=torch.cat(masks),
        probabilities=probabilities,
        truths=[
            objects.masks[pair[:, 1]] for objects, pair in zip(query.objects, links, strict=True)
        ],
        carried=carried,
        key_lengths=key_lengths,
    )


def guidance_masks(
    network: MaskRCNN, features: Features, guidance: TrainingFrames
) -> list[torch.Tensor]:
    """Soft masks of the guidance objects, found in their true boxes; nothing is differentiated.

    The memory then starts from masks like those of an inference, not from the truth.

    Returns:
        Of every image float32 (objects, height, width), without padding.
    """
    with torch.no_grad():
        boxes = [objects.boxes for objects in guidance.objects]
        labels = torch.cat([objects.labels for objects in guidance.objects])
        logits = network.mask_logits(features.pyramid, boxes).float()
        own = logits[torch.arange(len(labels), device=labels.device), labels].sigmoid()
        parts = own.split([len(each) for each in boxes])
        return [
            paste_masks(masks, each, size, threshold=None)
            for masks, each, size in zip(parts, boxes, guidance.sizes, strict=True)
        ]


def _propagate(
    network: MaskRCNN,
    query: Features,
    guidance: Features,
    frames: TrainingFrames,
    links: Sequence[torch.Tensor],
) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
    """Segment the query frames from the guidance frames' objects, all pairs as one batch.

    Returns:
        ``probabilities``, ``carried`` and ``key_lengths`` of ``TrainingOutputs``.
    """
    counts = [len(pair) for pair in links]
    height, width = frames.images.shape[-2:]
    if sum(counts) == 0:
        nothing = frames.images.new_zeros(0)
        empty = [nothing.view(0, 1, 1) for _ in links]
        return [nothing.view(0, height, width) for _ in links], empty, [nothing for _ in links]
    masks = [
        F.pad(own[pair[:, 0]], (0, width - own.shape[-1], 0, height - own.shape[-2]))
        for own, pair in zip(guidance_masks(network, guidance, frames), links, strict=True)
    ]
    matched = torch.arange(len(links), device=frames.images.device).repeat_interleave(
        torch.tensor(counts, device=frames.images.device)
    )
    head = network.prop_head
    memory = head.memorise(guidance.pyramid[0][matched], torch.cat(masks))
    wanted = network.query(query)
    each = [FrameQuery(*parts) for parts in zip(*(part.split(1) for part in wanted), strict=True)]
    keys = wanted.key[matched]
    found = head.decode(head.read(memory, keys), each, counts).sigmoid()
    probabilities = [aggregate(own).softmax(dim=0)[1:] for own in found.split(counts)]
    truths = [own.masks[pair[:, 0]] for own, pair in zip(frames.objects, links, strict=True)]
    small = F.adaptive_avg_pool2d(torch.cat(truths).float(), (keys.shape[-2], keys.shape[-1]))
    carried = head.read(Memory(memory.keys, small[:, None, None]), keys).float()[:, 0]
    lengths = (_length(memory.keys[:, :, 0]) + _length(keys)) / 2
    return probabilities, list(carried.split(counts)), list(lengths.split(counts))


def _length(keys: torch.Tensor) -> torch.Tensor:
    """Mean squared length of keys (M, K, h, w), float32 (M,)."""
    return keys.float().square().sum(dim=1).mean(dim=(1, 2))


def _propose(
    network: MaskRCNN,
    logits: Sequence[torch.Tensor],
    deltas: Sequence[torch.Tensor],
    sizes: Sequence[tuple[int, int]],
) -> list[torch.Tensor]:
    """The proposals of every image, each cut at its own border."""
    found = []
    for number, size in enumerate(sizes):
        one = slice(number, number + 1)
        outputs = [level[one] for level in logits], [level[one] for level in deltas]
        found.append(network.propose(outputs, size)[0].boxes)
    return found


def _part(features: Features, images: slice) -> Features:
    return type(features)(
        features.c2[images],
        features.c3[images],
        tuple(level[images] for level in features.pyramid),
    )
