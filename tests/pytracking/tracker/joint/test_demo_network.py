"""The network that ships with the package."""

from __future__ import annotations

import numpy as np
import torch

from ltr.data.image_io import read_image, read_label_map
from pytracking import load_tracker, segment_video
from pytracking.analysis.protocols.davis import score_clip
from pytracking.utils.demo_clip import demo_clip
from pytracking.utils.loading import SHIPPED_NETWORKS
from tests.shared_material import data

_MAX_BYTES = 24 * 2**20


def test_the_file_is_small_and_holds_only_what_inference_needs() -> None:
    file = SHIPPED_NETWORKS / "joint_demo.pth.tar"
    assert file.stat().st_size < _MAX_BYTES
    record = torch.load(file, weights_only=True)
    assert not {"optimizer", "stats"} & record.keys()
    assert record["constructor"]["function"].endswith("steepest_descent_resnet18")
    assert all(value.isfinite().all() for value in record["net"].values())


def test_it_finds_moving_objects(monkeypatch, tmp_path) -> None:
    """Every fourth frame of the synthetic clip, whose photographs no network was trained on."""
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    frames = list(demo_clip(40))[::4]
    truth = [frame.labels for frame in frames]
    video = segment_video(
        load_tracker("joint", "joint_demo"), (frame.image for frame in frames), truth[0]
    )
    found = mean_score(truth, [frame.output.segmentation for frame in video])
    assert found > mean_score(truth, [truth[0]] * len(truth)) + 10


def test_it_follows_the_swan() -> None:
    """Every sixth frame of a real video that was kept out of training."""
    folder = data("davis-mini")
    names = [f"{index:05d}" for index in range(0, 49, 6)]
    truth = [read_label_map(folder / f"Annotations/480p/blackswan/{n}.png") for n in names]
    images = (read_image(folder / f"JPEGImages/480p/blackswan/{n}.jpg") for n in names)
    video = segment_video(load_tracker("joint", "joint_demo"), images, truth[0])
    found = mean_score(truth, [frame.output.segmentation for frame in video])
    assert found > mean_score(truth, [truth[0]] * len(truth)) + 10


def mean_score(truth: list[np.ndarray], masks: list[np.ndarray]) -> float:
    """J&F in percent, first and last frame left out."""
    return 100 * score_clip(truth, masks).j_and_f
