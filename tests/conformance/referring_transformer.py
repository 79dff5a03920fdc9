"""The small deformable transformer and the tracking-forced decoder layer."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from ltr.models.referring.deformable_attention import DeformableAttention
from ltr.models.referring.deformable_transformer import (
    DecoderLayer,
    DeformableTransformer,
    Level,
    Memory,
)
from ltr.models.referring.heads import box_heads
from tests.conformance.referring_case import Case, seeded

_LAYER = 1e-5


class Recorder:
    """Keeps the outputs of modules by name, and what went in."""

    def __init__(self, **modules: nn.Module) -> None:
        self.outputs: dict[str, list[Any]] = {name: [] for name in modules}
        self.inputs: dict[str, list[Any]] = {name: [] for name in modules}
        for name, module in modules.items():
            module.register_forward_hook(self._hook(name))

    def _hook(self, name: str) -> Any:
        def keep(_: nn.Module, inputs: tuple, output: Any) -> None:
            self.inputs[name].append(inputs)
            self.outputs[name].append(output)

        return keep


@torch.no_grad()
def run(case: Case) -> None:
    """Encoder and decoder with box refinement and padding."""
    cfg = case["cfg"]
    dim, frames = cfg["d_model"], cfg["b"] * cfg["t"]
    network = DeformableTransformer(
        dim,
        cfg["nhead"],
        cfg["enc"],
        cfg["dec"],
        cfg["ffn"],
        0.0,
        cfg["levels"],
        cfg["points"],
        has_refinement=True,
    )
    network.decoder.bbox_embed = box_heads(dim, cfg["dec"], is_shared=False)
    seeded(network, case.seed).level_embed.mul_(math.sqrt(dim))
    levels = [
        Level(
            case.drawn(f"tr.src{index}", (frames, dim, *size)),
            case.drawn(f"tr.pos{index}", (frames, dim, *size)),
            case.input(f"mask{index}"),
        )
        for index, size in enumerate(cfg["shapes"])
    ]
    recorder = Recorder(encoder=network.encoder.layers[0], decoder=network.decoder.layers[0])
    memory = network.encode(levels)
    queries = case.drawn("tr.tgt", (cfg["b"], cfg["t"], cfg["q"], dim)).flatten(0, 1)
    position = case.drawn("tr.query", (cfg["q"], dim))
    decoded = network.decode(queries, position, memory, network.decoder.bbox_embed)
    start = network.reference_points(position).sigmoid().expand(frames, -1, -1)
    outputs = {
        "enc_layer0": recorder.outputs["encoder"][0],
        "memory": memory.tokens,
        "dec_layer0": recorder.outputs["decoder"][0],
        "hs": torch.stack(decoded.states),
        "init_reference": start,
        "inter_references": torch.stack(decoded.references),
    }
    for name, value in outputs.items():
        case.compare(name, value, absolute=_LAYER)


@torch.no_grad()
def run_layer(case: Case) -> None:
    """One decoder layer that reads the tracking memory before the current one."""
    cfg = case["cfg"]
    dim, batch, slots, levels = cfg["d"], cfg["b"], cfg["q"], cfg["levels"]
    attention = DeformableAttention(dim, levels, cfg["nhead"], cfg["points"])
    layer = seeded(DecoderLayer(attention, dim, cfg["nhead"], cfg["ffn"], 0.0), case.seed)
    memories = {}
    for name in ("cur", "pre"):
        sizes = cfg[f"{name}_shapes"]
        tokens = case.drawn(f"dl.{name}", (batch, sum(h * w for h, w in sizes), dim))
        padding = case.input(f"{name}_mask")
        memories[name] = Memory(tokens, sizes, padding, tokens.new_ones(1, levels, 2))
    shape = (batch, slots, levels, 2)
    points, extents = (case.drawn(name, shape, "uniform") for name in ("dl.ref", "dl.wh"))
    references = torch.cat([points, 0.2 + 0.5 * extents], dim=-1)
    recorder = Recorder(attention=attention)
    targets, position = (case.drawn(n, (batch, slots, dim)) for n in ("dl.tgt", "dl.qpos"))
    case.compare(
        "out",
        layer(targets, position, references, memories["cur"], memories["pre"]),
        absolute=_LAYER,
    )
    previous, current = recorder.outputs["attention"]
    case.compare("cross_attn_previous", previous, absolute=_LAYER)
    case.compare("cross_attn_current", current, absolute=_LAYER)
    found = attention.attend(*recorder.inputs["attention"][1])
    case.compare("sampling_locations_current", found.locations, absolute=_LAYER)
    case.compare("attention_weights_current", found.weights, absolute=_LAYER)
