"""What a benchmark was measured on: its figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_CORETYPE", "MKL_NUM_THREADS")


def describe_machine(device: torch.device | None = None) -> str:
    """One line: processor or GPU, cores, load, threads, versions and what the environment sets."""
    is_gpu = device is not None and device.type == "cuda"
    name = torch.cuda.get_device_name(device) if is_gpu else _processor()
    given = [f"{key}={os.environ[key]}" for key in _VARIABLES if key in os.environ]
    missing = [key for key in _VARIABLES if key not in os.environ]
    parts = [
        name,
        f"{os.cpu_count()} cores",
        f"load {os.getloadavg()[0]:.0f}",
        f"{torch.get_num_threads()} threads",
        f"PyTorch {torch.__version__}",
        f"Python {platform.python_version()}",
        *given,
        *(["no " + " or ".join(missing)] if missing else []),
    ]
    return ", ".join(parts)


def _processor() -> str:
    """The processor's name; on Linux the kernel knows more than Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
