"""Every row of the model zoo: its command, and its network from a file with all its keys."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from ltr.admin.checkpoint import save_checkpoint
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.agent import agent_network
from pytracking import run_tracker
from pytracking.evaluation.datasets import list_datasets
from pytracking.evaluation.tracker import create_tracker, load_parameters
from pytracking.recommendation.command import parse_task
from pytracking.recommendation.evaluation import RecommendationSettings
from pytracking.tracker.base import FrameInfo
from pytracking.tracker.interactive.quality import load_agent_network, load_assess_network
from pytracking.tracker.whole_video import TextPrompt
from tests.shared_material import golden
from tests.small_referring import SENTENCES, small_tokenizer

ZOO = Path(__file__).resolve().parents[1] / "docs/model_zoo.md"


class Row(NamedTuple):
    """What a row says.

    Args:
        published: The numbers.
        words: Of the command, without ``python`` and the script.
        script: Of the command.
        files: Names in the last column.
    """

    published: str
    words: list[str]
    script: str
    files: list[str]


def rows() -> Iterator[Row]:
    for line in ZOO.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 5 and cells[3].startswith("`python "):
            _, script, *words = shlex.split(cells[3].strip("`"))
            files = re.findall(r"[\w.-]+\.pth(?:\.tar)?|[\w-]+\.pt\b", cells[4].split("](")[0])
            yield Row(cells[2], words, script, files)


ROWS = list(rows())
TRACKED = [row for row in ROWS if row.script == "run_tracker.py"]
PLAYED = [row for row in ROWS if row.script != "run_tracker.py"]


def test_the_zoo_has_a_row_for_every_published_number():
    systems = [row.words[0] for row in TRACKED]
    counts = {system: systems.count(system) for system in sorted(set(systems))}
    assert counts == {"dense_ulearn": 4, "joint": 3, "propose_reduce": 12, "referring": 37}
    assert len(PLAYED) == 38
    assert all(re.match(r"\d\d\.\d", row.published) for row in ROWS)


@pytest.mark.parametrize("row", TRACKED, ids=lambda row: " ".join(row.words[1:4]))
def test_commands_of_the_tracker_are_understood(row):
    arguments = run_tracker._parser().parse_args(row.words)
    assert arguments.dataset_name in list_datasets()
    params = load_parameters(arguments.system, arguments.name, arguments.overrides, arguments.net)
    assert row.files == [params.net]
    if arguments.system == "referring":
        assert not params.tracking


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: " ".join(row.words[-3:]))
def test_commands_of_frame_recommendation_are_understood(row):
    host = Path(row.script).stem.removeprefix("eval_agent_")
    assert (ZOO.parents[1] / row.script).is_file()
    task = parse_task(None, row.words, RecommendationSettings(), ("interactive", host))
    params = load_parameters("interactive", host, task.spec.overrides)
    settings = task.settings
    wanted = [params.net, *([params.propagation_net] if host == "ipn" else [])]
    wanted += ["agent.pt"] if settings.method == "ours" else []
    if settings.setting == "wild" and settings.method in ("ours", "worst"):
        wanted += ["assess_net.pt"]
    assert row.files == wanted


def entries(*names: str) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Names, shapes and types of the tensors that golden manifests list."""
    found: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    for name in names:
        part, _, file = name.partition("/")
        listed: Any = json.loads((golden(part) / file).read_text())
        listed = listed["state_dict"] if isinstance(listed, dict) else listed
        found |= {key: (tuple(shape), getattr(torch, kind)) for key, shape, kind in listed}
    return found


def plain_state(listed: Mapping[str, tuple[tuple[int, ...], torch.dtype]]) -> dict[str, Any]:
    """Tensors of the right shapes, each one stored number, with which no network overflows."""

    def number(key: str, shape: tuple[int, ...]) -> float:
        if key.endswith(("running_var", "norm.weight")) or (
            len(shape) == 1 and key.endswith("weight")
        ):
            return 1.0
        return 0.0 if len(shape) < 2 else 0.5 / int(np.prod(shape[1:]))

    return {
        key: torch.full((1,) * len(shape), number(key, shape), dtype=kind).expand(shape)
        for key, (shape, kind) in listed.items()
    }


def referring_entries(backbone: str) -> dict[str, Any]:
    from ltr.models.referring.backbones import build_backbone

    full = entries("referring/manifests/referformer_resnet50_full.json")
    if backbone == "resnet50":
        return full
    with torch.device("meta"):
        channels = build_backbone(backbone).map_channels
    found = {key: value for key, value in full.items() if not key.startswith("backbone.")}
    for level, inputs in enumerate((*channels[1:], channels[-1])):
        (outputs, _, *kernel), kind = found[f"input_proj.{level}.0.weight"]
        found[f"input_proj.{level}.0.weight"] = ((outputs, inputs, *kernel), kind)
    found["pixel_decoder.adapter_1.weight"] = ((256, channels[0], 1, 1), torch.float32)
    return found | entries(f"referring/manifests/backbone_{backbone}.json")


FRAMES = np.random.default_rng(0).integers(0, 255, (3, 64, 96, 3), np.uint8)
MASK = np.zeros((64, 96), np.uint8)
MASK[10:40, 20:60] = 1
REFERRING = {
    "r50": "resnet50",
    "r101": "resnet101",
    **{f"{kind}_{size}": f"{kind}_{size}_p4w7" for kind, sizes in
       (("swin", "tl"), ("video_swin", "tsb")) for size in sizes},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    return tmp_path


def names(system: str) -> list[str]:
    """The configurations that rows of a system name."""
    return sorted({row.words[1] for row in TRACKED if row.words[0] == system})


def follow(system: str, name: str) -> np.ndarray:
    tracker = create_tracker(system, name)
    tracker.initialize(FRAMES[0], FrameInfo((1,), MASK))
    return tracker.track(FRAMES[1], FrameInfo()).segmentation


@pytest.mark.parametrize("name", names("joint"))
def test_joint(name, folder):
    """With the constructor's arguments as upstream's files store them."""
    manifest = json.loads((golden("joint") / "manifest.json").read_text())
    function = "ltr.models.joint.joint_net:steepest_descent_resnet50"
    record = {
        "net_type": "TargetModelNet",
        "net": {k: v.clone() for k, v in plain_state(entries("joint/manifest.json")).items()},
        "constructor": {"function": function, "kwargs": manifest["constructor_kwargs"]},
    }
    save_checkpoint(folder / f"{name}.pth.tar", record)
    assert follow("joint", name).shape == MASK.shape


@pytest.mark.parametrize("name", names("dense_ulearn"))
def test_dense_ulearn(name, folder, caplog):
    state = plain_state(entries("dense_ulearn/state_dict.json"))
    torch.save({"model": state, "epoch": 60}, folder / load_parameters("dense_ulearn", name).net)
    assert follow("dense_ulearn", name).shape == MASK.shape
    assert "is not the file that was released under this name" in caplog.text


@pytest.mark.parametrize("name", names("propose_reduce"))
def test_propose_reduce(name, folder):
    backbone = name.split("_")[1]
    kind = "davis" if name.startswith("davis") else "ytvis"
    listed = entries(f"propose_reduce/manifest_{backbone}_{kind}.json")
    torch.save(
        {"state_dict": plain_state(listed)}, folder / load_parameters("propose_reduce", name).net
    )
    settings = ("img_scale=96,64", "key_num=2", "detection_threshold=0.01", "max_per_img=2")
    segmenter = create_tracker("propose_reduce", name, settings)
    assert segmenter.network.num_classes == (2 if kind == "davis" else 41)
    tracks = segmenter.segment(FRAMES, TextPrompt())
    assert all(len(track.masks) == len(FRAMES) for track in tracks)


def follow_sentence(name: str, folder: Path, frames: np.ndarray) -> int:
    """How many masks a configuration finds with a file of all its keys."""
    backbone = REFERRING[re.sub("^[a-z]+_(a2d_)?", "", name)]
    state = plain_state(referring_entries(backbone))
    torch.save({"model": state}, folder / load_parameters("referring", name).net)
    small_tokenizer(folder / "words")
    settings = (f"tokenizer_dir={folder}/words", "short_side=64")
    segmenter = create_tracker("referring", name, settings)
    assert segmenter.network.trained_with_tracking is False
    (track,) = segmenter.segment(frames, TextPrompt(SENTENCES[:1]))
    return len(track.masks)


@pytest.mark.parametrize("name", [n for n in names("referring") if n.startswith("referformer_")])
def test_referring(name, folder):
    limit = 640 if "_a2d_" in name else None
    assert load_parameters("referring", name).max_size == limit
    assert follow_sentence(name, folder, FRAMES) == 3


@pytest.mark.parametrize("name", [n for n in names("referring") if n.startswith("refcoco_")])
def test_referring_images(name, folder):
    """RefCOCO: one image; the longer side of the input is limited as well."""
    assert load_parameters("referring", name).max_size == 640
    assert follow_sentence(name, folder, FRAMES[:1]) == 1


@pytest.mark.parametrize(
    ("host", "files", "settings"),
    [
        ("atnet", {"ATNet-checkpoint.pth": "atnet/manifest.json"}, ()),
        ("manet", {"save_step_80000.pth": "manet/manifest.json"}, ("input_size=64,96",)),
        ("ipn", {"I.pth": "ipn/manifest_I.json", "P.pth": "ipn/manifest_P.json"}, ()),
    ],
)
def test_hosts(host, files, settings, folder):
    for file, manifest in files.items():
        torch.save(plain_state(entries(f"interactive/{manifest}")), folder / file)
    player = create_tracker("interactive", host, settings)
    player.start(FRAMES[:2], 1)
    line = ScribbleLine(np.array([[0.3, 0.3], [0.5, 0.5]]), 1)
    assert player.interact(0, [line]).masks.shape == (2, 64, 96)


def test_every_row_has_its_network_in_a_test():
    """The configurations above are those of the rows; other files in a row are other weights."""
    tested = {*REFERRING, *(f"a2d_video_swin_{size}" for size in "tsb")}
    assert {n.split("_", 1)[1] for n in names("referring")} <= tested
    assert {row.files[0] for row in PLAYED} == {
        "ATNet-checkpoint.pth",
        "save_step_80000.pth",
        "I.pth",
    }
    assert {file for row in PLAYED for file in row.files[1:]} == {
        "P.pth",
        "agent.pt",
        "assess_net.pt",
    }


def test_quality_network_and_agent(folder):
    listed = entries("interactive/assess/manifest.json")
    torch.save(plain_state(listed), folder / "assess_net.pt")
    assess = load_assess_network("assess_net.pt", torch.device("cpu"))
    assert assess(torch.rand(1, 3, 64, 96), torch.rand(1, 64, 96)).isfinite().all()
    torch.save(agent_network().state_dict(), folder / "agent.pt")
    agent = load_agent_network("agent.pt", torch.device("cpu"))
    assert agent(torch.rand(1, 5, 2)).shape == (1, 5)
