"""Whole networks and backbones of the reference values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.referring.batches import ClipBatch, SentenceBatch, pad_clips
from ltr.models.referring.backbones import build_backbone
from ltr.models.referring.criterion import Criterion
from ltr.models.referring.outputs import Predictions
from ltr.models.referring.positions import sine_position_2d
from ltr.models.referring.referformer import ReferFormer, referformer
from ltr.models.referring.snapshot import released_arguments
from tests.conformance.referring_case import Case
from tests.conformance.referring_criterion import compare_losses, targets_of
from tests.conformance.referring_transformer import Recorder
from tests.seeded_weights import seeded_tensor

_FEATURES, _MASKS, _LOSSES, _GRADIENTS = 1e-4, 1e-4, 1e-4, 1e-3
_DIM = 256


def seeded_network(case: Case) -> ReferFormer:
    """The network that a case describes, in eval mode, with weights by the rule."""
    shapes = {key: tuple(shape) for key, shape, _ in case["state"]}
    stand_in = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    arguments = released_arguments(stand_in, Path(case.name))
    network = referformer(**{**arguments, "text_config": case["roberta"]})
    network.chunk_frames = sum(shape[0] for shape in case["clips"])
    state = seeded_state(shapes, case.seed, case.description.get("scaled_after_fill", {}))
    case.report.equal(case.name, "names", sorted(network.state_dict()), sorted(shapes))
    network.load_state_dict(state)
    return network.eval()


def seeded_state(
    shapes: Mapping[str, Sequence[int]], seed: int, scales: Mapping[str, float]
) -> dict[str, torch.Tensor]:
    """The rule with its exceptions: second names, shared heads, scaled embeddings."""
    alias = "transformer.decoder."
    has_refinement = any(key.startswith(f"{alias}bbox_embed.") for key in shapes)
    last = max(int(key.split(".")[1]) for key in shapes if key.startswith("bbox_embed."))
    state = {}
    for key, shape in shapes.items():
        name = key.removeprefix(alias) if key.startswith(f"{alias}bbox_embed.") else key
        head, _, rest = name.partition(".")
        if head in ("class_embed", "bbox_embed") and not has_refinement:
            name = f"{head}.{last}.{rest.partition('.')[2]}"
        state[key] = seeded_tensor(name, shape, seed) * scales.get(key, 1)
    return state


def clips_of(case: Case) -> ClipBatch:
    """The clips of a case; several are padded to a multiple of 32."""
    shapes = case["clips"]
    clips = [
        (case.drawn(f"clip{index}", shape, "image") - 127) / 60
        for index, shape in enumerate(shapes)
    ]
    return pad_clips(clips, 32 if len(shapes) > 1 else 1)


def previous_of(case: Case) -> ClipBatch | None:
    """The tracking images of a case, None without."""
    if "previous" not in case.description:
        return None
    clips = []
    for index, shape in enumerate(case["previous"]):
        height, width = shape[-2:]
        mask = torch.zeros(height, width)
        mask[height // 4 : 3 * height // 4, width // 5 : width // 2] = 1
        clips.append(IMAGENET_RGB.normalise(case.drawn(f"pre{index}", shape, "image") * mask))
    return pad_clips(clips, 32 if len(clips) > 1 else 1)


def sentences_of(case: Case) -> SentenceBatch:
    """The sentences of a case."""
    ids = [torch.tensor([int(i) for i in text.split()]) for text in case["captions_token_ids"]]
    pad = torch.nn.utils.rnn.pad_sequence
    return SentenceBatch(
        pad(ids, batch_first=True, padding_value=1),
        pad([torch.ones_like(x) for x in ids], batch_first=True),
    )


def run(case: Case) -> None:
    """A whole network: what it computes on the way, its predictions, losses and gradients."""
    network = seeded_network(case)
    recorder = Recorder(
        body=network.body,
        fusion=network.fusion_module,
        resizer=network.resizer,
        encoder=network.transformer.encoder,
        decoder=network.transformer.decoder,
        mask_features=network.pixel_decoder.mask_features,
        controller=network.controller,
    )
    targets = targets_of(case)
    with torch.set_grad_enabled(bool(targets)):
        predictions = network(
            clips_of(case), sentences_of(case), previous_of(case), with_auxiliary=True
        )
    _compare_inside(case, recorder, len(network.input_proj))
    _compare_predictions(case, predictions)
    if targets:
        _compare_losses(case, network, predictions, targets)


def _compare_inside(case: Case, recorder: Recorder, levels: int) -> None:
    found = recorder.outputs  # of the tracking images first, then of the clips
    for index, maps in enumerate(found["body"][-1]):
        case.compare(f"backbone_{index}", maps, absolute=_FEATURES)
    clips = len(case["clips"])
    fused = found["fusion"][-levels]
    fused = fused.reshape(clips, -1, fused.shape[-1]).transpose(0, 1)
    case.compare("fusion_level0", fused, absolute=_FEATURES)
    for name, value in zip(("word", "sentence"), found["resizer"], strict=True):
        case.compare(f"text_{name}_features", value, absolute=_FEATURES)
    case.compare("memory_previous", found["encoder"][0].tokens, absolute=_FEATURES)
    for name in ("memory", "memory_current"):
        case.compare(name, found["encoder"][-1].tokens, absolute=_FEATURES)
    decoded = found["decoder"][0]
    case.compare("hs", torch.stack(decoded.states), absolute=_FEATURES)
    case.compare("inter_references", torch.stack(decoded.references), absolute=_FEATURES)
    case.compare("mask_features", torch.cat(found["mask_features"]), absolute=_FEATURES)
    case.compare("controller_last", found["controller"][-1], absolute=_FEATURES)


def _compare_predictions(case: Case, predictions: Predictions) -> None:
    case.compare("pred_logits", predictions.logits, absolute=_FEATURES)
    case.compare("pred_boxes", predictions.boxes, absolute=_FEATURES)
    case.compare("pred_masks", predictions.masks, relative=_MASKS)
    case.compare("reference_points", predictions.centers, absolute=_FEATURES)
    for index, earlier in enumerate(predictions.auxiliary):
        case.compare(f"aux{index}_logits", earlier.logits, absolute=_FEATURES)
        case.compare(f"aux{index}_boxes", earlier.boxes, absolute=_FEATURES)
        case.compare(f"aux{index}_masks", earlier.masks, relative=_MASKS)


def _compare_losses(
    case: Case, network: ReferFormer, predictions: Predictions, targets: Sequence[Any]
) -> None:
    criterion = Criterion(predictions.logits.shape[-1])
    losses = criterion(predictions, targets)
    compare_losses(case, criterion, losses, _LOSSES)
    criterion.total(losses).backward()
    gradients = {key: x.grad for key, x in network.named_parameters(remove_duplicate=False)}
    for name in [name for name in case.pending if name.startswith("grad:")]:
        case.compare(name, gradients[name.removeprefix("grad:")], relative=_GRADIENTS)


@torch.no_grad()
def run_backbone(case: Case) -> None:
    """A backbone with its position encodings."""
    body = build_backbone(re.match(r"\w+", case["config"])[0])
    prefix = "0.body."
    state = {}
    own = body.state_dict()
    for key, shape, kind in case["state"]:
        name = key.removeprefix(prefix)
        is_index = kind.startswith("int")
        state[name] = own[name] if is_index else seeded_tensor(key, shape, case.seed)
    body.load_state_dict(state)
    clip = (case.drawn("clip", case["shape"], "image") - 127) / 60
    for index, maps in enumerate(body.eval()(clip[None])):
        case.compare(f"feat{index}", maps, absolute=_FEATURES)
        padding = torch.zeros(len(maps), *maps.shape[-2:], dtype=torch.bool)
        case.compare(f"pos{index}", sine_position_2d(padding, _DIM), absolute=_FEATURES)
