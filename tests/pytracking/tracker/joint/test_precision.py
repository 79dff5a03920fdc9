"""Reduced precision stays near the exact mode."""

from __future__ import annotations

import pytest
import torch

from ltr.admin.errors import ConfigError
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.joint.joint import JointTracker
from tests.small_joint import small_clip, small_network, small_parameters


def _logits(runtime: Runtime, count: int) -> list[torch.Tensor]:
    """Logits of every object in every tracked frame, in order."""
    logits: list[torch.Tensor] = []

    def listen(event: str, item: object, **tensors: torch.Tensor) -> None:
        if event == "scores":
            logits.append(tensors["logits"].cpu())

    network = small_network().to(runtime.device)
    tracker = JointTracker(small_parameters(), network, runtime, listen)
    frames, labels = small_clip(count)
    tracker.initialize(frames[0], FrameInfo((1, 5), labels))
    for frame in frames[1:]:
        tracker.track(frame)
    return logits


def test_bf16_scores_are_nearly_the_exact_ones():
    exact = _logits(Runtime(), 2)
    rounded = _logits(Runtime(precision="bf16"), 2)
    for want, got in zip(exact, rounded, strict=True):
        error = (got - want).abs().mean() / want.std()
        assert 0 < error < 0.05


def test_fp16_on_a_cpu_is_refused():
    with pytest.raises(ConfigError, match="bf16"):
        JointTracker(small_parameters(), small_network(), Runtime(precision="fp16"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_scores_of_the_cpu():
    want = _logits(Runtime(), 3)
    got = _logits(Runtime(torch.device("cuda")), 3)
    for host, device in zip(want[:2], got[:2], strict=True):
        torch.testing.assert_close(device, host, rtol=0, atol=1e-3 * float(host.abs().max()))
