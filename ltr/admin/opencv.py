"""OpenCV comes under several names that overwrite each other's files: what is here, and a cure."""

from __future__ import annotations

DISTRIBUTIONS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)


def installed_distributions() -> list[str]:
    """Names of the OpenCV distributions that pip knows of here."""
    from importlib import metadata  # slow, and only failures need it

    found = []
    for name in DISTRIBUTIONS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def how_to_repair() -> str:
    """The lines that leave exactly one working OpenCV, as they are typed."""
    names = [entry.partition(" ")[0] for entry in installed_distributions()]
    remove = f"pip uninstall -y {' '.join(names)} && " if names else ""
    return f"{remove}pip install opencv-python-headless"


def describe_failure(error: BaseException) -> str:
    """One sentence where an error means that OpenCV is missing or damaged; else empty.

    Args:
        error: What an ``import cv2`` or the use of a function of it raised.
    """
    text = str(error)
    is_opencv = "cv2" in text or "libGL" in text or "libgthread" in text
    if not is_opencv or not isinstance(error, ImportError | AttributeError):
        return ""
    return f"OpenCV cannot be used ({text}): {how_to_repair()}"
