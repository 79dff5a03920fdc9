"""The recipes of the networks that ship with the package learn for two steps each."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from ltr import run_training
from ltr.admin.checkpoint import find_checkpoint, read_checkpoint
from ltr.data.image_format import CAFFE_BGR, for_imagenet_input
from ltr.dataset.cutout_ytvis import CutoutClips
from ltr.dataset.cutout_ytvis import main as write_cutouts
from ltr.dataset.experience import Transition, write_experience
from ltr.dataset.instances import InstanceImages
from ltr.dataset.interactive.quality_masks import probability_file
from ltr.dataset.referring.synthetic import main as write_sentences
from ltr.dataset.referring.vocabulary import extend_vocabulary
from ltr.dataset.synthetic_ytvis import main as write_shapes
from tests.small_coco import write_coco
from tests.small_cutouts import write_sources
from tests.small_training import write_videos
from tests.video_trees import label_map, write_davis

SHIPPED = Path(__file__).resolve().parents[3] / "pytracking" / "networks"
BEAR = {f"{index:05d}": {1: (4 + 4 * index, 10)} for index in range(6)}
SHORT = ("batch_size=2", "samples_per_epoch=4", "num_workers=0", "max_epochs=1")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "workspace"))
    return tmp_path


def train(workspace: Path, system: str, name: str, *changes: str) -> dict:
    """Train for an epoch of two steps; the fields of its checkpoint, ``net`` among them."""
    words = [word for change in (*SHORT, *changes) for word in ("--set", change)]
    assert run_training.main([system, name, "--device", "cpu", "--quiet", *words]) == 0
    folder = workspace / "workspace" / "checkpoints" / "ltr" / system / name
    checkpoint = read_checkpoint(find_checkpoint(folder))
    position = checkpoint.fields["position"]
    assert (position["epoch"], position["steps"]) == (1, 2)
    return {**checkpoint.fields, "net": checkpoint.net}


def test_joint_in_four_parts(workspace) -> None:
    videos = write_videos(workspace / "videos")
    sets = f"train_sets=folder:{videos}=1,pasted:folder:{videos}=1"
    for name in ("joint_demo_coarse", "joint_demo_middle", "joint_demo_broad", "joint_demo"):
        small = ("output_size=48,32", "backbone_width=8", "out_feature_dim=16")
        fields = train(workspace, "joint", name, sets, *small, "transformer_dim=16", "milestones=")
    assert "live_net" in fields


def test_dense_ulearn(workspace) -> None:
    videos = write_videos(workspace / "videos")
    sets = f"train_videos=folder:{videos / 'JPEGImages'}"
    small = ("crop_size=64,64", "smallest_range=64,80", "backbone_width=8", "video_len=3")
    assert "live_net" in train(workspace, "dense_ulearn", "demo", sets, *small)


def test_referring_in_four_parts(workspace) -> None:
    """The third part takes the network of the first and the backbone of the second."""
    words = [str(workspace / "drawn"), "--train", "3", "--valid", "1", "--frames", "3"]
    assert write_sentences(words) == 0
    sets = f"train_sets=RefYouTubeVOS:{workspace / 'drawn'}"
    words = f"tokenizer_dir={workspace / 'drawn/tokenizer'}"
    average = "average_decay=0.9"
    first = train(workspace, "referring", "demo_images", sets, words, average)["live_net"]
    train(workspace, "referring", "demo_looks", "num_frames=3")
    looks = workspace / "workspace/checkpoints/ltr/referring/demo_looks"
    given = (words, f"backbone_weights={looks}", "num_frames=3", average)
    third = train(workspace, "referring", "demo_words", *given)["live_net"]
    stem = read_checkpoint(find_checkpoint(looks)).net["backbone.conv1.weight"]
    assert (third["backbone.0.body.conv1.weight"] - stem).abs().max() < 1e-3
    mask_features = "pixel_decoder.mask_features.weight"
    assert (third[mask_features] - first[mask_features]).abs().max() < 1e-2
    last = train(workspace, "referring", "demo", words, "num_frames=3")["live_net"]
    assert 0 < (last[mask_features] - third[mask_features]).abs().max() < 1e-2


def test_referring_on_cutouts_in_three_parts(workspace, monkeypatch) -> None:
    """The parts go on with the shipped network, whose vocabulary grows."""
    for name, folder in zip(("COCO", "DAVIS"), write_sources(workspace), strict=True):
        monkeypatch.setenv(f"LTR_{name}_DIR", str(folder))
    extend_vocabulary(SHIPPED / "referring_demo", workspace / "words", ["person"])
    start = f"init_checkpoint={SHIPPED / 'referring_demo.pth.tar'}"
    words = (f"tokenizer_dir={workspace / 'words'}", "num_frames=3")
    shipped = read_checkpoint(SHIPPED / "referring_demo.pth.tar").net
    stem, mask_features = "conv1.weight", "pixel_decoder.mask_features.weight"
    slow = ("warmup_steps=0", "lr_scale=0.01")
    first = train(workspace, "referring", "demo_cutout_looks", start, "num_frames=3", *slow)["net"]
    body = "backbone.0.body."
    assert (first[f"backbone.{stem}"] - shipped[body + stem].float()).abs().max() < 1e-3
    looks = f"backbone_weights={workspace}/workspace/checkpoints/ltr/referring/demo_cutout_looks"
    second = train(workspace, "referring", "demo_cutout_words", start, looks, *words, *slow)["net"]
    assert (second[body + stem] - first[f"backbone.{stem}"]).abs().max() < 1e-3
    assert (second[mask_features] - shipped[mask_features].float()).abs().max() < 1e-2
    last = train(workspace, "referring", "demo_cutouts", *words)["live_net"]
    assert 0 < (last[mask_features] - second[mask_features]).abs().max() < 1e-2


def test_interactive_quality_and_agent(workspace, monkeypatch) -> None:
    """The quality network learns from masks of a host, the agent from a table."""
    davis = write_davis(workspace / "davis", {"bear": BEAR}, "train")
    monkeypatch.setenv("LTR_DAVIS_DIR", str(davis))
    masks = workspace / "workspace" / "interactive" / "quality_assessment"
    for interaction, frame in product((1, 2), range(6)):
        file = probability_file(masks, interaction, "bear", 1, frame)
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), 200 * label_map(BEAR[f"{frame:05d}"]))
    fields = train(workspace, "interactive", "quality_demo", "rounds=2", "episodes=1")
    assert 0 < fields["net"]["judgement.weight"].abs().max() < 0.1
    rng = np.random.default_rng(0)
    rows = [
        Transition("bear", 1, n, n + 1, n, 1.0, 0.0, False, *rng.random((2, 6)), *np.eye(6)[:2])
        for n in (1, 2, 3, 4)
    ]
    write_experience(workspace / "workspace" / "interactive" / "reward.csv", rows)
    first = train(workspace, "interactive", "agent_demo_simulated", "simulated_episodes=2")["net"]
    last = train(workspace, "interactive", "agent_demo")["net"]
    key = "policy.encoder_fc2.weight"
    assert first[key].shape == (64, 64)
    assert 0 < (first[key] - last[key]).abs().max() < 1e-2


def test_propose_reduce_in_two_parts(workspace, monkeypatch) -> None:
    """On stills, sequences, cut-outs and shapes; the backbone is the shipped one of JOINT.

    The second part keeps the detector and starts the propagation anew.
    """
    monkeypatch.setenv("LTR_COCO_DIR", str(write_coco(workspace / "coco")))
    davis = write_davis(workspace / "davis", {"bear": BEAR}, "train")
    monkeypatch.setenv("LTR_DAVIS_DIR", str(davis))
    few = ["--train", "2", "--valid", "1", "--frames", "3"]
    words = [str(workspace / "cutouts"), "--images", "COCO/2017/train", *few]
    assert write_cutouts(words) == 0
    assert write_shapes([str(workspace / "drawn"), "--coarse", *few]) == 0
    clips = "".join(f"+videos:{workspace / name}/train" for name in ("cutouts", "drawn"))
    sets = f"train_set=zoomed:COCO/2017/train+DAVIS/2017/train{clips}"
    small = (sets, "img_scale=96,64")
    first = train(workspace, "propose_reduce", "demo_detector", *small)["live_net"]
    stem = read_checkpoint(SHIPPED / "joint_demo.pth.tar").net["feature_extractor.conv1.weight"]
    expected = for_imagenet_input(stem, CAFFE_BGR)
    assert (
        first["backbone.body.conv1.weight"] - expected
    ).abs().max() < 2e-3 * expected.abs().max()
    second = train(workspace, "propose_reduce", "demo", *small, "seed=5")["live_net"]
    changes = {
        part: max(
            float((second[key] - value).abs().max())
            for key, value in first.items()
            if key.startswith(part) and key.endswith("weight")
        )
        for part in ("rpn", "prop_head")
    }
    assert changes["rpn"] < 1e-3
    assert changes["prop_head"] > 0.05


def test_clips_of_cutouts_keep_pictures_of_validation_apart(workspace) -> None:
    """Of two pictures the first, a person on a motorcycle, is held out."""
    images = InstanceImages("COCO", write_coco(workspace / "coco"), version="2017")
    found: dict[bool, set[str]] = {}
    for is_validation in (False, True):
        clips = CutoutClips(images, is_validation, (48, 72))
        found[is_validation] = {
            name for seed in range(20) for name in clips.render(seed, 2)[2].values()
        }
    assert found == {False: {"object"}, True: {"person", "vehicle", "object"}}
    first, second = clips.render(3, 2), clips.render(3, 2)
    assert all((a == b).all() for a, b in zip(first[0], second[0], strict=True))
    assert {int(n) for labels in first[1] for n in set(labels.ravel().tolist())} - {0} <= set(
        first[2]
    )
