"""Training library: networks, data, losses and the training loop.

Knows nothing of ``pytracking``; importing it loads no heavy package.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 -- pip refuses it, but a checkout meets it here
    sys.stderr.write(f"error: Python 3.10 or newer is needed, not {sys.version.split()[0]}\n")
    sys.exit(2)

TOOLKIT = "vos-toolkit"
"""By this name its two packages know each other: both import names exist elsewhere too."""


def _warn_of_another_pytracking() -> None:
    """Say so when ``import pytracking`` would find a package that is not this toolkit's."""
    try:
        spec = importlib.util.find_spec("pytracking")
    except (ImportError, ValueError):
        return
    if spec is None or spec.origin is None or TOOLKIT in Path(spec.origin).read_text("utf-8"):
        return
    warnings.warn(
        f"the package pytracking in {Path(spec.origin).parent} is not that of {TOOLKIT}: "
        f"uninstall it and install {TOOLKIT} again, in an environment of its own",
        stacklevel=2,
    )


_warn_of_another_pytracking()
if sys.platform == "darwin":  # before PyTorch is loaded: what Apple's GPU lacks, the CPU does
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
