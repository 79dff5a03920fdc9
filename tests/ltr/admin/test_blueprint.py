"""What a network file may cost before it is known to fit: hostile ones of every system."""

from __future__ import annotations

import importlib
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from ltr.admin.blueprint import TooLarge, build_blueprint, build_to_fit, check_arguments
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_network, load_own_or_released
from ltr.admin.process_memory import peak_mib, reset_peak
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from ltr.models.interactive.agent import agent_network
from ltr.models.interactive.assess import assess_network
from ltr.models.interactive.atnet import atnet
from ltr.models.interactive.ipn import interaction_network, propagation_network
from ltr.models.interactive.manet import manet
from ltr.models.joint.joint_net import steepest_descent_resnet18, steepest_descent_resnet50
from ltr.models.propose_reduce.seq_mask_rcnn import seq_mask_rcnn
from ltr.models.referring.referformer import referformer
from ltr.models.referring.snapshot import load_referformer

_BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
_SMALL_TEXT = {"hidden_size": 12, "num_attention_heads": 1, "num_hidden_layers": 1,
               "intermediate_size": 8, "vocab_size": 20, "max_position_embeddings": 20}  # fmt: skip


def test_hostile_networks_are_refused_in_a_second_and_100_mb(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    hostile = importlib.import_module("fuzz_hostile_networks")
    referformer(text_config=_SMALL_TEXT)  # imports are not what is measured
    path = tmp_path / "net.pth.tar"
    systems = set()
    for name, content in hostile.hostile_networks():
        path.write_bytes(content)
        reset_peak()
        before, start = peak_mib(), time.process_time()
        load = load_referformer if name == "a released form" else load_network
        with pytest.raises(CheckpointError) as refused:
            load(path)
        assert len(str(refused.value)) < 1000, name
        assert time.process_time() - start < 1, name
        assert peak_mib() - before < 100, name
        systems.add(name.partition("(")[0])
    assert len(systems) > 12


BUILDERS = {
    "joint 50": lambda: steepest_descent_resnet50(backbone_width=8),
    "joint 18": lambda: steepest_descent_resnet18(backbone_width=8),
    "dense_ulearn": lambda: dense_ulearn_resnet18(8, 8),
    "propose_reduce": lambda: seq_mask_rcnn(3, "resnet18", 16, 8),
    "referring resnet": lambda: referformer(backbone_width=8, text_config=_SMALL_TEXT),
    "referring swin": lambda: referformer("swin_t_p4w7", backbone_width=32, hidden_dim=32,
                                          text_config=_SMALL_TEXT),
    "referring video swin": lambda: referformer(
        "video_swin_t_p4w7", backbone_width=32, hidden_dim=32, text_config=_SMALL_TEXT),
    "assess": lambda: assess_network(width=8, depths=(1, 1, 1, 1)),
    "ipn": lambda: interaction_network(8, 16),
    "ipn propagation": lambda: propagation_network(8, 16),
    "manet": lambda: manet(8, 16, 8),
    "atnet": lambda: atnet(8, 16),
    "agent": lambda: agent_network(8),
}  # fmt: skip


@pytest.mark.parametrize("system", BUILDERS)
def test_every_network_is_built_for_its_own_weights(system):
    state = BUILDERS[system]().state_dict()
    network, problem = build_to_fit(BUILDERS[system], state)
    assert problem == ""
    assert not any(tensor.is_meta for tensor in network.state_dict().values())
    assert not any(buffer.is_meta for buffer in network.buffers())
    name = next(name for name in state if state[name].is_floating_point())
    for kind in (torch.int64, torch.complex64):
        changed = {**state, name: state[name].to(kind)}
        blueprint, problem = build_to_fit(BUILDERS[system], changed)
        assert "1 of another type" in problem
        assert next(blueprint.parameters()).is_meta
    halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    assert build_to_fit(BUILDERS[system], halves)[1] == ""


def test_parts_are_counted_while_the_network_is_built():
    def endless() -> nn.Module:
        network = nn.Sequential()
        while True:
            network.append(nn.Linear(1, 1))

    def hollow() -> nn.Module:
        network = nn.Sequential()
        while True:
            network.append(nn.Identity())

    for build in (endless, hollow):
        with pytest.raises(TooLarge, match="weights for 3 entries only"):
            build_blueprint(build, 3)
    nn.Sequential(*(nn.Linear(1, 1) for _ in range(2000)))  # nothing is counted afterwards


def test_large_tables_beside_the_weights_are_refused():
    def build() -> nn.Module:
        network = nn.Linear(1, 1)
        network.register_buffer("table", torch.zeros(1 << 25), persistent=False)
        return network

    with pytest.raises(TooLarge, match="larger tables"):
        build_blueprint(build, 2)


@pytest.mark.parametrize(
    "value",
    [
        1 << 18,
        -(10**30),
        [[[[[1]]]]],
        list(range(500)),
        "x" * 2000,
        float("inf"),
        {"a": {"b": 1e999}},
    ],
)
def test_arguments_have_bounds(value):
    with pytest.raises(CheckpointError):
        check_arguments({"argument": value})
    check_arguments({"a": 50265, "b": [1, 2.5, None], "c": {"d": "e"}, "f": True})


def test_what_the_files_finder_says_is_not_believed(tmp_path):
    path = tmp_path / "net.pth"
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match="holds a Linear, not a Conv2d"):
        load_own_or_released(path, nn.Conv2d, lambda record, _: (lambda: nn.Linear(2, 2), record))
