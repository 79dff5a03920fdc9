"""The server: loopback only, no foreign page may talk to it, one folder that it writes to."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import stat
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from ltr.admin.errors import DataError, OutputError, ToolkitError
from ltr.admin.locks import lock_folder
from ltr.data.image_io import VIDEO_SUFFIXES
from ltr.data.palette import VOID
from pytracking.interactive_page.requests import (
    read_formats,
    read_frame,
    read_lines,
    read_object,
    read_pass,
    read_prompts,
    read_text,
)
from pytracking.interactive_page.steps import Cancelled
from pytracking.interactive_page.workbench import Workbench
from pytracking.utils.publishing import finish_publishing
from pytracking.utils.staging import temporary_folder, translate_write_errors

_LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"
_STATIC = Path(__file__).resolve().parent / "static"
_FILES = {"/": "index.html", **{f"/{path.name}": path.name for path in _STATIC.iterdir()}}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_MAX_JSON_BYTES = 8 << 20
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MAX_NAME_BYTES = 80
_UPLOADS = "uploads"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Serves one workbench to one person.

    Args:
        workbench: Workbench that does the work, one call at a time.
        folder: The only folder that is written to: exports, and the upload that is worked on.
    """

    def __init__(self, workbench: Workbench, folder: Path) -> None:
        self.workbench = workbench
        self.folder = folder
        self._worker = ThreadPoolExecutor(1)
        self._busy = ""
        self._uploads = ExitStack()  # holds the folder of the current upload

    def application(self) -> web.Application:
        """The routes, behind the guard."""
        app = web.Application(middlewares=[_guard, _explain], client_max_size=_MAX_JSON_BYTES)
        app.on_shutdown.append(self._shut_down)
        for route, name in _FILES.items():
            app.router.add_get(route, functools.partial(_static, name))
        app.router.add_get("/frames/{index:[0-9]{1,7}}.jpg", self._frame)
        app.router.add_get("/masks/{index:[0-9]{1,7}}.png", self._mask)
        app.router.add_get("/exports/{name:overlay\\.mp4|masks\\.zip}", self._exported)
        app.router.add_get("/api/state", self._state)
        app.router.add_get("/api/progress", self._progress)
        changes = {
            "prompt": self._prompt,
            "remove": self._remove,
            "style": self._style,
            "find": self._find,
            "propagate": self._propagate,
            "undo": self._undo,
            "cancel": self._cancel,
            "export": self._export,
            "video": self._upload,
        }
        for name, answer in changes.items():
            app.router.add_post(f"/api/{name}", answer)
        return app

    @property
    def export_folder(self) -> Path:
        """Where the current video's results go."""
        video = self.workbench.video
        return self.folder / _plain_name("" if video is None else video.name)

    async def _shut_down(self, app: web.Application) -> None:
        """Do not wait for the end of a propagation, and keep no upload."""
        self.workbench.cancel()
        await asyncio.to_thread(self._worker.shutdown)
        self._uploads.close()

    async def _state(self, request: web.Request) -> web.Response:
        return self._answer()

    async def _frame(self, request: web.Request) -> web.Response:
        video, index = self.workbench.video, int(request.match_info["index"])
        if video is None or index >= len(video.frames):
            raise web.HTTPNotFound
        encoded = await asyncio.to_thread(video.frame_jpeg, index)
        return web.Response(body=encoded, content_type="image/jpeg")

    async def _mask(self, request: web.Request) -> web.Response:
        hidden = _read_ids(request.query.get("hide", ""))
        index, before = int(request.match_info["index"]), "before" in request.query
        if not self.workbench.is_masked(index, before):
            return web.Response(status=204)  # undone since the page asked
        encoded = await asyncio.to_thread(self.workbench.mask_png, index, hidden, before)
        return web.Response(body=encoded, content_type="image/png")

    async def _propagate(self, request: web.Request) -> web.Response:
        record = await _read_json(request)
        frame, lines = read_frame(record), read_lines(record)
        wanted = read_pass(record)
        self._check_video(request)
        await self._work(
            "segmenting", self.workbench.propagate, frame, lines, wanted.direction, wanted.end
        )
        return self._answer()

    async def _progress(self, request: web.Request) -> web.Response:
        """What has come since the page asked last; it asks often."""
        since = request.query.get("since", "0")
        progress, bench = self.workbench.progress, self.workbench
        told = None
        if progress is not None and since.isdecimal() and len(since) < 8:
            told = progress.describe(int(since))
        version = bench.describe()["version"]
        return web.json_response({"busy": self._busy, "version": version, "progress": told})

    async def _prompt(self, request: web.Request) -> web.Response:
        record = await _read_json(request)
        frame = read_frame(record)
        prompts, brushes = read_prompts(record)
        self._check_video(request)
        await self._work("drawing", self.workbench.say, frame, prompts, brushes)
        return self._answer()

    async def _remove(self, request: web.Request) -> web.Response:
        object_id, _, _ = read_object(await _read_json(request))
        self._check_video(request)
        await self._work("removing", self.workbench.remove, object_id)
        return self._answer()

    async def _style(self, request: web.Request) -> web.Response:
        wanted = read_object(await _read_json(request))
        self._check_video(request)
        await self._work("painting", self.workbench.style, *wanted)
        return self._answer()

    async def _find(self, request: web.Request) -> web.Response:
        text = read_text(await _read_json(request))
        self._check_video(request)
        await self._work("searching", self.workbench.find, text)
        return self._answer()

    async def _cancel(self, request: web.Request) -> web.Response:
        if self._busy:
            self.workbench.cancel()
        return self._answer()

    def _check_video(self, request: web.Request) -> None:
        """Lines drawn for one video must not land on another, opened in another tab."""
        if request.query.get("video") != str(self.workbench.num_opened):
            raise web.HTTPConflict(text="another video is open now: reload the page")

    async def _undo(self, request: web.Request) -> web.Response:
        self._check_video(request)
        await self._work("undoing", self.workbench.undo)
        return self._answer()

    async def _export(self, request: web.Request) -> web.Response:
        self._check_video(request)
        formats = read_formats(await request.read())
        folder = self.export_folder
        await self._work("exporting", self.workbench.export, folder, formats)
        return self._answer(exported=str(folder))

    async def _exported(self, request: web.Request) -> web.StreamResponse:
        path = self.export_folder / request.match_info["name"]
        if path.parent.is_symlink() or not _is_plain_file(path):
            raise web.HTTPNotFound
        name = f'attachment; filename="{path.name}"'
        return web.FileResponse(path, headers={"Content-Disposition": name})

    async def _upload(self, request: web.Request) -> web.Response:
        """Take a video as the request's body; its name is in the query string."""
        given = Path(request.query.get("name", ""))
        if given.suffix.lower() not in VIDEO_SUFFIXES:
            raise DataError(f"expected a video ({', '.join(VIDEO_SUFFIXES)}), got {given.name!r}")
        limit = self.workbench.settings.max_upload_mib << 20
        declared = request.content_length or 0
        if declared > limit:
            raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=declared)
        with self._being("reading"), ExitStack() as stack:
            path = stack.enter_context(self._upload_folder()) / f"video{given.suffix.lower()}"
            with open(path, "xb") as stream:
                await _receive(request, stream, limit)
            await self._in_worker(self.workbench.open, path, _plain_name(given.stem))
            self._uploads.close()  # the video before is not shown any more
            self._uploads = stack.pop_all()
        return self._answer()

    @contextmanager
    def _upload_folder(self) -> Iterator[Path]:
        with translate_write_errors(self.folder), ExitStack() as stack:
            with lock_folder(self.folder, wait=True):
                finish_publishing(self.folder)
                folder = stack.enter_context(temporary_folder(self.folder, _UPLOADS))
            yield folder

    async def _work(self, what: str, function: Callable[..., None], *arguments: Any) -> None:
        """Do something that takes time, while nothing else is done."""
        with self._being(what):
            await self._in_worker(function, *arguments)

    @contextmanager
    def _being(self, what: str) -> Iterator[None]:
        if self._busy:
            raise web.HTTPConflict(text=f"still {self._busy}")
        self._busy = what
        self.workbench.renew()
        try:
            yield
        finally:
            self._busy = ""

    async def _in_worker(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the one thread that may touch host and workbench.

        The thread continues when the person leaves the page, so this waits for it anyway.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._worker, functools.partial(function, *arguments))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self.workbench.cancel()
            with suppress(Exception):
                await work
            raise

    def _answer(self, **more: object) -> web.Response:
        return web.json_response({**self.workbench.describe(), "busy": self._busy, **more})


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse other pages (cross-site requests) and other names for this machine (DNS rebinding)."""
    # The port of the socket: what stands in the header may be anything, also no number.
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    own = {f"{name}:{port}" for name in (HOST, "localhost")}
    origin = request.headers.get("Origin")
    is_foreign = origin is not None and origin.removeprefix("http://") not in own
    if request.host not in own or is_foreign:
        _LOG.warning("refused a request of %s", origin or request.host)
        response: web.StreamResponse = web.json_response(
            {"error": "this page answers to itself only"}, status=403
        )
    else:
        response = await handler(request)
    response.headers.update(_HEADERS)
    return response


@web.middleware
async def _explain(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Errors as JSON with one sentence."""
    try:
        return await handler(request)
    except Cancelled as error:
        return web.json_response({"error": str(error), "cancelled": True}, status=409)
    except (ToolkitError, OSError) as error:
        status = 500 if isinstance(error, OutputError | OSError) else 400
        return web.json_response({"error": str(error)}, status=status)
    except web.HTTPException as error:
        return web.json_response({"error": error.text or error.reason}, status=error.status)
    except Exception:
        _LOG.exception("%s failed", request.path)
        return web.json_response({"error": "this failed; see the log"}, status=500)


async def _static(name: str, request: web.Request) -> web.Response:
    path = _STATIC / name
    return web.Response(
        body=path.read_bytes(),
        content_type=_TYPES[path.suffix],
        charset="utf-8",
    )


async def _read_json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise DataError(f"the request is not JSON ({error})") from error


def _read_ids(text: str) -> list[int]:
    """Objects of a query string: ``1,3``; anything else is left out."""
    words = text[:2000].split(",")
    return [int(word) for word in words if word.isascii() and word.isdigit() and int(word) < VOID]


async def _receive(request: web.Request, stream: Any, limit: int) -> None:
    size = 0
    async for piece in request.content.iter_chunked(1 << 20):
        size += len(piece)
        if size > limit:
            raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=size)
        stream.write(piece)


def _plain_name(text: str) -> str:
    """A name that is safe as a folder, not longer than file systems take."""
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text)
    return kept.encode(errors="ignore")[:_MAX_NAME_BYTES].decode(errors="ignore") or "video"


def _is_plain_file(path: Path) -> bool:
    """Whether it is a file and no link, which might lead out of the folder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
