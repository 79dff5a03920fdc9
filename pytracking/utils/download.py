"""``python -m pytracking.utils.download NAME``: fetch a released file into its folder.

The file appears under its name only when it is complete and its size and checksum are right. Where
a host wants a browser, its page is printed. NAME may also be a torchvision model (``resnet50``).
"""

from __future__ import annotations

import hashlib
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import URLError

from ltr.admin.cli import CommandParser, add_json_switch, command, json_results
from ltr.admin.environment import train_environment
from ltr.admin.errors import CheckpointError, ConfigError, did_you_mean
from ltr.admin.files import atomic_write, file_checksum
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.released_files import Checksum, ReleasedFile, by_name

_PIECE = 1 << 18
_TIMEOUT_S = 30
Show = Callable[[int, int | None], object]


def find_released(name: str) -> ReleasedFile:
    """Look up a released file by its name, its file name, or a torchvision model's name.

    Raises:
        ConfigError: There is none.
    """
    files = by_name()
    released = files.get(name) or files.get(name.split(".")[0])
    if released:
        return released
    from ltr.admin.pretrained import torchvision_address

    try:
        address = torchvision_address(name)
    except ConfigError as error:
        raise ConfigError(f"no released file {name!r}{did_you_mean(name, files)}") from error
    file = address.rpartition("/")[-1]
    # torchvision writes the first digits of the SHA-256 into the file's name.
    digits = file.removesuffix(".pth").rpartition("-")[-1]
    checksum = Checksum("sha256", digits)
    return ReleasedFile(file, "pretrained_networks", address, address, checksum=checksum)


def default_folder(released: ReleasedFile) -> Path:
    """The folder in which the commands look for a released file."""
    if released.place == "network_path":
        return evaluation_environment().network_folders[0]
    folder = Path(getattr(train_environment(), released.place))
    return folder / "interactive" if released.place == "workspace_dir" else folder


def fetch(released: ReleasedFile, folder: Path, address: str, show: Show) -> Path:
    """Download one file; it appears whole and checked, or not at all.

    Args:
        released: What to fetch.
        folder: Target folder.
        address: URL of the file, http or https.
        show: Progress callback: bytes received so far, and bytes expected.

    Raises:
        CheckpointError: The host cannot be reached, wants a browser, or sends something else.
        OSError: The folder cannot be written or is full.
    """
    target = folder / released.file
    if not address.startswith(("http://", "https://")):
        raise CheckpointError(f"{released.name} needs a browser: {_by_hand(released, target)}")
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response:
            _receive(released, response, target, show)
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        raise CheckpointError(
            f"{released.name} could not be fetched ({error}): {_by_hand(released, target)}"
        ) from error
    return target


def _by_hand(released: ReleasedFile, target: Path) -> str:
    return f"open {released.page} and save the file as {target}"


def _receive(released: ReleasedFile, response: HTTPResponse, target: Path, show: Show) -> None:
    total, first = response.length, response.read(_PIECE)
    is_page = "text/html" in response.headers.get("Content-Type", "")
    if is_page or first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError(
            f"the host of {released.name} needs a browser: {_by_hand(released, target)}"
        )
    checksum = released.checksum or Checksum("md5", "")
    digest, size, piece = hashlib.new(checksum.kind), 0, first
    with atomic_write(target) as stream:
        while piece:
            stream.write(piece)
            digest.update(piece)
            size += len(piece)
            show(size, total)
            piece = response.read(_PIECE)
        if total is not None and size != total:
            raise CheckpointError(f"{released.name}: only {size} of {total} bytes arrived")
        if not checksum.fits(digest.hexdigest()):
            raise CheckpointError(
                f"{released.name}: the {checksum.kind} checksum is {digest.hexdigest()}, not the "
                f"published {checksum.begin}..{checksum.end}"
            )


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Fetch one released file, or list all."""
    parser = CommandParser(__doc__, prog="vos-download")
    parser.add_argument("name", nargs="?", help="for instance joint_davis")
    parser.add_argument("--list", action="store_true", help="list the released files")
    parser.add_argument("--folder", type=Path, help="where to put it (its usual folder)")
    parser.add_argument("--address", help="fetch from here, for instance a mirror")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_json_switch(parser)
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
            _check_existing(released, target)
            print(f"{target} is there already")
            return 0
        with _progress(released.file) as show:
            fetch(released, folder, arguments.address or released.address, show)
        print(f"saved {target}")
    return 0


def _check_existing(released: ReleasedFile, target: Path) -> None:
    known = released.checksum
    if known and not known.fits(file_checksum(target, known.kind)):
        raise CheckpointError(f"{target} is not the published file: give --overwrite to replace it")


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
