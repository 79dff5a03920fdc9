"""The umbrella command: every command under one name, completion, JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import write_image, write_label_map
from pytracking.cli.prompt_arguments import parse_mask
from pytracking.cli.vos import COMMANDS, completion, main
from pytracking.evaluation.outputs.exchange.registry import parse_export
from tests.project_file import project_table


def test_without_a_word_every_command_is_listed(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out
    for name, entry in COMMANDS.items():
        assert f"    {name} " in listed
        assert entry.text in listed


def test_each_is_a_program_of_its_own_too():
    scripts = dict(project_table()["scripts"])
    assert scripts.pop("vos") == "pytracking.cli.vos:main"
    assert scripts == {f"vos-{name}": f"{entry.module}:main" for name, entry in COMMANDS.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_help_and_a_version(name, capsys):
    for option in ("--help", "--version"):
        with pytest.raises(SystemExit) as ended:
            main([name, option])
        assert ended.value.code == 0
    assert "vos-toolkit 0." in capsys.readouterr().out


def test_a_misspelt_command_is_one_sentence(capsys):
    assert main(["vidoe"]) == 2
    assert capsys.readouterr().err == "error: vos has no command 'vidoe' (did you mean 'video'?)\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["vos", "ev"], ["evaluate"]),
        (["vos", "track", "prop"], ["propose_reduce"]),
        (["vos", "train", "--prec"], ["--precision"]),
        (["vos", "video", "joint", "joint_d"], ["joint_davis", "joint_demo"]),
    ],
)
def test_bash_completes_commands_trackers_and_options(words, expected, tmp_path):
    script = tmp_path / "completion.sh"
    script.write_text(completion("bash"))
    line = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shtab_vos; "
    done = subprocess.run(
        ["bash", "-c", f'. {script}; {ask} printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sorted(done.stdout.split()) == expected


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("set")
    labels = np.zeros((24, 32), np.uint8)
    labels[8:16, 8:16] = 1
    for index in range(3):
        for folder, suffix in (("JPEGImages", "png"), ("Annotations", "png")):
            file = root / folder / "clip" / f"{index:05d}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            if folder == "JPEGImages":
                write_image(file, np.full((24, 32, 3), 90, np.uint8))
            else:
                write_label_map(file, labels)
    return root


def test_json_is_all_that_stdout_holds(dataset, tmp_path, capsys):
    tracker = ["baseline", "copy_mask", "--dataset-name", f"folder:{dataset}"]
    assert main(["track", *tracker, "--results", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    run = json.loads(captured.out)
    assert run["sequences"] == [run["sequences"][0] | {"name": "clip", "frames": 3}]
    assert "1 sequences done, 0 failed" in captured.err
    assert main(["evaluate", *tracker, "--results", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)[f"folder:{dataset}"]["baseline copy_mask"]
    assert report["summary"] == "J&F=100.0 J=100.0 F=100.0"
    assert set(report["numbers"].values()) <= {0, 1}
    assert captured.err.rstrip().endswith("J&F=100.0 J=100.0 F=100.0")


def test_doctor_and_downloads_speak_json(capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["versions"]["torch"]
    assert report["problems"] == []
    assert main(["download", "--list", "--json"]) == 0
    assert "joint_davis" in json.loads(capsys.readouterr().out)


def test_paths_of_windows_are_understood(capsys):
    """A drive is no frame; where there are no drives, the path is named as it was given."""
    path = r"C:\clips\first mask.png"
    assert str(parse_mask(path).path) == path
    prompt = parse_mask(f"40:{path}")
    assert (prompt.frame, str(prompt.path)) == (40, path)
    assert parse_export(f"coco:{path}") == ("coco", Path(path))
    assert main(["video", "joint", "joint_demo", path, "--mask", path]) == 2
    error = capsys.readouterr().err
    assert path in error
    assert "Traceback" not in error
