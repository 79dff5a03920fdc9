"""``python -m ltr.admin.missing``: what the base still needs, for an environment with an OpenCV.

pip does not know that the distributions of OpenCV replace each other, and would write one over the
other. Needs no package itself:

    pip install --no-deps vos-toolkit && pip install $(python -m ltr.admin.missing)
"""

from __future__ import annotations

import re
from importlib import metadata

from ltr.admin.opencv import DISTRIBUTIONS, installed_distributions

_NAME = re.compile(r"[\w.-]+")


def missing_requirements(requirements: list[str]) -> list[str]:
    """The requirements without a distribution here; any OpenCV counts as the one that is wanted.

    Args:
        requirements: Lines of a package's metadata; those of extras are left out.
    """
    missing = []
    for requirement in requirements:
        line, _, marker = requirement.partition(";")
        match = _NAME.match(line)
        if "extra ==" in marker or match is None:
            continue
        is_opencv = match[0] in DISTRIBUTIONS
        if not (installed_distributions() if is_opencv else _is_installed(match[0])):
            missing.append(line.replace(" ", ""))
    return missing


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    print(*missing_requirements(metadata.requires("vos-toolkit") or []))
