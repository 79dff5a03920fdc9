"""What to do with one video, and what all ways of doing it share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ltr.admin.errors import ConfigError
from ltr.admin.files import atomic_write
from pytracking.evaluation.outputs.video import CONFIG, FAILURE
from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt, PointPrompt
from pytracking.evaluation.tracker import TrackerSpec, describe_run, tracker_class
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.video_reader import VideoLike
from pytracking.utils.video_stream import StreamOptions

MAX_DRAWN = 254
"""Objects that a label map can hold."""


@dataclass(frozen=True)
class VideoTask:
    """What to do with one video, or with every video of a folder.

    Args:
        spec: The tracker.
        runtime: Device and precision; its inspector is shown the results while they are made.
        source: Video file, folder of frames, camera number or frames.
        masks: Mask files of the objects.
        boxes: Boxes of further objects.
        points: Clicks, for trackers of masks.
        texts: One sentence per wanted object; for a tracker of masks a network finds them.
        everything: A tracker of masks follows all objects that a network finds.
        direction: ``forward``, ``backward`` or ``both`` from the frames of the prompts; None is
            both where objects were searched, else forward.
        text_finder: Network that finds objects by sentences, ``SYSTEM:NAME``.
        all_finder: Network that finds all objects.
        scribbles: File of scribbles in the form of DAVIS; a round for every frame that has some.
        to_mask: How lines and points become a mask for a tracker of masks, see ``create_host``.
        score_threshold: Instances below it are listed but not drawn or followed, 0..1.
        output: Folder of the results; default below ``results_path``.
        with_overlay: Also write the overlay video.
        is_one_of_many: Drawings of instances then lie as ``<output>.mp4``, or for a folder of
            frames as ``<output>/<frame>.jpg``.
        overwrite: Replace the results of an earlier run.
        quiet: Show no progress.
        wait: Wait while another process works in the output folder, instead of refusing.
        stream: How a stream is read, and whether late frames are left out.
    """

    spec: TrackerSpec
    runtime: Runtime
    source: VideoLike
    masks: Sequence[MaskPrompt] = ()
    boxes: Sequence[BoxPrompt] = ()
    points: Sequence[PointPrompt] = ()
    texts: tuple[str, ...] = ()
    everything: bool = False
    direction: Literal["forward", "backward", "both"] | None = None
    text_finder: str = "referring:demo"
    all_finder: str = "propose_reduce:demo"
    scribbles: Path | None = None
    to_mask: str = "grabcut"
    score_threshold: float = 0.2
    output: Path | None = None
    with_overlay: bool = True
    is_one_of_many: bool = False
    overwrite: bool = False
    quiet: bool = False
    wait: bool = False
    stream: StreamOptions | None = None

    @property
    def is_searched(self) -> bool:
        """Whether the objects are to be found in the video."""
        return bool(self.texts) or self.everything

    @property
    def session_settings(self) -> dict[str, Any]:
        """What decides a session's results beside masks, boxes and points; JSON-like."""
        found: dict[str, Any] = {}
        if self.texts:
            found |= {"texts": list(self.texts), "text_finder": self.text_finder}
        if self.everything:
            found |= {"all_finder": self.all_finder, "score_threshold": self.score_threshold}
        if self.direction not in (None, "forward"):
            found["direction"] = self.direction
        if self.points:
            found["to_mask"] = self.to_mask
        return found


def default_folder(spec: TrackerSpec, name: str) -> Path:
    """Where the results of a video go when no folder is named."""
    results = Path(evaluation_environment().results_path)
    return results / spec.system / spec.result_name / "video" / name


def check_task(task: VideoTask) -> str:
    """Make sure that the tracker takes what tells it the objects, before anything is loaded.

    Returns:
        The kind of the tracker.

    Raises:
        ConfigError: It does not.
    """
    tracker = tracker_class(task.spec.system)
    kind, takes_text = tracker.kind, getattr(tracker, "takes_text", False)
    if task.scribbles is not None:
        if task.masks or task.boxes or task.points or task.is_searched:
            raise ConfigError("give objects by --scribbles or by other prompts, not by both")
        return kind
    if kind == "interactive":
        raise ConfigError(
            "this tracker takes scribbles: name a file with --scribbles FILE, or draw them in "
            "run_interactive.py"
        )
    _check_texts(task.texts)
    if kind == "online":
        return kind
    if task.points or task.everything or task.direction is not None:
        raise ConfigError(
            "this tracker finds its objects itself: leave out points, --all and --direction"
        )
    if task.texts and not takes_text:
        raise ConfigError("this tracker takes no sentences: leave out --text")
    if takes_text and not task.texts:
        raise ConfigError("no object is given: name one with --text SENTENCE")
    if kind == "whole_video" and (task.masks or task.boxes):
        raise ConfigError("this tracker finds its objects itself: leave out masks and boxes")
    return kind


def _check_texts(texts: Sequence[str]) -> None:
    if not all(text.strip() for text in texts):
        raise ConfigError("a sentence of --text is empty: say what the object looks like")
    if len(texts) > MAX_DRAWN:
        raise ConfigError(
            f"{len(texts)} sentences are given, a label map holds at most {MAX_DRAWN} objects"
        )


def describe_video_run(task: VideoTask) -> dict[str, Any]:
    """What decides the results of a video, beside its masks; see ``describe_run``."""
    run = describe_run(task.spec, task.runtime)
    if task.spec.kind != "whole_video":
        return run | task.session_settings
    return run | {"texts": list(task.texts), "score_threshold": task.score_threshold}


def write_config(
    folder: Path,
    run: Mapping[str, Any],
    video: FrameSource,
    prompts: Mapping[int, FrameInfo],
    frames: int,
) -> None:
    """Store beside the results what made them; ``run`` comes from ``describe_run``."""
    config = {
        **run,
        "video": {"name": video.name, "size": video.size, "fps": video.fps, "frames": frames},
        "objects": {str(index): list(info.object_ids) for index, info in prompts.items()},
    }
    if video.stems:
        config["video"]["stems"] = list(video.stems)
    if video.failure:
        config[FAILURE] = video.failure
    with atomic_write(folder / CONFIG, "w") as stream:
        json.dump(config, stream, indent=2)
        stream.write("\n")
