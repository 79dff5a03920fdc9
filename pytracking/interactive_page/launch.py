"""Starts the page's server and stops it."""

from __future__ import annotations

import asyncio
import webbrowser
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from ltr.admin.errors import ConfigError
from pytracking.interactive_page.server import HOST, PageServer
from pytracking.interactive_page.workbench import Workbench


def serve(workbench: Workbench, folder: Path, port: int, open_browser: bool = False) -> None:
    """Serve the page until it is interrupted.

    Args:
        workbench: The work.
        folder: The only folder that is written to.
        port: 0 takes a free one.
        open_browser: Show the page in the user's browser.

    Raises:
        ConfigError: The port is taken.
    """
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve_forever(workbench, folder, port, open_browser))


async def start(workbench: Workbench, folder: Path, port: int) -> tuple[web.AppRunner, str]:
    """Start the server in the running event loop.

    Returns:
        What stops it (``cleanup``), and the page's address.

    Raises:
        ConfigError: The port is taken.
    """
    runner = web.AppRunner(PageServer(workbench, folder).application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"port {port} cannot be used ({error.strerror}): choose another --port (0: a free one)"
        ) from error
    return runner, f"http://{HOST}:{runner.addresses[0][1]}/"


async def _serve_forever(workbench: Workbench, folder: Path, port: int, open_browser: bool) -> None:
    runner, address = await start(workbench, folder, port)
    print(f"Page: {address}  (Ctrl-C stops it)", flush=True)
    if open_browser:
        webbrowser.open(address)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
