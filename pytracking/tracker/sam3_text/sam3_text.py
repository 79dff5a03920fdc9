"""Segment Anything 3, prompted by text.

The model detects everything that a text names in every frame and follows it. A sentence gets one
object here: of those that its text has found, the one of which the model is surest over the video.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ltr.data.rle import Rle, encode
from pytracking.tracker.base import Runtime
from pytracking.tracker.promptable.parameters import PromptableParameters
from pytracking.tracker.promptable.streaming import forget_old_frames
from pytracking.tracker.promptable.video_model import VideoModel
from pytracking.tracker.whole_video import (
    Advance,
    Frames,
    InstanceTrack,
    TextPrompt,
    WholeVideoTracker,
    ignore_progress,
)

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass
class _Found:
    """An object that a text has found.

    Args:
        masks: By the frames in which it is seen.
        scores: Confidence in these frames, 0..1.
    """

    masks: dict[int, Rle] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)

    def track(self, length: int) -> InstanceTrack:
        """The object in a video of so many frames."""
        frames = range(length)
        return InstanceTrack(
            masks=tuple(self.masks.get(frame) for frame in frames),
            score=sum(self.scores.values()) / length,
            frame_scores=tuple(self.scores.get(frame, 0.0) for frame in frames),
        )


class Sam3TextTracker(VideoModel, WholeVideoTracker):
    """Finds one object for each text; the frames are read once, and only the last ones are kept."""

    model_class = "Sam3VideoModel"
    processor_class = "Sam3VideoProcessor"

    takes_text = True

    @classmethod
    def create(cls, params: PromptableParameters, runtime: Runtime) -> Self:
        """See ``AnyTracker.create``."""
        _load_no_kernels()
        return super().create(params, runtime)

    @torch.inference_mode()
    def segment(
        self, frames: Frames, prompt: TextPrompt, advance: Advance = ignore_progress
    ) -> list[InstanceTrack]:
        """See ``WholeVideoTracker.segment``."""
        session = self._open_session()
        self._processor.add_text_prompt(session, list(prompt.texts))
        found: dict[str, dict[int, _Found]] = {text: {} for text in prompt.texts}
        for index, image in enumerate(frames):
            result = self._segment_frame(session, index, image)
            _collect(found, index, result)
            forget_old_frames(session, index, self.params.kept_frames)
            advance(1)
        return [_best(found[text], len(frames)) for text in prompt.texts]

    def _segment_frame(self, session: Any, index: int, image: np.ndarray) -> dict[str, Any]:
        """What the processor makes of a frame: object ids, scores, masks, and ids by text."""
        output = self._run(session, frame=self._read(image), frame_idx=index)
        result: dict[str, Any] = self._processor.postprocess_outputs(
            session, output, original_sizes=[list(image.shape[:2])]
        )
        return result


def _load_no_kernels() -> None:
    """Keep transformers from downloading compiled code; without it overlapping detections stay."""
    try:
        from transformers.models.sam3_video import modeling_sam3_video
    except ImportError:
        return  # too old a version, or none: loading the model says so
    modeling_sam3_video.cv_utils_kernel = False  # type: ignore[assignment]  # as it says "none here"


def _collect(found: dict[str, dict[int, _Found]], index: int, result: dict[str, Any]) -> None:
    """Add the objects of a frame."""
    places = {int(key): place for place, key in enumerate(result["object_ids"])}
    masks = result["masks"].cpu().numpy()
    for text, keys in result["prompt_to_obj_ids"].items():
        for key in keys:
            obj = found[text].setdefault(key, _Found())
            obj.masks[index] = encode(masks[places[key]].astype(np.uint8))
            obj.scores[index] = float(result["scores"][places[key]])


def _best(objects: dict[int, _Found], length: int) -> InstanceTrack:
    """The surest object over the video, the first of equal ones; nothing where there is none."""
    tracks = [obj.track(length) for obj in objects.values()] or [_Found().track(length)]
    return max(tracks, key=lambda track: track.score)
