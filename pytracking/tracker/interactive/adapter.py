"""Any online tracker as an interactive host: scribbles become a mask, the tracker carries it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.interactive.rounds import blend_weights
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.layers.aggregation import largest_channel
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, StateOfVideo
from pytracking.tracker.interactive.base import InteractiveVOS, RoundResult, Segmentation
from pytracking.tracker.interactive.scribble_mask import ScribbleToMask


@dataclass
class AdapterState:
    """All state between two rounds.

    Args:
        probs: float32 (frames, 1 + objects, H, W), all background at the start.
        masks: uint8 (frames, H, W).
        annotated: Frames of the rounds so far.
    """

    probs: torch.Tensor
    masks: np.ndarray
    annotated: list[int] = field(default_factory=list)


class MaskTrackerHost(StateOfVideo[AdapterState], InteractiveVOS):
    """Restarts a tracker at every annotated frame and runs it in both directions.

    It stops before the next annotated frames; results are blended with those of earlier rounds by
    weights that fall linearly to them. An object without a pixel on the annotated frame keeps its
    earlier results on all other frames.

    Args:
        name: Name of the tracker.
        tracker: Ready to run; it follows this host's video only.
        to_mask: Turns the lines of a frame into labels.
        device: Device of the tracker's probabilities.
    """

    wants_all_scribbles = True

    def __init__(
        self, name: str, tracker: OnlineTracker, to_mask: ScribbleToMask, device: torch.device
    ) -> None:
        super().__init__()
        self.name = name
        self.tracker = tracker
        self.to_mask = to_mask
        self.device = device

    def mask_hint(self, frame: int, mask: np.ndarray) -> RoundResult:
        """See ``InteractiveVOS.mask_hint``.

        Raises:
            DataError: The mask is of another size, or holds unknown objects.
        """
        self._check(frame, ())
        self._check_mask(frame, mask)
        return self._timed(lambda: self._spread(frame, mask))

    def _start(self, video_id: str | None) -> None:
        frames, size = len(self.frames), self.frames[0].shape[:2]
        probs = torch.zeros(frames, 1 + self.num_objects, *size, device=self.device)
        probs[:, 0] = 1
        self.state = AdapterState(probs, np.zeros((frames, *size), np.uint8))

    def _finish(self) -> None:
        self.state = None

    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        state = self.state
        previous = state.masks[frame] if state.annotated else None
        labels = self.to_mask.segment(self.frames[frame], scribbles, previous, self.num_objects)
        return self._spread(frame, labels)

    @torch.inference_mode()
    def _spread(self, frame: int, labels: np.ndarray) -> Segmentation:
        """Carry the labels of a frame to both sides."""
        state = self.state
        first, last, weights = blend_weights(frame, state.annotated, len(self.frames))
        started = tuple(number for number in np.unique(labels).tolist() if number)
        self._set(frame, self._one_hot(labels), 1.0)
        if started:
            info = FrameInfo(started, labels)
            for indices in (range(frame + 1, last + 1), range(frame - 1, first - 1, -1)):
                reached = [index for index in indices if weights[index] > 0]
                self._run(frame, info, reached, weights)
        state.annotated.append(frame)
        updated = [index for index, weight in enumerate(weights) if weight > 0]
        found = [largest_channel(state.probs[index]) for index in updated]
        state.masks[updated] = torch.stack(found).cpu().numpy()
        return Segmentation(state.masks.copy(), state.probs, (updated[0], updated[-1]))

    def _run(
        self, frame: int, info: FrameInfo, indices: Iterable[int], weights: Sequence[float]
    ) -> None:
        """Track from the annotated frame through the frames of one side."""
        has_started = False
        for index in indices:
            self.on_frame()
            if not has_started:
                self.tracker.initialize(self.frames[frame], info)
                has_started = True
            output = self.tracker.track(self.frames[index])
            self._set(index, self._probabilities(index, output, info.object_ids), weights[index])

    def _probabilities(
        self, index: int, output: FrameOutput, started: Sequence[int]
    ) -> torch.Tensor:
        """All objects in a frame, (1 + objects, H, W); those not tracked as they were."""
        if output.probabilities is None:
            channels = [0, *started]
            values = self._one_hot(output.segmentation)[channels]
        else:
            channels, values = [0, *output.boxes], output.probabilities
        probs = self.state.probs[index].clone()
        missing = [key for key in range(1, 1 + self.num_objects) if key not in channels]
        probs[channels] = values.float() * (1 - probs[missing].sum(dim=0))
        return probs

    def _set(self, index: int, probs: torch.Tensor, weight: float) -> None:
        """Blend a new result into a frame."""
        found = self.state.probs[index]
        found += weight * (probs - found)

    def _one_hot(self, labels: np.ndarray) -> torch.Tensor:
        table = torch.from_numpy(labels).to(self.device)
        numbers = torch.arange(1 + self.num_objects, device=table.device)
        return (table[None] == numbers[:, None, None]).float()

    def _check_mask(self, frame: int, mask: np.ndarray) -> None:
        size = self.frames[frame].shape[:2]
        if mask.shape != size or mask.dtype != np.uint8:
            raise DataError(
                f"a mask must be uint8 {size} like its frame, got {mask.dtype} {mask.shape}"
            )
        if mask.max() > self.num_objects:
            raise DataError(
                f"the mask holds the object {mask.max()}: the video has 1 to {self.num_objects}"
            )
