"""Recommendations: the agent's network, the frame after every round, windows and spread frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.models.interactive.agent import AgentNet, agent_network
from pytracking.tracker.interactive.recommend import (
    RecommendContext,
    cut_window,
    make_recommender,
    spread_frames,
)
from tests.conformance.report import Report
from tests.seeded_weights import seeded_state_dict

_AGENT = 1e-5
_AGENT_GAIN = 3.0  # spreads the values of frames in the cases of ``recommend``


def seeded_agent(seed: int, gain: float = 1.0) -> AgentNet:
    """The agent in eval mode, with weights by the rule."""
    network = agent_network()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(seeded_state_dict(shapes, seed, gain))
    return network.eval()


@torch.no_grad()
def run_values(folder: Path, report: Report) -> None:
    """Compare the keys, and values of frames for every seed and length."""
    manifest = json.loads((folder / "manifest.json").read_text())
    own = [[k, list(v.shape), "float32"] for k, v in agent_network().state_dict().items()]
    report.equal("agent", "state_dict", own, manifest["state_dict"])
    with np.load(folder / "q_values.npz") as archive:
        wanted = dict(archive)
    for seed in manifest["seeds"]:
        network = seeded_agent(seed)
        for length in manifest["T"]:
            case = f"s{seed}_T{length}"
            states = torch.from_numpy(wanted.pop(f"state_{case}"))
            if length == manifest["T"][0]:
                _compare_first_frame(network, states[:, 0], seed, wanted, report)
            want = wanted.pop(f"q_{case}")
            report.close("agent", f"q_{case}", network(states), want, relative=_AGENT)
    for name in wanted:
        report.fail("agent", f"unknown array {name!r}")


def _compare_first_frame(
    network: AgentNet, states: torch.Tensor, seed: int, wanted: dict, report: Report
) -> None:
    code = network.encode(states)
    output, memory = network.lstm_cell(code)
    for name, got in (("enc", code), ("h", output), ("c", memory)):
        want = wanted.pop(f"{name}_t0_s{seed}")
        report.close("agent", f"{name}_t0_s{seed}", got, want, relative=_AGENT)


def run_recommend(folder: Path, report: Report) -> None:
    """Replay the rounds of every case, then the helpers."""
    record = json.loads((folder / "cases.json").read_text())
    with np.load(folder / "quality.npz") as archive:
        arrays = dict(archive)
    for entry in record["cases"]:
        name = f"recommend {entry['case']} {entry['setting']} {entry['method']}"
        report.equal(name, "frames", _replay(entry, arrays), entry["recommended"])
    for entry in record.get("subsequences", []):
        numbers = entry["n_frame"], entry["first_frame"], entry["length"]
        cut = {"consecutive": cut_window, "equal": spread_frames}[entry["style"]]
        case = f"recommend {entry['style']} {'/'.join(map(str, numbers))}"
        report.equal(case, "frames", list(cut(*numbers)), entry["out"])


def _replay(entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[int]:
    if entry["setting"] == "oracle":
        quality = arrays[f"Q_{entry['case']}"]
    else:
        quality = arrays[f"A_{entry['case']}"][..., 1:].mean(axis=-1)
    agent = seeded_agent(entry["seed"], _AGENT_GAIN) if entry["method"] == "ours" else None
    recommender = make_recommender(entry["method"], entry["seed"], agent)
    annotated, found = [entry["first_frame"]], []
    for values in quality[: len(entry["recommended"])]:
        found.append(recommender.next(RecommendContext(entry["T"], annotated, values)))
        annotated.append(found[-1])
    return found
