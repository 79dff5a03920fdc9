"""Fetches one file over HTTP: whole, of a limited size, resuming where it was interrupted.

What has arrived lies in a hidden folder beside the target, with what the server calls this version
of the file. A later call, of any process, asks for the rest of the same version.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit

from ltr.admin.errors import CheckpointError
from ltr.admin.files import TEMPORARY_SUFFIX
from ltr.admin.locks import LOCK_FILE, lock_folder

MAX_BYTES = 4 << 30
_PIECE, _MAX_PAGE = 1 << 18, 1 << 20
_TIMEOUT_S = 30.0
_SLOWEST, _PATIENCE_S = 1 << 10, 60.0  # bytes per second, after so many seconds
PAUSES_S = (1.0, 3.0, 9.0, 27.0)
_BUSY = (408, 429, 500, 502, 503, 504)
_PART, _STATE = "content", "state.json"
Show = Callable[[int, int | None], object]
LOST = (URLError, HTTPException, ConnectionError, TimeoutError)


class TransferError(CheckpointError):
    """The file did not arrive; the sentence lacks its name."""


class NotAFile(TransferError):
    """A page came in the place of the file."""


class _Cut(Exception):
    """The connection broke off."""


@dataclass(frozen=True)
class Transfer:
    """One file to be fetched.

    Args:
        address: URL, http or https.
        target: Where it goes.
        show: Progress callback: bytes received so far, and bytes expected.
        max_bytes: What it may hold at most.
        pauses_s: Pauses between the tries.
    """

    address: str
    target: Path
    show: Show = lambda size, total: None
    max_bytes: int = MAX_BYTES
    pauses_s: tuple[float, ...] = PAUSES_S

    def run(self, check: Callable[[Path], None]) -> None:
        """Fetch the file; it appears when it is whole and ``check`` found nothing wrong.

        Args:
            check: Looks at the whole file, raises what is wrong with it.

        Raises:
            NotAFile: The host sends a page that wants a person.
            TransferError: The file is cut off, too large, empty, or sent too slowly.
            LockedError: Another process fetches it.
            OSError: The host cannot be reached, or the folder cannot be written.
        """
        with self._staging() as folder:
            self._try_repeatedly(folder)
            part = folder / _PART
            try:
                check(part)
            except BaseException:
                _empty(folder)
                raise
            with open(part, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(part, self.target)
            _empty(folder)

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        folder = self.target.with_name(f".{self.target.name[:80]}{TEMPORARY_SUFFIX}")
        if folder.is_file() or folder.is_symlink():
            folder.unlink()
        with lock_folder(folder):
            yield folder
        with suppress(OSError):
            folder.rmdir()

    def _try_repeatedly(self, folder: Path) -> None:
        for pause in (*self.pauses_s, None):
            try:
                _receive(self, self.address, folder, may_follow=True)
                return
            except HTTPError as error:
                if error.code not in _BUSY or pause is None:
                    raise
            except (_Cut, *LOST) as error:
                if pause is None:
                    if isinstance(error, _Cut):
                        raise TransferError(str(error)) from error
                    raise
            time.sleep(pause or 0)


def _receive(transfer: Transfer, address: str, folder: Path, may_follow: bool) -> None:
    """One try; raises ``_Cut`` where another may help."""
    state = _read_state(folder, transfer.address)
    # An opener of its own: the shared one would keep the proxies of its first use.
    opener = urllib.request.build_opener()
    with opener.open(_request(address, folder, state), timeout=_TIMEOUT_S) as response:
        if _is_page(response):
            form = _form_address(response) if may_follow else None
            if form is None:
                raise NotAFile("the host sends a page and no file")
        else:
            form = None
            _store(transfer, response, folder, state)
    if form is not None:
        _receive(transfer, form, folder, may_follow=False)


def _request(address: str, folder: Path, state: dict[str, Any]) -> urllib.request.Request:
    """Ask for what is missing of the version that is there in part, or for all."""
    request = urllib.request.Request(address, headers={"User-Agent": "vos-toolkit"})
    part = folder / _PART
    if state and part.is_file() and part.stat().st_size:
        request.add_header("Range", f"bytes={part.stat().st_size}-")
        request.add_header("If-Range", state["version"])
    return request


def _store(transfer: Transfer, response: HTTPResponse, folder: Path, state: dict[str, Any]) -> None:
    """Append an answer to what is there, or begin anew; raises ``_Cut`` where it ends early."""
    part = folder / _PART
    start, total = 0, response.length
    if response.status == 206 and state:
        start, total = _range_of(response)
        if start != part.stat().st_size:
            _empty(folder)
            raise _Cut("the server sent another part than it was asked for")
    else:
        _empty(folder)
        _write_state(folder, transfer.address, response)
    limit = transfer.max_bytes
    if total is not None and total > limit:
        _empty(folder)
        raise TransferError(f"the file has {total} bytes, more than {limit >> 20} MiB")
    with open(part, "ab") as stream:
        size = start
        for size in _pieces(response, stream, start):
            transfer.show(size, total)
            if size > limit:
                break
    if size > limit:
        _empty(folder)
        raise TransferError(f"the file does not end within {limit >> 20} MiB")
    if total is not None and size != total:
        raise _Cut(f"only {size} of {total} bytes arrived")
    if size == 0:
        _empty(folder)
        raise TransferError("the host sent an empty file")


def _pieces(response: HTTPResponse, stream: Any, start: int) -> Iterator[int]:
    """Copy a response; yields how much of the file is there."""
    began, size = time.monotonic(), start
    try:
        while piece := response.read1(_PIECE):
            stream.write(piece)
            size += len(piece)
            yield size
            seconds = time.monotonic() - began
            if seconds > _PATIENCE_S and (size - start) / seconds < _SLOWEST:
                raise TransferError("the host sends less than 1 KiB a second")
    except LOST as error:
        raise _Cut(f"the connection broke off after {size} bytes ({error})") from error


def _range_of(response: HTTPResponse) -> tuple[int, int | None]:
    """First byte and size of the whole file that a partial answer names."""
    found = re.fullmatch(
        r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers["Content-Range"] or ""
    )
    if not found:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _read_state(folder: Path, address: str) -> dict[str, Any]:
    """What is known of the part that is there; empty where it cannot be gone on with."""
    if (folder / _PART).is_symlink():
        return {}
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    is_known = isinstance(state, dict) and state.get("address") == address
    return state if is_known and isinstance(state.get("version"), str) else {}


def _write_state(folder: Path, address: str, response: HTTPResponse) -> None:
    version = response.headers["ETag"] or response.headers["Last-Modified"]
    if version and not version.startswith("W/"):
        state = {"address": address, "version": version}
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != LOCK_FILE:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _is_page(response: HTTPResponse) -> bool:
    kind = response.headers["Content-Type"] or ""
    head = response.peek(64)[:64].lstrip().lower()
    return "text/html" in kind or head.startswith((b"<!doctype", b"<html"))


class _Form(HTMLParser):
    """Finds the form of a drive's warning before large files: a link with hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the first form and its hidden fields."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None and values.get("method", "get").lower() == "get":
            self.action, self._is_inside = values.get("action", ""), True
        elif tag == "input" and self._is_inside and values.get("type") == "hidden":
            self.fields[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of the form."""
        if tag == "form":
            self._is_inside = False


def _form_address(response: HTTPResponse) -> str | None:
    """Where a drive's warning before a large file leads; None for any other page."""
    form = _Form()
    form.feed(response.read(_MAX_PAGE).decode("utf-8", "replace"))
    if not form.action or "confirm" not in form.fields:
        return None
    address = urljoin(response.url, form.action)
    parts = urlsplit(address)
    is_same = _site(parts.hostname) == _site(urlsplit(response.url).hostname)
    if parts.scheme not in ("http", "https") or not is_same:
        return None
    return f"{address}{'&' if parts.query else '?'}{urlencode(form.fields)}"


def _site(host: str | None) -> str:
    """The site that a host belongs to: its last two labels; an address belongs to itself.

    >>> _site("drive.usercontent.google.com"), _site("127.0.0.1")
    ('google.com', '127.0.0.1')
    """
    host = host or ""
    return host if re.fullmatch(r"[\d.]*|.*:.*", host) else ".".join(host.split(".")[-2:])
