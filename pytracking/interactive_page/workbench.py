"""The work on one video: prompts, rounds, results, undo, export. It knows nothing of HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.data.palette import VOID
from pytracking.evaluation.outputs.exchange.registry import format_names
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.session import PassDirection, VideoSession
from pytracking.evaluation.sessions.rounds import say
from pytracking.interactive_page.describing import (
    describe_prompted,
    describe_video,
    encode_mask,
)
from pytracking.interactive_page.exporting import export_video
from pytracking.interactive_page.guidance import Guidance
from pytracking.interactive_page.host_session import HostSession
from pytracking.interactive_page.limits import check_prompts
from pytracking.interactive_page.progress import Progress
from pytracking.interactive_page.requests import Brush
from pytracking.interactive_page.settings import PageSettings
from pytracking.interactive_page.steps import (
    Cancelled,
    Rounds,
    Step,
    lines_of,
    pass_length,
)
from pytracking.interactive_page.styles import ObjectStyles
from pytracking.interactive_page.video import PageVideo, load_video
from pytracking.tracker.interactive.recommend import RecommendContext
from pytracking.utils.lazy_frames import LazyFrames

Session = VideoSession | HostSession
OpenSession = Callable[[LazyFrames, Callable[[], None]], Session]
Find = Callable[[LazyFrames, str, Callable[[], None]], Sequence[tuple[int, Prompt]]]
_MAX_HISTORY = 100


class Workbench:
    """Holds a video, its session and what was done so far; every step can be undone.

    Args:
        name: What segments, for the page.
        open_session: Begins a session for frames; the callback is to be called for every frame
            that is computed, and its error ends the work.
        guidance: Rates frames and recommends the next one.
        settings: Limits.
        find: Finds key frames of the objects of a sentence, or of all objects without one; None
            where there is no such network.
    """

    def __init__(
        self,
        name: str,
        open_session: OpenSession,
        guidance: Guidance,
        settings: PageSettings,
        find: Find | None = None,
    ) -> None:
        self.name = name
        self.guidance = guidance
        self.settings = settings
        self.video: PageVideo | None = None
        self.num_opened = 0
        self.progress: Progress | None = None
        self._open_session, self._find = open_session, find
        self._session: Session | None = None
        self._is_cancelled = threading.Event()
        self._version = 0
        self._forget()

    def _forget(self) -> None:
        self._history: list[Step] = []
        self._rounds = Rounds()
        self._styles = ObjectStyles()
        self._described: dict[str, Any] | None = None

    @property
    def session(self) -> Session:
        """The session of the open video.

        Raises:
            DataError: No video is open.
        """
        if self._session is None:
            raise DataError("no video is open")
        return self._session

    def cancel(self) -> None:
        """End the work that another thread does, at the next frame: it raises ``Cancelled``."""
        self._is_cancelled.set()

    def renew(self) -> None:
        """Forget earlier calls of ``cancel``; before new work."""
        self._is_cancelled.clear()

    def _check_cancelled(self) -> None:
        if self._is_cancelled.is_set():
            raise Cancelled("cancelled: nothing was changed")

    def _tick(self) -> None:
        self._check_cancelled()
        if self.progress is not None:
            self.progress.tick()

    def open(self, source: Path, upload_name: str | None = None) -> None:
        """Begin with another video; the old one is dropped when the new one can be read.

        Args:
            source: Video file or folder of frames.
            upload_name: Name of an upload, which is decoded in a process of its own.

        Raises:
            DataError: It is missing, damaged or not a video.
        """
        video = load_video(source, self.settings, self._check_cancelled, upload_name)
        self.close()
        self.video = video
        self.num_opened += 1
        self._session = self._open_session(video.frames, self._tick)
        self._forget()
        self._rounds = Rounds(quality=np.full(len(video.frames), np.nan))
        self._changed()

    def close(self) -> None:
        """Drop the video and its session."""
        if self._session is not None:
            self._session.close()
        if self.video is not None:
            self.video.release()
        self._session = self.video = None

    def say(self, frame: int, prompts: Sequence[Prompt], brushes: Sequence[Brush] = ()) -> None:
        """Take prompts for a frame, and draw its mask at once.

        Raises:
            DataError: No video, too much, or bad prompts; nothing is changed then.
        """
        with self._step():
            self._say(frame, prompts, brushes)
            self.session.preview(frame)

    def propagate(
        self,
        frame: int,
        lines: Sequence[ScribbleLine] = (),
        direction: PassDirection = "both",
        end: int | None = None,
    ) -> None:
        """Play a round.

        Args:
            frame: Where the lines lie; without new prompts anywhere the round begins here.
            lines: Further lines.
            direction: See ``VideoSession.propagate``.
            end: Last frame, for one direction.

        Raises:
            DataError: No video or prompt, too much, or no such frame; nothing is changed then.
            Cancelled: See ``cancel``.
        """
        if len(self._rounds.played) >= self.settings.max_rounds:
            raise DataError(f"there are {self.settings.max_rounds} rounds already: undo some")
        with self._step(is_round=True):
            if lines:
                ids = dict.fromkeys(line.object_id for line in lines)
                own = {key: tuple(ln for ln in lines if ln.object_id == key) for key in ids}
                self._say(frame, [Prompt(key, scribbles=drawn) for key, drawn in own.items()])
            if not self.session.object_ids:
                raise DataError("draw at least one line first")
            self._run(frame, direction, end)

    def undo(self) -> None:
        """Take back the last step.

        Raises:
            DataError: There is none.
        """
        if not self._history:
            raise DataError("there is no round to undo")
        self._go_back(self._history.pop())
        self._changed()

    def remove(self, object_id: int) -> None:
        """Forget an object.

        Raises:
            DataError: There is no such object, or the host cannot.
        """
        with self._step():
            self.session.remove(object_id)

    def style(self, object_id: int, name: str | None, colour: tuple[int, int, int] | None) -> None:
        """Rename or recolour an object.

        Raises:
            DataError: There is no such object.
        """
        if not 0 < object_id <= self.settings.max_objects:
            raise DataError(f"objects are 1 to {self.settings.max_objects}, got {object_id}")
        self._styles.choose(object_id, name, colour)
        self._changed()

    def find(self, text: str) -> None:
        """Let a network find objects; their key frames become prompts.

        Raises:
            DataError: Nothing is found, or there is no such network.
        """
        if self._find is None:
            raise DataError("there is no network here that finds objects")
        with self._step():
            found = self._find(self.session.frames, text, self._check_cancelled)
            for frame, prompt in found:
                key = next(k for k in range(1, VOID) if k not in self.session.object_ids)
                self._say(frame, [replace(prompt, object_id=key)])
                self.session.preview(frame)
                if text:
                    self._styles.choose(key, name=text[:40])
            self._rounds = replace(self._rounds, recommended=found[0][0])

    def is_masked(self, frame: int, before: bool = False) -> bool:
        """Whether there is a mask to show for a frame."""
        session = self._session
        if session is None or not 0 <= frame < len(session.frames):
            return False
        is_new = frame in session.new_frames
        return before or session.is_done(frame) or is_new

    def mask_png(self, frame: int, hidden: Sequence[int] = (), before: bool = False) -> bytes:
        """The current mask of a frame as a palette PNG, 0 transparent.

        Args:
            frame: Index of the frame.
            hidden: Objects that are not shown.
            before: Show it as it was before the last round.

        Raises:
            DataError: There is no such frame.
        """
        session = self.session
        if before:
            last = next((step for step in reversed(self._history) if step.is_round), None)
            labels = np.zeros(session.frames.shape, np.uint8)
            if last is not None:
                labels = session.result(frame, last.state)  # type: ignore[arg-type]
        else:
            labels = session.shown(frame)
        return encode_mask(labels, self._styles.palette(), hidden)

    def describe(self) -> dict[str, Any]:
        """All that the page shows, JSON-like; during a step, as it was before."""
        if self._described is None:
            self._changed()
        assert self._described is not None  # made by ``_changed``
        return self._described

    def export(self, folder: Path, formats: Sequence[str] = ()) -> None:
        """Write masks, boxes, overlay video and scribbles in the size of the file.

        Args:
            folder: Earlier results in it are replaced.
            formats: Names of further formats; see ``run_video --export``.

        Raises:
            DataError: There is no result yet, or the file has gone.
            ConfigError: The folder is a file, or there is no such format.
            Cancelled: See ``cancel``.
            OutputError: It cannot be written.
        """
        session, video = self.session, self.video
        if not self._rounds.played or video is None:
            raise DataError("there is nothing to export yet: draw and propagate first")
        export_video(folder, video, session, self.name, formats, self._check_cancelled)

    def _say(self, frame: int, prompts: Sequence[Prompt], brushes: Sequence[Brush] = ()) -> None:
        session = self.session
        if not 0 <= frame < len(session.frames):
            raise DataError(f"there is no frame {frame}: the video has {len(session.frames)}")
        check_prompts(self.settings, session, prompts, brushes)
        own = list(prompts)
        for brush in brushes:
            mask = brush.paint(session.preview(frame) == brush.object_id)
            own.append(Prompt(brush.object_id, mask=mask))
        if isinstance(session, HostSession):
            session.say(frame, own)
        else:
            say(session, frame, own)

    def _run(self, frame: int, direction: PassDirection, end: int | None) -> None:
        session, started = self.session, time.perf_counter()
        # A first round uses all prompts together, as the command line does.
        is_first = not self._rounds.played and direction == "both"
        starts: list[int | None] = [*(session.new_frames or (frame,))]
        if direction != "both":
            starts = [frame]
        elif is_first and isinstance(session, VideoSession):
            starts = [None]
        lengths = [pass_length(direction, start, end, len(session.frames)) for start in starts]
        self.progress = Progress(sum(lengths))
        fresh, quality = session.new_frames, self._rounds.quality.copy()
        for start in starts:
            for result in session.propagate(start, end, direction):
                self._check_cancelled()
                quality[result.index] = self._rate(result.index, result.image)
                self.progress.show(result.index)
        drawn = session.all_prompts()
        lines = [(place, lines_of(drawn.get(place, {}))) for place in fresh or (frame,)]
        played = (*self._rounds.played, *lines)
        rated = np.nan_to_num(quality, nan=1.0)
        context = RecommendContext(len(rated), [place for place, _ in played], rated)
        recommended = self.guidance.recommender.next(context)
        self._rounds = Rounds(played, quality, recommended, time.perf_counter() - started)

    def _rate(self, frame: int, image: np.ndarray) -> float:
        planes = list(self.session.probabilities(frame).values())
        if not planes:
            return 1.0
        soft = torch.from_numpy(np.stack(planes))
        probs = torch.cat([(1 - soft.sum(dim=0, keepdim=True)).clamp(min=0), soft])
        return float(np.clip(self.guidance.quality.estimate([image], probs[None])[0], 0, 1))

    def _step(self, is_round: bool = False) -> _Step:
        return _Step(self, is_round)

    def _mark(self, is_round: bool) -> Step:
        return Step(self.session.save_state(), self._rounds, is_round)

    def _go_back(self, step: Step) -> None:
        self.session.restore_state(step.state)  # type: ignore[arg-type]
        self._rounds = step.rounds

    def _changed(self) -> None:
        """Describe the present state; the page asks for it from another thread."""
        self._version += 1
        session, last = self._session, self._history[-1] if self._history else None
        self._described = {
            "version": self._version,
            "video": None if self.video is None else describe_video(self.video, self.num_opened),
            "host": self.name,
            "isSession": not isinstance(session, HostSession),
            "canFind": self._find is not None,
            "formats": format_names(),
            **self._rounds.describe(),
            "prompts": []
            if session is None
            else describe_prompted(session.all_prompts(), session.new_frames),
            "objects": self._styles.describe(() if session is None else session.object_ids),
            "undo": None if last is None else ("round" if last.is_round else "prompt"),
            "qualityLabel": self.guidance.label,
            "maxObjects": self.settings.max_objects,
            "colours": self._styles.palette()[: self.settings.max_objects + 1].tolist(),
        }


class _Step:
    """A block whose work is a step that can be undone; an error takes back what it did."""

    def __init__(self, bench: Workbench, is_round: bool) -> None:
        self._bench, self._is_round = bench, is_round

    def __enter__(self) -> None:
        self._before = self._bench._mark(self._is_round)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        bench = self._bench
        bench.progress = None
        if kind is not None:
            with suppress(Exception):
                bench._go_back(self._before)
        else:
            bench._history = [*bench._history, self._before][-_MAX_HISTORY:]
        bench._changed()
