"""The HTTP endpoints that Label Studio expects of a machine learning backend."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from aiohttp import web

from ltr.admin.errors import ToolkitError
from pytracking.backends.label_studio import LabelStudioTracking
from pytracking.utils.web import listen

_LOG = logging.getLogger(__name__)
_MAX_JSON_BYTES = 64 << 20
_MAX_TASKS, _MAX_WAITING, _MAX_BODY_S = 100, 8, 60.0
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED")
MALFORMED = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What handling a request of another form raises; it is answered with one sentence."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "host.docker.internal")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BackendServer:
    """Serves one tracker, one request at a time.

    Args:
        tracking: Answers the predictions.
        version: Told as the version of the model.
        password: What Label Studio must send (user name: any); empty asks for none.
    """

    def __init__(self, tracking: LabelStudioTracking, version: str, password: str = "") -> None:
        self._tracking = tracking
        self._version = version
        self._password = password
        self._worker = ThreadPoolExecutor(1)
        self._num_waiting = 0
        self._turn = asyncio.Lock()  # one body at a time is in memory

    def application(self) -> web.Application:
        """The routes, behind the guard."""
        app = web.Application(middlewares=[self._guard], client_max_size=_MAX_JSON_BYTES)
        app.on_shutdown.append(self._shut_down)
        app.router.add_get("/", self._health)
        app.router.add_get("/health", self._health)
        app.router.add_post("/setup", self._setup)
        app.router.add_post("/predict", self._predict)
        app.router.add_post("/webhook", self._webhook)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Ask for the password, refuse browsers, and turn errors into answers.

        Label Studio itself asks, never a page: an untrusted page that is open in a browser of this
        machine may reach the port under a name of its own.
        """
        if "Origin" in request.headers or not (self._password or _is_own_name(request)):
            return _answer({"error": "this backend answers Label Studio only"}, 403)
        if self._password and not self._is_known(request):
            return _answer({"error": "a password is needed"}, 401)
        try:
            if request.method != "POST":
                return await handler(request)
            return await self._in_turn(request, handler)
        except web.HTTPException as error:
            return _answer({"error": error.text or error.reason}, error.status)
        except ToolkitError as error:
            return _answer({"error": str(error)}, 400)
        except MALFORMED as error:
            _LOG.info("refused: %r", error)
            return _answer({"error": f"the request is not one of Label Studio: {error!r}"}, 400)
        except Exception:
            _LOG.exception("%s failed", request.path)
            return _answer({"error": "this failed; see the log"}, 500)

    async def _in_turn(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._num_waiting >= _MAX_WAITING:
            return _answer({"error": f"{_MAX_WAITING} requests are waiting already"}, 503)
        self._num_waiting += 1
        try:
            async with self._turn:
                return await handler(request)
        finally:
            self._num_waiting -= 1

    def _is_known(self, request: web.Request) -> bool:
        from aiohttp import BasicAuth

        try:
            sent = BasicAuth.decode(request.headers.get("Authorization", ""), "utf-8").password
        except ValueError:
            return False
        return hmac.compare_digest(sent.encode(), self._password.encode())

    async def _health(self, request: web.Request) -> web.Response:
        return _answer({"status": "UP", "model_class": self._version})

    async def _setup(self, request: web.Request) -> web.Response:
        await _read(request)
        return _answer({"model_version": self._version})

    async def _predict(self, request: web.Request) -> web.Response:
        content = await _read(request)
        tasks = content["tasks"]
        if len(tasks) > _MAX_TASKS:
            raise ValueError(f"{len(tasks)} tasks, more than {_MAX_TASKS}")
        context = (content.get("params") or {}).get("context")
        results = []
        for task in tasks:
            regions = await self._do(partial(self._tracking.predict, task, context))
            results.append({"result": regions, "score": 1.0, "model_version": self._version})
        return _answer({"results": results, "model_version": self._version})

    async def _webhook(self, request: web.Request) -> web.Response:
        content = await _read(request)
        if content.get("action") in _EVENTS:
            task, regions = content["task"], content["annotation"]["result"]
            await self._do(partial(self._tracking.remember, task, regions))
        return _answer({"status": "ok"})

    async def _do(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def _shut_down(self, app: web.Application) -> None:
        await self._do(self._tracking.close)
        self._worker.shutdown()


async def start(server: BackendServer, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Start the server in the running event loop, see ``listen``."""
    return await listen(server.application(), host, port)


async def _read(request: web.Request) -> dict[str, Any]:
    try:
        body = await asyncio.wait_for(request.read(), _MAX_BODY_S)
    except asyncio.TimeoutError as error:
        raise web.HTTPRequestTimeout(text="the request does not come to its end") from error
    content = json.loads(body)
    if not isinstance(content, dict):
        raise TypeError("expected an object")
    return content


def _is_own_name(request: web.Request) -> bool:
    """Whether the request names this machine as itself, and not by a name of somebody else."""
    return request.headers.get("Host", "").rpartition(":")[0] in _LOOPBACK


def _answer(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(content, status=status, headers=_HEADERS)
