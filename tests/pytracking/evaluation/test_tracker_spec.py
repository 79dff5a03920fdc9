"""Trackers by name, and the arguments of all commands that run one."""

from __future__ import annotations

import argparse
import math
import re
import typing

import pytest
import torch

from ltr.admin.cli import parser_of
from ltr.admin.config import to_plain
from ltr.admin.devices import computes_bf16
from ltr.admin.errors import CheckpointError, ConfigError
from ltr.admin.ranges import Range, ranges_of
from pytracking import load_tracker, run_interactive, run_vot, run_webcam
from pytracking.cli.arguments import TrackerParser, resolve_runtime, resolve_tracker
from pytracking.evaluation.tracker import (
    TrackerSpec,
    describe_run,
    list_names,
    list_systems,
    load_parameters,
    trackerlist,
)
from pytracking.tracker.base import Runtime


def parse(*words: str, tracker: tuple[str, str] = ("baseline", "copy_mask")) -> argparse.Namespace:
    parser = TrackerParser("test")
    parser.add_tracker()
    parser.add_fast()
    parser.add_memory()
    parser.add_run()
    parser.add_runtime()
    return parser.parse_args([*tracker, *words])


def test_every_parameter_file_gives_parameters():
    names = [(system, name) for system in list_systems() for name in list_names(system)]
    assert ("baseline", "optical_flow") in names
    assert ("joint", "joint_ytvos") in names
    for system, name in names:
        assert load_parameters(system, name) == load_parameters(system, name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("basline", "copy_mask"), "did you mean 'baseline'"),
        (("baseline", "copymask"), "did you mean 'copy_mask'"),
        (("..", "copy_mask"), "choose from baseline"),
    ],
)
def test_unknown_trackers_name_near_ones(words, message):
    with pytest.raises(ConfigError, match=message):
        load_tracker(*words)


def test_parameters_are_changed_by_assignments_and_by_a_network_file():
    assert load_parameters("baseline", "copy_mask", ["flow_preset=fast"]).flow_preset == "fast"
    assert load_parameters("joint", "joint_davis", net="x.pth").net == "x.pth"
    with pytest.raises(ConfigError, match="did you mean 'method'"):
        load_parameters("baseline", "copy_mask", ["metod=x"])
    with pytest.raises(ConfigError, match="uses no network"):
        load_parameters("baseline", "copy_mask", net="x.pth")


def test_run_ids_become_three_digits():
    assert [spec.result_name for spec in trackerlist("joint", "j", [0, 12])] == ["j_000", "j_012"]
    assert [spec.result_name for spec in trackerlist("joint", "j")] == ["j"]
    assert [spec.result_name for spec in trackerlist("joint", "j", 3)] == ["j_003"]
    assert [spec.result_name for spec in trackerlist("joint", "j", 0)] == ["j_000"]


def test_trackers_have_a_name_for_tables():
    runs = trackerlist("joint", "j", range(2), "JOINT")
    assert [(run.label, run.run_label) for run in runs] == [
        ("JOINT", "JOINT_000"),
        ("JOINT", "JOINT_001"),
    ]
    assert TrackerSpec("joint", "j", 1).run_label == "joint j_001"


def test_description_of_a_run_names_the_content_of_the_network(tmp_path):
    texts = []
    for content in (b"one", b"two"):
        (tmp_path / "net.pth").write_bytes(content)
        spec = TrackerSpec("joint", "joint_davis", net=str(tmp_path / "net.pth"))
        texts.append(describe_run(spec, Runtime()))
    assert texts[0]["network_sha256"] != texts[1]["network_sha256"]
    assert texts[0]["parameters"] == texts[1]["parameters"]
    with pytest.raises(CheckpointError, match="does not exist"):
        describe_run(TrackerSpec("joint", "joint_davis", net=str(tmp_path / "no")), Runtime())


def test_arguments_describe_tracker_and_runtime():
    words = "--set flow_preset=fast --set method=optical_flow --device cpu --precision bf16"
    arguments = parse(*words.split(), "--use_visdom", "False", "--quiet")
    spec = resolve_tracker(arguments)
    assert spec.overrides == ("flow_preset=fast", "method=optical_flow")
    assert spec.load_parameters().method == "optical_flow"
    assert resolve_runtime(arguments) == Runtime(torch.device("cpu"), "bf16", False)
    assert (arguments.use_visdom, arguments.quiet, arguments.compile) == (False, True, False)


def test_the_fast_mode_is_in_the_parameters_and_the_precision():
    arguments = parse("--fast", "--device", "cpu", tracker=("joint", "joint_davis"))
    params = resolve_tracker(arguments).load_parameters()
    assert (params.fast, params.window_tolerance) == (True, 0.05)
    assert (params.sample_memory_size, params.train_sample_interval) == (5, 5)
    assert (params.net_opt_update_iter, params.carried_frames) == (0, 3)
    is_computed = computes_bf16(torch.device("cpu"))
    assert resolve_runtime(arguments).precision == ("bf16" if is_computed else "fp32")
    exact = parse("--fast", "--device", "cpu", "--precision", "fp32")
    assert resolve_runtime(exact).precision == "fp32"
    words = ("dense_ulearn", "demo")
    fast, usual = (resolve_tracker(parse(*option, tracker=words)) for option in (["--fast"], []))
    assert fast.load_parameters().radius == pytest.approx(8)
    assert (fast.load_parameters().carried_frames, usual.load_parameters().carried_frames) == (3, 0)
    assert not usual.load_parameters().fast
    assert resolve_runtime(parse("--device", "cpu")).precision == "fp32"
    with pytest.raises(ConfigError, match="referring refytvos_r50 has no --fast mode: leave"):
        resolve_tracker(parse("--fast", tracker=("referring", "refytvos_r50")))


def test_limit_of_memory_is_for_trackers_whose_memory_grows():
    for words in (("referring", "refytvos_r50"), ("propose_reduce", "ytvis19_r50")):
        spec = resolve_tracker(parse("--max-memory", "300", tracker=words))
        assert spec.load_parameters().max_memory == 300
    for words in (("joint", "joint_davis"), ("interactive", "atnet")):
        with pytest.raises(ConfigError, match=f"memory of {' '.join(words)} does not grow"):
            resolve_tracker(parse("--max-memory", "300", tracker=words))
    for command in (run_webcam, run_interactive, run_vot):
        assert "--max-memory" not in parser_of(command.main).format_help()
    with pytest.raises(ConfigError, match="expected a positive number, got 0"):
        parse("--max-memory", "0")


@pytest.mark.parametrize(
    "words", [["--use-visdom", "maybe"], ["--threads", "-1"], ["--precision", "fp8"]]
)
def test_wrong_values_are_refused(words):
    with pytest.raises(ConfigError, match=rf"argument {words[0]}: .*'{words[1]}'"):
        parse(*words)


_CONFIGURATIONS = [(system, list_names(system)[0]) for system in list_systems()] + [
    ("interactive", name) for name in list_names("interactive")[1:]
]


@pytest.mark.parametrize(("system", "name"), _CONFIGURATIONS)
def test_every_number_of_every_tracker_has_a_range(system, name):
    values = to_plain(load_parameters(system, name))
    hints = typing.get_type_hints(type(load_parameters(system, name)))
    ranges = ranges_of(type(load_parameters(system, name)))
    numbers = [key for key in values if re.search(r"\b(int|float)\b", str(hints[key]))]
    assert numbers or system == "baseline"
    for key in numbers:
        assert ranges[key] != Range() or key == "image_mean", f"{key} declares no range"
        size = len(values[key]) if isinstance(values[key], list) else 1
        outside = [math.nan, math.inf, -math.inf, ranges[key].least - 1, ranges[key].most + 1]
        for number in outside:
            text = f"{number:.0f}" if math.isfinite(number) else str(number)
            with pytest.raises(ConfigError, match=rf"{key}(:| must be) "):
                load_parameters(system, name, [f"{key}={','.join([text] * size)}"])


def test_filter_iterations_cannot_be_negative():
    assert load_parameters("joint", "joint_davis", ["net_opt_iter=0"]).net_opt_iter == 0
    with pytest.raises(ConfigError, match=r"^net_opt_iter must be >= 0, got -1$"):
        load_parameters("joint", "joint_davis", ["net_opt_iter=-1"])
    with pytest.raises(ConfigError, match=r"max_scale_change must ascend, got \(1.1, 0.9\)"):
        load_parameters("joint", "joint_davis", ["max_scale_change=1.1,0.9"])
