"""The tracker: prompts, ids, late objects, precision, parameters and network files."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from ltr.admin.errors import CheckpointError, ConfigError, DataError
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from pytracking.evaluation.tracker import create_tracker, list_names, load_parameters
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from tests.small_dense_ulearn import small_network, small_tracker
from tests.small_joint import small_clip


def track(tracker, frames, infos):
    outputs = [tracker.initialize(frames[0], infos[0])]
    return outputs + [tracker.track(f, infos.get(i)) for i, f in enumerate(frames[1:], 1)]


# A projection head that has not been trained tells positions hardly apart.
@pytest.mark.parametrize(("key", "least"), [("res3", 0.5), ("res4", 0.5), ("key", 0.05)])
def test_objects_are_followed(key, least):
    frames, labels = small_clip(5)
    outputs = track(small_tracker(key=key), frames, {0: FrameInfo((1, 5), labels)})
    for output in outputs:
        assert set(np.unique(output.segmentation)) <= {0, 1, 5}
        assert list(output.boxes) == [1, 5]
        torch.testing.assert_close(output.probabilities.sum(dim=0), torch.ones(70, 110))
    both = (outputs[-1].segmentation > 0) & (labels > 0)
    assert both.sum() > least * (labels > 0).sum()


def test_a_late_object_with_a_smaller_id_starts_in_its_frame_and_harms_no_other():
    frames, labels = small_clip(6)
    late = {0: FrameInfo((5,), labels), 3: FrameInfo((1,), labels)}
    outputs = track(small_tracker(), frames, late)
    alone = track(small_tracker(), frames[:3], {0: FrameInfo((5,), labels)})
    for output, other in zip(outputs, alone, strict=False):
        assert np.array_equal(output.segmentation, other.segmentation)
    assert 1 not in np.unique(outputs[2].segmentation)
    assert (outputs[3].segmentation[15:40, 10:35] == 1).mean() > 0.8
    assert list(outputs[5].boxes) == [5, 1]


def test_more_than_six_objects_are_no_problem():
    frames, _ = small_clip(2)
    labels = np.zeros((70, 110), np.uint8)
    for number in range(9):
        labels[24 * (number // 3) :, 36 * (number % 3) :] = 20 + number
    info = FrameInfo(tuple(range(20, 29)), labels)
    assert len(np.unique(track(small_tracker(), frames, {0: info})[1].segmentation)) == 9


def test_two_videos_in_one_tracker_do_not_mix():
    frames, labels = small_clip(3)
    infos = {0: FrameInfo((1, 5), labels)}
    tracker = small_tracker()
    first = track(tracker, frames, infos)
    second = track(tracker, frames, infos)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.segmentation, other.segmentation)


def test_the_input_size_changes_the_features_only():
    frames, labels = small_clip(2)
    tracker = small_tracker(input_size=140)
    outputs = track(tracker, frames, {0: FrameInfo((1, 5), labels)})
    assert tracker.state.propagation.features.shape[1:3] == (18, 28)
    assert outputs[1].segmentation.shape == (70, 110)


def test_reduced_precision_is_close():
    frames, labels = small_clip(4)
    infos = {0: FrameInfo((1, 5), labels)}
    exact = track(small_tracker(), frames, infos)
    params = DenseULearnParameters("", cxt_size=3, radius=3)
    rough = track(
        DenseULearnTracker(params, small_network(), Runtime(precision="bf16")), frames, infos
    )
    assert (exact[-1].segmentation == rough[-1].segmentation).mean() > 0.97
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        DenseULearnTracker(params, small_network(), Runtime(precision="fp16"))


def test_wrong_prompts_are_sentences():
    frames, labels = small_clip(2)
    with pytest.raises(DataError, match="at least one object"):
        small_tracker().initialize(frames[0], FrameInfo())
    with pytest.raises(DataError, match="object 3 has no pixel"):
        small_tracker().initialize(frames[0], FrameInfo((3,), labels))
    tracker = small_tracker()
    tracker.initialize(frames[0], FrameInfo((1,), labels))
    with pytest.raises(DataError, match="has already started"):
        tracker.track(frames[1], FrameInfo((1,), labels))


def test_one_parameter_file_for_each_released_network():
    names = ["demo", "kinetics_res4", "oxuva_res4", "trackingnet_res4", "ytvos_res4"]
    assert list_names("dense_ulearn") == names
    changed = load_parameters("dense_ulearn", "ytvos_res4", ["key=res3", "knn=5"])
    assert changed == DenseULearnParameters("ytvos_e060_res4.pth", key="res3", knn=5)
    for wrong in ("key=res5", "temp=0", "cxt_size=0", "input_size=3", "radius=-1"):
        with pytest.raises(ConfigError, match=wrong.partition("=")[0]):
            load_parameters("dense_ulearn", "ytvos_res4", [wrong])


def test_a_missing_network_is_never_replaced_by_random_weights(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"ytvos_e060_res4\.pth was not found"):
        create_tracker("dense_ulearn", "ytvos_res4")
    model = dense_ulearn_resnet18().state_dict()
    torch.save({"model": model, "opt": {}, "epoch": 60}, tmp_path / "ytvos_e060_res4.pth")
    with caplog.at_level(logging.WARNING):
        tracker = create_tracker("dense_ulearn", "ytvos_res4")
    assert tracker.params.key == "res4"
    assert "is not the file that was released" in caplog.text
