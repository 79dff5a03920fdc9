"""Evaluation library: run trackers on data sets and videos, and score them.

Uses ``ltr``; ``ltr`` never uses this package. Importing it loads no heavy package.
"""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "load_tracker": ("pytracking.evaluation.tracker", "create_tracker"),
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import what the package offers when it is first used."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, member = _EXPORTS[name]
    return getattr(importlib.import_module(module), member)
