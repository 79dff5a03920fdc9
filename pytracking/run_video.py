r"""Segment objects in a video: masks, overlay video and contact sheet in one folder.

Example:
    python run_video.py joint joint_ytvos dog.mp4 --mask first_frame.png --output out
    python run_video.py joint joint_demo dog.mp4 --scribbles dog.json
    python run_video.py joint joint_demo dog.mp4 --point 40:1:300,200 --point 40:1:20,30,- \
        --direction both
    python run_video.py joint joint_demo dog.mp4 --text "the dog on the left"
    python run_video.py joint joint_demo dog.mp4 --all
    python run_video.py propose_reduce ytvis19_r50 video.mp4
    python run_video.py propose_reduce ytvis19_r101 folder_of_videos --output out
    python run_video.py joint joint_ytvos folder_of_videos --mask folder_of_masks --threads 4
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, json_results, set_up_logging
from ltr.admin.collection import collection_paused
from ltr.admin.errors import ConfigError
from pytracking.cli.arguments import resolve_tracker
from pytracking.cli.video_arguments import VideoParser, resolve_task

if TYPE_CHECKING:
    from pytracking.evaluation.engines.base import Engine
    from pytracking.evaluation.running.jobs import Outcome
    from pytracking.evaluation.tracker import TrackerSpec
    from pytracking.utils.video_reader import FolderContent


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment one video, or a folder of them; 1 when one of several failed."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    spec = resolve_tracker(arguments)
    from pytracking.utils.video_reader import find_videos

    beside = [prompt.path for prompt in arguments.masks if prompt.path.is_dir()]
    beside += [arguments.output] if arguments.output else []
    found = find_videos(arguments.videofile, beside)
    if found.videos and arguments.scribbles is None:
        with collection_paused():
            from pytracking.cli.console import run_with_engine

        return run_with_engine(arguments, partial(_segment_folder, spec, found))
    if arguments.engine != "local" or arguments.threads:
        raise ConfigError(
            f"--engine and --threads need a folder of videos: {arguments.videofile} is not one"
        )
    with collection_paused():
        from pytracking.evaluation.running.video import process_video

    with json_results(arguments.json) as results:
        task = resolve_task(arguments, spec, arguments.videofile)
        summary = process_video(task)
        results.update(dataclasses.asdict(summary))
        _tell(summary)
        _export(arguments, summary.folder, Path(arguments.videofile))
        _tell_left_out(found)
    if summary.failure:
        print(f"failed: {summary.failure}", file=sys.stderr, flush=True)
    return int(bool(summary.failure))


def _segment_folder(
    spec: TrackerSpec, found: FolderContent, arguments: argparse.Namespace, engine: Engine | None
) -> int:
    """Segment all videos of a folder that have no results yet."""
    from ltr.admin.locks import lock_folder
    from pytracking.cli.console import refuse_live_view
    from pytracking.evaluation.running.video_folder import VideoFolder, output_of

    if engine is not None:
        refuse_live_view(arguments)
    task = resolve_task(arguments, spec, arguments.videofile)
    videos: dict[str, Any] = {}
    num_failed = 0
    with json_results(arguments.json) as results:
        with lock_folder(output_of(task), arguments.wait):
            folder = VideoFolder(task, found.videos)
            for outcome in folder.run(engine):
                videos[outcome.name] = dataclasses.asdict(outcome)
                if outcome.folder is not None:
                    _tell(outcome)
                    video = next(video for video in found.videos if video.name == outcome.name)
                    _export(arguments, outcome.folder, video)
                if outcome.failure:
                    num_failed += 1
                    print(f"failed: {outcome.name}: {outcome.failure}", file=sys.stderr, flush=True)
        if folder.num_finished:
            print(f"{folder.num_finished} videos already done (--overwrite runs them again)")
        _tell_left_out(found)
        print(f"{len(videos) - num_failed} videos done, {num_failed} failed", flush=True)
        results.update(videos=videos, failed=num_failed, skipped=folder.num_finished)
    return int(num_failed > 0)


def _export(arguments: argparse.Namespace, folder: Path | None, video: Path) -> None:
    """Write the results of a video in further formats; those of several into folders."""
    if not arguments.exports or folder is None:
        return
    from pytracking.evaluation.outputs.exchange.frames import export_results

    is_one_of_many = str(video) != arguments.videofile
    for path in export_results(
        folder, video, arguments.exports, arguments.overwrite, in_folder=is_one_of_many
    ):
        print(f"exported: {path}", flush=True)


def _tell(summary: Outcome) -> None:
    from pytracking.cli.outcomes import tell_dropped

    rate = summary.fps
    if summary.deviation:
        print(f"{summary.folder} differs from the configuration: {summary.deviation}", flush=True)
    print(f"{summary.frames} frames at {rate:.1f} fps: {summary.folder}", flush=True)
    tell_dropped(summary)


def _tell_left_out(found: FolderContent) -> None:
    if found.left_out:
        print(f"left out, neither videos nor frames: {', '.join(found.left_out)}")


def _parser() -> VideoParser:
    parser = VideoParser(__doc__)
    parser.add_tracker()
    parser.add_memory()
    parser.add_fast()
    parser.add_argument("videofile", help="video file, folder of frames or of videos, address or -")
    parser.add_objects()
    parser.add_scribbles()
    parser.add_prompts()
    parser.add_whole_video()
    parser.add_output()
    parser.add_stream()
    parser.add_export()
    parser.add_json()
    parser.add_engine()
    parser.add_runtime()
    return parser


if __name__ == "__main__":
    sys.exit(main())
