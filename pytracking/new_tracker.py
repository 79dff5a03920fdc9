"""Write the skeleton of a tracker in a package of its own, which works from the first minute.

Example:
    python new_tracker.py my_tracker ../my_tracker
    python run_video.py my_tracker default dog.mp4 --mask first.png --plugin ../my_tracker
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError
from pytracking.evaluation.tracker import list_systems
from pytracking.utils.staging import check_free, translate_write_errors

_TEMPLATES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "src/{name}/__init__.py": "package.py.txt",
    "src/{name}/tracker.py": "tracker.py.txt",
    "src/{name}/parameters/__init__.py": "parameters.py.txt",
    "src/{name}/parameters/default.py": "default.py.txt",
    "tests/test_{name}.py": "test.py.txt",
}


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the package."""
    parser = CommandParser(__doc__)
    parser.add_argument("name", help="name of the tracker and of its package: my_tracker")
    parser.add_argument("folder", type=Path, help="folder of the package, new or empty")
    arguments = parser.parse_args(argv)
    for file in write_skeleton(arguments.name, arguments.folder):
        print(file)
    return 0


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write a package with a tracker that copies the first mask, its parameters and its test.

    Args:
        name: Name of the tracker, in lower case: a Python identifier.
        folder: New or empty.

    Returns:
        The files.

    Raises:
        ConfigError: The name is taken or cannot be used, or the folder holds something.
        OutputError: The folder cannot be written.
    """
    if not name.isidentifier() or not name.islower() or not name.isascii():
        raise ConfigError(f"{name!r} cannot be a package: expected lower case such as my_tracker")
    if name in list_systems():
        raise ConfigError(f"there is a tracker {name!r} already")
    check_free(folder, ())
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: name another folder")
    title = "".join(part.capitalize() for part in name.split("_"))
    templates = resources.files("pytracking") / "plugin_template"
    files = []
    with translate_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}", dir=folder) as temporary:
            staging = Path(temporary)
            for target, template in _TEMPLATES.items():
                text = (templates / template).read_text(encoding="utf-8")
                file = staging / target.format(name=name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(
                    text.replace("@NAME@", name).replace("@TITLE@", title), encoding="utf-8"
                )
                files.append(folder / target.format(name=name))
            for entry in staging.iterdir():
                entry.rename(folder / entry.name)
    return files


if __name__ == "__main__":
    sys.exit(main())
