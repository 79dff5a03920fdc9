"""The safe form, upstream's files, conversion, and networks rebuilt from checkpoints."""

from __future__ import annotations

import json
import random
import resource
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ltr.admin.checkpoint import (
    find_checkpoint,
    network_fields,
    read_checkpoint,
    save_checkpoint,
    without_folders,
)
from ltr.admin.convert import main as convert_main
from ltr.admin.errors import CheckpointError, ConfigError
from ltr.admin.files import file_checksum
from ltr.admin.loading import load_network, load_state
from ltr.admin.model_constructor import NetConstructor, adapt_arguments, model_constructor
from ltr.models.joint.joint_net import steepest_descent_resnet18
from ltr.models.referring.referformer import referformer
from pytracking.utils.loading import SHIPPED_NETWORKS
from tests.seeded_weights import seeded_tensor
from tests.shared_material import golden

SMALL = {"backbone_width": 8, "out_feature_dim": 16, "transformer_dim": 16, "key_dim": 4}


def small_network(**arguments: object) -> nn.Module:
    return steepest_descent_resnet18(**{**SMALL, "label_encoder_dims": (4, 4, 4), **arguments})


def save_network(path: Path, network: nn.Module, **changes: object) -> Path:
    save_checkpoint(path, network_fields(network) | changes)
    return path


def test_a_network_comes_back_from_its_checkpoint(tmp_path):
    net = small_network(num_filters=4)
    net.info = {"note": "test"}
    path = save_network(tmp_path / "a" / "JOINTNet_ep0003.pth.tar", net, epoch=3)
    got = load_network(path)
    assert got.constructor.function == net.constructor.function
    assert got.constructor.kwargs["num_filters"] == 4
    assert got.info == {"note": "test"}
    for name, tensor in net.state_dict().items():
        assert got.state_dict()[name].equal(tensor), name


def test_the_file_is_readable_without_this_code(tmp_path):
    torch.manual_seed(0)
    record = {
        "epoch": 3,
        "optimizer": torch.optim.Adam(nn.Linear(2, 2).parameters()).state_dict(),
        "python_rng": random.getstate(),
        "numpy_rng": np.random.default_rng(5).bit_generator.state,
        "torch_rng": torch.get_rng_state(),
        "loss": np.float32(0.5),
        "folder": Path("/data"),
        "net": OrderedDict(weight=nn.Parameter(torch.ones(2))),
    }
    save_checkpoint(tmp_path / "c.pth.tar", record)
    got = torch.load(tmp_path / "c.pth.tar", weights_only=True)
    assert got["python_rng"] == random.getstate()
    assert got["numpy_rng"] == record["numpy_rng"]
    assert got["torch_rng"].equal(record["torch_rng"])
    assert (got["loss"], got["folder"], got["epoch"]) == (0.5, "/data", 3)
    assert not got["net"]["weight"].requires_grad


def test_an_object_is_not_stored_and_the_old_file_stays(tmp_path):
    path = tmp_path / "c.pth.tar"
    save_checkpoint(path, {"epoch": 1})
    with pytest.raises(TypeError, match=r"settings\.env\[1\]: a object cannot be stored"):
        save_checkpoint(path, {"epoch": 2, "settings": {"env": [1, object()]}})
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "c.pth.tar"
    save_checkpoint(path, {"epoch": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_checkpoint(path, {"net": torch.ones(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_constructor_records_defaults_and_refuses_objects():
    net = small_network()
    assert net.constructor.function == "ltr.models.joint.joint_net:steepest_descent_resnet18"
    assert net.constructor.kwargs["optim_iter"] == 5
    assert net.constructor.kwargs["label_encoder_dims"] == (4, 4, 4)

    @model_constructor
    def build(layer: object) -> nn.Module:
        return nn.Identity(layer)

    with pytest.raises(TypeError, match=r"build\(layer=\.\.\.\): a Linear"):
        build(nn.Linear(1, 1))


@pytest.mark.parametrize("name", ["legacy_checkpoint.pth.tar", "legacy_checkpoint_nozip.pth.tar"])
def test_upstream_training_checkpoints_are_read(name):
    checkpoint = read_checkpoint(golden("framework") / name)
    assert (checkpoint.epoch, checkpoint.net_type, checkpoint.is_upstream) == (7, "JOINTNet", True)
    assert checkpoint.constructor.function == "ltr.models.joint.joint_net:steepest_descent_resnet50"
    assert checkpoint.constructor.kwargs["label_encoder_dims"] == (16, 32, 64)
    assert checkpoint.fields["settings"]["env"]["davis_dir"] == "/data/DAVIS"
    stats = checkpoint.fields["stats"]["train"]
    assert stats["Loss/total"]["history"] == [0.6]
    assert stats["LearningRate/group0"]["history"] == [0.0001]
    for key, tensor in checkpoint.net.items():
        assert tensor.equal(seeded_tensor(key, tensor.shape, 11)), key


def test_conversion_keeps_everything_in_the_safe_form(tmp_path, capsys):
    source = golden("joint") / "upstream_format_checkpoint.pth.tar"
    target = tmp_path / "joint.pth.tar"
    assert convert_main([str(source), str(target)]) == 0
    before, after = read_checkpoint(source), read_checkpoint(target)
    raw = torch.load(target, weights_only=True)
    assert raw["source"] == {"file": source.name, "sha256": file_checksum(source)}
    assert not after.is_upstream
    assert after.constructor == NetConstructor(
        before.constructor.function, dict(before.constructor.kwargs)
    )
    assert all(after.net[key].equal(tensor) for key, tensor in before.net.items())
    assert after.fields["settings"] == before.fields["settings"]
    assert after.epoch == before.epoch == 90
    assert file_checksum(source) in capsys.readouterr().out


def test_network_only_files_hold_half_the_bits_and_no_optimiser(tmp_path):
    net = small_network()
    extra = {"epoch": 7, "optimizer": {"state": torch.zeros(9)}, "settings": {"batch_size": 4}}
    source = save_network(tmp_path / "source.pth.tar", net, **extra)
    target = tmp_path / "target.pth.tar"
    assert convert_main([str(source), str(target), "--network_only"]) == 0
    after = read_checkpoint(target)
    assert after.fields.keys() == {"net_info", "epoch", "settings", "source"}
    assert after.epoch == 7
    got = load_network(target)
    for name, tensor in net.state_dict().items():
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert got.state_dict()[name].equal(expected), name
    assert {p.dtype for p in got.parameters()} == {torch.float32}


def test_conversion_refuses_to_overwrite_and_leaves_nothing_of_a_failure(tmp_path, capsys):
    (tmp_path / "source").write_text("no checkpoint")
    assert convert_main([str(tmp_path / "source"), str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists()
    assert convert_main([str(tmp_path / "source"), str(tmp_path / "source")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "source").read_text() == "no checkpoint"


class UpstreamConstructor:
    """Pickles as upstream's record does."""

    def __init__(self, module: str, name: str, kwargs: dict) -> None:
        self.fun_module, self.fun_name = module, name
        self.args, self.kwds = (), kwargs


def test_a_released_file_with_every_key_loads_strictly(tmp_path, monkeypatch):
    """All keys and shapes of upstream's network, in the form in which its trainer writes them."""
    manifest = json.loads((golden("joint") / "manifest.json").read_text())
    state = OrderedDict(
        (key, seeded_tensor(key, shape, 3)) for key, shape, _ in manifest["state_dict"]
    )
    assert len(state) == 503
    record = UpstreamConstructor(
        "ltr.models.joint.joint_net",
        "steepest_descent_resnet50",
        manifest["constructor_kwargs"] | {"backbone_pretrained": True},
    )
    UpstreamConstructor.__module__ = "ltr.admin.model_constructor"
    UpstreamConstructor.__qualname__ = UpstreamConstructor.__name__ = "NetConstructor"
    with monkeypatch.context() as patch:
        patch.setattr("ltr.admin.model_constructor.NetConstructor", UpstreamConstructor)
        torch.save({"net": state, "constructor": record}, tmp_path / "net.pth.tar")
    got = load_network(tmp_path / "net.pth.tar")
    assert got.constructor.kwargs["backbone_pretrained"] is False
    shared = "transformer.encoder.self_attn."
    for key, tensor in got.state_dict().items():
        source = key.replace(shared, "transformer.decoder.self_attn.")
        assert tensor.equal(state[source]), key


def test_overrides_replace_stored_arguments_and_unknown_ones_are_errors(tmp_path):
    path = save_network(tmp_path / "c.pth.tar", small_network())
    assert load_network(path, optim_iter=2).optim_iter == 2
    with pytest.raises(ConfigError, match=r"no argument 'optim_itr' \(did you mean 'optim_iter'"):
        load_network(path, optim_itr=2)


def test_counters_of_batch_norm_may_be_absent_and_shared_weights_have_two_names(tmp_path):
    net = small_network()
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    encoder = "transformer.encoder.self_attn.WK.weight"
    state[encoder] = torch.zeros_like(state[encoder])
    got = load_network(save_network(tmp_path / "c.pth.tar", net, net=state))
    decoder = "transformer.decoder.self_attn.WK.weight"
    assert got.state_dict()[encoder].equal(net.state_dict()[decoder])


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_weights_of_another_network_are_told_in_one_sentence(tmp_path, changed):
    net = small_network()
    name = "decoder.project.conv2.bias"
    state = dict(net.state_dict())
    value = state.pop(name)
    state |= ({}, {"other.weight": value, name: value}, {name: torch.zeros(7)})[changed]
    path = save_network(tmp_path / "c.pth.tar", net, net=state)
    expected = (
        f"1 missing ({name})",
        "1 unexpected (other.weight)",
        f"1 of another shape ({name})",
    )
    with pytest.raises(CheckpointError) as caught:
        load_network(path)
    assert f"{path} is a checkpoint of another network than JOINTNet" in str(caught.value)
    assert expected[changed] in str(caught.value)


def test_a_failed_load_leaves_the_network_as_it_was():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = {"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2)}
    with pytest.raises(CheckpointError, match=r"2 missing \(1\.weight, 1\.bias\)"):
        load_state(net, state, Path("file"))
    assert all(net.state_dict()[name].equal(tensor) for name, tensor in before.items())


@pytest.mark.parametrize(
    "function",
    [
        "os:system",
        "ltr.admin.convert:main",
        "ltr.models.joint.joint_net:JOINTNet",
        "ltr.models.joint.joint_net:_check_fixed",
        "ltr.models.joint.joint_net:steepest_descent_resnet51",
        "ltr.models.absent.net:build",
        "ltr.models.joint.joint_net.JOINTNet:load_state_dict",
        "ltr.models.joint.joint_net:__builtins__",
        "ltr.models/../admin:main",
        "",
    ],
)
def test_only_decorated_functions_of_our_networks_are_called(tmp_path, function):
    constructor = {"function": function, "kwargs": {}}
    path = save_network(tmp_path / "c.pth.tar", small_network(), constructor=constructor)
    with pytest.raises(CheckpointError, match="which is not a network of this project"):
        load_network(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"constructor": None}, "does not say which network"),
        ({"constructor": "joint"}, "constructor is damaged"),
        ({"net": {}}, "no dictionary of tensors"),
        ({"net": {"weight": 3}}, "'weight' of the network is not a tensor"),
        ({"net": {"weight": torch.eye(2).to_sparse()}}, "is not a tensor"),
    ],
)
def test_damaged_records_are_refused(tmp_path, changes, reason):
    path = save_network(tmp_path / "c.pth.tar", small_network(), **changes)
    with pytest.raises(CheckpointError, match=reason):
        load_network(path)


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"numfilters": 4}, r"has no argument 'numfilters' \(did you mean 'num_filters'"),
        ({"num_filters": "many"}, "cannot be built with what the file says"),
        ({"num_filters": -1}, "cannot be built with what the file says"),
    ],
)
def test_stored_arguments_that_do_not_fit_are_told(tmp_path, kwargs, reason):
    constructor = {
        "function": "ltr.models.joint.joint_net:steepest_descent_resnet18",
        "kwargs": SMALL | kwargs,
    }
    path = save_network(tmp_path / "c.pth.tar", small_network(), constructor=constructor)
    with pytest.raises(CheckpointError, match=reason):
        load_network(path)


UPSTREAM_OPTIONS = {
    "clf_feat_blocks": 0,
    "clf_feat_norm": True,
    "final_conv": True,
    "target_model_input_layer": "layer3",
    "decoder_input_layers": ["layer4", "layer3", "layer2", "layer1"],
    "detach_length": float("inf"),
    "filter_groups": 1,
    "use_bn_in_label_enc": False,
    "dilation_factors": None,
}


@pytest.mark.parametrize("changes", [{}, {"clf_feat_blocks": 1}, {"use_bn_in_label_enc": True}])
def test_arguments_that_older_checkpoints_store_are_checked_and_dropped(changes):
    constructor = NetConstructor(
        "ltr.models.joint.joint_net:steepest_descent_resnet50",
        {"num_filters": 8, **UPSTREAM_OPTIONS, **changes},
    )
    if not changes:
        assert adapt_arguments(constructor) == {"num_filters": 8}
        return
    with pytest.raises(ConfigError, match=f"{next(iter(changes))} must be"):
        adapt_arguments(constructor)


def test_renamed_arguments_of_older_checkpoints_get_their_present_names():
    constructor = NetConstructor(
        f"{referformer.__module__}:referformer", {"recomputes": True, "num_heads": 2}
    )
    assert adapt_arguments(constructor) == {"gradient_checkpointing": True, "num_heads": 2}


def test_a_file_of_tensors_that_is_no_checkpoint_is_told(tmp_path):
    torch.save({"conv1.weight": torch.ones(1)}, tmp_path / "c.pth.tar")
    with pytest.raises(CheckpointError, match="not a checkpoint: it has no 'net'"):
        read_checkpoint(tmp_path / "c.pth.tar")


def test_the_newest_or_a_named_epoch_of_a_folder_is_found(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        find_checkpoint(tmp_path)
    for name in ("JOINTNet_ep0009", "JOINTNet_ep0010", "JOINTNet_ep10000", "zz"):
        (tmp_path / f"{name}.pth.tar").touch()
    assert find_checkpoint(tmp_path).name == "JOINTNet_ep10000.pth.tar"
    assert find_checkpoint(tmp_path, 9).name == "JOINTNet_ep0009.pth.tar"
    with pytest.raises(CheckpointError, match=r"epoch 8 .*available: 9, 10, 10000"):
        find_checkpoint(tmp_path, 8)


def test_a_folder_stands_for_its_newest_checkpoint(tmp_path):
    for epoch, optim_iter in ((1, 2), (2, 3)):
        net = small_network(optim_iter=optim_iter)
        save_network(tmp_path / f"JOINTNet_ep{epoch:04d}.pth.tar", net)
    assert load_network(tmp_path).optim_iter == 3
    assert load_network(tmp_path, epoch=1).optim_iter == 2


@pytest.mark.parametrize("file", sorted(SHIPPED_NETWORKS.glob("*.pth.tar")), ids=lambda f: f.name)
def test_shipped_networks_name_no_folder_of_a_machine(file):
    fields = read_checkpoint(file).fields
    assert fields["settings"]
    assert without_folders(fields) == fields


def test_files_to_hand_out_name_no_folder_of_a_machine(tmp_path):
    net = nn.Linear(2, 2)
    names = r"pasted:/x/b+folder:C:\y\d"
    recipe = {"train_set": "videos:/data/me/train", "sets": ["A/train", names]}
    record = {"net": net.state_dict(), "net_type": "Linear", "settings": {"recipe": recipe}}
    save_checkpoint(tmp_path / "a.pth.tar", record)
    words = [str(tmp_path / "a.pth.tar"), str(tmp_path / "b.pth.tar"), "--network-only"]
    assert convert_main(words) == 0
    kept = read_checkpoint(tmp_path / "b.pth.tar").fields["settings"]["recipe"]
    assert kept == {"train_set": "videos:train", "sets": ["A/train", "pasted:b+folder:d"]}
