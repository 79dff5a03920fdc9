"""ReferFormer (arXiv 2201.00487): the network and the function that builds it.

With the tracking images of a clip it is the tracking-forced network (spec 3.1), which has the same
weights: every decoder layer then reads the tracking memory before the current one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor, old_arguments, takes_fields
from ltr.data.referring.batches import ClipBatch, SentenceBatch, SharedClips
from ltr.models.layers.initialisation import fill_bias
from ltr.models.layers.side_by_side import even_slices, map_side_by_side
from ltr.models.referring.backbones import Backbone, build_backbone
from ltr.models.referring.deformable_transformer import (
    Decoded,
    DeformableTransformer,
    Level,
    Memory,
)
from ltr.models.referring.design import PYRAMID_LEVELS, Design
from ltr.models.referring.fusion import LanguageFusion, Words, to_maps, to_tokens
from ltr.models.referring.heads import MLP, DynamicMaskHead, box_heads, class_heads
from ltr.models.referring.names import adapt_names
from ltr.models.referring.outputs import (
    ClipFeatures,
    EncodedClips,
    EncodedSentences,
    Predictions,
    best_queries,
)
from ltr.models.referring.pixel_decoder import PixelDecoder, Read
from ltr.models.referring.positions import sine_position_2d
from ltr.models.referring.text_encoder import FeatureResizer, build_text_encoder

if TYPE_CHECKING:
    from transformers import RobertaModel

_Maps = Sequence[torch.Tensor]
_Result = TypeVar("_Result")


class ReferFormer(nn.Module):
    """A clip and a sentence to the class, box and mask of each query in each frame.

    Args:
        backbone: Returns four maps; has ``map_channels`` and ``is_video``.
        text_encoder: A RoBERTa.
        transformer: Encoder and decoder.
        dim: Channels.
        num_heads: Attention heads.
        num_levels: Levels of the transformer.
        num_queries: Number of object queries.
        num_classes: Outputs of the classifier; 1 for referred or not.
        feedforward_dim: Hidden units of the pixel decoder.
        dropout: Dropout probability of the pixel decoder.
        mask_head: Dynamic convolutions.
    """

    # Frames that go through backbone, encoder and decoder at once when no gradients are recorded;
    # they are independent there, so it changes the memory and not the result.
    chunk_frames = 8
    # Whether ``prepare_for_cpu`` was called: frames are side by side, masks without features.
    is_prepared = False
    # Whether it was trained with tracking images (TF²); None where its file does not tell.
    trained_with_tracking: bool | None = None

    def __init__(
        self,
        backbone: Backbone,
        text_encoder: RobertaModel,
        transformer: DeformableTransformer,
        dim: int,
        num_heads: int,
        num_levels: int,
        num_queries: int,
        num_classes: int,
        feedforward_dim: int,
        dropout: float,
        mask_head: DynamicMaskHead,
    ) -> None:
        super().__init__()
        num_layers = len(transformer.decoder.layers)
        is_shared = not transformer.decoder.has_refinement
        channels = list(backbone.map_channels)
        self.dim = dim
        self.transformer = transformer
        self.backbone = nn.ModuleList([nn.ModuleDict({"body": backbone})])  # upstream's key
        self.text_encoder = text_encoder
        self.resizer = FeatureResizer(text_encoder.config.hidden_size, dim)
        self.fusion_module = LanguageFusion(dim, num_heads)
        self.input_proj = _projections(channels, dim, num_levels)
        self.query_embed = nn.Embedding(num_queries, dim)
        self.class_embed = class_heads(dim, num_classes, num_layers, is_shared)
        self.bbox_embed = box_heads(dim, num_layers, is_shared)
        if transformer.decoder.has_refinement:
            transformer.decoder.bbox_embed = self.bbox_embed  # upstream's second name
        inputs = [channels[0], *[dim] * PYRAMID_LEVELS]
        self.pixel_decoder = PixelDecoder(
            inputs, dim, mask_head.dim, num_heads, feedforward_dim, dropout
        )
        self.mask_head = mask_head
        self.controller = MLP(dim, dim, dim, mask_head.num_parameters)
        for layer in self.controller.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    @property
    def body(self) -> Backbone:
        """The backbone."""
        body = self.backbone.get_submodule("0.body")
        assert isinstance(body, Backbone)  # as built
        return body

    def adapt_state_dict(self, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Bring the state dict of a file to this network's keys; see ``adapt_names``."""
        return adapt_names(state, self.state_dict())

    def forward(
        self,
        clips: ClipBatch | ClipFeatures | SharedClips,
        sentences: SentenceBatch | EncodedSentences,
        previous: ClipBatch | ClipFeatures | None = None,
        target_frames: Sequence[int] | None = None,
        with_auxiliary: bool | None = None,
        best_only: bool = False,
    ) -> Predictions:
        """Segment what each sentence means in its clip.

        Args:
            clips: The clips; seen or shared ones where several sentences are about them.
            sentences: One a clip; encoded ones where they are about many frames.
            previous: Tracking images, one for each frame: the neighbouring frame, black outside
                the object; their size and padding are their own. None for plain ReferFormer.
            target_frames: One frame a clip that is wanted; the others only serve a video backbone.
            with_auxiliary: Whether to return the earlier layers' predictions; by default in
                training.
            best_only: Whether to return only the query that answers for each whole clip.
        """
        if not isinstance(sentences, EncodedSentences):
            sentences = self.encode_sentences(sentences)
        words = sentences.words
        if isinstance(clips, SharedClips):
            clips = self.extract_features(clips.clips).of_pairs(clips)
        is_same = previous is not None and previous[0] is clips[0] and target_frames is None
        tracking = None
        if previous is not None and not is_same:
            tracking = self.encode(previous, words, with_fine=False).memory
        encoded = self.encode(clips, words, target_frames)
        if is_same:
            tracking = encoded.memory
        decoded = self.decode(sentences.whole, encoded.memory, tracking)
        wants_all = self.training if with_auxiliary is None else with_auxiliary
        if self.is_prepared and not wants_all:
            segment = partial(self._segment, encoded, words)
        else:
            segment = partial(self.mask_head, self.mask_features(encoded, words))
        count = len(decoded.states)
        predicted = [
            self._predict(decoded, layer, segment, clips.sizes, best_only)
            for layer in range(0 if wants_all else count - 1, count)
        ]
        return predicted[-1]._replace(auxiliary=tuple(predicted[:-1]))

    def encode_sentences(self, sentences: SentenceBatch) -> EncodedSentences:
        """Text encoder and the adapter behind it."""
        found = self.text_encoder(
            input_ids=sentences.ids, attention_mask=sentences.attention, return_dict=True
        )
        words = self.resizer(found.last_hidden_state)
        words = Words.encode(words, sentences.attention != 1)
        return EncodedSentences(words, self.resizer(found.pooler_output))

    def extract_features(self, clips: ClipBatch) -> ClipFeatures:
        """All that needs no sentence: the backbone, and the first layers behind it."""
        inputs, see = self._viewer(clips)
        parts = self._map_frames(lambda part: see([x[part] for x in inputs]), len(inputs[0]))
        maps = tuple(x[0] if len(x) == 1 else torch.cat(x) for x in zip(*parts, strict=True))
        return ClipFeatures(maps, clips.sizes, clips.padding)

    def encode(
        self,
        clips: ClipBatch | ClipFeatures,
        words: Words,
        target_frames: Sequence[int] | None = None,
        with_fine: bool = True,
    ) -> EncodedClips:
        """Backbone, fusion with the words and encoder; see ``forward`` for the arguments.

        Without ``with_fine`` the finest maps are the backbone's own, for callers that read
        the memory alone.
        """
        inputs, see = self._viewer(clips, with_fine)
        padding, count = clips.padding, len(clips.sizes)
        if target_frames is not None:
            length = len(inputs[0]) // count
            chosen = torch.tensor([i * length + f for i, f in enumerate(target_frames)])
            inputs = tuple(value[chosen] for value in inputs)
            padding = None if padding is None else padding[chosen]
        words = words.repeat(len(inputs[0]) // count)

        def encode(part: slice) -> tuple[torch.Tensor, Memory]:
            fine, *maps = see([value[part] for value in inputs])
            levels = self.fuse(maps, None if padding is None else padding[part], words.part(part))
            return fine, self.transformer.encode(levels)

        parts = self._map_frames(encode, len(inputs[0]))
        fines = [fine for fine, _ in parts]
        return EncodedClips(
            fines[0] if len(fines) == 1 else torch.cat(fines),
            Memory.join([memory for _, memory in parts]),
            padding,
        )

    def _viewer(
        self, clips: ClipBatch | ClipFeatures, with_fine: bool = True
    ) -> tuple[_Maps, Callable[[_Maps], _Maps]]:
        """What to cut into parts of frames, and what makes the maps of ``ClipFeatures`` of one."""
        if isinstance(clips, ClipFeatures):
            return clips.maps, lambda maps: maps
        project = partial(self._project, with_fine=with_fine)
        if self.body.is_video:
            return tuple(self.body(clips.frames)), project
        return (clips.frames.flatten(0, 1),), lambda x: project(self.body(x[0][:, None]))

    def _project(self, maps: _Maps, with_fine: bool) -> _Maps:
        """The backbone's four maps to those of ``ClipFeatures``."""
        fine = self.pixel_decoder.adapt(1, maps[0]) if with_fine else maps[0]
        sources = [*maps[1:], maps[-1]][: len(self.input_proj)]
        return [fine, *(p(source) for p, source in zip(self.input_proj, sources, strict=False))]

    def decode(
        self, sentence: torch.Tensor, memory: Memory, tracking: Memory | None = None
    ) -> Decoded:
        """Let the queries, all starting as the sentence's feature, read the memories."""
        frames = len(memory.tokens)
        num_queries = self.query_embed.num_embeddings
        starts = sentence.repeat_interleave(frames // len(sentence), 0)
        starts = starts[:, None].expand(-1, num_queries, -1)

        def decode(part: slice) -> Decoded:
            return self.transformer.decode(
                starts[part],
                self.query_embed.weight,
                memory.frames(part),
                self.bbox_embed,
                None if tracking is None else tracking.frames(part),
            )

        return Decoded.join(self._map_frames(decode, frames))

    def mask_features(self, encoded: EncodedClips, words: Words) -> torch.Tensor:
        """Features of stride 4 of whole clips, (N, mask dim, H / 4, W / 4)."""
        return self._read_maps(encoded, words)

    def _segment(
        self, encoded: EncodedClips, words: Words, parameters: torch.Tensor, centers: torch.Tensor
    ) -> torch.Tensor:
        """What the mask head makes of ``mask_features``, which are not computed."""
        read = partial(self.mask_head.read, self.pixel_decoder.mask_features)
        return self._read_maps(encoded, words, read, parameters, centers)

    def _read_maps(
        self,
        encoded: EncodedClips,
        words: Words,
        read: Read | None = None,
        *of_frames: torch.Tensor,
    ) -> torch.Tensor:
        """See ``PixelDecoder.decode``."""
        maps = [encoded.fine, *(encoded.memory.level(i) for i in range(PYRAMID_LEVELS))]
        levels = [self._level(value, encoded.padding) for value in maps]
        frames = len(encoded.fine) // len(words.features)
        return self.pixel_decoder.decode(levels, words, frames, read, *of_frames)

    def _map_frames(self, function: Callable[[slice], _Result], frames: int) -> list[_Result]:
        """Apply a function to parts of the frames; ``chunk_frames`` are in memory at once."""
        if torch.is_grad_enabled():
            return [function(slice(0, frames))]
        threads = torch.get_num_threads() if self.is_prepared else 1
        parts = even_slices(frames, -(-self.chunk_frames // threads), threads)
        return map_side_by_side(function, parts, self.is_prepared)

    def _level(self, maps: torch.Tensor, padding: torch.Tensor | None) -> Level:
        """Maps with the padding and the position encoding of their resolution."""
        size = maps.shape[-2:]
        if padding is None:
            unpadded = torch.zeros(1, *size, dtype=torch.bool, device=maps.device)
            return Level(maps, sine_position_2d(unpadded, self.dim).to(maps.dtype), None)
        padding = F.interpolate(padding[:, None].float(), size).bool()[:, 0]
        return Level(maps, sine_position_2d(padding, self.dim).to(maps.dtype), padding)

    def fuse(self, projected: _Maps, padding: torch.Tensor | None, words: Words) -> list[Level]:
        """Multiply projected maps by what they read from the words, and add coarser ones."""
        levels: list[Level] = []
        for index, project in enumerate(self.input_proj):
            maps = projected[index] if index < len(projected) else project(levels[-1].maps)
            fused = self.fusion_module(to_tokens(maps[:, None]), words)
            fused = to_maps(fused, 1, *maps.shape[-2:])[:, 0]
            levels.append(self._level(fused, padding))
        return levels

    def _predict(
        self,
        decoded: Decoded,
        layer: int,
        segment: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        sizes: Sequence[tuple[int, int]],
        best_only: bool,
    ) -> Predictions:
        states, references = decoded.states[layer], decoded.references
        frames = len(states) // len(sizes)
        logits, boxes = self.class_embed[layer](states), decoded.boxes[layer]
        around = references[layer][..., :2]
        centers = references[max(layer - 1, 0)][..., :2]
        if best_only:
            best = best_queries(logits.unflatten(0, (-1, frames))).repeat_interleave(frames)
            every = torch.arange(len(best), device=best.device)
            states, logits, boxes, around, centers = (
                value[every, best][:, None] for value in (states, logits, boxes, around, centers)
            )
        pixels = states.new_tensor([(width, height) for height, width in sizes])
        around = around * pixels.repeat_interleave(frames, 0)[:, None]
        outputs = (logits, boxes, segment(self.controller(states), around), centers)
        return Predictions(*(value.unflatten(0, (-1, frames)) for value in outputs))


def _projections(channels: Sequence[int], dim: int, num_levels: int) -> nn.ModuleList:
    """Maps of strides 8, 16 and 32, then ever coarser ones, to ``dim`` channels."""
    convolutions = [nn.Conv2d(inputs, dim, 1) for inputs in channels[1:]]
    for index in range(num_levels - PYRAMID_LEVELS):
        convolutions.append(nn.Conv2d(dim if index else channels[-1], dim, 3, 2, 1))
    for convolution in convolutions:
        nn.init.xavier_uniform_(convolution.weight)
        fill_bias(convolution, 0.0)
    return nn.ModuleList(nn.Sequential(conv, nn.GroupNorm(32, dim)) for conv in convolutions)


@model_constructor
@old_arguments(
    renamed={
        "has_box_refinement": "with_box_refine",
        "has_relative_coordinates": "relative_coordinates",
        "freezes_text": "freeze_text_encoder",
        "has_dilation": "dilation",
        "recomputes": "gradient_checkpointing",
    }
)
@takes_fields(Design)
def referformer(design: Design) -> ReferFormer:
    """Build the network; called with the fields of ``Design``.

    Raises:
        ConfigError: There is no such backbone or field, the sizes do not fit each other, or
            transformers is not installed.
    """
    body = build_backbone(
        design.backbone,
        design.backbone_width,
        design.dilation,
        not design.backbone_from_scratch,
        design.gradient_checkpointing,
    )
    text_encoder = build_text_encoder(design.text_config)
    text_encoder.requires_grad_(not design.freeze_text_encoder)
    transformer = DeformableTransformer(
        design.hidden_dim,
        design.num_heads,
        design.encoder_layers,
        design.decoder_layers,
        design.feedforward_dim,
        design.dropout,
        design.num_levels,
        design.num_points,
        design.with_box_refine,
    )
    mask_head = DynamicMaskHead(
        design.mask_dim, design.mask_channels, design.mask_layers, design.relative_coordinates
    )
    return ReferFormer(
        body,
        text_encoder,
        transformer,
        dim=design.hidden_dim,
        num_heads=design.num_heads,
        num_levels=design.num_levels,
        num_queries=design.num_queries,
        num_classes=design.num_classes,
        feedforward_dim=design.feedforward_dim,
        dropout=design.pixel_decoder_dropout,
        mask_head=mask_head,
    )
