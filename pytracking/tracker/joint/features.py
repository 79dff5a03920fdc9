"""What the network computes from one crop alone, and from one mask alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from ltr.data.image_format import ImageFormat
from ltr.models.joint.fused import fuse_joint
from ltr.models.joint.joint_net import JOINTNet
from ltr.models.joint.transformer import CosineAttention
from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import pack, prepare
from ltr.models.layers.matmul import can_pack
from ltr.models.layers.memory_format import to_channels_last
from pytracking.tracker.base import Runtime
from pytracking.tracker.joint.attention import Attended, RunningAttention, normalised_keys


@dataclass(frozen=True, eq=False)
class CropFeatures:
    """What the memory keeps of a crop; objects with the same crop hold the same instance.

    Args:
        induction: Features of the target model, (C, h, w).
        tokens: Features of the transformer, (h * w, D), in the runtime's precision.
        keys: Unit vectors of its self-attention, (h * w, K).
    """

    induction: torch.Tensor
    tokens: torch.Tensor
    keys: torch.Tensor


@dataclass(frozen=True, eq=False)
class EncodedCrop:
    """A crop of the current frame.

    Args:
        features: What a memory keeps of it.
        attention: The tokens' attention to themselves.
    """

    features: CropFeatures
    attention: RunningAttention

    def queries(self, cross_attention: CosineAttention) -> torch.Tensor:
        """Unit vectors that read a memory, (h * w, K)."""
        return normalised_keys(self.attention.added_to(self.features.tokens), cross_attention)


@dataclass(frozen=True)
class LabelEncoding:
    """Encodings of one mask.

    Args:
        induction: e_tm, (16, h, w).
        weights: w, (16, h, w).
        values: e_tr with a last channel of ones, (h * w, 17).
    """

    induction: torch.Tensor
    weights: torch.Tensor
    values: torch.Tensor


Layers = Callable[[torch.Tensor], Mapping[str, torch.Tensor]]
Scores = Callable[..., torch.Tensor]


class FrameEncoder:
    """Runs the parts of the network that see one frame at a time, in batches.

    In reduced precision the convolutions on images, and the tokens that attention averages, are
    rounded; affinities, running sums, label encodings and the filter stay in single precision.

    Args:
        network: The network in eval mode; it is prepared for inference in place.
        image_format: Pixels the network expects.
        runtime: Device and precision.
    """

    def __init__(self, network: JOINTNet, image_format: ImageFormat, runtime: Runtime) -> None:
        runtime.keep_exact()
        is_packed = can_pack(runtime.device) and not runtime.compile
        change = partial(_prepare, network, runtime.dtype, is_packed)
        prepare(network, (runtime.dtype, is_packed), change)
        self.network = network
        self.image_format = image_format
        self.dtype = runtime.dtype
        self._backbone: Layers = network.feature_extractor
        self._decoder: Scores = network.decoder
        if runtime.compile:  # not static: objects share windows, the batch changes every frame
            self._backbone = torch.compile(self._backbone)
            self._decoder = torch.compile(self._decoder)

    def encode_crops(
        self, crops: torch.Tensor
    ) -> tuple[list[EncodedCrop], Mapping[str, torch.Tensor]]:
        """Encode crops.

        Args:
            crops: (N, 3, H, W) RGB, 0..255.

        Returns:
            Each crop for itself, and the backbone's layers (N, ...) for the decoder.
        """
        images = self.image_format.normalise(crops)
        images = images.to(self.dtype, memory_format=torch.channels_last)
        layers = self._backbone(images)
        shared = self.network.get_backbone_target_model_features(layers)
        induction = self.network.target_model.extract_target_model_features(shared)
        tokens = self.network.transformer.feature_adjustor(shared).flatten(2).transpose(1, 2)
        self_attention = self.network.transformer.encoder.self_attn
        encoded = []
        for crop_induction, crop_tokens in zip(induction, tokens, strict=True):
            own = crop_tokens.clone(memory_format=torch.contiguous_format)
            keys = self_attention.keys(own.float())
            attended = Attended(keys, own)
            attention = RunningAttention.of(attended.weights(keys), attended)
            features = CropFeatures(crop_induction.clone(), own, keys)
            encoded.append(EncodedCrop(features, attention))
        return encoded, layers

    def decode(
        self,
        encodings: torch.Tensor,
        layers: Mapping[str, torch.Tensor],
        image_size: Sequence[int],
        crop_index: Sequence[int],
    ) -> torch.Tensor:
        """Decode to scores; arguments as ``Decoder.forward``, which this calls.

        Returns:
            Foreground logits (objects, 1, H, W), single precision.
        """
        is_one_to_one = list(crop_index) == list(range(len(next(iter(layers.values())))))
        index = None if is_one_to_one else torch.tensor(crop_index, device=encodings.device)
        return self._decoder(encodings.to(self.dtype), layers, tuple(image_size), index)

    def encode_masks(self, masks: torch.Tensor) -> list[LabelEncoding]:
        """Encode masks (N, H, W) in 0..1."""
        e_tm, e_tr, weights = self.network.label_encoder(masks[None])
        encodings = []
        for induction, transduction, weight in zip(e_tm[0], e_tr[0], weights[0], strict=True):
            values = transduction.flatten(1).t()
            values = torch.cat([values, values.new_ones(len(values), 1)], dim=1)
            encodings.append(LabelEncoding(induction, weight, values))
        return encodings


def _prepare(network: JOINTNet, dtype: torch.dtype, is_packed: bool) -> None:
    """Make a network ready for inference, in place."""
    fold_batch_norms(network)
    if is_packed:
        fuse_joint(network)
    to_channels_last(network.feature_extractor, dtype=dtype)
    to_channels_last(network.decoder, dtype=dtype)
    network.decoder.project.float()
    network.target_model.feature_extractor.to(dtype)
    network.transformer.feature_adjustor.to(dtype)
    if is_packed:
        pack(network)
