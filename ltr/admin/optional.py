"""Packages that only some commands need: imported where they are used, and told when missing."""

from __future__ import annotations

import importlib
from typing import Any

from ltr.admin.errors import ConfigError


def import_optional(module: str, purpose: str, extra: str) -> Any:
    """Import a package of an extra.

    Args:
        module: What is imported, for instance ``"matplotlib.figure"``.
        purpose: What needs it, the subject of the sentence.
        extra: The extra of ``vos-toolkit`` that brings it.

    Returns:
        The module.

    Raises:
        ConfigError: The package is not installed; the sentence has the line that installs it.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ConfigError(
            f"{purpose} needs {package}: pip install 'vos-toolkit[{extra}]'"
        ) from error
