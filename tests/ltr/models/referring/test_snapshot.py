from __future__ import annotations

import argparse
import json
import re
from functools import partial

import pytest
import torch

from ltr.admin.blueprint import adapted_state, build_blueprint, differences
from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_state
from ltr.models.referring.backbones import build_backbone
from ltr.models.referring.referformer import referformer
from ltr.models.referring.snapshot import (
    load_backbone,
    load_pretrained,
    load_referformer,
    released_arguments,
)
from tests.seeded_weights import seeded_tensor
from tests.shared_material import golden
from tests.small_referring import small_network

LEFTOVERS = {
    "backbone.0.body.layer1.total_ops": torch.zeros(1),
    "total_params": torch.zeros(1),
    "text_encoder.embeddings.position_ids": torch.arange(514)[None],
}


def manifest(name):
    entries = json.loads((golden("referring") / "manifests" / f"{name}.json").read_text())
    return {key: (tuple(shape), getattr(torch, kind)) for key, shape, kind in entries}


def one_number_each(entries):
    """Tensors of the right shapes, each one stored number: 700 MB in a small file."""
    return {
        key: torch.full((1,), index % 97, dtype=kind).expand(shape)
        for index, (key, (shape, kind)) in enumerate(entries.items())
    }


def released_record(state):
    """A file as ReferFormer writes it: with an optimiser, a schedule and its command line."""
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], lr=1e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [3, 5])
    return {
        "model": state,
        "optimizer": optimiser.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "epoch": 5,
        "args": argparse.Namespace(lr=1e-4, lr_backbone_names=["backbone.0"], binary=True),
    }


def test_a_released_file_fits_with_every_key(tmp_path):
    state = one_number_each(manifest("referformer_resnet50_full"))
    for key in state:
        if key.startswith("transformer.decoder.bbox_embed."):
            state[key] = state[key.removeprefix("transformer.decoder.")]
    build = partial(referformer, **released_arguments(state, tmp_path))
    network = build_blueprint(build, len(state))
    assert differences(network, adapted_state(network, state | LEFTOVERS)) == ""
    assert network.state_dict().keys() == state.keys()
    assert len(state) == 804
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(176.1e6, rel=0.01)


def test_a_released_file_gives_its_weights(tmp_path):
    state = small_network(num_heads=8, backbone_width=64).state_dict()
    path = tmp_path / "ytvos_r50.pth"
    torch.save(released_record(state | LEFTOVERS), path)
    found = load_referformer(path).state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


BACKBONES = [
    "resnet101",
    *(f"swin_{size}_p4w7" for size in "tsbl"),
    *(f"video_swin_{size}_p4w7" for size in "tsb"),
]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_files_of_every_backbone_fit_strictly(backbone, tmp_path):
    entries = {
        key: value
        for key, value in manifest("referformer_resnet50_full").items()
        if not key.startswith("backbone.")
    }
    with torch.device("meta"):
        channels = build_backbone(backbone).map_channels
    for level, inputs in enumerate((*channels[1:], channels[-1])):
        (outputs, _, *kernel), kind = entries[f"input_proj.{level}.0.weight"]
        entries[f"input_proj.{level}.0.weight"] = ((outputs, inputs, *kernel), kind)
    entries["pixel_decoder.adapter_1.weight"] = ((256, channels[0], 1, 1), torch.float32)
    state = one_number_each(entries | manifest(f"backbone_{backbone}"))
    state["backbone.0.body.layers.0.blocks.1.attn_mask"] = torch.zeros(4, 49, 49)
    arguments = released_arguments(state, tmp_path)
    assert arguments["backbone"] == backbone
    with torch.device("meta"):
        network = referformer(**arguments)
    with pytest.warns(UserWarning, match="meta parameter"):
        load_state(network, state, tmp_path)
    gone = network.state_dict().keys() ^ state.keys()
    assert gone == {"backbone.0.body.layers.0.blocks.1.attn_mask"}


def test_computed_tables_may_be_absent_and_are_not_read():
    network = small_network(backbone="video_swin_t_p4w7", backbone_width=32)
    state = network.state_dict()
    tables = [key for key in state if key.endswith("relative_position_index")]
    assert len(tables) == 12
    wrong = {key: torch.zeros_like(state[key]) for key in tables}
    rest = {key: value for key, value in state.items() if key not in tables}
    for given in (rest, rest | wrong):
        adapted = network.adapt_state_dict(given)
        assert adapted.keys() == state.keys()
        assert all(torch.equal(adapted[key], state[key]) for key in tables)


def test_what_we_write_has_both_names_of_the_box_heads(tmp_path):
    network = small_network()
    path = tmp_path / "small.pth.tar"
    save_checkpoint(path, network_fields(network))
    stored = torch.load(path, weights_only=True)["net"]
    for key in [key for key in stored if key.startswith("bbox_embed.")]:
        assert torch.equal(stored[key], stored[f"transformer.decoder.{key}"])
    again = load_referformer(path)
    assert all(torch.equal(again.state_dict()[k], v) for k, v in network.state_dict().items())
    alias = {k: v for k, v in stored.items() if not k.startswith("bbox_embed.")}
    assert network.adapt_state_dict(alias).keys() == stored.keys()


def test_fine_tuning_keeps_the_drawn_classifiers(tmp_path):
    source, path = small_network(seed=1, num_classes=3), tmp_path / "source.pth.tar"
    save_checkpoint(path, network_fields(source))
    target = small_network(seed=2)
    before = {k: v.clone() for k, v in target.state_dict().items()}
    load_pretrained(target, path)
    for key, value in target.state_dict().items():
        wanted = before if key.startswith("class_embed.") else source.state_dict()
        assert torch.equal(value, wanted[key]), key


def test_backbone_weights_of_images_and_of_videos(tmp_path):
    network = small_network(backbone="video_swin_t_p4w7", backbone_width=32)
    own = network.body.state_dict()
    state = {f"backbone.{k}": seeded_tensor(k, v.shape) for k, v in own.items() if v.dim()}
    kernel = seeded_tensor("kernel", (32, 3, 2, 4, 4))
    state["backbone.patch_embed.proj.weight"] = kernel
    state |= {"backbone.norm.weight": torch.ones(256), "cls_head.fc_cls.weight": torch.ones(4, 8)}
    path = tmp_path / "swin_tiny_kinetics.pth"
    torch.save({"state_dict": state}, path)
    load_backbone(network, path)
    found = network.body.state_dict()
    assert torch.equal(found["patch_embed.proj.weight"], kernel.sum(2, keepdim=True))
    name = "layers.2.blocks.5.mlp.fc2.weight"
    assert torch.equal(found[name], state[f"backbone.{name}"])
    index = "layers.0.blocks.0.attn.relative_position_index"
    assert torch.equal(found[index], own[index])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.pop("query_embed.weight"), "it has no entry 'query_embed.weight'"),
        (lambda s: s.pop("backbone.0.body.layer3.0.conv1.weight"), "patch_embed.proj.weight"),
        (lambda s: s.update({"transformer.level_embed": torch.zeros(3)}), "other shapes"),
        (lambda s: s.update({"transformer.level_embed": torch.zeros(0, 32)}), "other shapes"),
        (lambda s: s.update({"query_embed.weight": torch.tensor(1.0)}), "other shapes"),
        (
            lambda s: s.update(
                {"text_encoder.embeddings.word_embeddings.weight": torch.zeros(9, 200)}
            ),
            "ReferFormer cannot be built with what the file says (The hidden size",
        ),
        (lambda s: s.pop("resizer.fc.bias"), "1 missing (resizer.fc.bias)"),
        (lambda s: s.update(extra=torch.zeros(1)), "1 unexpected (extra)"),
    ],
)
def test_damaged_released_files_are_refused_in_one_sentence(change, reason, tmp_path):
    state = small_network(num_heads=8).state_dict()
    change(state)
    path = tmp_path / "file.pth"
    torch.save({"model": state}, path)
    with pytest.raises(CheckpointError, match=re.escape(reason)):
        load_referformer(path)


def test_a_checkpoint_of_another_system_is_refused(tmp_path):
    path = tmp_path / "snapshot.pth"
    torch.save({"model": {"fast_net.backbone.conv1.weight": torch.zeros(1)}}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of ReferFormer"):
        load_referformer(path)
