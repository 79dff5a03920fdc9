"""Programs that replace finished results or fetch files, for ``kill_campaign.py``.

Where results are replaced, the folder holds old ones before the first start. At every moment what
counts as finished must be whole, and all of the old or all of the new run.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import torch
from synthetic_clip import draw_clip

from ltr.admin.checkpoint import network_fields, read_checkpoint, save_checkpoint
from ltr.data.image_io import read_image, read_label_map, write_image, write_label_map
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.joint.joint_net import steepest_descent_resnet18
from pytracking.interactive_page.guidance import Guidance
from pytracking.interactive_page.opening import open_with_host
from pytracking.interactive_page.settings import PageSettings
from pytracking.interactive_page.workbench import Workbench
from pytracking.run_tracker import main as track
from pytracking.run_video import main as segment
from pytracking.tracker.interactive.base import InteractiveVOS, Segmentation
from pytracking.tracker.interactive.quality import ConfidenceQuality
from pytracking.tracker.interactive.recommend import WorstFrame
from pytracking.utils.download import fetch
from pytracking.utils.extract_frames import main as extract_frames
from pytracking.utils.released_files import ReleasedFile
from pytracking.utils.video_writer import VideoWriter

_SIZE, _FRAMES, _SEQUENCES = (96, 128), 12, 3
_PIECES, _PIECE_S = 20, 0.01
_NET = "net.pth.tar"


def write_sequences(folder: Path) -> None:
    """Write annotated sequences, and the results of an earlier run with other masks."""
    for sequence in range(_SEQUENCES):
        clip, labels = draw_clip(_FRAMES, 1, _SIZE, seed=sequence)
        for time_, image in enumerate(clip):
            write_image(folder / f"JPEGImages/{sequence}/{time_:05d}.jpg", image)
            write_label_map(folder / f"Annotations/{sequence}/{time_:05d}.png", labels)
    _track(folder, folder / "old")
    for path in (folder / "old").rglob("*.png"):
        write_label_map(path, np.full(_SIZE, 9, np.uint8))


def copy_old(source: Path, target: Path) -> None:
    """Put the earlier results in their place."""
    shutil.copytree(source / "old", target, dirs_exist_ok=True)


def overwrite_sequences(source: Path, target: Path) -> int:
    """Track all sequences again."""
    return _track(source, target, "--overwrite")


def _track(source: Path, target: Path, *more: str) -> int:
    return track(
        ["baseline", "optical_flow", "--dataset_name", f"folder:{source}", "--quiet",
         "--device", "cpu", "--results", str(target), *more]
    )  # fmt: skip


def sequence_contents(folder: Path) -> dict[str, object]:
    """Masks of the finished sequences.

    Raises:
        ValueError: A sequence is incomplete, or a mixture.
    """
    contents: dict[str, object] = {}
    for path in folder.glob("baseline/*/*/*"):
        if path.is_dir() and not path.name.startswith("."):
            contents |= _masks(path)
    return contents


def write_video(folder: Path) -> None:
    """Write a video, its first mask, and the results of an earlier run with another tracker."""
    clip, labels = draw_clip(_FRAMES, 1, _SIZE, seed=0)
    with VideoWriter(folder / "clip.mp4", 10) as writer:
        for image in clip:
            writer.write(image)
    write_label_map(folder / "first.png", labels)
    _segment(folder, folder / "old", "copy_mask")
    for path in (folder / "old").rglob("*.png"):
        write_label_map(path, np.full(_SIZE, 9, np.uint8))


def overwrite_video(source: Path, target: Path) -> int:
    """Segment the video again."""
    return _segment(source, target, "optical_flow", "--overwrite")


def new_video(source: Path, target: Path) -> int:
    """Segment the video; a start that finds whole results, or completes them, has nothing to do."""
    marker = target / "new/config.json"
    if marker.exists():
        return 0
    code = _segment(source, target / "new", "optical_flow")
    return 0 if marker.exists() else code


def _segment(source: Path, target: Path, name: str, *more: str) -> int:
    return segment(
        ["baseline", name, str(source / "clip.mp4"), "--mask", str(source / "first.png"),
         "--output", str(target), "--device", "cpu", "--quiet", *more]
    )  # fmt: skip


def video_contents(folder: Path) -> dict[str, object]:
    """Masks and configuration of a finished video; nothing where it is not finished.

    Raises:
        ValueError: It is incomplete, or a mixture.
    """
    marker = next(folder.glob("**/config.json"), None)
    if marker is None:
        return {}
    contents = _masks(marker.parent / "masks")
    is_old = all(contents[name] == bytes([9]) * (_SIZE[0] * _SIZE[1]) for name in contents)
    if ("copy_mask" in marker.read_text()) != is_old:
        raise ValueError("config.json and masks are of different runs")
    return {name.replace("new/", ""): mask for name, mask in contents.items()}


def _masks(folder: Path) -> dict[str, object]:
    files = sorted(folder.glob("*.png"))
    if len(files) != _FRAMES:
        raise ValueError(f"{folder} holds {len(files)} of {_FRAMES} masks")
    masks = {f"{folder.name}/{path.name}": read_label_map(path) for path in files}
    if len({bool((mask == 9).all()) for mask in masks.values()}) > 1:
        raise ValueError(f"{folder} holds masks of two runs")
    return {name: mask.tobytes() for name, mask in masks.items()}


def write_videos_to_extract(folder: Path) -> None:
    """Write three videos."""
    for number in range(3):
        clip, _ = draw_clip(_FRAMES, 1, _SIZE, seed=number)
        with VideoWriter(folder / f"{number}.mp4", 10) as writer:
            for image in clip:
                writer.write(image)


def extract(source: Path, target: Path) -> int:
    """Turn them into folders of frames."""
    return extract_frames([str(source), str(target)])


def frame_contents(folder: Path) -> dict[str, object]:
    """The frames of every folder that is there.

    Raises:
        ValueError: One is incomplete.
    """
    contents: dict[str, object] = {}
    for video in sorted(folder.glob("[!.]*")):
        files = sorted(video.iterdir())
        if len(files) != _FRAMES:
            raise ValueError(f"{video} holds {len(files)} of {_FRAMES} frames")
        contents |= {f"{video.name}/{file.name}": read_image(file).tobytes() for file in files}
    return contents


def write_network(folder: Path) -> None:
    """Write the file that is fetched."""
    torch.manual_seed(0)
    save_checkpoint(folder / _NET, network_fields(steepest_descent_resnet18(backbone_width=16)))


def download(source: Path, target: Path) -> int:
    """Fetch the file from a server of this process that sends it in pieces."""
    content = (source / _NET).read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            step = -(-len(content) // _PIECES)
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                time.sleep(_PIECE_S)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{_NET}"
        released = ReleasedFile(_NET, "network_path", address, address, kind="joint")
        fetch(released, target, address, lambda size, total: None)
        server.shutdown()
    return 0


def network_contents(folder: Path) -> dict[str, object]:
    """The weights of the file, where it is there."""
    return {
        f"{path.name} {name}": tensor.contiguous().numpy().tobytes()
        for path in folder.glob("[!.]*.pth.tar")
        for name, tensor in read_checkpoint(path).net.items()
    }


class StillHost(InteractiveVOS):
    """Everything is the first object."""

    name = "still"

    def _start(self, video_id: str | None) -> None:
        pass

    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        masks = np.ones((len(self.frames), *self.frames[0].shape[:2]), np.uint8)
        probabilities = torch.zeros(len(masks), 2, *masks.shape[1:])
        probabilities[:, 1] = 1
        return Segmentation(masks, probabilities, (0, len(masks) - 1))

    def _finish(self) -> None:
        pass


def write_page(folder: Path) -> None:
    """Write a video, and an earlier export of it with other masks."""
    clip, _ = draw_clip(_FRAMES, 1, _SIZE, seed=0)
    with VideoWriter(folder / "clip.mp4", 10) as writer:
        for image in clip:
            writer.write(image)
    export_page(folder, folder / "old")
    for path in (folder / "old").rglob("*.png"):
        write_label_map(path, np.full(_SIZE, 9, np.uint8))


def export_page(source: Path, target: Path) -> int:
    """Replace what the page had exported."""
    guidance = Guidance(ConfidenceQuality(), WorstFrame(), "confidence")
    workbench = Workbench("still", open_with_host(StillHost()), guidance, PageSettings())
    workbench.open(source / "clip.mp4")
    workbench.propagate(0, [ScribbleLine(np.array([(0.5, 0.5)]), 1)])
    workbench.export(target)
    return 0


def export_contents(folder: Path) -> dict[str, object]:
    """What was exported, where its marker is there.

    Raises:
        ValueError: It is incomplete, or a mixture.
    """
    if not (folder / "scribbles.json").exists():
        return {}
    json.loads((folder / "scribbles.json").read_text())
    return _masks(folder / "masks")
