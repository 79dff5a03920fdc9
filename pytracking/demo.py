"""Track an object through a synthetic clip: mask in; masks, overlay video, scores and speed out.

``--all`` shows every system on a clip, with a table of scores and one contact sheet.

Example:
    python -m pytracking.demo --output demo_output
    python -m pytracking.demo --all
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.cli import CommandParser, command, json_results, set_up_logging
from ltr.admin.errors import ConfigError
from pytracking.evaluation.tracker import TrackerSpec

_TRACKER = TrackerSpec("joint", "joint_demo")
_MIN_FRAMES = 3
_FPS = 12.0
_CLIP, _FIRST_MASK = "demo_clip.mp4", "demo_first_frame.png"
_FILES = {
    "clip": _CLIP,
    "masks": "masks",
    "overlay video": "overlay.mp4",
    "contact sheet": "contact_sheet.png",
}


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Draw a clip, segment it and score it; the last line has percent and frames per second."""
    arguments = _parser().parse_args(argv)
    set_up_logging()
    if arguments.frames < _MIN_FRAMES:
        raise ConfigError(f"--frames {arguments.frames}: the scores need {_MIN_FRAMES} or more")
    with json_results(arguments.json) as results:
        results.update(_follow_objects(arguments))
        if arguments.all:
            show_systems(arguments.output, arguments.frames, arguments.device)
    return 0


def _follow_objects(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the tracker of the package over the clip; returns the scores and where the files lie."""
    from ltr.admin.devices import resolve_device
    from pytracking.analysis.protocols.davis import score_clip
    from pytracking.evaluation.outputs.video import ENTRIES
    from pytracking.evaluation.prompt_types import MaskPrompt
    from pytracking.evaluation.running.task import VideoTask
    from pytracking.evaluation.running.video import process_video
    from pytracking.tracker.base import Runtime
    from pytracking.utils.loading import SHIPPED_NETWORKS
    from pytracking.utils.staging import check_free

    network = SHIPPED_NETWORKS / f"{_TRACKER.name}.pth.tar"
    if not network.is_file():
        raise ConfigError(f"{network}, a part of the package, is missing: install it again")
    print(f"Tracker: {_TRACKER.system} {_TRACKER.name}", flush=True)
    is_earlier_demo = (arguments.output / _CLIP).exists()
    check_free(arguments.output, () if is_earlier_demo else ENTRIES)
    clip, mask = write_clip(arguments.output, arguments.frames)
    task = VideoTask(
        _TRACKER,
        Runtime(resolve_device(arguments.device)),
        clip,
        (MaskPrompt(0, mask),),
        output=arguments.output,
        overwrite=True,
    )
    summary = process_video(task)
    scores = score_clip(_truth(arguments.frames), _results(arguments.output))
    files = {title: arguments.output / name for title, name in _FILES.items()}
    for title, file in files.items():
        print(f"{title + ':':<15}{file}")
    print(f"{scores.summary} fps={summary.fps:.1f}")
    measures = {"J&F": scores.j_and_f, "J": scores.j.mean, "F": scores.f.mean}
    return {**measures, "fps": summary.fps, "files": files}


def show_systems(folder: Path, frames: int, device: str) -> None:
    """Run every system; writes ``systems.png`` and ``systems.md`` and prints the table."""
    from ltr.admin.devices import resolve_device
    from ltr.data.image_io import write_image
    from pytracking.demo_systems import DemoClip, run_systems, sheet_of, table_of
    from pytracking.tracker.base import Runtime
    from pytracking.utils.demo_clip import demo_clip

    shown = list(demo_clip(frames))
    images, labels = [frame.image for frame in shown], [frame.labels for frame in shown]
    clip = DemoClip(folder / _CLIP, folder / _FIRST_MASK, images, labels)
    rows = run_systems(clip, folder / "systems", Runtime(resolve_device(device)))
    write_image(folder / "systems.png", sheet_of(rows))
    (folder / "systems.md").write_text(table_of(rows) + "\n", encoding="utf-8")
    print(f"\n{table_of(rows)}\n\n{'all systems:':<15}{folder / 'systems.png'}")


def write_clip(folder: Path, frames: int) -> tuple[Path, Path]:
    """Draw the clip into a folder.

    Returns:
        The video file, and the mask of its first frame.
    """
    from ltr.data.image_io import write_label_map
    from pytracking.utils.demo_clip import demo_clip
    from pytracking.utils.video_writer import VideoWriter

    folder.mkdir(parents=True, exist_ok=True)
    clip, mask = folder / _CLIP, folder / _FIRST_MASK
    with VideoWriter(clip, _FPS) as writer:
        for index, frame in enumerate(demo_clip(frames)):
            writer.write(frame.image)
            if index == 0:
                write_label_map(mask, frame.labels)
    return clip, mask


def _truth(frames: int) -> Iterator[np.ndarray]:
    from pytracking.utils.demo_clip import demo_clip

    return (frame.labels for frame in demo_clip(frames))


def _results(folder: Path) -> Iterator[np.ndarray]:
    from ltr.data.image_io import read_label_map

    return (read_label_map(path) for path in sorted((folder / "masks").iterdir()))


def _parser() -> CommandParser:
    parser = CommandParser(__doc__, prog="vos-demo")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo_output"),
        metavar="DIR",
        help="folder of the results (demo_output)",
    )
    parser.add_argument(
        "--frames", type=int, default=40, metavar="N", help="number of frames of the clip (40)"
    )
    parser.add_device()
    parser.add_json()
    parser.add_switch("--all", "then run every system, which takes minutes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
