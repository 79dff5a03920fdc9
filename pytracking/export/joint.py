"""JOINT as four graphs: what sees a crop, segments it, starts an object and remembers a frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.errors import ConfigError
from ltr.models.joint.decoder import ScoreHead
from ltr.models.joint.joint_net import FEATURE_STRIDE, JOINTNet
from ltr.models.joint.transformer import INVERSE_TEMPERATURE
from ltr.models.layers.fused import FusedConv2d, unpack
from ltr.models.layers.normalization import token_instance_norm
from ltr.models.layers.resizing import resize_bicubic
from ltr.models.layers.shifts import shift
from pytracking.export.graph import ExportedSystem, Graph, kept, stored
from pytracking.tracker.joint.joint import JointTracker

_LAYERS = ("layer1", "layer2", "layer3", "layer4")
_ENTRY = ("induction", "tokens", "keys", "numerator", "denominator")
_MEMORY = (*(f"all_{name}" for name in _ENTRY), "all_labels", "all_weights", "all_values")
_READ = ("read_keys", "filters")


def _affinity(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Unnormalised attention weights of unit vectors: (..., n, K), (m, K) -> (..., n, m)."""
    return torch.exp(INVERSE_TEMPERATURE * (queries @ keys.t()) - INVERSE_TEMPERATURE)


class EncodeGraph(nn.Module):
    """All that depends on one crop alone."""

    def __init__(self, tracker: JointTracker) -> None:
        super().__init__()
        self.network = tracker.network
        self.image_format = tracker.encoder.image_format

    def forward(self, crop: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Encode a crop.

        Args:
            crop: (1, 3, H, W) RGB, 0..255.

        Returns:
            Induction features (C, h, w); tokens (D, h * w), keys (h * w, K), numerator (D, h * w)
            and denominator (h * w,) of their self-attention; queries (h * w, K); and the
            backbone's layers.
        """
        network = self.network
        layers = network.feature_extractor(self.image_format.normalise(crop))
        shared = network.get_backbone_target_model_features(layers)
        induction = network.target_model.extract_target_model_features(shared)[0]
        tokens = network.transformer.feature_adjustor(shared).flatten(2)[0]
        keys = network.transformer.encoder.self_attn.keys(tokens.t())
        weights = _affinity(keys, keys)
        numerator, denominator = tokens @ weights.t(), weights.sum(dim=1)
        queries = _read_keys(network, tokens, numerator, denominator)
        entry = (induction, tokens, keys, numerator, denominator)
        return (*entry, queries, *(layers[name] for name in _LAYERS))


def _read_keys(
    network: JOINTNet, tokens: torch.Tensor, numerator: torch.Tensor, denominator: torch.Tensor
) -> torch.Tensor:
    """Keys (..., h * w, K) of tokens that have attended."""
    attended = (tokens + numerator / denominator[..., None, :]).transpose(-2, -1)
    return network.transformer.decoder.cross_attn.keys(token_instance_norm(attended))


class SegmentGraph(nn.Module):
    """Scores of one object in a crop."""

    def __init__(self, tracker: JointTracker) -> None:
        super().__init__()
        self.network = tracker.network
        self.padding = tracker.kernel_size // 2

    def forward(
        self,
        induction: torch.Tensor,
        queries: torch.Tensor,
        layer1: torch.Tensor,
        layer2: torch.Tensor,
        layer3: torch.Tensor,
        layer4: torch.Tensor,
        filled: torch.Tensor,
        all_values: torch.Tensor,
        read_keys: torch.Tensor,
        filters: torch.Tensor,
    ) -> tuple[torch.Tensor]:
        """Segment a crop.

        Args:
            induction: Induction features of the crop, (C, h, w).
            queries: Its queries, (h * w, K).
            layer1: Map of the backbone's first stage, (1, C, H / 4, W / 4).
            layer2: Map of its second stage, stride 8.
            layer3: Map of its third stage, stride 16.
            layer4: Map of its last stage.
            filled: bool (slots,), the slots that count.
            all_values: Encoded masks of the memory, (slots, 17, h * w).
            read_keys: Keys of the memory, (slots, h * w, K).
            filters: Filters of the target model, (16, C, k, k).

        Returns:
            Foreground logits (H, W).
        """
        keys, values = kept(read_keys, filled), kept(all_values, filled)
        weights = _affinity(queries, keys.flatten(0, 1))
        total = weights @ values.transpose(1, 2).flatten(0, 1)
        read = (total[:, :-1] / total[:, -1:]).t().unflatten(1, induction.shape[1:])
        encoding = F.conv2d(induction[None], filters, padding=self.padding) + read[None]
        layers = dict(zip(_LAYERS, (layer1, layer2, layer3, layer4), strict=True))
        size = [FEATURE_STRIDE * side for side in induction.shape[1:]]
        return (self.network.decoder(encoding, layers, size)[0, 0],)


class _Learner(nn.Module):
    """What starting an object and remembering a frame have in common."""

    def __init__(self, tracker: JointTracker, iterations: int) -> None:
        super().__init__()
        self.network = tracker.network
        self.kernel_size = tracker.kernel_size
        self.iterations = iterations

    def encode_mask(self, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Labels and weights of the induction branch, (16, h, w), and values, (17, h * w)."""
        labels, values, weights = (x[0, 0] for x in self.network.label_encoder(mask[None, None]))
        values = values.flatten(1)
        return labels, weights, torch.cat([values, torch.ones_like(values[:1])])

    def learn(
        self,
        filters: torch.Tensor,
        features: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        """Improve filters (16, C, k, k) on frames (frames, ...)."""
        optimiser = self.network.target_model.filter_optimizer
        operator = _Operator(features, self.kernel_size)
        return optimiser(
            filters[None], operator, labels[:, None], weights[:, None], self.iterations
        )[0]


class _Operator:
    """The map from the filters of one object to its scores, see ``LinearOperator``.

    Args:
        features: (frames, C, h, w).
        kernel_size: k, odd.
    """

    def __init__(self, features: torch.Tensor, kernel_size: int) -> None:
        self.features = features
        self.kernel_size = kernel_size

    def apply(self, filters: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        return F.conv2d(self.features, filters[0], padding=self.kernel_size // 2)[:, None]

    def transpose(self, scores: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        k = self.kernel_size
        taps = shift(scores[:, 0], k).flatten(1, 3).flatten(2)
        rows = taps.transpose(0, 1).flatten(1)
        columns = self.features.flatten(2).transpose(1, 2).flatten(0, 1)
        products = (rows @ columns).reshape(k, k, scores.shape[2], -1)
        return products.permute(2, 3, 0, 1)[None]


class StartGraph(_Learner):
    """The memory of an object that has just started: its first frame alone."""

    def __init__(self, tracker: JointTracker) -> None:
        super().__init__(tracker, tracker.params.net_opt_iter)
        self.slots = tracker.params.sample_memory_size

    def forward(
        self,
        induction: torch.Tensor,
        tokens: torch.Tensor,
        keys: torch.Tensor,
        numerator: torch.Tensor,
        denominator: torch.Tensor,
        mask: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Start an object.

        Args:
            induction: Outputs of ``EncodeGraph`` for its crop, (C, h, w).
            tokens: (D, h * w).
            keys: (h * w, K).
            numerator: (D, h * w).
            denominator: (h * w,).
            mask: Its mask cut like the crop, (H, W), 0 or 1.

        Returns:
            The memory.
        """
        labels, weights, values = self.encode_mask(mask)
        size = (labels.shape[0], induction.shape[0], self.kernel_size, self.kernel_size)
        filters = self.learn(
            induction.new_zeros(size), induction[None], labels[None], weights[None]
        )
        read = _read_keys(self.network, tokens, numerator, denominator)
        entry = (induction, tokens, keys, numerator, denominator, labels, weights, values, read)
        return (*(self._first_of(value) for value in entry), filters)

    def _first_of(self, value: torch.Tensor) -> torch.Tensor:
        """A memory with one entry in its first slot."""
        return torch.cat([value[None], value.new_zeros(self.slots - 1, *value.shape)])


class RememberGraph(_Learner):
    """Stores the last frame of an object in its memory, and learns from it."""

    def __init__(self, tracker: JointTracker) -> None:
        super().__init__(tracker, tracker.params.net_opt_update_iter)

    def forward(
        self,
        induction: torch.Tensor,
        tokens: torch.Tensor,
        keys: torch.Tensor,
        numerator: torch.Tensor,
        denominator: torch.Tensor,
        mask: torch.Tensor,
        slot: torch.Tensor,
        filled: torch.Tensor,
        shares: torch.Tensor,
        all_induction: torch.Tensor,
        all_tokens: torch.Tensor,
        all_keys: torch.Tensor,
        all_numerator: torch.Tensor,
        all_denominator: torch.Tensor,
        all_labels: torch.Tensor,
        all_weights: torch.Tensor,
        all_values: torch.Tensor,
        filters: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Remember a frame.

        Args:
            induction: Outputs of ``EncodeGraph`` for the crop, (C, h, w).
            tokens: (D, h * w).
            keys: (h * w, K).
            numerator: (D, h * w).
            denominator: (h * w,).
            mask: The object's probabilities cut like the crop, (H, W).
            slot: int64 (1,), where the frame is stored.
            filled: bool (slots,), the slots that counted before.
            shares: (slots,), how much each stored frame counts from now on; 0 for empty slots.
            all_induction: The memory, as all that follow: (slots, C, h, w).
            all_tokens: (slots, D, h * w).
            all_keys: (slots, h * w, K).
            all_numerator: (slots, D, h * w).
            all_denominator: (slots, h * w).
            all_labels: (slots, 16, h, w).
            all_weights: (slots, 16, h, w).
            all_values: (slots, 17, h * w).
            filters: (16, C, k, k).

        Returns:
            The memory.
        """
        entry = (induction, tokens, keys)
        memory = [kept(x, filled) for x in (all_induction, all_tokens, all_keys)]
        is_slot = torch.arange(len(filled)) == slot
        sums = [kept(x, filled) for x in (all_numerator, all_denominator)]
        sums = self._attend(entry, (numerator, denominator), memory, sums, filled, is_slot)
        memory = [stored(x, own, slot) for x, own in zip(memory, entry, strict=True)]
        encoded = self.encode_mask(mask)
        labels, weights, values = (
            stored(kept(x, filled), own, slot)
            for x, own in zip((all_labels, all_weights, all_values), encoded, strict=True)
        )
        filters = self.learn(filters, memory[0], labels, weights * shares.view(-1, 1, 1, 1))
        read = self._read(memory[1], sums, filled | is_slot)
        return (*memory, *sums, labels, weights, values, read, filters)

    def _read(
        self, tokens: torch.Tensor, sums: list[torch.Tensor], filled: torch.Tensor
    ) -> torch.Tensor:
        """Keys of the memory; those of empty slots are finite."""
        numerator, denominator = sums
        divisor = torch.where(filled[:, None], denominator, torch.ones_like(denominator))
        return _read_keys(self.network, tokens, numerator, divisor)

    def _attend(
        self,
        entry: tuple[torch.Tensor, ...],
        own: tuple[torch.Tensor, torch.Tensor],
        memory: list[torch.Tensor],
        sums: list[torch.Tensor],
        filled: torch.Tensor,
        is_slot: torch.Tensor,
    ) -> list[torch.Tensor]:
        """The running sums after the frame in the slot has been replaced."""
        _, tokens, keys = entry
        slot = is_slot.to(torch.int64).argmax(dim=0, keepdim=True)
        old_tokens, old_keys = (x.index_select(0, slot)[0] for x in memory[1:])
        others = (filled & ~is_slot).to(tokens.dtype).view(-1, 1, 1)
        lost = filled.index_select(0, slot).to(tokens.dtype) * others
        gone = _affinity(memory[2], old_keys) * lost
        new = _affinity(memory[2], keys) * others
        numerators = sums[0] - old_tokens @ gone.transpose(1, 2) + tokens @ new.transpose(1, 2)
        denominators = sums[1] - gone.sum(dim=2) + new.sum(dim=2)
        numerator = own[0] + (memory[1] @ new).sum(dim=0)
        denominator = own[1] + new.sum(dim=(0, 1))
        return [stored(numerators, numerator, slot), stored(denominators, denominator, slot)]


class _Head(nn.Module):
    """The head of the decoder, its taps summed by a convolution instead of in place."""

    places: torch.Tensor

    def __init__(self, head: ScoreHead) -> None:
        super().__init__()
        conv1 = head.conv1
        self.conv1 = conv1.conv if isinstance(conv1, FusedConv2d) else conv1
        self.conv2 = head.conv2
        k = head.conv2.kernel_size[0]
        self.register_buffer("places", torch.eye(k * k).view(1, k * k, k, k), persistent=False)

    def forward(self, x: torch.Tensor, image_size: list[int]) -> torch.Tensor:
        """See ``ScoreHead``."""
        double = (2 * x.shape[-2], 2 * x.shape[-1])
        x = F.relu(self.conv1(resize_bicubic(x, double)))
        k = self.conv2.kernel_size[0]
        taps = F.conv2d(x, self.conv2.weight.permute(2, 3, 0, 1).reshape(k * k, -1, 1, 1))
        taps = resize_bicubic(taps, image_size)
        return F.conv2d(taps, self.places, self.conv2.bias, padding=k // 2)


@torch.no_grad()
def export_joint(tracker: JointTracker) -> ExportedSystem:
    """The graphs of JOINT; they take frames of any size.

    Args:
        tracker: In single precision on the CPU; it is not used for anything else afterwards.

    Raises:
        ConfigError: A parameter has a value that the graphs cannot follow.
    """
    params = tracker.params
    if params.train_skipping != 1:
        raise ConfigError(f"train_skipping={params.train_skipping} cannot be exported: only 1 can")
    unpack(tracker.network)
    head = tracker.network.decoder.project
    tracker.network.decoder.project = _Head(head)  # type: ignore[assignment]
    height, width = params.image_sample_size
    encode = EncodeGraph(tracker)
    crop = torch.zeros(1, 3, height, width)
    names = (*_ENTRY, "queries", *_LAYERS)
    encoded = dict(zip(names, encode(crop), strict=True))
    entry = {name: encoded[name].contiguous() for name in _ENTRY}
    mask = torch.zeros(height, width)
    start = StartGraph(tracker)
    stored_names = (*_MEMORY, *_READ)
    memory = dict(zip(stored_names, start(**entry, mask=mask), strict=True))
    slots = params.sample_memory_size
    filled = torch.ones(slots, dtype=torch.bool)
    outputs = tuple(f"new_{name}" for name in stored_names)
    seen = {name: encoded[name].contiguous() for name in ("induction", "queries", *_LAYERS)}
    read = {name: memory[name] for name in ("all_values", *_READ)}
    state = {name: memory[name] for name in (*_MEMORY, "filters")}
    slot = torch.zeros(1, dtype=torch.int64)
    remembered = {**entry, "mask": mask, "slot": slot, "filled": filled}
    return ExportedSystem(
        (
            Graph("encode", encode, {"crop": crop}, names),
            Graph(
                "segment", SegmentGraph(tracker), {**seen, "filled": filled, **read}, ("logits",)
            ),
            Graph("start", start, {**entry, "mask": mask}, outputs),
            Graph(
                "remember",
                RememberGraph(tracker),
                {**remembered, "shares": torch.ones(slots), **state},
                outputs,
            ),
        ),
        {"feature_stride": FEATURE_STRIDE, "kernel_size": tracker.kernel_size},
    )
