"""What comes from other programs while this one works: sessions, streams, requests, shapes."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
from fuzz_media import FRAMES, check, dump, image, labels, write

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json
from pytracking import Prompt, VideoSession, load_tracker
from pytracking.backends.cvat import mask_of_shape
from pytracking.backends.label_studio import LabelStudioTracking
from pytracking.backends.label_studio_server import MALFORMED
from pytracking.evaluation.outputs.exchange.cvat import encode_box_runs
from pytracking.evaluation.outputs.exchange.frames import labelled_results
from pytracking.evaluation.outputs.exchange.label_studio import encode_brush
from pytracking.tracker.base import OnlineTracker
from pytracking.utils.video_stream import StreamOptions, open_stream

_FEW = 5


@functools.cache
def _tracker() -> OnlineTracker:
    tracker = load_tracker("baseline", "copy_mask")
    assert isinstance(tracker, OnlineTracker)
    return tracker


def make_session(folder: Path) -> None:
    """Write a session with a mask and a pass."""
    with VideoSession(_tracker(), [image(), image()]) as session:
        session.add(0, Prompt(1, mask=labels() > 0))
        list(session.propagate())
        session.save(folder / "dog.session")


def read_session(path: Path) -> None:
    """Take the session up, and look at its frames."""
    with VideoSession(_tracker(), [image(), image()]) as session:
        session.load(path)
        for index in range(2):
            check(session.preview(index), 2)
        list(session.propagate(0))


def read_served(path: Path) -> None:
    """Read the clip from a server on this machine."""
    address = _serve(path.parent)
    stream = open_stream(f"{address}/{path.name}", StreamOptions(reconnects=0))
    try:
        for frame in stream.frames:
            check(frame, 3)
    finally:
        stream.close()


@functools.cache
def _serve(folder: Path) -> str:
    """Serve the files of a folder as long as this process lives; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = (folder / self.path.strip("/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def make_request(kind: str) -> Callable[[Path], None]:
    """Writes the body of a request of Label Studio, with a folder of frames and a clip."""

    def make(folder: Path) -> None:
        for name in FRAMES:
            write(folder / "clip" / f"{name}.jpg", image())
        mask = {"format": "rle", "rle": encode_brush(labels() > 0), "brushlabels": ["dog"]}
        brush = {"type": "brushlabels", "id": "a", "value": mask}
        key = {"frame": 1, "x": 20.0, "y": 20.0, "width": 40.0, "height": 50.0, "enabled": True}
        track = {"framesCount": 2, "duration": 0.08, "sequence": [key]}
        box = {"type": "videorectangle", "id": "b", "value": {**track, "labels": ["dog"]}}
        tasks = {
            "picture": {"data": {"image": f"clip/{FRAMES[0]}.jpg"}, "region": brush},
            "video": {"data": {"video": "clip.avi"}, "region": box},
        }
        if kind == "video":
            writer = cv2.VideoWriter(
                str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (32, 24)
            )
            for _ in FRAMES:
                writer.write(image())
            writer.release()
        task = tasks[kind]
        body = {"data": task["data"], "annotations": [{"result": [task["region"]]}]}
        dump(folder / "request.json", {"tasks": [body]})

    return make


def answer_request(folder: Path) -> None:
    """Answer as the server does; what it calls malformed counts as refused."""
    tracking = LabelStudioTracking(_tracker(), folder)
    try:
        content = read_json(folder / "request.json")
        for task in content["tasks"][:_FEW]:
            json.dumps(tracking.predict(task))
            if "image" in task["data"]:
                tracking.predict({"data": {"image": f"clip/{FRAMES[1]}.jpg"}})
    except MALFORMED as error:
        raise DataError(f"the request is not one of Label Studio: {error!r}") from error
    finally:
        tracking.close()


def make_shapes(folder: Path) -> None:
    """Write one shape of each kind as CVAT's agents get them."""
    runs = encode_box_runs(labels()[6:15, 9:21] > 0)
    shapes: list[dict[str, Any]] = [
        {"type": "polygon", "points": [1.0, 1.0, 9.0, 1.0, 9.0, 9.0]},
        {"type": "mask", "points": [*map(float, runs), 9.0, 6.0, 20.0, 14.0]},
    ]
    dump(folder / "shapes.json", shapes)


def read_shapes(path: Path) -> None:
    """Make masks of them; the server's own package refuses what is no shape."""
    try:
        shapes = [SimpleNamespace(type=str(s["type"]), points=s["points"]) for s in read_json(path)]
        points = [[float(value) for value in shape.points] for shape in shapes]
    except (TypeError, LookupError, ValueError, OverflowError) as error:
        raise DataError(f"the package of CVAT refuses it: {error!r}") from error
    for shape, own in zip(shapes, points, strict=True):
        mask_of_shape(shape.type, own, image())


def make_results(folder: Path) -> None:
    """Write the results of a video."""
    from ltr.data.image_io import write_label_map

    for name in FRAMES:
        write_label_map(folder / f"masks/{name}.png", labels())
    video = {"name": "v", "size": [32, 24], "fps": 10.0, "frames": 2, "stems": list(FRAMES)}
    dump(folder / "config.json", {"video": video})


def read_results(folder: Path) -> None:
    """Read them as an export does."""
    video = labelled_results(folder)
    for index in range(min(len(video), _FEW)):
        check(video.labels(index), 2)
