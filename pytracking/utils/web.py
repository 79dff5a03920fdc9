"""What the servers of the toolkit share."""

from __future__ import annotations

from aiohttp import web

from ltr.admin.errors import ConfigError


async def listen(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Start a server in the running event loop.

    Args:
        app: What it answers.
        host: Address of the machine that it listens on.
        port: 0 takes a free one.

    Returns:
        What stops it (``cleanup``), and its address.

    Raises:
        ConfigError: The address cannot be used.
    """
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"{host}:{port} cannot be used ({error.strerror}): choose another --port, or 0"
        ) from error
    return runner, f"http://{host}:{runner.addresses[0][1]}"
