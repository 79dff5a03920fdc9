"""Serve a tracker as a machine learning backend of Label Studio.

Example:
    python run_label_studio.py joint joint_ytvos --data /data/clips
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, set_up_logging
from ltr.admin.errors import ConfigError
from ltr.admin.optional import import_optional
from pytracking.cli.arguments import TrackerParser, resolve_tracker

if TYPE_CHECKING:
    from pytracking.backends.label_studio_server import BackendServer

_PASSWORD = "VOS_BACKEND_PASSWORD"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    import_optional("aiohttp", "the backend", "interactive")
    from ltr.admin.devices import resolve_device
    from pytracking.backends.label_studio import LabelStudioTracking
    from pytracking.backends.label_studio_server import BackendServer
    from pytracking.tracker.base import OnlineTracker, Runtime

    if not 0 <= arguments.port < 1 << 16:
        raise ConfigError(f"--port {arguments.port}: expected 0 to 65535")
    if not arguments.data.is_dir():
        raise ConfigError(f"--data {arguments.data} is not a folder")
    password = os.environ.get(_PASSWORD, "")
    if arguments.host != "127.0.0.1" and not password:
        raise ConfigError(f"--host {arguments.host} needs a password: set {_PASSWORD}")
    spec = resolve_tracker(arguments)
    tracker = spec.create(Runtime(resolve_device(arguments.device)))
    if not isinstance(tracker, OnlineTracker):
        raise ConfigError(
            f"{spec.system} {spec.name} cannot track what was drawn: it takes no masks"
        )
    tracking = LabelStudioTracking(tracker, arguments.data)
    server = BackendServer(tracking, f"{spec.system} {spec.result_name}", password)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(server, arguments.host, arguments.port))
    return 0


async def _serve(server: BackendServer, host: str, port: int) -> None:
    from pytracking.backends.label_studio_server import start

    runner, address = await start(server, host, port)
    print(f"Backend: {address}  (Ctrl-C ends it)", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _parser() -> TrackerParser:
    parser = TrackerParser(__doc__)
    parser.add_tracker()
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="the only folder that is read"
    )
    parser.add_argument(
        "--port", type=int, default=9090, metavar="N", help="port; 0 picks a free one (9090)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help=f"address to listen on; another one needs a password in {_PASSWORD} (127.0.0.1)",
    )
    parser.add_quiet()
    parser.add_device()
    return parser


if __name__ == "__main__":
    sys.exit(main())
