"""Cross-modal feature pyramid: encoded maps and words to mask features of stride 4 (2.9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.chunks import apply_in_chunks
from ltr.models.layers.initialisation import fill_bias
from ltr.models.layers.winograd import WinogradConv2d
from ltr.models.referring import fusion
from ltr.models.referring.deformable_transformer import Level
from ltr.models.referring.fusion import VisionLanguageBlock, Words

_REDUCTIONS = (8, 4, 2, 1)  # of the attention among pixels, finest stage first
_GROUPS = 8
_FRAMES_AT_ONCE = 4

Read = Callable[..., torch.Tensor]


class NormedConv(WinogradConv2d):
    """Convolution without bias, group norm, and optionally a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, has_relu: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.GroupNorm(_GROUPS, outputs)
        self.has_relu = has_relu
        nn.init.kaiming_uniform_(self.weight, a=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, h, w) -> (N, outputs, h, w)."""
        x = self.norm(super().forward(x))
        return F.relu(x) if self.has_relu else x


class PixelDecoder(nn.Module):
    """Four stages from coarse to fine, each relating pixels to words before it is added.

    Args:
        inputs: Channels of the four inputs, finest first.
        dim: Channels inside.
        mask_dim: Channels of the mask features.
        num_heads: Attention heads.
        feedforward_dim: Hidden units.
        dropout: Share of units dropped in training.
    """

    # Whether parts of the frames are computed side by side, each by its share of the threads.
    is_side_by_side = False

    def __init__(
        self,
        inputs: Sequence[int],
        dim: int,
        mask_dim: int,
        num_heads: int,
        feedforward_dim: int,
        dropout: float,
    ) -> None:
        super().__init__()
        for stage, (channels, reduction) in enumerate(zip(inputs, _REDUCTIONS, strict=True), 1):
            block = VisionLanguageBlock(dim, num_heads, feedforward_dim, dropout, reduction)
            setattr(self, f"adapter_{stage}", NormedConv(channels, dim, 1, has_relu=False))
            setattr(self, f"cross_attn_{stage}", block)
            setattr(self, f"layer_{stage}", NormedConv(dim, dim, 3, has_relu=True))
        self.mask_features = nn.Conv2d(dim, mask_dim, 3, padding=1)
        nn.init.kaiming_uniform_(self.mask_features.weight, a=1)
        fill_bias(self.mask_features, 0.0)

    def forward(self, levels: Sequence[Level], words: Words, frames: int) -> torch.Tensor:
        """Compute mask features.

        Args:
            levels: Maps of strides 4, 8, 16 and 32, the first from the backbone and the others from
                the encoder; N = clips * frames, frame after frame.
            words: Word features of each clip's sentence.
            frames: Frames of a clip.

        Returns:
            (N, mask_dim, h, w) of stride 4.
        """
        finest = levels[0]._replace(maps=self.adapt(1, levels[0].maps))
        return self.decode([finest, *levels[1:]], words, frames)

    def adapt(self, stage: int, maps: torch.Tensor) -> torch.Tensor:
        """Bring the input of a stage to ``dim`` channels; that of the first needs no sentence."""
        adapter = getattr(self, f"adapter_{stage}")
        return apply_in_chunks(
            adapter, maps, size=_FRAMES_AT_ONCE, is_side_by_side=self.is_side_by_side
        )

    def decode(
        self,
        levels: Sequence[Level],
        words: Words,
        frames: int,
        read: Read | None = None,
        *of_frames: torch.Tensor,
    ) -> torch.Tensor:
        """Compute mask features, or what is read from the maps before their last convolution.

        Args:
            levels: Input of ``forward`` whose first level has passed through ``adapt``.
            words: Word features of each clip's sentence.
            frames: Frames of a clip.
            read: Makes something of the finest maps (n, dim, h, w) of some frames and what
                belongs to these; frame by frame.
            *of_frames: What belongs to the frames, (N, ...) each.

        Returns:
            (N, mask_dim, h, w) of stride 4, or what ``read`` gave.
        """
        count = len(levels)
        coarse: tuple[torch.Tensor, ...] = ()
        for stage in range(count, 1, -1):
            coarse = (self._stage(stage, levels[stage - 1], coarse, words, frames),)
        read = read or self.mask_features
        return self._stage(1, levels[0], coarse, words, frames, read, *of_frames)

    def _stage(
        self,
        stage: int,
        level: Level,
        coarse: tuple[torch.Tensor, ...],
        words: Words,
        frames: int,
        read: Read | None = None,
        *of_frames: torch.Tensor,
    ) -> torch.Tensor:
        """Relate pixels of whole clips, then finish the frames one by one."""
        block, layer = (getattr(self, f"{name}_{stage}") for name in ("cross_attn", "layer"))
        adapted = level.maps if stage == 1 else self.adapt(stage, level.maps)
        shape = (-1, min(frames, len(level.position)))
        maps, position = adapted.unflatten(0, (-1, frames)), level.position.unflatten(0, shape)
        padding = None if level.padding is None else level.padding.unflatten(0, shape)

        def finish(
            maps: torch.Tensor, attended: torch.Tensor, position: torch.Tensor, *rest: torch.Tensor
        ) -> torch.Tensor:
            fine = block.read_words(maps, attended, position, words).flatten(0, 1)
            others = [value.flatten(0, 1) for value in rest]
            for value in others[: len(coarse)]:
                fine = fine + F.interpolate(value, fine.shape[-2:], mode="nearest")
            found = layer(fine)
            if read is not None:
                found = read(found, *others[len(coarse) :])
            return found.unflatten(0, maps.shape[:2])

        pixels = maps.shape[-2] * maps.shape[-1]
        return apply_in_chunks(
            finish,
            maps,
            block.attend_pixels(maps, position, padding),
            position,
            *(value.unflatten(0, (-1, frames)) for value in (*coarse, *of_frames)),
            size=max(1, min(_FRAMES_AT_ONCE, fusion.TOKENS_AT_ONCE // pixels)),
            dim=1,
            is_side_by_side=self.is_side_by_side,
        ).flatten(0, 1)
