"""From lines and points on a frame to a mask, by a promptable model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.tracker.interactive.scribble_mask import DrawnFrame, ScribbleToMask
from pytracking.tracker.promptable.loading import load_pretrained
from pytracking.tracker.promptable.tracker import PromptableTracker

_POINTS_A_LINE = 3


class PromptableMask(ScribbleToMask):
    """Points on the lines of an object are positive, those of all others negative.

    Objects without a line keep their earlier labels.

    Args:
        net: Folder of the weights.
        device: Device of the model.
        tracker: Its class names the model.

    Raises:
        CheckpointError: The folder is missing or damaged.
    """

    def __init__(self, net: str, device: torch.device, tracker: type[PromptableTracker]) -> None:
        self._device = device
        self._model, self._processor = load_pretrained(
            net, tracker.model_class, tracker.processor_class, device
        )

    @torch.inference_mode()
    def _segment(self, drawn: DrawnFrame) -> np.ndarray:
        image, lines, previous, _ = drawn
        shape = image.shape[:2]
        labels = np.zeros(shape, np.uint8) if previous is None else previous.copy()
        points = [(line.object_id, point) for line in lines for point in _points_on(line, shape)]
        objects = sorted({number for number, _ in points if number})
        if not objects:
            return labels
        logits = self._logits(image, objects, points)
        best = logits.max(axis=0)
        labels[np.isin(labels, objects)] = 0
        return np.where(best > 0, np.array(objects, np.uint8)[logits.argmax(axis=0)], labels)

    def _logits(
        self,
        image: np.ndarray,
        objects: Sequence[int],
        points: Sequence[tuple[int, tuple[float, float]]],
    ) -> np.ndarray:
        """Float (objects, H, W), positive where an object is."""
        inputs: Any = self._processor(
            images=np.ascontiguousarray(image), device=self._device, return_tensors="pt"
        )
        session = self._processor.init_video_session(
            inference_device=self._device, dtype=torch.float32
        )
        places = [list(point) for _, point in points]
        self._processor.add_inputs_to_inference_session(
            session,
            frame_idx=0,
            obj_ids=list(objects),
            input_points=[[places for _ in objects]],
            input_labels=[[[int(own == number) for own, _ in points] for number in objects]],
            original_size=image.shape[:2],
        )
        found = self._model(inference_session=session, frame=inputs.pixel_values[0])
        masks = self._processor.post_process_masks(
            [found.pred_masks], original_sizes=[image.shape[:2]], binarize=False
        )
        logits: np.ndarray = masks[0][:, 0].cpu().numpy()
        return logits


def _points_on(line: ScribbleLine, shape: tuple[int, int]) -> list[tuple[float, float]]:
    """A few points of a line, pixels (x, y)."""
    count = min(_POINTS_A_LINE, len(line.path))
    places = np.linspace(0, len(line.path) - 1, count).round().astype(int)
    pixels = line.path[places] * (shape[1] - 1, shape[0] - 1)
    return [(float(x), float(y)) for x, y in pixels]
