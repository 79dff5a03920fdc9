"""``python -m pytracking.utils.download NAME``: fetch a released file into its folder.

The file appears under its name only when it was read as the network it should be and its checksum
is right. An interrupted download is tried again, and the next call resumes it. Where a host needs a
browser, its page is printed. NAME may also be a torchvision model (``resnet50``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ltr.admin.cli import CommandParser, command, json_results
from ltr.admin.environment import train_environment
from ltr.admin.errors import CheckpointError, ConfigError, did_you_mean
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.released_files import Checksum, ReleasedFile, by_name
from pytracking.utils.transfer import LOST, PAUSES_S, NotAFile, Show, Transfer, TransferError


def find_released(name: str) -> ReleasedFile:
    """Look up a released file by its name, its file name, or a torchvision model's name.

    Raises:
        ConfigError: There is none.
    """
    files = by_name()
    released = files.get(name) or files.get(name.split(".")[0])
    if released:
        return released
    unknown = f"no released file {name!r}{did_you_mean(name, files)}"
    if not _torchvision_defines(name.partition(".")[0]):
        raise ConfigError(unknown)
    from ltr.admin.pretrained import torchvision_address

    try:
        address = torchvision_address(name)
    except ConfigError as error:
        raise ConfigError(unknown) from error
    file = address.rpartition("/")[-1]
    # torchvision writes the first digits of the SHA-256 into the file's name.
    digits = file.removesuffix(".pth").rpartition("-")[-1]
    checksum = Checksum("sha256", digits)
    return ReleasedFile(file, "pretrained_networks", address, address, checksum=checksum)


def _torchvision_defines(name: str) -> bool:
    """Whether torchvision's models have a function or class of a name; importing them is slow."""
    package = find_spec("torchvision")
    folders = package.submodule_search_locations if package else None
    sources = [path for folder in folders or () for path in Path(folder, "models").rglob("*.py")]
    define = re.compile(rf"^(def|class) {re.escape(name)}\(", re.MULTILINE)
    return any(define.search(path.read_text("utf-8")) for path in sources)


def _check(released: ReleasedFile, path: Path) -> None:
    """See ``check_released``, whose module loads PyTorch: only where a file is read."""
    from pytracking.utils.released_check import check_released

    check_released(released, path)


def default_folder(released: ReleasedFile) -> Path:
    """The folder in which the commands look for a released file."""
    if released.place == "network_path":
        return evaluation_environment().network_folders[0]
    folder = Path(getattr(train_environment(), released.place))
    return folder / "interactive" if released.place == "workspace_dir" else folder


def fetch(
    released: ReleasedFile,
    folder: Path,
    address: str,
    show: Show,
    pauses_s: Sequence[float] = PAUSES_S,
) -> Path:
    """Download one file; it appears when it was read as what it should be, or not at all.

    An interrupted download is tried again, and a later call resumes it.

    Args:
        released: What to fetch.
        folder: Target folder.
        address: URL of the file, http or https.
        show: Progress callback: bytes received so far, and bytes expected.
        pauses_s: Pauses between the tries, seconds.

    Raises:
        CheckpointError: The host cannot be reached, needs a browser, or sends something else.
        OSError: The folder cannot be written or is full.
    """
    target = folder / released.file
    by_hand = f"open {released.page} and save the file as {target}"
    if not address.startswith(("http://", "https://")):
        raise CheckpointError(f"{released.name} needs a browser: {by_hand}")
    try:
        Transfer(address, target, show, pauses_s=tuple(pauses_s)).run(
            lambda path: _check(released, path)
        )
    except NotAFile as error:
        raise CheckpointError(f"the host of {released.name} needs a browser: {by_hand}") from error
    except (TransferError, *LOST) as error:
        raise CheckpointError(
            f"{released.name} could not be fetched ({error}): {by_hand}"
        ) from error
    return target


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Fetch one released file, or list all."""
    parser = CommandParser(__doc__, prog="vos-download")
    parser.add_argument("name", nargs="?", help="for instance joint_davis")
    parser.add_switch("--list", "list the released files")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to put it (its usual folder)"
    )
    parser.add_argument("--address", help="fetch from here, for instance a mirror")
    parser.add_switch("--overwrite", "replace an existing file")
    parser.add_json()
    arguments = parser.parse_args(argv)
    if arguments.list or not arguments.name:
        with json_results(arguments.json) as results:
            _print_list()
            results.update((each.name, each.page) for each in by_name().values())
        return 0
    released = find_released(arguments.name)
    folder = arguments.folder or default_folder(released)
    target = folder / released.file
    with json_results(arguments.json) as results:
        results["file"] = target
        if target.exists() and not arguments.overwrite:
            check_existing(released, target)
            print(f"{target} is there already")
            return 0
        with _progress(released.file) as show:
            fetch(released, folder, arguments.address or released.address, show)
        print(f"saved {target}")
    return 0


def check_existing(released: ReleasedFile, target: Path) -> None:
    """Make sure that a file which is there already is the released one.

    Raises:
        CheckpointError: It is not.
    """
    try:
        _check(released, target)
    except CheckpointError as error:
        raise CheckpointError(f"{target}: {error}: give --overwrite to replace it") from error


def _print_list() -> None:
    for released in by_name().values():
        print(f"{released.name:36} {released.published or '-'}\n    {released.page}")


@contextmanager
def _progress(file: str) -> Iterator[Show]:
    """A bar with size, speed and time left; silent when the output is not a terminal."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn(file),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda size, total: bar.update(task, completed=size, total=total)


if __name__ == "__main__":
    sys.exit(main())
