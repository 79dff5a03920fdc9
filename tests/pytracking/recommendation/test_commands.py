"""The commands of frame recommendation on small videos, with a host that copies masks."""

from __future__ import annotations

import csv
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ltr.dataset.experience import read_experience
from ltr.models.interactive.agent import agent_network
from pytracking.analysis.protocols.interactive import (
    SequenceInfo,
    SessionLimits,
    read_report,
    summarise_session,
)
from pytracking.evaluation.interactive import first_scribbles
from pytracking.recommendation import (
    evaluation,
    generate_data,
    pretrain_agent,
    produce_reward,
    quality_assessment,
    train_agent,
)
from pytracking.recommendation.command import parse_task
from pytracking.recommendation.config import RecommendationSettings
from pytracking.tracker.interactive.quality import load_agent_network, load_assess_network
from pytracking.tracker.interactive.recommend import RecommendContext
from tests.video_trees import write_davis

HOST = ("baseline", "copy_mask")
SCRIPTS = Path(__file__).resolve().parents[3] / "scripts/interactive"


@pytest.fixture(scope="module")
def davis(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("davis")
    video = {f"{index:05d}": {1: (3 + 5 * index, 4 + 2 * index)} for index in range(6)}
    write_davis(root, {"bear": video, "dog": video}, "train")
    write_davis(root, {"cows": video}, "val")
    assert first_scribbles.main([str(root)]) == 0
    return root


@pytest.fixture
def words(davis, tmp_path) -> list[str]:
    return [
        "with", f"data.root_dir_davis={davis}", "data.len_subseq=4", f"ckpt_dir={tmp_path}/nets",
        f"agent.save_result_dir={tmp_path}/train", f"assess_net.data_dir={tmp_path}/masks",
        f"results={tmp_path}/results", "davis_interactive.max_nb_interactions=3",
        "davis_interactive.eval_interactions=3", "agent.reward_epochs=3",
        "agent.pretrain_epochs=2", "agent.train_epochs=1", "agent.train_batch_size=8",
        "agent.hidden=8", "agent.sample_th=0.001", "assess_net.num_epochs=1",
        "assess_net.num_workers=0", "assess_net.image_size=40,60", "assess_net.width=4",
        "assess_net.depths=1,1,1,1", "assess_net.side=32", "assess_net.train_batch_size=16",
        "assess_net.backbone_weights=none",
    ]  # fmt: skip


def test_the_agent_is_trained_and_evaluated(words, tmp_path, capsys):
    assert produce_reward.main([*HOST, *words]) == 0
    rows = read_experience(tmp_path / "train/reward.csv")
    assert len(rows) == 3 * 2 * 3 * 2  # epochs, videos, sets of scribbles, rounds after the first
    assert {len(row.state_iou) for row in rows} == {4}
    assert {row.reward_done for row in rows} == {0.0}
    assert pretrain_agent.main([*HOST, *words]) == 0
    rows = read_experience(tmp_path / "train/pretrain.csv")
    assert {row.scribble_iter for row in rows} == {1, 2, 3, 4, 5, 6}
    assert any(row.reward_done != 0 for row in rows)
    for row in rows:
        assert row.annotated_frames.sum() == row.n_interaction + 1  # one annotation late
        assert row.annotated_frames[row.action] >= 1
    assert train_agent.main([*HOST, *words]) == 0
    pool = read_experience(tmp_path / "train/memory_pool.csv")
    assert len(pool) == len(rows)
    network = load_agent_network(str(tmp_path / "nets/agent.pt"), torch.device("cpu"))
    assert network.encoder_fc1.out_features == 8
    assert evaluation.main([*HOST, *words, "setting=oracle", "method=ours"]) == 0
    assert "AUC=" in capsys.readouterr().out.splitlines()[-1]


def test_upstreams_key_lets_the_agent_repeat_frames_or_not(words, tmp_path):
    """The agent would name one frame again and again, where its quality is always lowest."""
    (tmp_path / "nets").mkdir()
    torch.manual_seed(0)
    torch.save(agent_network().state_dict(), tmp_path / "nets/agent.pt")
    quality, chosen = np.array([0.1, 0.5, 0.6, 0.7]), {}
    for allowed in ("1", "0"):
        key = f"davis_interactive.allow_repeat={allowed}"
        own = [word for word in words if not word.startswith("agent.hidden")]
        task = parse_task(None, [*HOST, *own, "method=ours", key], RecommendationSettings())
        rule, annotated = evaluation._recommender(task), [0]
        for _ in range(3):
            annotated.append(rule.next(RecommendContext(4, annotated, quality)))
        chosen[allowed] = annotated
    assert len(set(chosen["1"])) < 4
    assert set(chosen["0"]) == {0, 1, 2, 3}


def test_the_quality_network_is_trained_and_used(words, tmp_path):
    assert generate_data.main([*HOST, *words]) == 0
    files = sorted((tmp_path / "masks").rglob("*.png"))
    assert len(files) == 3 * 2 * 6
    assert files[0] == tmp_path / "masks/interaction-1/scribble-1/bear/probs/1/00000.png"
    assert quality_assessment.main(words) == 0
    load_assess_network(str(tmp_path / "nets/assess_net.pt"), torch.device("cpu"))
    assert evaluation.main([*HOST, *words, "setting=wild", "method=worst"]) == 0
    folder = tmp_path / "results/baseline_copy_mask/wild/davis/worst"
    with open(folder / "rounds.csv", newline="") as stream:
        entries = list(csv.DictReader(stream))
    assert all(float(entry["squared_error"]) >= 0 for entry in entries)


def test_random_episodes_leave_masks_for_the_quality_network(words, tmp_path):
    """Every episode of every round, of the window that was played."""
    assert produce_reward.main([*HOST, *words, "agent.keep_masks=true"]) == 0
    masks = tmp_path / "masks"
    assert (
        len(list(masks.rglob("*.png"))) == 3 * 3 * 3 * 2 * 4
    )  # rounds, epochs, sets, videos, frames
    rows = read_experience(tmp_path / "train/reward.csv")
    row = next(row for row in rows if row.sequence == "dog" and row.scribble_iter == 9)
    folder = masks / "interaction-1/scribble-9/dog/probs/1"
    assert len(list(folder.iterdir())) == len(row.state_iou) == 4


def test_networks_can_have_names_of_their_own(words, tmp_path):
    names = ["agent.net=small.pt", "assess_net.net=eye.pt"]
    for module in (produce_reward, pretrain_agent, train_agent, generate_data, quality_assessment):
        assert module.main([*HOST, *words, *names]) == 0
    assert {path.name for path in (tmp_path / "nets").glob("*.pt")} == {"small.pt", "eye.pt"}
    assert evaluation.main([*HOST, *words, *names, "method=ours"]) == 0


def test_the_small_agent_chooses_by_the_confidence_of_the_host(words, tmp_path):
    names = ["agent.net=agent_demo.pth.tar", "assess_net.net=confidence", "ckpt_dir="]
    limit = "agent.most_annotations=1"
    assert evaluation.main([*HOST, *words, *names, limit, "method=ours"]) == 0
    folder = tmp_path / "results/baseline_copy_mask/wild/davis/ours"
    with open(folder / "rounds.csv", newline="") as stream:
        entries = list(csv.DictReader(stream))
    for number in ("1", "2", "3"):
        frames = [entry["frame"] for entry in entries if entry["scribble_idx"] == number]
        assert len(set(frames)) == len(frames) == 3


@pytest.mark.parametrize(
    ("module", "played", "file", "row"),
    [
        (quality_assessment, [generate_data], "assess_net.pt", "assess_net.num_epochs"),
        (train_agent, [produce_reward, pretrain_agent], "agent.pt", "agent.train_epochs"),
    ],
)
def test_a_resumed_training_is_the_straight_one(module, played, file, row, words, tmp_path):
    for earlier in played:
        assert earlier.main([*HOST, *words]) == 0
    straight = [f"ckpt_dir={tmp_path}/straight", f"{row}=2"]
    assert module.main([*HOST, *words, *straight]) == 0
    for count in (1, 2):
        assert module.main([*HOST, *words, f"{row}={count}"]) == 0
    found, wanted = (
        torch.load(tmp_path / folder / file, weights_only=True)["net"]
        for folder in ("nets", "straight")
    )
    assert all(torch.equal(found[key], value) for key, value in wanted.items())


def test_experience_resumes_between_and_within_episodes(words):
    for earlier in (produce_reward, pretrain_agent):
        assert earlier.main([*HOST, *words]) == 0
    task = parse_task(None, [*HOST, *words], RecommendationSettings(seed=2019))
    rows = read_experience(task.settings.tables / "pretrain.csv")
    policy = agent_network(hidden=8).eval()

    def experience() -> train_agent.PlayedExperience:
        return train_agent.PlayedExperience(task, policy, rows, {"bear", "dog"}, 8)

    straight, learned, written = experience(), [], []
    for epoch in range(1, 6):
        straight.begin_epoch(epoch, 0)
        learned.append(list(map(repr, straight.rows)))
        written.append((task.settings.tables / "memory_pool.csv").read_bytes())
    assert learned[0] == learned[2] != learned[3] == learned[4]  # three episodes per video
    for epoch, first_sample, before in [(1, 4, 1), (2, 4, 2), (2, 0, 1), (2, 0, 2), (5, 0, 4)]:
        (task.settings.tables / "memory_pool.csv").write_bytes(written[before - 1])
        resumed = experience()
        resumed.begin_epoch(epoch, first_sample)
        assert list(map(repr, resumed.rows)) == learned[epoch - 1]
        assert (task.settings.tables / "memory_pool.csv").read_bytes() == written[epoch - 1]


def test_the_summary_is_that_of_the_report(words, tmp_path):
    assert evaluation.main([*HOST, *words, "setting=oracle", "method=worst"]) == 0
    folder = tmp_path / "results/baseline_copy_mask/oracle/davis/worst"
    summary = json.loads((folder / "summary.json").read_text())
    (report,) = folder.glob("result_*.csv")
    rows = read_report(report)
    scores = summarise_session(rows, {"cows": SequenceInfo(1, 3)}, SessionLimits(None, 3))
    assert summary == {"auc": scores.auc_over_rounds, "curve": {"J_AND_F": scores.rounds.tolist()}}
    curve = summary["curve"]["J_AND_F"]
    assert curve[0] == 0.0
    assert curve[-1] > curve[1]
    assert summary["auc"] == pytest.approx(np.trapezoid(curve) / 3)


def test_all_methods_begin_alike(words, tmp_path):
    firsts = set()
    for method in ("random", "linspace"):
        assert evaluation.main([*HOST, *words, "setting=wild", f"method={method}"]) == 0
        file = tmp_path / f"results/baseline_copy_mask/wild/davis/{method}/summary.json"
        firsts.add(json.loads(file.read_text())["curve"]["J_AND_F"][1])
    assert len(firsts) == 1


def test_a_stopped_table_goes_on(words, tmp_path, capsys):
    path = tmp_path / "train/reward.csv"
    assert produce_reward.main([*HOST, *words, "agent.reward_epochs=1"]) == 0
    first = path.read_text()
    assert produce_reward.main([*HOST, *words]) == 0
    assert path.read_text().startswith(first)
    straight = path.read_text()
    assert produce_reward.main([*HOST, "--overwrite", *words]) == 0
    assert path.read_text() == straight
    assert produce_reward.main([*HOST, *words, "seed=1"]) == 2
    assert "other settings" in capsys.readouterr().err


def test_counts_can_be_those_that_the_agent_saw(words, tmp_path):
    assert produce_reward.main([*HOST, *words, "agent.late_counts=false"]) == 0
    for row in read_experience(tmp_path / "train/reward.csv"):
        assert row.annotated_frames.sum() == row.n_interaction
        change = row.next_annotated_frames - row.annotated_frames
        assert np.flatnonzero(change).tolist() == [row.action]


@pytest.mark.parametrize(
    ("command", "wrong", "sentence"),
    [
        (produce_reward, ["agent.lrr=1"], "did you mean 'lr'"),
        (produce_reward, ["agnt.lr=1"], "did you mean 'agent'"),
        (produce_reward, ["agent=1"], "group of settings"),
        (produce_reward, ["--quiet"], "must come before 'with'"),
        (produce_reward, ["davis_interactive.metric=IOU"], "metric: unknown value 'IOU'"),
        (produce_reward, ["data.root_dir_davis=/nowhere"], "/nowhere"),
        (pretrain_agent, [], "produce_reward.py first"),
        (train_agent, [], "pretrain_agent.py first"),
        (quality_assessment, [], "generate_data.py first"),
        (evaluation, ["setting=oracle", "method=random"], "expected setting=wild"),
        (evaluation, ["method=best"], "method"),
        (evaluation, ["method=ours"], "agent.pt"),
    ],
)
def test_wrong_words_are_one_sentence(command, wrong, sentence, words, capsys):
    assert command.main([*HOST, *words, *wrong]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert sentence in error


def test_results_are_not_replaced_unasked(words, capsys):
    line = [*words, "setting=wild", "method=linspace"]
    assert evaluation.main([*HOST, *line]) == 0
    assert evaluation.main([*HOST, *line]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert evaluation.main([*HOST, "--overwrite", *line]) == 0


@pytest.mark.parametrize("name", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_every_script_explains_itself(name, monkeypatch, capsys):
    path = SCRIPTS / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(path))
    assert stop.value.code == 0
    assert "Example:" in capsys.readouterr().out
