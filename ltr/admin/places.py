"""Where the toolkit reads settings and writes when nothing else is said.

A checkout keeps everything inside itself, as pytracking does. An installed package may be read-only
and belongs to all users: results go to the working directory, settings and downloads to the user's
own folders. An existing ``local.py`` inside the package is read in either case.
"""

from __future__ import annotations

from pathlib import Path

NAME = "vos-toolkit"
ROOT = Path(__file__).resolve().parents[2]


def is_checkout() -> bool:
    """Whether the packages lie in a source tree instead of being installed."""
    return (ROOT / "pyproject.toml").is_file()


def settings_file(inside: str) -> Path:
    """The file with the user's paths of a library.

    Args:
        inside: Where it lies in a checkout, for instance ``ltr/admin/local.py``.
    """
    file = ROOT / inside
    if is_checkout() or file.is_file():
        return file
    from platformdirs import user_config_path

    return user_config_path(NAME, appauthor=False) / f"{inside.partition('/')[0]}_local.py"


def output_folder(inside: str) -> Path:
    """A folder for what is computed: in a checkout this one, else its name in the working folder.

    Args:
        inside: Where it lies in a checkout, for instance ``pytracking/tracking_results``.
    """
    return ROOT / inside if is_checkout() else Path.cwd() / Path(inside).name


def download_folder(name: str) -> Path:
    """The user's folder for fetched files of a kind, where the toolkit is installed."""
    from platformdirs import user_data_path

    return user_data_path(NAME, appauthor=False) / name


def cache_folder() -> Path:
    """The user's folder for what can be computed again."""
    from platformdirs import user_cache_path

    return user_cache_path(NAME, appauthor=False)
