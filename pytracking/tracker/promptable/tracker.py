"""An online tracker around the video sessions of transformers.

Frames are given one by one, objects may start in any of them, and only the last frames stay in
memory. The models are those of Segment Anything 2 (arXiv 2408.00714), EdgeTAM (arXiv 2501.07256)
and Segment Anything 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import Box
from ltr.data.palette import VOID
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, StateOfVideo
from pytracking.tracker.promptable.streaming import forget_old_frames
from pytracking.tracker.promptable.video_model import VideoModel
from pytracking.utils.box_mask import inside_frame


@dataclass
class _Group:
    """Objects that share a session of transformers.

    Args:
        session: The session.
        object_ids: Objects in it.
    """

    session: Any
    object_ids: list[int]


@dataclass
class PromptableState:
    """All state of a video.

    Args:
        shape: (height, width) of the frames.
        frame: Index of the last frame, -1 before the first.
        groups: The sessions.
        object_ids: Running objects in the order in which they started.
    """

    shape: tuple[int, int]
    frame: int = -1
    groups: list[_Group] = field(default_factory=list)
    object_ids: list[int] = field(default_factory=list)


class PromptableTracker(StateOfVideo[PromptableState], VideoModel, OnlineTracker):
    """Follows objects with a promptable video model, from masks or from boxes."""

    takes_boxes = True
    shares_session: ClassVar[bool] = True
    """Whether one session can hold objects that are prompted and others that are tracked."""

    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """See ``OnlineTracker.initialize``."""
        self.state = PromptableState(image.shape[:2])
        return self.track(image, info)

    @torch.inference_mode()
    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """See ``OnlineTracker.track``."""
        state = self.state
        if image.shape[:2] != state.shape:
            raise DataError(f"the frame is {image.shape[:2]}, those before it {state.shape}")
        state.frame += 1
        if info is not None and info.object_ids:
            self._check_prompts(info)
            self._join_groups(info.object_ids)
            for group in state.groups:
                self._prompt(group, info)
        # Without an index a session numbers a frame by how many it holds.
        frame = {"frame": self._read(image), "frame_idx": state.frame}
        output = self._output([self._run(group.session, **frame) for group in state.groups])
        for group in state.groups:
            forget_old_frames(group.session, state.frame, self.params.kept_frames)
        return output

    @torch.inference_mode()
    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        """See ``OnlineTracker.correct``; the frame then conditions all later ones."""
        if info.mask is None:
            raise DataError("a correction needs a mask")
        state = self.state
        seen = tuple(n for n in info.object_ids if (info.mask == n).any())
        gone = [n for n in info.object_ids if n not in seen]
        known = FrameInfo(seen, info.mask)
        for group in state.groups:
            if self._prompt(group, known):
                self._run(group.session, frame_idx=state.frame)
        labels = np.where(np.isin(info.mask, [*gone, VOID]), 0, info.mask).astype(np.uint8)
        return FrameOutput.of_labels(labels, state.object_ids)

    def remove(self, object_id: int) -> None:
        """See ``OnlineTracker.remove``; in a shared session only its result is left out."""
        state = self.state
        if object_id not in state.object_ids:
            raise DataError(f"object {object_id} is not followed")
        state.object_ids.remove(object_id)
        running = set(state.object_ids)
        state.groups = [group for group in state.groups if running.intersection(group.object_ids)]
        if not state.object_ids:
            self._state = None

    def _check_prompts(self, info: FrameInfo) -> None:
        height, width = self.state.shape
        if info.mask is not None and info.mask.shape != (height, width):
            raise DataError(f"expected a start mask of the frame's size {self.state.shape}")
        drawn = _drawn(info)
        empty = [key for key in info.object_ids if key not in drawn and key not in info.boxes]
        if empty:
            raise DataError(f"the start mask shows nothing of the objects {empty}")
        for key in info.object_ids:
            if key not in drawn:
                inside_frame(info.boxes[key], (width, height))

    def _join_groups(self, object_ids: Sequence[int]) -> None:
        """Put new objects into the one session, or each into its own."""
        state = self.state
        new = [number for number in object_ids if number not in state.object_ids]
        state.object_ids += new
        if self.shares_session and state.groups:
            state.groups[0].object_ids += new
            return
        for own in [new] if self.shares_session else [[number] for number in new]:
            state.groups.append(_Group(self._open_session(), own))

    def _prompt(self, group: _Group, info: FrameInfo) -> bool:
        """Give a session the masks and boxes of its objects; whether there are any."""
        own = [number for number in info.object_ids if number in group.object_ids]
        drawn = _drawn(info)
        masks = {number: info.mask == number for number in own if number in drawn}
        corners = {number: _corners(info.boxes[number]) for number in own if number not in drawn}
        if masks:
            self._add(group, list(masks), input_masks=list(masks.values()))
        if corners:
            self._add(group, list(corners), input_boxes=[list(corners.values())])
        if own:
            group.session.obj_with_new_inputs = own  # the second call forgets the first one's
        return bool(own)

    def _add(self, group: _Group, object_ids: list[int], **inputs: Any) -> None:
        self._processor.add_inputs_to_inference_session(
            group.session,
            frame_idx=self.state.frame,
            obj_ids=object_ids,
            original_size=self.state.shape,
            **inputs,
        )

    def _output(self, found: Sequence[Any]) -> FrameOutput:
        state = self.state
        logits = self._processor.post_process_masks(
            [torch.cat([one.pred_masks for one in found]).float()],
            original_sizes=[state.shape],
            binarize=False,
        )[0][:, 0]
        ids = [int(number) for one in found for number in one.object_ids]
        labels = _labels_of_logits(logits, ids, state.object_ids)
        return FrameOutput.of_labels(labels, state.object_ids)


def _drawn(info: FrameInfo) -> set[int]:
    """The objects that have pixels in the mask."""
    return set() if info.mask is None else set(np.unique(info.mask).tolist())


def _corners(box: Box) -> list[float]:
    """Left, top, right, bottom."""
    x, y, width, height = map(float, box)
    return [x, y, x + width, y + height]


def _labels_of_logits(
    logits: torch.Tensor, ids: Sequence[int], wanted: Sequence[int]
) -> np.ndarray:
    """The label map, uint8 (H, W), of float (objects, H, W): the largest positive logit wins."""
    places = [place for place, number in enumerate(ids) if number in wanted]
    if not places:
        return np.zeros(tuple(logits.shape[1:]), np.uint8)
    own = logits[places]
    best, index = own.max(dim=0)
    numbers = torch.tensor([ids[place] for place in places], dtype=torch.uint8, device=own.device)
    return torch.where(best > 0, numbers[index], 0).to(torch.uint8).cpu().numpy()
