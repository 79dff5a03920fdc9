"""The command-line arguments of the commands that follow one video."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltr.admin.errors import ConfigError
from pytracking.cli.arguments import TrackerParser, resolve_runtime
from pytracking.cli.prompt_arguments import parse_box, parse_mask, parse_point
from pytracking.evaluation.prompt_types import BoxPrompt

if TYPE_CHECKING:
    from pytracking.evaluation.running.task import VideoTask
    from pytracking.evaluation.tracker import TrackerSpec
    from pytracking.utils.video_reader import VideoLike


class VideoParser(TrackerParser):
    """Arguments of the commands that follow one video."""

    def add_objects(self) -> None:
        """Add masks and boxes."""
        self.add_list(
            "--mask",
            "masks",
            "[FRAME:]FILE",
            "PNG, pixel value = object id; its objects start in this frame (0); for "
            "a folder of videos a folder with <video>.png",
            parse_mask,
        )
        self.add_list(
            "--box",
            "boxes",
            "[FRAME:[ID:]]X,Y,W,H",
            "box of an object that starts in this frame; with its id it can also correct one",
            parse_box,
        )
        self.add_argument(
            "--optional-box",
            dest="boxes",
            type=float,
            nargs=4,
            action=_AppendFirstBox,
            default=[],
            metavar=("X", "Y", "W", "H"),
            help="upstream's form of --box, for the first frame",
        )

    def add_scribbles(self) -> None:
        """Add a file of scribbles, and what makes masks of them."""
        self.add_argument(
            "--scribbles",
            type=Path,
            metavar="FILE",
            help="JSON of scribbles in the DAVIS format; each annotated frame is one round",
        )
        self.add_to_mask()

    def add_prompts(self) -> None:
        """Add prompts that a network or GrabCut makes masks of, for trackers of masks."""
        self.add_list(
            "--point",
            "points",
            "FRAME:ID:X,Y[,-]",
            "click on an object, or with ,- beside it, in pixels",
            parse_point,
        )
        self.add_argument(
            "--all",
            dest="everything",
            action="store_true",
            help="segment all objects that a network finds",
        )
        self.add_argument(
            "--direction",
            choices=("forward", "backward", "both"),
            help="direction in which objects are followed from the frame of their prompt (forward; "
            "both after --text and --all)",
        )
        self.add_finders()

    def add_finders(self) -> None:
        """Add the networks that find objects for trackers of masks."""
        self.add_argument(
            "--text-finder",
            default="referring:demo",
            metavar="SYSTEM:NAME",
            help="network that finds the key frame of a --text for a tracker of masks "
            "(referring:demo)",
        )
        self.add_argument(
            "--all-finder",
            default="propose_reduce:demo",
            metavar="SYSTEM:NAME",
            help="network that finds the objects of --all (propose_reduce:demo)",
        )

    def add_to_mask(self) -> None:
        """Add what makes masks of lines, for trackers that take masks."""
        self.add_argument(
            "--to-mask",
            default="grabcut",
            metavar="METHOD",
            help="how scribbles and points become a mask, for trackers of masks: grabcut, "
            "atnet[:FILE], ipn[:FILE], sam2[:FOLDER], edgetam[:FOLDER] or sam3[:FOLDER] (grabcut)",
        )

    def add_whole_video(self) -> None:
        """Add what trackers take that see a whole video."""
        self.add_list(
            "--text",
            "texts",
            "SENTENCE",
            "describes an object; for a tracker of masks --text-finder finds it",
        )
        self.add_argument(
            "--score-threshold",
            dest="score_threshold",
            type=float,
            default=0.2,
            metavar="SCORE",
            help="draw instances of at least this score, for trackers that find all objects (0.2)",
        )

    def add_stream(self) -> None:
        """Add how streams are read."""
        self.add_switch(
            "--realtime",
            "leave out frames that come while the tracker works, so that the delay stays constant",
        )
        self.add_argument(
            "--reconnects",
            type=int,
            default=5,
            metavar="N",
            help="attempts to connect again when a stream is lost (5)",
        )

    def add_output(self) -> None:
        """Add where and what to write."""
        self.add_argument("--output", type=Path, metavar="DIR", help="folder of the results")
        self.add_switch("--overwrite", "replace the results of an earlier run")
        self.add_wait()
        self.add_switch("--no-overlay", "write no overlay video")
        self.add_switch("--save-results", "accepted as in pytracking; results are always saved")


class _AppendFirstBox(argparse.Action):
    """Appends four numbers to the boxes, as one of the first frame."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        x, y, width, height = values
        namespace.boxes = [*namespace.boxes, BoxPrompt(0, (x, y, width, height))]


def resolve_task(arguments: argparse.Namespace, spec: TrackerSpec, source: VideoLike) -> VideoTask:
    """The work that the arguments describe: each sets the field of its name.

    Raises:
        ConfigError: The results would lie among the frames or videos, or the tracker or device
            cannot be used.
    """
    from pytracking.evaluation.running.task import VideoTask
    from pytracking.utils.video_stream import StreamOptions

    folder = Path(source) if isinstance(source, str | Path) else None
    output: Path | None = arguments.output
    if folder and folder.is_dir() and output and folder.resolve() == output.resolve():
        raise ConfigError(f"--output {output} is the folder of the video: name another")
    names = {field.name for field in fields(VideoTask)} - {"source"}
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(arguments).items()
        if name in names
    }
    return VideoTask(
        spec,
        resolve_runtime(arguments),
        source,
        **given,
        with_overlay=not arguments.no_overlay,
        stream=StreamOptions(arguments.reconnects, drops_late=arguments.realtime),
    )
