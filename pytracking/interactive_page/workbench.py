"""The work on one clip: rounds of scribbles, results, undo, export. It knows nothing of HTTP."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ltr.admin.errors import DataError, OutputError, ToolkitError
from ltr.data.image_io import decode_label_map
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from pytracking.evaluation.outputs.video import ENTRIES, MASKS, VideoResults
from pytracking.evaluation.stepper import VideoFrame
from pytracking.interactive_page.clip import Clip, load_clip
from pytracking.interactive_page.guidance import Guidance
from pytracking.interactive_page.settings import PageSettings
from pytracking.tracker.base import FrameOutput
from pytracking.tracker.interactive.base import InteractiveVOS, RoundResult
from pytracking.tracker.interactive.recommend import RecommendContext
from pytracking.utils.overlay import bright_palette
from pytracking.utils.staging import staged_folder

SCRIBBLES = "scribbles.json"
MASKS_ARCHIVE = "masks.zip"
_ENTRIES = (*ENTRIES, MASKS_ARCHIVE, SCRIBBLES)


class Cancelled(ToolkitError):
    """The person does not want to wait for the end."""


@dataclass(frozen=True)
class Round:
    """One round of a person's work.

    Args:
        frame: That was scribbled on.
        lines: What was drawn.
        masks: A palette PNG a frame, 0 transparent.
        quality: Estimated quality of every frame, float (frames,), 0..1.
        recommended: The frame to correct next.
        seconds: What the host took.
    """

    frame: int
    lines: tuple[ScribbleLine, ...]
    masks: tuple[bytes, ...]
    quality: tuple[float, ...]
    recommended: int
    seconds: float

    @cached_property
    def described_lines(self) -> list[dict[str, Any]]:
        """The lines as the page wants them, JSON-like."""
        return [
            {"object_id": line.object_id, "path": line.path.round(5).tolist()}
            for line in self.lines
        ]


class Workbench:
    """Holds a clip and its rounds.

    A round can be undone at once; the host, which cannot go back, is restarted and given the
    remaining rounds before the next one.

    Args:
        host: Segments.
        guidance: Rates frames and recommends the next one.
        settings: Limits.
    """

    def __init__(self, host: InteractiveVOS, guidance: Guidance, settings: PageSettings) -> None:
        self.host = host
        self.guidance = guidance
        self.settings = settings
        self.clip: Clip | None = None
        self.num_opened = 0
        self.rounds: list[Round] = []
        self._played: list[tuple[int, tuple[ScribbleLine, ...]]] = []  # what the host has seen
        self._num_objects = 0
        self._is_cancelled = threading.Event()
        host.on_frame = self._check_cancelled

    def cancel(self) -> None:
        """End the work that another thread does, at the next frame: it raises ``Cancelled``."""
        self._is_cancelled.set()

    def renew(self) -> None:
        """Forget earlier calls of ``cancel``; before new work."""
        self._is_cancelled.clear()

    def _check_cancelled(self) -> None:
        if self._is_cancelled.is_set():
            raise Cancelled("cancelled: nothing was changed")

    def open(self, source: Path, upload_name: str | None = None) -> None:
        """Begin with another clip; the old one is dropped when the new one can be read.

        Args:
            source: Video file or folder of frames.
            upload_name: Name of an upload, which is decoded in a process of its own.

        Raises:
            DataError: It is missing, damaged or no video.
        """
        self.clip = load_clip(source, self.settings, self._check_cancelled, upload_name)
        self.num_opened += 1
        self.rounds, self._played, self._num_objects = [], [], 0
        self.host.finish()

    def propagate(self, frame: int, lines: Sequence[ScribbleLine]) -> None:
        """Play a round.

        Args:
            frame: That the lines lie on.
            lines: At least one.

        Raises:
            DataError: No clip or line, too many, or no such frame.
            Cancelled: See ``cancel``.
        """
        clip = self._open_clip()
        self._check(clip, frame, lines)
        wanted = [(entry.frame, entry.lines) for entry in self.rounds]
        num_objects = max(self._num_objects_drawn(), *(line.object_id for line in lines))
        if self._played != wanted or num_objects != self._num_objects:
            self.host.start(clip.frames, num_objects)
            self._played, self._num_objects = [], num_objects
            for earlier_frame, earlier_lines in wanted:
                self._interact(earlier_frame, earlier_lines)
        self.rounds.append(self._judge(frame, tuple(lines), self._interact(frame, tuple(lines))))

    def undo(self) -> None:
        """Take back the last round.

        Raises:
            DataError: There is none.
        """
        if not self.rounds:
            raise DataError("there is no round to undo")
        self.rounds.pop()

    def mask_png(self, frame: int) -> bytes | None:
        """The current mask of a frame as a palette PNG, 0 transparent; None before any round."""
        return self.rounds[-1].masks[frame] if self.rounds else None

    def describe(self) -> dict[str, Any]:
        """All that the page shows, JSON-like."""
        clip, last = self.clip, self.rounds[-1] if self.rounds else None
        return {
            "clip": None if clip is None else {"serial": self.num_opened, **_describe_clip(clip)},
            "host": self.host.name,
            "rounds": [
                {"frame": entry.frame, "lines": entry.described_lines} for entry in self.rounds
            ],
            "quality": None if last is None else list(last.quality),
            "qualityLabel": self.guidance.label,
            "recommended": None if last is None else last.recommended,
            "seconds": None if last is None else last.seconds,
            "maxObjects": self.settings.max_objects,
            "colours": bright_palette()[: self.settings.max_objects + 1].tolist(),
        }

    def export(self, folder: Path) -> None:
        """Write masks, boxes, overlay video and scribbles in the size of the file.

        Args:
            folder: Earlier results in it are replaced.

        Raises:
            DataError: There is no result yet, or the file has gone.
            ConfigError: The folder is a file.
            Cancelled: See ``cancel``.
            OutputError: It cannot be written.
        """
        clip = self._open_clip()
        if not self.rounds:
            raise DataError("there is nothing to export yet: draw and propagate first")
        if folder.is_symlink():
            raise OutputError(f"{folder} is a link: results are written into real folders only")
        masks = self.rounds[-1].masks
        with (
            staged_folder(folder, _ENTRIES, overwrite=True) as staging,
            clip.reread(self._check_cancelled) as video,
        ):
            with VideoResults(staging, video) as results:
                for index, (image, encoded) in enumerate(zip(video, masks, strict=True)):
                    self._check_cancelled()
                    output = _output(encoded, image.shape[:2], self._num_objects_drawn())
                    results.add(VideoFrame(index, image, output))
            _pack(staging / MASKS, staging / MASKS_ARCHIVE)
            lines: list[list[ScribbleLine]] = [[] for _ in clip.frames]
            for entry in self.rounds:
                lines[entry.frame] += entry.lines
            write_scribbles(
                staging / SCRIBBLES, VideoScribbles(clip.name, tuple(map(tuple, lines)))
            )

    def _num_objects_drawn(self) -> int:
        """The highest object of all rounds; 1 before the first."""
        return max([1, *(line.object_id for entry in self.rounds for line in entry.lines)])

    def _open_clip(self) -> Clip:
        if self.clip is None:
            raise DataError("no clip is open")
        return self.clip

    def _check(self, clip: Clip, frame: int, lines: Sequence[ScribbleLine]) -> None:
        limits = self.settings
        if len(self.rounds) >= limits.max_rounds:
            raise DataError(f"there are {limits.max_rounds} rounds already: undo some, or export")
        if not lines:
            raise DataError("draw at least one line first")
        if not 0 <= frame < len(clip.frames):
            raise DataError(f"there is no frame {frame}: the clip has {len(clip.frames)}")
        if len(lines) > limits.max_lines:
            raise DataError(f"{len(lines)} lines are more than {limits.max_lines}")
        highest = max(line.object_id for line in lines)
        if highest > limits.max_objects or min(line.object_id for line in lines) < 0:
            raise DataError(f"objects are 1 to {limits.max_objects}, got {highest}")
        if max(len(line.path) for line in lines) > limits.max_points:
            raise DataError(f"a line has more than {limits.max_points} points")
        drawn = sum(len(line.path) for entry in self.rounds for line in entry.lines)
        if drawn + sum(len(line.path) for line in lines) > limits.max_all_points:
            raise DataError(f"all rounds together have more than {limits.max_all_points} points")
        if not self.rounds and highest == 0:
            raise DataError("the first round needs a line on an object, not only on the background")

    def _interact(self, frame: int, lines: tuple[ScribbleLine, ...]) -> RoundResult:
        earlier = [line for place, old in self._played if place == frame for line in old]
        given = [*earlier, *lines] if self.host.wants_all_scribbles else list(lines)
        num_objects, self._num_objects = (
            self._num_objects,
            0,
        )  # after a failure it must be restarted
        result = self.host.interact(frame, given)
        self._num_objects = num_objects
        self._played.append((frame, lines))
        return result

    def _judge(self, frame: int, lines: tuple[ScribbleLine, ...], result: RoundResult) -> Round:
        clip = self._open_clip()
        self._check_cancelled()
        quality = self.guidance.quality.estimate(clip.frames, result.probs)
        annotated = [place for place, _ in self._played]
        context = RecommendContext(len(clip.frames), annotated, quality)
        return Round(
            frame,
            lines,
            self._encode_masks(result),
            tuple(np.clip(quality, 0, 1).round(4).tolist()),
            self.guidance.recommender.next(context),
            result.seconds,
        )

    def _encode_masks(self, result: RoundResult) -> tuple[bytes, ...]:
        """PNGs of all frames; equal ones are those of the previous round, not copies."""
        encoded = tuple(map(_encode_mask, result.masks))
        if not self.rounds:
            return encoded
        pairs = zip(self.rounds[-1].masks, encoded, strict=True)
        return tuple(old if old == new else new for old, new in pairs)


def _pack(folder: Path, archive: Path) -> None:
    """Write the files of a folder into a zip archive."""
    with zipfile.ZipFile(archive, "w") as pack:
        for path in sorted(folder.iterdir()):
            pack.write(path, f"{folder.name}/{path.name}")


def _describe_clip(clip: Clip) -> dict[str, Any]:
    height, width = clip.frames[0].shape[:2]
    return {
        "name": clip.name,
        "frames": len(clip.frames),
        "length": clip.length,
        "every": clip.every,
        "width": width,
        "height": height,
        "fps": clip.fps,
    }


def _encode_mask(labels: np.ndarray) -> bytes:
    picture = Image.fromarray(labels).convert("P")
    picture.putpalette(bright_palette().tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", transparency=0, compress_level=1)
    return buffer.getvalue()


def _output(encoded: bytes, shape: tuple[int, int], num_objects: int) -> FrameOutput:
    """A mask in full size; an object that it does not show has the box of an absent one."""
    labels = decode_label_map(encoded, "a mask of the page")
    if labels.shape != shape:
        labels = cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return FrameOutput.of_labels(labels, range(1, num_objects + 1))
