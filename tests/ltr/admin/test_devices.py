from __future__ import annotations

import logging
import warnings

import pytest
import torch

from ltr.admin import devices
from ltr.admin.devices import best_device, resolve_device
from ltr.admin.errors import ConfigError
from pytracking.tracker.base import Runtime

OLD_DRIVER = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). "
    "Please update your GPU driver by downloading and installing a new version from the URL: "
    "http://www.nvidia.com/Download/index.aspx (Triggered internally at CUDAFunctions.cpp:108.)"
)


@pytest.fixture(autouse=True)
def _forget():
    devices._has_cuda.cache_clear()
    yield
    devices._has_cuda.cache_clear()


def pretend(monkeypatch, cuda: bool, mps: bool, complaint: str = "") -> None:
    """What PyTorch says about this machine."""

    def is_available() -> bool:
        if complaint:
            warnings.warn(complaint, stacklevel=1)
        return cuda

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "kind"),
    [(True, False, "cuda"), (True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_is_cuda_then_apple_then_the_cpu_everywhere(monkeypatch, cuda, mps, kind):
    pretend(monkeypatch, cuda, mps)
    assert resolve_device("auto").type == best_device().type == Runtime().device.type == kind


@pytest.mark.parametrize("text", ["gpu", "meta", "cuda:x", "cuda:999", "cpu:0", "mps:1", "mps"])
def test_devices_that_are_not_there_are_refused(monkeypatch, text):
    pretend(monkeypatch, cuda=False, mps=False)
    with pytest.raises(ConfigError, match=f"--device {text}: "):
        resolve_device(text)


def test_an_old_driver_is_one_sentence_instead_of_a_silent_run_on_the_cpu(monkeypatch, caplog):
    pretend(monkeypatch, cuda=False, mps=False, complaint=OLD_DRIVER)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert best_device().type == best_device().type == "cpu"
    (sentence,) = caplog.messages
    assert sentence.startswith(
        "computing without the NVIDIA GPU: its driver is of CUDA 11.4, older"
    )
    assert "13.0: update the driver" in sentence
    assert "\n" not in sentence


def test_a_pytorch_without_cuda_beside_an_nvidia_driver_is_told(monkeypatch, tmp_path, caplog):
    pretend(monkeypatch, cuda=False, mps=False)
    (tmp_path / "version").touch()
    monkeypatch.setattr(devices, "_NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    assert best_device().type == "cpu"
    assert "was built without CUDA" in caplog.text
