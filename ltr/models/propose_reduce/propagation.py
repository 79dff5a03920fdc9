"""The propagation head: masks of one frame carried to others through a space-time memory.

A memory entry is a key and a value a position of the stride-16 grid. A frame is read by attention
over all entries of an object, and decoded with skips from the backbone (paper, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.residual import ResBlock

_SHARPNESS = 3.0  # how much larger aligned keys are; products of two grow by its square
_MAX_SCORES = 1 << 24  # elements of attention scores that are held at once on a CPU


class Memory(NamedTuple):
    """Keys (objects, K, entries, h, w) and values (objects, V, entries, h, w), stride 16."""

    keys: torch.Tensor
    values: torch.Tensor


class FrameQuery(NamedTuple):
    """What a frame needs to be segmented, whatever the objects.

    Args:
        key: (frames, K, h / 16, w / 16).
        value: (frames, V, h / 16, w / 16).
        skip3: (frames, C, h / 8, w / 8), of the backbone's third level.
        skip2: (frames, C, h / 4, w / 4), of the second.
    """

    key: torch.Tensor
    value: torch.Tensor
    skip3: torch.Tensor
    skip2: torch.Tensor


class Refinement(nn.Module):
    """One step of the decoder: joins a coarser map with a level of the backbone."""

    def __init__(self, skip_channels: int, width: int) -> None:
        super().__init__()
        self.convFS = nn.Conv2d(skip_channels, width, 3, 1, 1)
        self.ResFS = ResBlock(width, width)
        self.ResMM = ResBlock(width, width)

    def skip(self, features: torch.Tensor) -> torch.Tensor:
        """The part that depends on the frame alone, (frames, width, h, w)."""
        return self.ResFS(self.convFS(features))

    def forward(self, coarse: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """(M, width, h / 2, w / 2) and the objects' skips (M, width, h, w) -> (M, width, h, w)."""
        fine = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        return self.ResMM(fine.add_(skip))


class PropagationHead(nn.Module):
    """Memory encoder, memory read and decoder.

    Names of the parameters are upstream's.

    Args:
        width: Channels of the pyramid and of the decoder.
        skip_channels: Channels of the backbone's second and third level.
    """

    def __init__(self, width: int, skip_channels: tuple[int, int]) -> None:
        super().__init__()
        self.enc_pos = nn.Conv2d(1, width, 7, 1, 3)
        self.enc_fuse = _encoder(width)
        self.atn_key = nn.Conv2d(2 * width, width // 4, 1)
        self.atn_value = nn.Conv2d(2 * width, width, 1)
        self.qry_fuse = _encoder(width)
        self.qry_atn_key = nn.Conv2d(2 * width, width // 4, 1)
        self.qry_atn_value = nn.Conv2d(2 * width, width, 1)
        self.convFM = nn.Conv2d(2 * width, width, 3, 1, 1)
        self.ResMM = ResBlock(width, width)
        self.RF3 = Refinement(skip_channels[1], width)
        self.RF2 = Refinement(skip_channels[0], width)
        self.pred2 = nn.Conv2d(width, 2, 3, 1, 1)

    def align_keys(self) -> None:
        """Give both encoders the same weights, so that keys of equal looks are alike.

        Keys that start unrelated grow in training until the attention is certain of arbitrary
        positions, and then nothing changes it any more. Keys as small as random weights make them
        attend to all positions equally, and learn slowly; so they become larger.
        """
        with torch.no_grad():
            for parameter in self.atn_key.parameters():
                parameter.mul_(_SHARPNESS)
        self.qry_fuse.load_state_dict(self.enc_fuse.state_dict())
        self.qry_atn_key.load_state_dict(self.atn_key.state_dict())

    def scene(self, fine: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the memory encoder takes of frames, whatever their objects.

        Args:
            fine: The pyramid's finest level, (frames, C, h, w).

        Returns:
            Maps with one row a frame.
        """
        return (fine,)

    def memorise(self, fine: torch.Tensor, masks: torch.Tensor) -> Memory:
        """Encode the objects of a frame.

        Args:
            fine: The pyramid's finest level, (1 or objects, C, h, w).
            masks: Probabilities (objects, H, W), see ``memorise_together``.

        Returns:
            A memory of one entry.
        """
        return self.memorise_together([self.scene(fine)], [len(masks)], masks)

    def memorise_together(
        self, scenes: Sequence[Sequence[torch.Tensor]], counts: Sequence[int], masks: torch.Tensor
    ) -> Memory:
        """Encode the objects of several frames.

        Args:
            scenes: Of one frame each, from ``scene``.
            counts: Number of objects of every frame.
            masks: Probabilities (objects, H, W) with H <= 4h and W <= 4w, frame by frame; what is
                missing on the right and below counts as background.

        Returns:
            A memory of one entry.
        """
        height, width = scenes[0][0].shape[-2:]
        missing = (0, 4 * width - masks.shape[-1], 0, 4 * height - masks.shape[-2])
        masks = F.pad(masks[:, None], missing)
        masks = F.interpolate(masks, (height, width), mode="bilinear", align_corners=False)
        code = self._encode(scenes, counts, masks)
        return Memory(self.atn_key(code)[:, :, None], self.atn_value(code)[:, :, None])

    def _encode(
        self, scenes: Sequence[Sequence[torch.Tensor]], counts: Sequence[int], masks: torch.Tensor
    ) -> torch.Tensor:
        """Masks (objects, 1, h, w) in their frames -> codes (objects, 2 C, h / 4, w / 4)."""
        fine = _spread([scene[0] for scene in scenes], counts)
        return self.enc_fuse(fine + self.enc_pos(masks))

    def query(self, fine: torch.Tensor, c2: torch.Tensor, c3: torch.Tensor) -> FrameQuery:
        """Encode frames to be segmented.

        Args:
            fine: The pyramid's finest level, (frames, C, h, w).
            c2: Second level of the backbone, (frames, C2, h, w).
            c3: Third level, (frames, C3, h / 2, w / 2).
        """
        code = self.qry_fuse(fine)
        return FrameQuery(
            self.qry_atn_key(code), self.qry_atn_value(code), self.RF3.skip(c3), self.RF2.skip(c2)
        )

    def read(self, memory: Memory, key: torch.Tensor) -> torch.Tensor:
        """Read the memory of every object at every position of a frame.

        Args:
            memory: Keys and values of M objects.
            key: The frame's, (1, K, h, w), or one for each object.

        Returns:
            (M, V, h, w).
        """
        count, channels = memory.values.shape[:2]
        height, width = key.shape[-2:]
        keys = memory.keys.flatten(2).transpose(1, 2)
        values = memory.values.flatten(2).transpose(1, 2)
        wanted = key.flatten(2).transpose(1, 2).expand(count, -1, -1)
        read = _attend(wanted, keys, values)
        return read.transpose(1, 2).reshape(count, channels, height, width)

    def decode(
        self, read: torch.Tensor, frames: Sequence[FrameQuery], counts: Sequence[int]
    ) -> torch.Tensor:
        """Segment objects.

        Args:
            read: (M, V, h / 16, w / 16), from ``read``, frame by frame.
            frames: Encoded frames, one each.
            counts: Number of objects of every frame.

        Returns:
            Log odds of object against background, (M, H, W) at the input's resolution.
        """
        value, skip3, skip2 = (
            _spread([frame[part] for frame in frames], counts) for part in (1, 2, 3)
        )
        coarse = self.ResMM(self._join(read, value))
        odds = self._odds(self.RF2(self.RF3(coarse, skip3), skip2)).float()
        return F.interpolate(odds, scale_factor=4, mode="bilinear", align_corners=False)[:, 0]

    def _join(self, read: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """What was read, and the frame's own values -> the decoder's first map."""
        return self.convFM(torch.cat([read, value], dim=1))

    def _odds(self, fine: torch.Tensor) -> torch.Tensor:
        """The decoder's last map (M, width, h, w) -> log odds (M, 1, h, w)."""
        logits = self.pred2(F.relu(fine))
        return logits[:, 1:] - logits[:, :1]

    def segment(self, memory: Memory, frame: FrameQuery) -> torch.Tensor:
        """Probabilities (M, H, W) of every object alone in one frame; see ``aggregate``."""
        read = self.read(memory, frame.key)
        return self.decode(read, [frame], [len(read)]).sigmoid()


def _spread(parts: Sequence[torch.Tensor], counts: Sequence[int]) -> torch.Tensor:
    """Repeat the map of every frame for its objects."""
    spread = [part.expand(count, -1, -1, -1) for part, count in zip(parts, counts, strict=True)]
    return spread[0] if len(spread) == 1 else torch.cat(spread)


def _encoder(width: int) -> nn.Sequential:
    return nn.Sequential(ResBlock(width, width, 2), ResBlock(width, 2 * width, 2))


def _attend(wanted: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Attention of (M, positions, K) over (M, entries, K), (M, entries, V) -> (M, positions, V).

    Kernels of a GPU never hold the scores; on a CPU they are computed in parts of the positions.
    """
    positions = wanted.shape[1]
    part = positions
    if not wanted.is_cuda and not torch.is_grad_enabled():
        part = max(1, _MAX_SCORES // max(1, keys.shape[0] * keys.shape[1]))
    results = [
        F.scaled_dot_product_attention(wanted[:, start : start + part], keys, values)
        for start in range(0, positions, part)
    ]
    return results[0] if len(results) == 1 else torch.cat(results, dim=1)
