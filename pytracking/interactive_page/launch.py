"""Starts the page's server and stops it."""

from __future__ import annotations

import asyncio
import webbrowser
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from pytracking.interactive_page.server import HOST, PageServer
from pytracking.interactive_page.workbench import Workbench
from pytracking.utils.web import listen


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
    runner, address = await listen(PageServer(workbench, folder).application(), HOST, port)
    return runner, f"{address}/"


async def _serve_forever(workbench: Workbench, folder: Path, port: int, open_browser: bool) -> None:
    runner, address = await start(workbench, folder, port)
    print(f"Page: {address}  (Ctrl-C stops it)", flush=True)
    if open_browser:
        webbrowser.open(address)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
