"""Files of upstream: every key of the released networks, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from ltr.admin.blueprint import adapted_state, build_blueprint, differences
from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError
from ltr.models.joint.joint_net import steepest_descent_resnet50
from ltr.models.propose_reduce.released import find_released, from_upstream, load_seq_mask_rcnn
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn
from tests.shared_material import golden
from tests.upstream_functions import to_upstream

_NETWORKS = ("r50_ytvis", "r101_ytvis", "x101_ytvis", "r101_davis", "x101_davis")
_ALL_PARAMETERS = {
    "r50_ytvis": 68_995_824,
    "r101_ytvis": 87_987_952,
    "x101_ytvis": 126_894_064,
    "r101_davis": 87_768_031,
    "x101_davis": 126_674_143,
}


def _state(name: str) -> dict[str, torch.Tensor]:
    """Every tensor of a released file; each is one number that is repeated, so it stays small."""
    entries = json.loads((golden("propose_reduce") / f"manifest_{name}.json").read_text())
    types = {"int64": torch.int64}
    return {
        key: torch.tensor(place % 7).to(types.get(kind, torch.float32)).expand(shape)
        for place, (key, shape, kind) in enumerate(entries)
    }


def _write(path: Path, state: dict[str, torch.Tensor], prefix: str = "") -> Path:
    named = {f"{prefix}{key}": value for key, value in state.items()}
    torch.save({"meta": {"epoch": 4}, "state_dict": named}, path)
    return path


def _problem(state: dict[str, torch.Tensor]) -> tuple[SeqMaskRCNN, str]:
    """The network of a file, without weights, and in what the file does not fit it."""
    released = find_released({"meta": {"epoch": 4}, "state_dict": state}, Path("net.pth"))
    assert released is not None
    network = build_blueprint(released[0], len(state))
    assert isinstance(network, SeqMaskRCNN)
    return network, differences(network, adapted_state(network, released[1]))


@pytest.mark.parametrize("name", _NETWORKS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_released_files_fit_strictly(name, prefix):
    state = _state(name)
    network, problem = _problem({f"{prefix}{key}": value for key, value in state.items()})
    assert problem == ""
    loaded = to_upstream(network.state_dict())
    assert sorted(loaded) == sorted(state)
    total = sum(
        value.numel()
        for key, value in loaded.items()
        if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )
    assert total == _ALL_PARAMETERS[name]


def test_a_released_file_gives_its_weights(tmp_path):
    """The real size, 276 MB, with numbers that tell the tensors apart."""
    state = {key: value.clone() for key, value in _state("r50_ytvis").items()}
    network = load_seq_mask_rcnn(_write(tmp_path / "net.pth", state, "module."))
    kept = from_upstream(state)
    assert all(torch.equal(value, kept[key]) for key, value in network.state_dict().items())


def test_files_of_old_pytorch_lack_the_counters():
    state = {k: v for k, v in _state("r50_ytvis").items() if not k.endswith("batches_tracked")}
    network, problem = _problem(state)
    assert (network.num_classes, problem) == (41, "")


@pytest.mark.parametrize("key", ["prop_head.pred2.bias", "bbox_head.shared_fcs.0.weight"])
def test_an_incomplete_file_is_refused(key):
    state = _state("r50_ytvis")
    del state[key]
    assert "1 missing" in _problem(state)[1]


def test_an_unknown_entry_is_refused():
    state = _state("r50_ytvis") | {"prop_head.surprise": torch.zeros(1)}
    assert "unexpected (prop_head.surprise)" in _problem(state)[1]


def test_foreign_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not a checkpoint of Seq Mask R-CNN"):
        load_seq_mask_rcnn(_write(tmp_path / "other.pth", {"weight": torch.zeros(2)}))
    joint = tmp_path / "joint.pth.tar"
    save_checkpoint(joint, network_fields(steepest_descent_resnet50(backbone_width=8)))
    with pytest.raises(CheckpointError, match="not a SeqMaskRCNN"):
        load_seq_mask_rcnn(joint)


def test_own_checkpoints_load(tmp_path):
    network = seq_mask_rcnn(3, "resnet18", 16)
    save_checkpoint(tmp_path / "own.pth.tar", network_fields(network))
    loaded = load_seq_mask_rcnn(tmp_path / "own.pth.tar")
    own = network.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in loaded.state_dict().items())


def test_the_detector_has_the_names_of_torchvision():
    with torch.device("meta"):
        backbone = resnet_fpn_backbone(
            backbone_name="resnet50", weights=None, norm_layer=torch.nn.BatchNorm2d
        )
        anchors = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)
        theirs = MaskRCNN(backbone, 41, rpn_anchor_generator=anchors).state_dict()
        ours = seq_mask_rcnn(41).state_dict()
    detector = {k: v.shape for k, v in ours.items() if not k.startswith("prop_head.")}
    assert detector == {key: value.shape for key, value in theirs.items()}
