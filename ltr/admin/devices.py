"""One rule for where to compute, on the command line and in Python.

``auto`` is an NVIDIA or AMD GPU where PyTorch can use one, else Apple's GPU, else the CPU.
"""

from __future__ import annotations

import functools
import logging
import re
import warnings
from pathlib import Path

import torch

from ltr.admin.errors import ConfigError

_LOG = logging.getLogger(__name__)

_DEVICE = re.compile(r"(cpu|mps|cuda)(?::(\d+))?")
_FOUND_DRIVER = re.compile(r"driver .* too old \(found version (\d+)\)")
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def best_device() -> torch.device:
    """The device that ``auto`` means here; the reason for not using a GPU is logged once."""
    if _has_cuda():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def resolve_device(text: str) -> torch.device:
    """Parse ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ConfigError: It is none of these, or no such device is here.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if text == "auto":
        return best_device()
    match = _DEVICE.fullmatch(text)
    if match is None or (match[2] and match[1] != "cuda"):
        raise ConfigError(f"--device {text}: expected auto, cpu, cuda, cuda:N or mps")
    if match[1] == "cuda":
        count = torch.cuda.device_count()
        if int(match[2] or 0) >= count:
            raise ConfigError(f"--device {text}: PyTorch sees {count} GPUs here, use --device cpu")
    if match[1] == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("--device mps: PyTorch sees no Apple GPU here, use --device cpu")
    return torch.device(text)


def computes_bf16(device: torch.device) -> bool:
    """Whether a device computes bf16 itself, so that it is faster than single precision."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in checks)


@functools.cache
def _has_cuda() -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        is_available = torch.cuda.is_available()
    if not is_available and (reason := _why_no_cuda([str(entry.message) for entry in caught])):
        _LOG.warning("computing without the NVIDIA GPU: %s", reason)
    return is_available


def _why_no_cuda(complaints: list[str]) -> str:
    """What keeps PyTorch from the GPU of this machine; empty where there is none.

    Args:
        complaints: What PyTorch warned of when it looked for GPUs.
    """
    cure = "install a PyTorch for it (https://pytorch.org)"
    for complaint in complaints:
        if match := _FOUND_DRIVER.search(complaint):
            version = int(match[1])
            found = f"{version // 1000}.{version % 1000 // 10}"
            return (
                f"its driver is of CUDA {found}, older than this PyTorch's {torch.version.cuda}: "
                f"update the driver or {cure}"
            )
    if complaints:
        return complaints[0].partition(" (Triggered internally")[0].partition("\n")[0]
    if torch.version.cuda is None and torch.version.hip is None and _NVIDIA_DRIVER.exists():
        return f"this PyTorch was built without CUDA: {cure}"
    return ""
