"""Exported JOINT gives what PyTorch gives."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.admin.config import to_plain
from ltr.admin.errors import ConfigError
from pytracking.export.joint import export_joint
from pytracking.export.runner.graphs import open_graphs
from pytracking.export.runner.load import load_exported
from pytracking.export.runner.manifest import read_manifest
from pytracking.export.writing import write_export
from pytracking.tracker.base import FrameInfo
from tests.pytracking.export.clips import worst_difference
from tests.small_joint import small_clip, small_parameters, small_tracker


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The small tracker, a memory of four frames."""
    folder = tmp_path_factory.mktemp("exported") / "joint"
    description = {"system": "joint", "name": "small", "parameters": to_plain(small_parameters())}
    write_export(export_joint(small_tracker()), description, folder, "onnx")
    return folder


def test_onnxruntime_gives_the_probabilities_of_pytorch(folder):
    """The memory is full after eight of twelve frames; one object starts in the third."""
    frames, labels = small_clip(12)
    late = np.where(labels == 5, labels, 0).astype(np.uint8)
    prompts = {0: FrameInfo((1,), labels), 2: FrameInfo((5,), late)}
    exported = load_exported(folder, threads=1)
    assert worst_difference(small_tracker(), exported, frames, prompts) < 1e-4
    with pytest.raises(RuntimeError, match="no video has begun"):
        load_exported(folder, threads=1).track(frames[0])


def test_nothing_depends_on_what_empty_slots_hold(folder):
    graphs = open_graphs(read_manifest(folder), 1)
    rng = np.random.default_rng(0)
    crop = rng.random(graphs["encode"].shape("crop"), np.float32) * 255
    encoded = graphs["encode"].run({}, crop=crop)
    mask = (rng.random(graphs["start"].shape("mask")) > 0.5).astype(np.float32)
    given = set(graphs["start"].file.inputs) & set(encoded)
    entry = {name: encoded[name] for name in given}
    results = []
    for rubbish in (0, np.nan):
        memory = {}
        graphs["start"].run(memory, mask=mask, **entry)
        for name in memory.keys() - {"filters"}:
            memory[name] = memory[name].copy()
            memory[name][1:] = rubbish
        filled = np.array([True, False, False, False])
        logits = [graphs["segment"].run({**memory}, filled=filled, **encoded)["logits"]]
        shares = np.array([0.6, 0.4, 0, 0], np.float32)
        slot = np.array([1])
        graphs["remember"].run(
            memory, mask=1 - mask, slot=slot, filled=filled, shares=shares, **entry
        )
        filled[1] = True
        logits.append(graphs["segment"].run({**memory}, filled=filled, **encoded)["logits"])
        results.append(np.stack(logits))
    np.testing.assert_array_equal(results[0], results[1])
    assert np.isfinite(results[0]).all()


def test_a_parameter_that_the_graphs_cannot_follow_is_refused():
    with pytest.raises(ConfigError, match=r"train_skipping=2 cannot be exported"):
        export_joint(small_tracker(train_skipping=2))
