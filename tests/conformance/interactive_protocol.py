"""Robot, rewards, summaries and the agent's update against reference values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.actors.recommendation import exploration_rate
from ltr.data.interactive.robot import (
    RobotParameters,
    draw_corrections,
    error_skeleton,
    longest_paths,
)
from ltr.data.interactive.scribbles import draw_scribbles
from ltr.dataset.experience import RewardTable, Transition, step_reward
from ltr.models.interactive.agent import AgentNet, agent_network
from pytracking.analysis.protocols.interactive import (
    ReportRow,
    SequenceInfo,
    SessionLimits,
    score_masks,
    summarise_session,
)
from tests.agent_learner import AgentLearner
from tests.conformance.report import Report
from tests.seeded_weights import seeded_state_dict

_EXACT = 1e-9
_NETWORK = 1e-5
_CHANGE = 1e-8
_TARGET_SEED = 100
_EVERY = 97
_QUARTER = 4


def run_robot(folder: Path, report: Report) -> None:
    """Skeletons, paths, curves and drawn scribbles of every case, and the measures."""
    manifest = json.loads((folder / "manifest.json").read_text())
    with np.load(folder / "cases.npz") as archive:
        arrays = dict(archive)
    for case in manifest["cases"]:
        name = case["name"]
        own = {
            key.removeprefix(f"{name}/"): arrays.pop(key)
            for key in list(arrays)
            if key.startswith(f"{name}/")
        }
        _run_robot_case(case, own, report)
    for name in arrays:
        report.fail("robot", f"array {name!r} belongs to no case")


def _run_robot_case(case: dict[str, Any], arrays: dict[str, np.ndarray], report: Report) -> None:
    name, count = f"robot {case['name']}", case["nb_objects"]
    truth, prediction = arrays.pop("gt"), arrays.pop("pred")
    names = ("kernel_size", "max_kernel_radius", "min_nb_nodes", "nb_points")
    params = RobotParameters(**{key: case[key] for key in names})
    report.equal(name, "shape", list(truth.shape), case["shape"])
    _run_skeletons(name, case, arrays, truth, prediction, params, report)
    lines = draw_corrections(truth, prediction, count, params)
    report.equal(name, "object ids", [line.object_id for line in lines], case["object_ids"])
    report.equal(name, "lengths", [len(line.path) for line in lines], case["path_lengths"])
    for index, line in enumerate(lines):
        for key, points in (
            (f"path_{index}", line.path[::25]),
            (f"path_end_{index}", line.path[-1]),
        ):
            if key in arrays:
                report.close(name, key, points, arrays.pop(key), absolute=_EXACT)
            else:
                report.fail(name, f"no array {key!r}")
    quarter = tuple(-(-side // _QUARTER) for side in truth.shape)
    report.equal(name, "drawn", draw_scribbles(lines, truth.shape), arrays.pop("drawn"))
    report.equal(name, "drawn_quarter", draw_scribbles(lines, quarter), arrays.pop("drawn_quarter"))
    jaccard, contour = score_masks([truth], [prediction], count)
    report.close(name, "jaccard", jaccard[0], case["jaccard"], absolute=_EXACT)
    report.close(name, "f_measure", contour[0], case["f_measure"], absolute=_EXACT)
    for key in arrays:
        report.fail(name, f"unknown array {key!r}")


def _run_skeletons(
    name: str,
    case: dict[str, Any],
    arrays: dict[str, np.ndarray],
    truth: np.ndarray,
    prediction: np.ndarray,
    params: RobotParameters,
    report: Report,
) -> None:
    errors = [(truth == key) & (prediction != key) for key in range(case["nb_objects"] + 1)]
    skeletons = [error_skeleton(error, params) for error in errors if error.any()]
    report.equal(name, "skeletons", len(skeletons), case["n_skeletons"])
    paths = []
    for index, skeleton in enumerate(skeletons):
        report.equal(
            name, f"skeleton_{index}", np.argwhere(skeleton), arrays.pop(f"skeleton_{index}")
        )
        paths += longest_paths(skeleton, params.min_nb_nodes)
    for index, path in enumerate(paths):
        key = f"longest_path_{index}"
        report.equal(name, key, path, arrays.pop(key))


def run_reward(folder: Path, report: Report) -> None:
    """Both rewards of every case."""
    manifest = json.loads((folder / "cases.json").read_text())
    with np.load(folder / "baseline.npz") as archive:
        quality = archive["next_quality"]
    names = list(dict.fromkeys(case["sequence"] for case in manifest["cases"]))
    rows = [
        _random_transition(names[place[0]], place[1] + 1, place[2] + 2, quality[place])
        for place in np.ndindex(quality.shape[:3])
        if place[0] < len(names)
    ]
    table = RewardTable(rows)
    for index, case in enumerate(manifest["cases"]):
        after = np.array(case["new_quality"])
        counts = np.zeros(len(after))
        counts[0] = case["repeat_selection"]
        name = f"reward {index} {case['sequence']}"
        report.equal(name, "reward_step", step_reward(counts, 0), case["reward_step"])
        score = table.score(case["sequence"], case["scribble_iter"], case["n_interaction"], after)
        report.close(name, "reward_done", score, case["reward_done"], absolute=_EXACT)


def _random_transition(name: str, episode: int, after: int, quality: np.ndarray) -> Transition:
    empty = np.zeros_like(quality)
    return Transition(
        name, episode, after - 1, after, 0, 0.0, 0.0, False, empty, quality, empty, empty
    )


def run_summary(folder: Path, report: Report) -> None:
    """The summary of every report."""
    manifest = json.loads((folder / "cases.json").read_text())
    with np.load(folder / "reports.npz") as archive:
        reports = dict(archive)
    for index, case in enumerate(manifest["cases"]):
        name = f"summary {index}"
        table = reports.pop(f"case{index}")
        infos = {
            key: SequenceInfo(info["num_objects"], info["num_scribbles"])
            for key, info in case["sequences"].items()
        }
        scores = summarise_session(
            [_report_row(row, case["columns"], list(infos)) for row in table],
            infos,
            SessionLimits(case["max_t"], case["max_i"]),
            case["metric"],
            case["time_threshold"],
        )
        _compare_summary(name, scores.as_json(), case["summary"], report)
        report.close(
            name, "auc_over_rounds", scores.auc_over_rounds, case["auc_over_rounds"],
            absolute=_EXACT,
        )  # fmt: skip
    for key in reports:
        report.fail("summary", f"array {key!r} belongs to no case")


def _report_row(row: np.ndarray, columns: list[str], names: list[str]) -> ReportRow:
    value = dict(zip(columns, row.tolist(), strict=True))
    whole = (int(value[key]) for key in ("scribble_idx", "interaction", "object_id", "frame"))
    measures = (value[key] for key in ("jaccard", "contour", "timing"))
    return ReportRow(names[int(value["sequence"])], *whole, *measures)


def _compare_summary(name: str, got: Any, want: Any, report: Report) -> None:
    if not isinstance(want, dict):
        report.close(name.rpartition(" ")[0], name.rpartition(" ")[2], got, want, absolute=_EXACT)
        return
    report.equal(name, "entries", sorted(got), sorted(want))
    for key in want:
        _compare_summary(f"{name} {key}", got[key], want[key], report)


def run_exploration(folder: Path, report: Report) -> None:
    """The probability of a random frame."""
    with np.load(folder / "epsilon.npz") as archive:
        rates = [exploration_rate(int(step)) for step in archive["steps"]]
        report.close("agent", "epsilon", rates, archive["eps"], absolute=_EXACT)


def run_update(folder: Path, report: Report) -> None:
    """Three updates of the agent on one batch."""
    seed = json.loads((folder / "manifest.json").read_text())["seeds"][0]
    with np.load(folder / "dqn_update.npz") as archive:
        arrays = {key: torch.from_numpy(archive[key]) for key in archive}
    arrays.pop("done")
    names = {
        "states": "state",
        "actions": "action",
        "next_states": "new_state",
        "step_rewards": "reward_step",
        "done_rewards": "reward_done",
    }
    batch = {key: arrays.pop(name) for key, name in names.items()}
    learner = AgentLearner(_seeded_agent(seed), _seeded_agent(seed + _TARGET_SEED))
    policy, name = learner.pair.policy, "agent update"
    with torch.no_grad():
        after = policy(batch["next_states"])
        report.close(name, "q_policy_next", after, arrays.pop("q_policy_next"), relative=_NETWORK)
        report.equal(name, "next_action", after.argmax(1), arrays.pop("next_action"))
        valued = learner.pair.target(batch["next_states"])
        report.close(name, "q_target_next", valued, arrays.pop("q_target_next"), relative=_NETWORK)
        values = policy(batch["states"])
        report.close(name, "q_state", values, arrays.pop("q_state"), relative=_NETWORK)
    _run_updates(name, learner, batch, arrays, report)
    for key in arrays:
        report.fail(name, f"unknown array {key!r}")


def _run_updates(
    name: str,
    learner: AgentLearner,
    batch: dict[str, torch.Tensor],
    arrays: dict[str, torch.Tensor],
    report: Report,
) -> None:
    losses = []
    before = {key: value.detach().clone() for key, value in learner.pair.policy.named_parameters()}
    for step in range(1, len(arrays["losses"]) + 1):
        losses.append(learner.update(batch))
        for key, parameter in learner.pair.policy.named_parameters():
            if step == 1:
                gradient = learner.gradients[key].flatten()[::_EVERY]
                want = arrays.pop(f"grad_{key}")
                report.close(name, f"grad {key}", gradient, want, relative=_NETWORK)
            want = arrays.pop(f"delta{step}_{key}")
            change = (parameter.detach() - before[key]).flatten()[::_EVERY]
            report.close(name, f"change {step} {key}", change, want, absolute=_CHANGE)
    report.close(name, "losses", losses, arrays.pop("losses"), relative=_NETWORK)


def _seeded_agent(seed: int) -> AgentNet:
    network = agent_network()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(seeded_state_dict(shapes, seed))
    return network
