"""A JOINT network small enough for tests, and clips for it."""

from __future__ import annotations

import numpy as np

from ltr.models.joint.joint_net import JOINTNet, steepest_descent_resnet18
from pytracking.tracker.base import Runtime
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters
from tests.seeded_weights import seeded_tensor

SIZES = {
    "backbone_width": 8,
    "out_feature_dim": 16,
    "transformer_dim": 16,
    "key_dim": 8,
    "label_encoder_dims": (4, 8, 8),
    "num_filters": 4,
    "decoder_mdim": 8,
}


def small_network(seed: int = 0) -> JOINTNet:
    """A network with random weights whose scores take both signs, in eval mode."""
    network = steepest_descent_resnet18(**SIZES)
    state = {k: seeded_tensor(k, v.shape, seed) for k, v in network.state_dict().items()}
    state["label_encoder.samp_w_pred.bias"].fill_(1.0)
    state["decoder.project.conv2.weight"] *= 8
    network.load_state_dict(network.adapt_state_dict(state))
    return network.eval().requires_grad_(False)


def small_parameters(**changes: object) -> JointParameters:
    """Parameters for small frames; a frame enters the memory of 4 every second frame."""
    values = {
        "net": "",
        "image_sample_size": (64, 96),
        "sample_memory_size": 4,
        "train_sample_interval": 2,
        "net_opt_iter": 4,
        "net_opt_update_iter": 2,
        "min_mask_area": 10.0,
    }
    return JointParameters(**{**values, **changes})


def small_tracker(seed: int = 0, **changes: object) -> JointTracker:
    """A tracker on the CPU with the small network."""
    return JointTracker(small_parameters(**changes), small_network(seed), Runtime())


def small_clip(
    count: int, size: tuple[int, int] = (70, 110)
) -> tuple[list[np.ndarray], np.ndarray]:
    """Noisy frames with two moving squares, and the label map of the first frame (ids 1 and 5)."""
    rng = np.random.default_rng(0)
    background = rng.integers(0, 120, (*size, 3))
    frames = []
    for time in range(count):
        frame = background + rng.integers(0, 10, (*size, 3))
        frame[15:40, 10 + 2 * time : 35 + 2 * time] = (220, 60, 30)
        frame[35:60, 70 - time : 95 - time] = (30, 200, 220)
        frames.append(frame.astype(np.uint8))
    labels = np.zeros(size, np.uint8)
    labels[15:40, 10:35] = 1
    labels[35:60, 70:95] = 5
    return frames, labels
