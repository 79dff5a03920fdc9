"""Every system with its small network on a clip with known masks: a table and a sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ltr.data.image_io import read_label_map
from ltr.data.interactive.robot import draw_corrections
from ltr.dataset.referring.synthetic import sentences_of
from ltr.dataset.synthetic_shapes import render_clip
from ltr.dataset.youtubevis_classes import CLASSES
from pytracking.analysis.protocols.davis import score_clip, score_clip_unsupervised
from pytracking.analysis.protocols.interactive import score_masks
from pytracking.evaluation.hosts import create_host
from pytracking.evaluation.interactive.playing import robot_for
from pytracking.evaluation.prompt_types import MaskPrompt
from pytracking.evaluation.running.task import VideoTask
from pytracking.evaluation.running.video import process_video
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.interactive_page.guidance import load_guidance
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.recommend import RecommendContext
from pytracking.utils.overlay import draw_result
from pytracking.utils.video_writer import VideoWriter

_TILES, _TILE_SIZE = 5, (256, 144)
_ROUNDS = 3
FPS = 12.0
_SEED = 2_000_000  # neither of the training clips nor of the validation clips
_SENTENCES_SIZE, _PROPOSALS_SIZE = (64, 96), (96, 160)


class DemoClip(NamedTuple):
    """A clip whose masks are known.

    Args:
        video: Video file.
        first_mask: Label map of its first frame.
        images: uint8 (H, W, 3) RGB, frame by frame.
        labels: uint8 (H, W), frame by frame.
    """

    video: Path
    first_mask: Path
    images: Sequence[np.ndarray]
    labels: Sequence[np.ndarray]


class DemoRow(NamedTuple):
    """What a system did.

    Args:
        system: System and parameters.
        task: What it was given: a mask, a sentence, scribbles or nothing.
        measure: What the numbers are.
        score: Percent.
        baseline: What the other number belongs to.
        baseline_score: Percent.
        strip: uint8 (H, W, 3) RGB, some frames side by side.
    """

    system: str
    task: str
    measure: str
    score: float
    baseline: str
    baseline_score: float
    strip: np.ndarray


def run_systems(clip: DemoClip, folder: Path, runtime: Runtime) -> list[DemoRow]:
    """Run all five systems.

    Args:
        clip: What the systems see that are told masks or lines; the others get moving shapes.
        folder: Gets a folder of results for each.
        runtime: Device and precision.

    Raises:
        ToolkitError: A network is missing, or results cannot be written.
    """
    runs: tuple[Callable[[DemoClip, Path, Runtime], DemoRow], ...] = (
        _follow_joint, _follow_features, _propose, _read_sentences, _draw_lines,
    )  # fmt: skip
    return [run(clip, folder, runtime) for run in runs]


def table_of(rows: Sequence[DemoRow]) -> str:
    """The scores as a Markdown table."""
    lines = [
        f"| `{row.system}` | {row.task} | {row.measure} | {row.score:.1f} | {row.baseline} | "
        f"{row.baseline_score:.1f} |"
        for row in rows
    ]
    head = "| system | prompt | measure | score | baseline | its score |"
    return "\n".join([head, "|---|---|---|---|---|---|", *lines])


def sheet_of(rows: Sequence[DemoRow]) -> np.ndarray:
    """The strips of all systems below each other, each with its name."""
    named = []
    for row in rows:
        title = np.full((24, row.strip.shape[1], 3), 24, np.uint8)
        text = f"{row.system}   {row.measure} {row.score:.1f}"
        cv2.putText(title, text, (6, 17), cv2.FONT_HERSHEY_DUPLEX, 0.5, (255, 255, 255), 1)
        named += [title, row.strip]
    return np.vstack(named)


def _follow_joint(clip: DemoClip, folder: Path, runtime: Runtime) -> DemoRow:
    return _follow(TrackerSpec("joint", "joint_demo"), clip, folder / "joint", runtime)


def _follow_features(clip: DemoClip, folder: Path, runtime: Runtime) -> DemoRow:
    return _follow(TrackerSpec("dense_ulearn", "demo"), clip, folder / "dense_ulearn", runtime)


def _follow(spec: TrackerSpec, clip: DemoClip, folder: Path, runtime: Runtime) -> DemoRow:
    """Track the objects from their first masks; the copied mask is the baseline."""
    masks = _segment(spec, clip.video, folder, runtime, first_mask=clip.first_mask)
    copied = [clip.labels[0]] * len(clip.labels)
    score, baseline = (100 * score_clip(clip.labels, own).j_and_f for own in (masks, copied))
    strip = _strip(clip.images, masks)
    return DemoRow(_title(spec), "the first masks", "J&F", score, "copied mask", baseline, strip)


def _propose(clip: DemoClip, folder: Path, runtime: Runtime) -> DemoRow:
    """Find moving shapes without any hint; one object that fills the picture is the baseline."""
    spec = TrackerSpec("propose_reduce", "demo")
    shapes = render_clip(_SEED, len(clip.images), _PROPOSALS_SIZE, 3, 3, shapes=CLASSES["shapes"])
    video = write_video(folder / "moving_shapes.mp4", shapes.images)
    masks = _segment(spec, video, folder / "propose_reduce", runtime)
    filled = [np.ones_like(labels) for labels in shapes.labels]
    score, baseline = (
        100 * score_clip_unsupervised(shapes.labels, own).j_and_f for own in (masks, filled)
    )
    strip, measure = _strip(shapes.images, masks), "J&F of the best matches"
    return DemoRow(_title(spec), "nothing", measure, score, "whole picture", baseline, strip)


def _read_sentences(clip: DemoClip, folder: Path, runtime: Runtime) -> DemoRow:
    """Find moving shapes by sentences; all shapes of the clip together are the baseline."""
    spec = TrackerSpec("referring", "demo")
    own = folder / "referring"
    shapes = render_clip(_SEED, len(clip.images), _SENTENCES_SIZE, 3, 3)
    sentences = sentences_of(shapes, _SEED)
    video = write_video(folder / "shapes.mp4", shapes.images)
    texts = tuple(text for text, _ in sentences.values())
    masks = _segment(spec, video, own, runtime, texts)
    truth, found = np.stack(shapes.labels), np.stack(masks)
    pairs = list(enumerate(sentences, 1))
    return DemoRow(
        _title(spec),
        ", ".join(texts),
        "overlap",
        100 * float(np.mean([_overlap(truth == number, found == slot) for slot, number in pairs])),
        "all shapes",
        100 * float(np.mean([_overlap(truth == number, truth > 0) for _, number in pairs])),
        _strip(shapes.images, masks),
    )


def _draw_lines(clip: DemoClip, folder: Path, runtime: Runtime) -> DemoRow:
    """Play rounds of lines that a robot draws on recommended frames; the first is the baseline."""
    host, guidance = (
        create_host("joint", "joint_demo", runtime=runtime),
        load_guidance(runtime.device),
    )
    objects, middle = int(clip.labels[0].max()), len(clip.images) // 2
    host.start(clip.images, objects)
    masks = np.zeros_like(np.stack(clip.labels))
    frame, annotated, scores = middle, [], []
    for _ in range(_ROUNDS):
        lines = draw_corrections(clip.labels[frame], masks[frame], objects, robot_for(host))
        result = host.interact(frame, lines)
        annotated.append(frame)
        masks = result.masks.copy()
        jaccard, contour = score_masks(np.stack(clip.labels), masks, objects)
        scores.append(50 * float((jaccard + contour).mean()))
        quality = guidance.quality.estimate(clip.images, result.probs)
        frame = guidance.recommender.next(RecommendContext(len(masks), annotated, quality))
    host.finish()
    return DemoRow(
        "interactive, host joint_demo",
        f"{_ROUNDS} rounds of lines",
        "J&F",
        scores[-1],
        "first round",
        scores[0],
        _strip(clip.images, list(masks)),
    )


def _title(spec: TrackerSpec) -> str:
    return f"{spec.system} {spec.name}"


def write_video(path: Path, images: Sequence[np.ndarray]) -> Path:
    """Write frames as a video file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, FPS) as writer:
        for image in images:
            writer.write(image)
    return path


def _segment(
    spec: TrackerSpec,
    video: Path,
    folder: Path,
    runtime: Runtime,
    texts: tuple[str, ...] = (),
    first_mask: Path | None = None,
) -> list[np.ndarray]:
    """Run a tracker as ``run_video`` does, and read the label maps that it wrote."""
    prompts = () if first_mask is None else (MaskPrompt(0, first_mask),)
    process_video(
        VideoTask(spec, runtime, video, prompts, texts=texts, output=folder, overwrite=True)
    )
    return [read_label_map(path) for path in sorted((folder / "masks").iterdir())]


def _overlap(truth: np.ndarray, found: np.ndarray) -> float:
    return float((truth & found).sum() / max(int((truth | found).sum()), 1))


def _strip(images: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> np.ndarray:
    """Evenly spaced frames with their masks, side by side."""
    places = np.linspace(0, len(images) - 1, _TILES).round().astype(int).tolist()
    tiles = [draw_result(images[place], masks[place]) for place in places]
    return np.hstack([cv2.resize(tile, _TILE_SIZE, interpolation=cv2.INTER_AREA) for tile in tiles])
