"""Where a Propose-Reduce network loses objects: its parts, one by one, on labelled clips.

``python propose_reduce_parts.py NET ROOT SPLIT``: ROOT as ``ltr.dataset.synthetic_ytvis`` or
``ltr.dataset.cutout_ytvis`` writes it. Every object in the middle frame of a clip is looked for
among proposals and detections; its true mask is propagated to its own frame and three frames on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.ops import box_iou

from ltr.admin.cli import CommandParser, command
from ltr.data.bounding_boxes import box_of_mask
from ltr.data.image_io import read_image
from ltr.data.json_io import read_json
from ltr.data.rle import as_rle, decode
from ltr.models.propose_reduce.image_input import normalise_and_pad
from ltr.models.propose_reduce.mask_rcnn import Features
from ltr.models.propose_reduce.released import load_seq_mask_rcnn
from ltr.models.propose_reduce.roi import paste_masks
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN

_FOUND = 0.5
_MIN_PIXELS = 16
_LATER = 3
_ROWS = (
    "found by a proposal, %",
    "found by a detection, %",
    "of these with the right class, %",
    "overlap of the detected mask",
    "overlap of the true mask, propagated to its own frame",
    f"the same, {_LATER} frames on",
)


@command
def main(argv: Sequence[str] | None = None) -> int:
    parser = CommandParser(__doc__, prog="propose_reduce_parts.py")
    parser.add_argument("net", type=Path, metavar="NET")
    parser.add_argument("root", type=Path, metavar="ROOT")
    parser.add_argument("split", metavar="SPLIT")
    parser.add_argument("--clips", type=int, default=25, metavar="N", help="the first ones (25)")
    arguments = parser.parse_args(argv)
    network = load_seq_mask_rcnn(arguments.net).eval()
    record = read_json(arguments.root / f"{arguments.split}.json")
    folder = arguments.root / arguments.split / "JPEGImages"
    with torch.inference_mode():
        found = [
            row
            for video in record["videos"][: arguments.clips]
            for row in rows_of(network, video, record["annotations"], folder)
        ]
    factors = (100, 100, 100, 1, 1, 1)
    means = np.nanmean(np.array(found), axis=0) * factors
    print(f"| {len(found)} objects | |\n|---|---|")
    for name, mean, factor in zip(_ROWS, means.tolist(), factors, strict=True):
        print(f"| {name} | {mean:.{0 if factor == 100 else 2}f} |")
    return 0


def rows_of(
    network: SeqMaskRCNN,
    video: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    folder: Path,
) -> Iterator[list[float]]:
    """The numbers of ``_ROWS`` for every object of a clip, as shares; what is unknown is NaN."""
    middle = video["length"] // 2
    later = min(middle + _LATER, video["length"] - 1)
    images = np.stack([read_image(folder / video["file_names"][n]) for n in (middle, later)])
    size = images.shape[1:3]
    features = network.features(normalise_and_pad(torch.from_numpy(images).permute(0, 3, 1, 2)))
    first = _frame(features, 0)
    proposals = network.propose(network.rpn(first.pyramid), size)[0].boxes
    [(found, probabilities)] = network.detect(first.pyramid, size)
    masks = paste_masks(probabilities, found.boxes, size).bool().numpy()
    for annotation in annotations:
        truth = [_mask(annotation["segmentations"][n], size) for n in (middle, later)]
        if annotation["video_id"] != video["id"] or truth[0].sum() < _MIN_PIXELS:
            continue
        x, y, width, height = box_of_mask(truth[0]).tolist()
        box = torch.tensor([[x, y, x + width, y + height]])
        overlaps = box_iou(box, found.boxes)[0].tolist()
        best = int(np.argmax(overlaps)) if overlaps else -1
        is_found = best >= 0 and overlaps[best] > _FOUND
        yield [
            float(any(value > _FOUND for value in box_iou(box, proposals)[0].tolist())),
            float(is_found),
            float(found.classes[best] == annotation["category_id"]) if is_found else float("nan"),
            max((_overlap(mask, truth[0]) for mask in masks), default=0.0),
            *_propagate(network, features, truth),
        ]


def _propagate(
    network: SeqMaskRCNN, features: Features, truth: Sequence[np.ndarray]
) -> list[float]:
    """Overlaps in both frames with the true mask of the first in the memory."""
    height, width = truth[0].shape
    first = _frame(features, 0)
    start = torch.from_numpy(truth[0]).float()[None]
    memory = network.prop_head.memorise(first.pyramid[0], start)
    overlaps = []
    for number, mask in enumerate(truth):
        query = network.query(_frame(features, number))
        odds = network.prop_head.segment(memory, query)[0, :height, :width]
        overlaps.append(_overlap((odds >= _FOUND).numpy(), mask) if mask.any() else float("nan"))
    return overlaps


def _frame(features: Features, number: int) -> Features:
    part = slice(number, number + 1)
    pyramid = tuple(level[part] for level in features.pyramid)
    return Features(features.c2[part], features.c3[part], pyramid)


def _mask(segmentation: Any, size: Sequence[int]) -> np.ndarray:
    runs = None if segmentation is None else as_rle(segmentation, *size)
    return np.zeros(size, bool) if runs is None else decode(runs).astype(bool)


def _overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / max(int((found | truth).sum()), 1))


if __name__ == "__main__":
    sys.exit(main())
