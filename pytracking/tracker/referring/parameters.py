"""Parameters of referring segmentation, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ltr.admin.errors import ConfigError
from pytracking.tracker.referring.rules import KeyCriterion


@dataclass(frozen=True)
class ReferringParameters:
    """One configuration.

    Args:
        net: Checkpoint or released file, a path or a name below ``network_path``.
        tokenizer_dir: Folder with the text encoder's ``vocab.json`` and ``merges.txt``: a path, or
            a name below ``network_path`` or ``pretrained_networks``.
        tracking: Track outward from a key frame (TF²), for networks that were trained with tracking
            images; without it the first pass is the result (ReferFormer, all released files).
        init_weights: Network of the first pass; None takes ``net``, whose tracking images are then
            the frames themselves.
        first_masks: Folder ``<video>/<sentence>/<frame>.png`` with the masks of an earlier first
            pass, 0 or 255; only videos of a data set have names. None runs the first pass.
        window: Frames that go through the network together in the first pass.
        target_window: Frames around a single target frame (A2D-Sentences, JHMDB-Sentences), itself
            included; as many as the network was trained with.
        short_side: Shorter side of the network's input, pixels.
        max_size: Limit of the longer side, pixels; None for no limit.
        threshold: Probability above which a pixel belongs to the object.
        key_criterion: How the key frame is chosen, see ``rules.choose_key_frame``.
        key_frames: JSON file ``{video: {"<number of the sentence>": frame}}`` that names the key
            frames; None chooses them.
        skip_first_neighbour: Leave the frames next to the key frame as in the first pass, as the
            released script does.
        on_empty: After an empty mask, track from a ``black`` image, as released, or ``keep`` the
            last mask that was not empty.
        rounds: How often key frame and tracks are found.
        chunk_frames: Frames that go through the backbone together; changes the memory only.
        max_memory: MiB that the masks of a clip may take; a clip that needs more is refused.
        kernel: How deformable attention reads its points; ``triton`` needs a GPU and a checkout.
    """

    net: str
    tokenizer_dir: str = "roberta-base"
    tracking: bool = True
    init_weights: str | None = None
    first_masks: str | None = None
    window: int = 36
    target_window: int = 5
    short_side: int = 360
    max_size: int | None = None
    threshold: float = 0.5
    key_criterion: KeyCriterion = "confidence"
    key_frames: str | None = None
    skip_first_neighbour: bool = False
    on_empty: Literal["black", "keep"] = "black"
    rounds: int = 1
    chunk_frames: int = 8
    max_memory: int = 4096
    kernel: Literal["torch", "triton"] = "torch"

    def __post_init__(self) -> None:
        counts = ("window", "target_window", "rounds", "chunk_frames", "max_memory")
        for name in counts:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.short_side < 64:
            raise ConfigError(f"short_side must be >= 64 pixels, got {self.short_side}")
        if not 0 < self.threshold < 1:
            raise ConfigError(f"threshold is a probability, got {self.threshold}")
