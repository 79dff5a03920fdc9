"""Curves of a run in visdom."""

from __future__ import annotations

import logging

from ltr.admin.errors import ConfigError
from ltr.admin.optional import import_optional
from ltr.admin.reporters.base import EpochReport, Reporter

_LOG = logging.getLogger(__name__)


class VisdomCurves(Reporter):
    """Draws the mean of every value over the epochs, one window a value.

    Args:
        server: Address of the visdom server.
        port: Port of the server.
        environment: Name under which the windows are shown.

    Raises:
        ConfigError: visdom is not installed, or its server does not answer.
    """

    def __init__(self, server: str, port: int, environment: str) -> None:
        visdom = import_optional("visdom", "the live view", "visdom")
        # Visdom logs a traceback of its own for every request without an answer.
        logging.getLogger("visdom").setLevel(logging.CRITICAL)
        self._view = visdom.Visdom(
            server=f"http://{server}",
            port=port,
            env=environment.replace("/", "_"),
            raise_exceptions=False,
            use_incoming_socket=False,
        )
        if not self._view.check_connection(timeout_seconds=3):
            raise ConfigError(
                f"no visdom server answers at {server}:{port}: start one or use --use-visdom false"
            )

    def on_epoch(self, report: EpochReport) -> None:
        """Add a point to every curve."""
        for loader, means in report.means.items():
            for name, value in means.items():
                self._view.line(
                    X=[report.epoch],
                    Y=[value],
                    win=name,
                    name=loader,
                    update="append",
                    opts={"title": name, "xlabel": "epoch", "showlegend": True},
                )
