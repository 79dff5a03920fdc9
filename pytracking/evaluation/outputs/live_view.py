"""A live view of a running tracker in the browser, through a visdom server."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ltr.data.bounding_boxes import Box
from pytracking.tracker.base import FrameOutput
from pytracking.utils.overlay import bright_palette, draw_result

_log = logging.getLogger(__name__)

_SIDE = 480
_TIMEOUT_S = 3.0
_SCORES_LEVEL = 2


class LiveView:
    """Shows every frame with its masks and boxes, a status, and from level 2 on the scores.

    A server that goes away ends the view, never the run.

    Args:
        server: A connected ``visdom.Visdom``.
        debug: 1 or larger.
    """

    def __init__(self, server: Any, debug: int) -> None:
        self._server: Any | None = server
        self._debug = debug
        self._colours = bright_palette()

    def show(self, name: str, image: np.ndarray, output: FrameOutput, seconds: float) -> None:
        """Show the newest frame.

        Args:
            name: Name of the sequence.
            image: uint8 (H, W, 3) RGB.
            output: Result of the frame.
            seconds: What the tracker took for it.
        """
        if self._server is None:
            return
        try:
            self._show(self._server, image, output)
            rate = f"{1 / seconds:.1f}" if seconds else "-"
            status = f"{name}<br>objects {', '.join(map(str, output.boxes))}<br>{rate} fps"
            self._server.text(status, win="Status", opts={"title": "Status"})
        except OSError as error:
            _log.warning("the live view ends: visdom does not answer any more (%s)", error)
            self._server = None

    def _show(self, server: Any, image: np.ndarray, output: FrameOutput) -> None:
        picture = draw_result(image, output.segmentation)
        _draw_boxes(picture, output.boxes, self._colours)
        picture = _shrink(picture).transpose(2, 0, 1)
        server.image(picture, win="Tracking", opts={"title": "Tracking"})
        if self._debug >= _SCORES_LEVEL and output.probabilities is not None:
            scores = output.probabilities[1:].float().cpu().numpy()
            for object_id, score in zip(output.boxes, scores, strict=True):
                title = f"Seg Scores {object_id}"
                server.heatmap(np.flipud(_shrink(score)), win=title, opts={"title": title})


def open_live_view(debug: int, use_visdom: bool, server: str, port: int) -> LiveView | None:
    """Connect to visdom if that is wanted; one warning when it is not possible.

    Args:
        debug: Nothing is shown at 0.
        use_visdom: Whether it is wanted.
        server: Address without port.
        port: Port of the server.
    """
    if debug <= 0 or not use_visdom:
        return None
    host = server.removeprefix("http://")
    try:
        socket.create_connection((host, port), _TIMEOUT_S).close()
        import visdom

        connection = visdom.Visdom(
            server=f"http://{host}", port=port, raise_exceptions=True, use_incoming_socket=False
        )
    except ImportError:
        _log.warning("no live view: it needs visdom: pip install 'vos-toolkit[visdom]'")
    except OSError as error:
        _log.warning("no live view: no visdom server at %s:%d (%s)", host, port, error)
    else:
        return LiveView(connection, debug)
    return None


def _draw_boxes(picture: np.ndarray, boxes: Mapping[int, Box], colours: np.ndarray) -> None:
    for object_id, (x, y, width, height) in boxes.items():
        corner, opposite = (round(x), round(y)), (round(x + width), round(y + height))
        cv2.rectangle(picture, corner, opposite, colours[object_id].tolist(), 2)


def _shrink(picture: np.ndarray) -> np.ndarray:
    """Scale a picture or map so that its longer side is at most 480 pixels."""
    scale = _SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
