"""Released and foreign network files of hosts, agent and quality network."""

from __future__ import annotations

import json

import pytest
import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError, ConfigError
from ltr.models.interactive.agent import AgentNet, agent_network
from ltr.models.interactive.assess import assess_network
from ltr.models.interactive.released import load_released
from pytracking.evaluation.hosts import create_host
from pytracking.evaluation.tracker import list_names
from pytracking.tracker.interactive.quality import load_agent_network, load_assess_network
from tests.seeded_weights import seeded_state_dict
from tests.shared_material import golden

CPU = torch.device("cpu")
RELEASED = {
    "atnet": {"net": "atnet/manifest.json"},
    "manet": {"net": "manet/manifest.json"},
    "ipn": {"net": "ipn/manifest_I.json", "propagation_net": "ipn/manifest_P.json"},
}


def write_released(manifest, path, prefix=""):
    """A flat state dict with every key of a released file."""
    entries = json.loads((golden("interactive") / manifest).read_text())["state_dict"]
    state = {key: torch.zeros(shape, dtype=getattr(torch, kind)) for key, shape, kind in entries}
    torch.save({prefix + key: value for key, value in state.items()}, path)


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_released_files_load_with_every_key(name, tmp_path):
    files = {}
    for field, manifest in RELEASED[name].items():
        files[field] = tmp_path / f"{field}.pth"
        write_released(manifest, files[field], "module." if name == "ipn" else "")
    overrides = [f"{field}={path}" for field, path in files.items()]
    host = create_host("interactive", name, overrides)
    assert host.name == name


def test_the_quality_network_loads_with_every_key(tmp_path):
    write_released("assess/manifest.json", tmp_path / "assess_net.pt", "module.")
    network = load_assess_network(str(tmp_path / "assess_net.pt"), CPU)
    assert not network.training
    assert float(network.fc1.weight.abs().sum()) == 0


def test_the_agent_loads_from_both_forms(tmp_path):
    shapes = {key: tuple(value.shape) for key, value in agent_network().state_dict().items()}
    state = seeded_state_dict(shapes, 0)
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "agent.pt")
    small = agent_network(hidden=8)
    save_checkpoint(tmp_path / "small.pth.tar", network_fields(small))
    assert torch.equal(
        load_agent_network(str(tmp_path / "agent.pt"), CPU).decoder_fc2.weight,
        state["decoder_fc2.weight"],
    )
    found = load_released(tmp_path / "small.pth.tar", AgentNet, agent_network)
    assert torch.equal(found.encoder_fc1.weight, small.encoder_fc1.weight)


def test_files_of_other_networks_are_one_sentence(tmp_path):
    agent = agent_network(hidden=8)
    torch.save(agent.state_dict(), tmp_path / "flat.pt")
    save_checkpoint(tmp_path / "own.pth.tar", network_fields(agent))
    for name in ("flat.pt", "own.pth.tar"):
        with pytest.raises(CheckpointError, match=r"another network|holds a AgentNet"):
            load_assess_network(str(tmp_path / name), CPU)
    (tmp_path / "cut.pt").write_bytes((tmp_path / "flat.pt").read_bytes()[:500])
    with pytest.raises(CheckpointError, match=r"cut\.pt"):
        load_agent_network(str(tmp_path / "cut.pt"), CPU)


def test_a_missing_file_names_the_command_that_fetches_it():
    with pytest.raises(CheckpointError, match=r"ATNet-checkpoint\.pth"):
        create_host("interactive", "atnet")
    with pytest.raises(ConfigError, match="'manet'"):
        create_host("interactive", "mante")


def test_the_three_hosts_are_listed():
    assert list_names("interactive") == ["atnet", "ipn", "manet"]


def test_trackers_of_masks_become_hosts():
    host = create_host("baseline", "copy_mask")
    assert host.kind == "interactive"
    assert host.name == "copy_mask"


def test_quality_networks_may_be_small(tmp_path):
    small = assess_network(width=4, depths=(1, 1, 1, 1), side=64)
    save_checkpoint(tmp_path / "assess.pth.tar", network_fields(small))
    assert load_assess_network(str(tmp_path / "assess.pth.tar"), CPU).side == 64
