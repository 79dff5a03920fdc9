"""Networks, inputs and arrays of the reference cases of Propose-Reduce."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.models.propose_reduce.released import from_upstream
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input, seeded_state_dict

BACKBONES = {"r50": "resnet50", "r101": "resnet101", "x101": "resnext101_64x4d"}
_DATA = {"youtubevis": ("ytvis", 41), "davisuvos": ("davis", 2)}


class Case:
    """The arrays of a case; what is never asked for counts as failed in the end."""

    def __init__(self, name: str, path: Path, report: Report) -> None:
        self.name = name
        self.report = report
        with np.load(path) as archive:
            self.arrays = dict(archive)

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def take(self, key: str) -> np.ndarray:
        """Remove an array and return it; packed bits are unpacked."""
        array = self.arrays.pop(key)
        shape = self.arrays.pop(f"{key}_shape", None)
        if shape is None:
            return array
        return np.unpackbits(array)[: np.prod(shape)].reshape(shape)

    def compare(self, key: str, found: torch.Tensor, relative: float = 1e-4) -> None:
        """Compare an array that holds every n-th channel or place, and its statistics."""
        if key in self:
            want = self.take(key)
            self.report.close(self.name, key, _thinned(found, want.shape), want, relative=relative)
        if f"{key}_stats" in self:
            whole = found.detach().double().numpy()
            stats = np.array([whole.mean(), whole.std(), np.abs(whole).sum()])
            self.report.close(
                self.name, f"{key}_stats", stats, self.take(f"{key}_stats"), relative=relative
            )

    def finish(self) -> None:
        """Report arrays that nothing was compared with."""
        for key in self.arrays:
            self.report.fail(self.name, f"unknown array {key!r}")


def _thinned(found: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Every n-th element of each axis, so that the shape fits; lengths are rounded up."""
    if found.ndim != len(shape):
        return found
    steps = [-(-own // max(want, 1)) for own, want in zip(found.shape, shape, strict=True)]
    return found[tuple(slice(None, None, step) for step in steps)]


def golden_network(folder: Path, entry: Mapping[str, Any]) -> SeqMaskRCNN:
    """The network of a case in eval mode, with weights by the rule."""
    changes = json.dumps([entry.get("scale", {}), entry.get("add", {})])
    return _network(folder, entry["config"], entry["seed"], entry.get("gain", 1.0), changes)


@lru_cache(maxsize=1)
def _network(folder: Path, config: str, seed: int, gain: float, changes: str) -> SeqMaskRCNN:
    state = golden_state(folder, config, seed, gain, changes)
    backbone, (_, num_classes) = parse_config(config)
    with torch.device("meta"):
        network = seq_mask_rcnn(num_classes, BACKBONES[backbone])
    network = network.to_empty(device="cpu")
    network.load_state_dict(from_upstream(state), strict=True)
    return network.eval()


def golden_state(
    folder: Path, config: str, seed: int, gain: float, changes: str
) -> dict[str, torch.Tensor]:
    """The state dict of a case under upstream's names."""
    backbone, (data, _) = parse_config(config)
    manifest = json.loads((folder / f"manifest_{backbone}_{data}.json").read_text())
    state = seeded_state_dict({key: tuple(shape) for key, shape, _ in manifest}, seed, gain)
    scale, add = json.loads(changes)
    for key, factor in scale.items():
        state[key] *= factor
    for key, values in add.items():
        state[key] += torch.tensor(values)
    return state


def parse_config(config: str) -> tuple[str, tuple[str, int]]:
    """Backbone, and data set with number of outputs, from the name of a configuration."""
    backbone = re.search(r"_(r50|r101|x101)_", config)
    data = next((_DATA[word] for word in _DATA if word in config), None)
    if backbone is None or data is None:
        raise ValueError(f"the configuration {config!r} names no known network")
    return backbone[1], data


def network_input(entry: Mapping[str, Any], img_shape: tuple[int, ...] | None) -> torch.Tensor:
    """A drawn, normalised input; outside ``img_shape`` it is zero."""
    pixels = seeded_input(entry["name"], entry["shape"], entry["seed"], entry["kind"])
    return masked(IMAGENET_RGB.normalise(pixels), img_shape)


def masked(images: torch.Tensor, img_shape: tuple[int, ...] | None) -> torch.Tensor:
    """The images with zeros outside ``img_shape``."""
    if img_shape is None:
        return images
    result = torch.zeros_like(images)
    height, width = img_shape[:2]
    result[..., :height, :width] = images[..., :height, :width]
    return result
