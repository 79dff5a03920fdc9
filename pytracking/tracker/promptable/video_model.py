"""A video model of transformers, as the trackers around it share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from pytracking.tracker.base import Runtime
from pytracking.tracker.promptable.loading import load_pretrained
from pytracking.tracker.promptable.parameters import PromptableParameters

if TYPE_CHECKING:
    from typing_extensions import Self


class VideoModel:
    """A model with its processor, which keep what belongs to a video in a session.

    Args:
        params: Which weights, and how many frames are kept.
        runtime: Device and precision.
        model: The model of transformers.
        processor: Its processor.
    """

    model_class: ClassVar[str]
    processor_class: ClassVar[str]

    def __init__(
        self, params: PromptableParameters, runtime: Runtime, model: Any, processor: Any
    ) -> None:
        self.params = params
        self.runtime = runtime
        self._model = model
        self._processor = processor

    @classmethod
    def create(cls, params: PromptableParameters, runtime: Runtime) -> Self:
        """See ``AnyTracker.create``."""
        runtime.keep_exact()
        model, processor = load_pretrained(
            params.net, cls.model_class, cls.processor_class, runtime.device
        )
        return cls(params, runtime, model, processor)

    def _open_session(self) -> Any:
        return self._processor.init_video_session(
            inference_device=self.runtime.device, dtype=torch.float32
        )

    def _read(self, image: np.ndarray) -> torch.Tensor:
        """A frame, uint8 (H, W, 3) RGB, as the model takes it."""
        inputs = self._processor(
            images=np.ascontiguousarray(image), device=self.runtime.device, return_tensors="pt"
        )
        pixels: torch.Tensor = inputs.pixel_values[0]
        return pixels

    def _run(self, session: Any, **frame: Any) -> Any:
        """Let the model look at a frame of a session."""
        with self.runtime.autocast():
            return self._model(inference_session=session, **frame)
