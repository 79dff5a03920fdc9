"""Parameters of referring segmentation, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ltr.admin.ranges import Count, Inside, Range, Ranged

KeyCriterion = Literal["confidence", "score", "first", "middle", "stability"]
_Side = Annotated[int, Range(64, 8192)]


@dataclass(frozen=True)
class ReferringParameters(Ranged):
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
    window: Count = 36
    target_window: Count = 5
    short_side: _Side = 360
    max_size: _Side | None = None
    threshold: Inside = 0.5
    key_criterion: KeyCriterion = "confidence"
    key_frames: str | None = None
    skip_first_neighbour: bool = False
    on_empty: Literal["black", "keep"] = "black"
    rounds: Count = 1
    chunk_frames: Count = 8
    max_memory: Count = 4096
    kernel: Literal["torch", "triton"] = "torch"
