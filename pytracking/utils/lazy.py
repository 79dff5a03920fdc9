"""Packages that import what they offer when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package.

    Args:
        package: Name of the package.
        homes: For each attribute, ``module:member``.
    """

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, member = homes[name].split(":")
        return getattr(importlib.import_module(module), member)

    return find
