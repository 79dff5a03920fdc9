"""Deformable attention, positions, fusion, pixel decoder and mask head of the reference values."""

from __future__ import annotations

import torch

from ltr.models.referring.deformable_attention import DeformableAttention
from ltr.models.referring.deformable_sampling import sample_points
from ltr.models.referring.deformable_transformer import Level
from ltr.models.referring.fusion import (
    LanguageFusion,
    VisionLanguageBlock,
    Words,
    to_maps,
    to_tokens,
)
from ltr.models.referring.heads import DynamicMaskHead
from ltr.models.referring.pixel_decoder import PixelDecoder
from ltr.models.referring.positions import inverse_sigmoid, sine_position_1d, sine_position_2d
from tests.conformance.referring_case import Case, seeded
from tests.upstream_functions import upsample_aligned

_LAYER, _DECODER, _RELATIVE = 1e-5, 1e-4, 1e-4
_HEADS = 8


def run_deformable_attention(case: Case) -> None:
    """The bare function with its gradients, and the module with both kinds of references."""
    inputs = [case.input(name).requires_grad_() for name in ("value", "loc", "weights")]
    output = sample_points(inputs[0], case["shapes"], inputs[1], inputs[2])
    case.compare("output", output, absolute=_LAYER)
    gradients = torch.autograd.grad(output, inputs, case.input("grad_output"))
    for name, gradient in zip(("value", "loc", "weights"), gradients, strict=True):
        case.compare(f"grad_{name}", gradient, absolute=_LAYER)
    cfg = case["module"]
    module = DeformableAttention(cfg["d_model"], cfg["n_levels"], cfg["n_heads"], cfg["n_points"])
    seeded(module, case.seed)
    query, tokens = case.input("mod_query"), case.input("mod_input")
    padding = case.input("mod_padding_mask")
    for kind in ("ref2", "ref4"):
        references = case.input(f"mod_{kind}")
        found = module.attend(query, references, tokens, cfg["spatial_shapes"], padding)
        names = (f"mod_{part}_{kind}" for part in ("out", "loc", "attw"))
        for name, value in zip(names, found, strict=True):
            case.compare(name, value, absolute=_LAYER)


def run_positions(case: Case) -> None:
    """Sine encodings and the logit."""
    dim2d, dim1d = 2 * case["pos2d"]["num_pos_feats"], case["pos1d"]["num_pos_feats"]
    case.compare("pos2d", sine_position_2d(case.input("mask2d"), dim2d), absolute=_LAYER)
    encoded = sine_position_1d(case.input("mask1d"), dim1d).transpose(1, 2)
    case.compare("pos1d", encoded, absolute=_LAYER)
    logits = inverse_sigmoid(case.input("inverse_sigmoid_in"))
    case.compare("inverse_sigmoid_out", logits, absolute=_LAYER)


@torch.no_grad()
def run_fusion(case: Case) -> None:
    """The multiplicative fusion, and the block with every reduction that the case has."""
    dim, ffn, heads = case["d_model"], case["ffn"], case["nhead"]
    memory, place = (case.input(name).transpose(0, 1) for name in ("mem", "text_pos"))
    words = Words(memory, memory + place, case.input("text_mask"))
    size = case["fusion_shape"]
    tokens = case.drawn("fusion.tgt", (size["T"] * size["H"] * size["W"], size["B"], dim))
    fusion = seeded(LanguageFusion(dim, heads), case.seed)
    fused = fusion(tokens.transpose(0, 1), words).transpose(0, 1)
    case.compare("fusion_out", fused, absolute=_LAYER)
    size = case["vlb_shape"]
    frames, rest = size["T"], (size["H"], size["W"])
    shape = (frames * rest[0] * rest[1], size["B"], dim)
    maps, position = (
        to_maps(case.drawn(name, shape).transpose(0, 1), frames, *rest)
        for name in ("vlb.tgt", "vlb.qpos")
    )
    padding = case.input("vision_mask").unflatten(1, (frames, *rest))
    for reduction in (1, 2, 4, 8):
        name = f"vlb_sr{reduction}_out"
        if case.has(name):
            block = VisionLanguageBlock(dim, heads, ffn, 0.0, reduction)
            seeded(block, case.seed + reduction)
            related = to_tokens(block(maps, position, padding, words)).transpose(0, 1)
            case.compare(name, related, absolute=_LAYER)


@torch.no_grad()
def run_pixel_decoder(case: Case) -> None:
    """The feature pyramid with small channels."""
    cfg = case["cfg"]
    frames, dim, sizes = cfg["t"], cfg["conv_dim"], cfg["sizes"]
    count = cfg["b"] * frames
    inputs = [cfg["feature_channels"][0], dim, dim, dim]
    decoder = PixelDecoder(inputs, dim, cfg["mask_dim"], _HEADS, cfg["ffn"], 0.0)
    seeded(decoder, case.seed)
    names = ["pd.feat0", *(f"pd.mem{i}" for i in range(len(sizes) - 1))]
    levels = [
        Level(
            case.drawn(name, (count, channels, *size)),
            case.drawn(f"pd.pos{index}", (count, dim, *size)),
            case.input(f"mask{index}"),
        )
        for index, (name, channels, size) in enumerate(zip(names, inputs, sizes, strict=True))
    ]
    padding = case.input("text_mask")
    words = Words.encode(case.drawn("pd.text", (*padding.shape, dim)), padding)
    case.compare("mask_features", decoder(levels, words, frames), absolute=_DECODER)


@torch.no_grad()
def run_mask_head(case: Case) -> None:
    """Dynamic convolutions, and the aligned up-sampling."""
    cfg = case["cfg"]
    clips, frames, slots, dim = (cfg[key] for key in ("b", "t", "q", "in_channels"))
    head = DynamicMaskHead(dim, cfg["channels"], cfg["layers"], has_coordinates=True)
    features = case.drawn("mh.feat", (clips, frames, dim, cfg["h"], cfg["w"]))
    parameters = case.drawn("mh.params", (clips, frames * slots, head.num_parameters)) * 0.2
    references = case.drawn("mh.ref", (clips, frames * slots, 2), "uniform")
    pixels = case.input("sizes").flip(1).float()
    logits = head(
        features.flatten(0, 1),
        parameters.reshape(clips * frames, slots, -1),
        (references * pixels[:, None]).reshape(clips * frames, slots, 2),
    )
    logits = logits.reshape(clips, frames * slots, cfg["h"], cfg["w"])
    case.compare("logits", logits, relative=_RELATIVE)
    for factor in (2, 4, 8):
        name = f"aligned_bilinear_x{factor}"
        if case.has(name):
            shape = case["arrays"][name]["shape"]
            small = (*shape[:2], shape[2] // factor, shape[3] // factor)
            maps = upsample_aligned(case.drawn("mh.up", small), factor)
            case.compare(name, maps, relative=_RELATIVE)
