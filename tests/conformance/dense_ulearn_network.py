"""The network of a folder of reference values, and its features."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, dense_ulearn_resnet18
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input, seeded_state_dict

_NORMALISED, _RAW, _STATISTICS = 2e-6, 1e-5, 1e-5


def golden_network(case: Path, seed: int, gain: float = 1.0) -> DenseULearnNet:
    """The network in eval mode, with weights by the rule."""
    entries = json.loads((case.parent / "state_dict.json").read_text())
    network = dense_ulearn_resnet18()
    shapes = {key: tuple(shape) for key, shape, _ in entries}
    network.load_state_dict(seeded_state_dict(shapes, seed, gain), strict=True)
    return network.eval()


def run_state_dict(folder: Path, report: Report) -> None:
    """Compare the ordered list of keys, shapes and types."""
    wanted = json.loads((folder / "state_dict.json").read_text())
    own = dense_ulearn_resnet18().state_dict()
    found = [[k, list(v.shape), str(v.dtype).removeprefix("torch.")] for k, v in own.items()]
    wanted = [[key, shape, dtype.removeprefix("torch.")] for key, shape, dtype in wanted]
    report.equal("state_dict", "entries", found, wanted)


def drawn_input(text: str) -> torch.Tensor:
    """The array of a text like ``seeded_input("name", (1, 3, 8, 8), seed=0, kind="image")``."""
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "seeded_input":
        raise ValueError(f"no call of seeded_input: {text!r}")
    args = [ast.literal_eval(argument) for argument in call.args]
    return seeded_input(*args, **{k.arg: ast.literal_eval(k.value) for k in call.keywords})


@torch.no_grad()
def run(case: Path, manifest: Mapping[str, Any], report: Report) -> None:
    """Compare the features of every image, and a forward pass in training mode."""
    network = golden_network(case, manifest["seed"])
    images = [IMAGENET_RGB.normalise(drawn_input(text)) for text in manifest["inputs"]]
    with np.load(case / "outputs.npz") as archive:
        wanted = dict(archive)
    for index, image in enumerate(images):
        for kind, step in (("", 4), ("raw_", 32)):
            features = network.embed(image, normalises=not kind)._asdict()
            for layer, value in features.items():
                name = f"image{index}.{kind}{layer}"
                limit = {"relative": _RAW} if kind else {"absolute": _NORMALISED}
                if name in wanted:
                    report.close(case.name, name, value[:, ::step], wanted.pop(name), **limit)
    key = network.train().embed(images[0]).key
    if "train.key" in wanted:
        want = wanted.pop("train.key")
        report.close(case.name, "train.key", key[:, ::4], want, absolute=_NORMALISED)
    state = network.state_dict()
    for name in [name for name in wanted if name.removeprefix("train.") in state]:
        got = state[name.removeprefix("train.")]
        report.close(case.name, name, got, wanted.pop(name), relative=_STATISTICS)
    for name in wanted:
        report.fail(case.name, f"unknown array {name!r}")
