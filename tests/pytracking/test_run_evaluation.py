"""The command: tables of two trackers on the small data sets, other rules, and its errors."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ltr.data.bounding_boxes import NO_BOX
from ltr.data.image_io import read_label_map
from ltr.data.rle import as_rle
from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.protocols import pytracking as pytracking_rule
from pytracking.analysis.protocols import youtubevos
from pytracking.analysis.protocols.davis import score_clip_unsupervised
from pytracking.evaluation.datasets.records import RECORDS
from pytracking.evaluation.scoring import result_name
from pytracking.run_evaluation import main
from pytracking.utils.folder_names import folder_path
from tests.pytracking.analysis.mask_folders import (
    copy_first,
    moving_squares,
    write_frames,
    write_videos,
)
from tests.shared_material import data

ROOT = Path(__file__).resolve().parents[2]


def _write_results(annotations: Path, results: Path, dataset: str, videos: list[str]) -> None:
    """Results of a tracker that repeats the first masks, and of a perfect one."""
    for name in videos:
        maps = {path.stem: read_label_map(path) for path in sorted((annotations / name).iterdir())}
        current = np.zeros_like(next(iter(maps.values())))
        copied = {}
        for stem, labels in maps.items():
            is_new = ~np.isin(labels, np.unique(current))
            current = np.where(is_new & (current == 0), labels, current)
            copied[stem] = current
        for tracker, masks in (("copy_mask", copied), ("perfect", maps)):
            write_frames(results / "baseline" / tracker / dataset / name, masks)


@pytest.fixture(scope="module")
def davis_results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("davis")
    annotations = data("davis-mini") / "Annotations/480p"
    _write_results(annotations, folder, "dv2017_val", ["blackswan", "bmx-trees"])
    return folder


@pytest.fixture
def davis(davis_results, tmp_path, monkeypatch) -> Path:
    """Folder of all results; of two trackers on a part of DAVIS."""
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(data("davis-mini")))
    shutil.copytree(davis_results, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def youtube(tmp_path, monkeypatch) -> Path:
    """Folder of all results; of two trackers on YouTube-VOS."""
    root = data("ytvos-mini")
    monkeypatch.setenv("PYTRACKING_YOUTUBEVOS_DIR", str(root))
    annotations = root / "2019/valid_gt/Annotations"
    _write_results(annotations, tmp_path, "yt2019_valid_all", ["d08ba35419", "d1833fd6d5"])
    return tmp_path


def test_two_trackers_on_davis(davis, capsys):
    arguments = ["baseline", "copy_mask", "--against", "baseline", "perfect", "--quiet",
                 "--dataset_name", "dv2017_val", "--results", str(davis)]  # fmt: skip
    assert main([*arguments, "--output", str(davis / "report")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "J&F=30.0 J=31.9 F=28.0"
    assert "J&F=100.0 J=100.0 F=100.0" in lines
    assert any(line.startswith("baseline perfect") and "100.00" in line for line in lines)
    names = {path.name for path in (davis / "report").iterdir()}
    assert names == {
        "baseline_copy_mask",
        "baseline_perfect",
        "comparison.csv",
        "comparison.json",
        "plots",
        "report.html",
    }


def test_results_that_upstream_wrote(davis, capsys):
    """``segmentation_results/NAME/PARAM[_RUN]/SEQUENCE/FRAME.png``, by both ways to name them."""
    upstream = davis / "segmentation_results/joint/joint_davis_003"
    shutil.copytree(davis / "baseline/copy_mask/dv2017_val", upstream)
    base = ["--dataset_name", "dv2017_val", "--quiet", "--results"]
    assert main([*base, str(upstream)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "J&F=30.0 J=31.9 F=28.0"
    words = ["joint", "joint_davis", "--runid", "3"]
    assert main([*words, *base, str(davis / "segmentation_results")]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "J&F=30.0 J=31.9 F=28.0"
    assert "joint_davis_003 has no folder per data set: its masks are scored as dv2017_val" in (
        told.err
    )


def test_two_trackers_on_youtubevos(youtube, capsys):
    truth = str(data("ytvos-mini") / "2019/valid_gt")
    arguments = ["baseline", "copy_mask", "--against", "baseline", "perfect", "--quiet",
                 "--dataset_name", "YT2019_valid_all", "--results", str(youtube)]  # fmt: skip
    assert main([*arguments, "--ground_truth", truth]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[-1].startswith("J&F=32.1 J=33.8 F=30.5")
    assert "J&F=100.0 J=100.0 F=100.0" in lines
    assert "1 of 3 videos without ground truth, left out: 18e13825e6" in captured.err
    table = youtube / "baseline/perfect/yt2019_valid_all/global_results-yt2019_valid_all.csv"
    assert table.read_text() == "G,J_seen,J_unseen,F_seen,F_unseen\n" + "1.000," * 4 + "1.000\n"


def test_an_experiment(davis, capsys):
    (davis / "baseline/perfect").rename(davis / "baseline/optical_flow")
    arguments = ["--experiment", "baselines", "davis", "--results", str(davis), "--quiet"]
    assert main([*arguments, "--json", str(davis / "all.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "J&F=30.0 J=31.9 F=28.0"
    content = json.loads((davis / "all.json").read_text())
    assert list(content) == ["baseline copy_mask", "baseline optical_flow"]
    assert content["baseline optical_flow"]["numbers"]["J&F"] == 1.0


def test_without_words_the_official_tables_lie_beside_the_masks(davis, capsys):
    folder = davis / "baseline/copy_mask/dv2017_val"
    assert main(["--results", str(folder), "--dataset_name", "dv2017_val", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "J&F=30.0 J=31.9 F=28.0"
    tables = sorted(path.name for path in folder.glob("*.csv"))
    assert tables == ["global_results-val.csv", "per-sequence_results-val.csv"]
    assert (folder / tables[1]).read_text().splitlines()[1].startswith("blackswan_1,0.5")


def test_other_rules_give_the_scores_of_their_functions(davis, capsys):
    folder = davis / "baseline/copy_mask/dv2017_val"
    truth = data("davis-mini") / "Annotations/480p"
    by_rule = {"unsupervised": [], "pytracking": [], "youtubevos": []}
    for name in ("blackswan", "bmx-trees"):
        frames = [path.stem for path in sorted((truth / name).iterdir())]
        maps = [[read_label_map(d / name / f"{f}.png") for f in frames] for d in (truth, folder)]
        by_rule["unsupervised"].append(score_clip_unsupervised(*maps))
        by_rule["pytracking"].append(pytracking_rule.score_video(*maps, frames, {1: "00000"}))
        by_rule["youtubevos"].append(youtubevos.score_video(*maps, frames, {1: "00000"}))
    endings = {Scores.join(parts).summary for parts in by_rule.values()}
    assert len(endings) == 3
    for rule, parts in by_rule.items():
        arguments = ["--results", str(folder), "--dataset_name", "dv2017_val", "--rule", rule]
        assert main([*arguments, "--quiet"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == Scores.join(parts).summary


def test_any_folder_of_masks(tmp_path, capsys):
    videos = {"dog": moving_squares(8), "cat": moving_squares(9)}
    truth = write_videos(tmp_path / "truth", videos)
    results = write_videos(
        tmp_path / "results", {name: copy_first(maps) for name, maps in videos.items()}
    )
    assert main(["--results", str(results), "--ground_truth", str(truth), "--quiet"]) == 0
    by_path = capsys.readouterr().out
    collection = tmp_path / "set"
    shutil.copytree(truth, collection / "Annotations")
    name = f"folder:{collection}"
    assert (
        main(["--results", str(results), "--dataset_name", name, "--quiet", "--threads", "2"]) == 0
    )
    by_name = capsys.readouterr().out
    assert by_name.splitlines()[1:] == by_path.splitlines()[1:]
    assert len([line for line in by_name.splitlines() if line.startswith(("dog_", "cat_"))]) == 4
    assert (
        main(["--results", str(results), "--dataset_name", name, "--sequence", "cat", "--quiet"])
        == 0
    )
    assert "dog" not in capsys.readouterr().out


def test_json_and_threads(davis, capsys):
    folder = str(davis / "baseline/copy_mask/dv2017_val")
    texts = []
    for threads in ("1", "3"):
        file = davis / f"{threads}.json"
        assert main(["--results", folder, "--dataset_name", "dv2017_val", "--threads", threads,
                     "--json", str(file), "--quiet"]) == 0  # fmt: skip
        texts.append(file.read_text())
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["numbers"]["J-Mean"] == pytest.approx(0.3193, abs=1e-4)


def test_boxes_beside_the_masks(davis, capsys):
    folder = davis / "baseline/perfect/dv2017_val"
    for name in ("blackswan", "bmx-trees"):
        lines = []
        for path in sorted((folder / name).iterdir()):
            y, x = np.nonzero(read_label_map(path))
            box = (x.min(), y.min(), np.ptp(x), np.ptp(y)) if x.size else NO_BOX
            lines.append("\t".join(map(str, box)))
        (folder / f"{name}_1.txt").write_text("\n".join(lines))
    arguments = ["--results", str(folder), "--dataset_name", "dv2017_val", "--rule", "boxes"]
    assert main([*arguments, "--output", str(davis / "boxes")]) == 0
    ending = capsys.readouterr().out.splitlines()[-1]
    assert ending == "AUC=95.2 OP50=100.0 OP75=100.0 Precision=100.0 NormPrecision=100.0"
    assert (davis / "boxes/plots/success.png").is_file()
    (folder / "blackswan_1.txt").write_text("1 2 3 4\n")
    assert main(arguments) == 0
    assert "has 1 boxes for 50 frames: missing ones count as misses" in capsys.readouterr().err
    (folder / "blackswan_1.txt").write_text("1 2 3\n")
    assert main(arguments) == 2
    assert "expected lines of 4 numbers" in capsys.readouterr().err


def test_instances(tmp_path, monkeypatch, capsys):
    root = data("ytvis-mini")
    monkeypatch.setenv("PYTRACKING_YTVIS2019_DIR", str(root))
    truth = root / "valid_gt.json"
    results = [
        {"video_id": a["video_id"], "category_id": a["category_id"], "score": 0.9,
         "segmentations": a["segmentations"]}
        for a in json.loads(truth.read_text())["annotations"]
    ]  # fmt: skip
    (tmp_path / "results.json").write_text(json.dumps(results))
    arguments = ["--results", str(tmp_path), "--dataset_name", "ytvis2019_valid"]
    assert main([*arguments, "--ground_truth", str(truth), "--output", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "AP=100.0 AP50=100.0 AP75=100.0 AR1=100.0 AR10=100.0"
    assert (tmp_path / "out/plots/precision_at_IoU_0.5.tex").is_file()
    assert main(arguments) == 2
    assert "has no public ground truth" in capsys.readouterr().err


def test_expressions(tmp_path, monkeypatch, capsys):
    root = data("refytvos-mini")
    monkeypatch.setenv("PYTRACKING_REFYTVOS_DIR", str(root))
    truth = root / "valid_gt"
    objects = json.loads((truth / "expression_objects.json").read_text())["videos"]
    for video, entries in objects.items():
        maps = {p.stem: read_label_map(p) for p in (truth / "Annotations" / video).iterdir()}
        for label, number in entries.items():
            masks = {f: (m == int(number)).astype(np.uint8) for f, m in maps.items()}
            write_frames(tmp_path / video / label, masks)
    arguments = ["--results", str(tmp_path), "--dataset_name", "refytvos_valid", "--quiet"]
    assert main([*arguments, "--ground_truth", str(truth)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "J&F=100.0 J=100.0 F=100.0"
    assert not captured.err
    assert main(arguments) == 2
    assert "upload the file to https://" in capsys.readouterr().err


def test_four_annotators(tmp_path, monkeypatch, capsys):
    root = data("davis-mini-multi")
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    for number in range(4):
        shutil.copytree(root / "Annotations_unsupervised/480p", tmp_path / f"anno_{number}")
    arguments = ["--results", str(tmp_path), "--dataset_name", "refdavis_val", "--quiet"]
    assert main([*arguments, "--sequence", "pair-dog-goat"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "J&F=100.0 J=100.0 F=100.0"
    assert sum(line.startswith("anno_3 ") for line in lines) == 1


def test_sentences(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTRACKING_A2D_DIR", str(tmp_path))
    runs = as_rle({"size": [4, 5], "counts": [3, 5, 12]}, 4, 5)
    mask = {"size": [4, 5], "counts": runs["counts"].decode()}
    truth = {
        "images": [{"id": "v_f_1_i_1", "height": 4, "width": 5}],
        "annotations": [{"id": 1, "image_id": "v_f_1_i_1", "area": 5, "iscrowd": 0,
                         "category_id": 1, "segmentation": mask}],
    }  # fmt: skip
    file = tmp_path / "a2d_sentences_test_annotations_in_coco_format.json"
    file.write_text(json.dumps(truth))
    found = [{"image_id": "v_f_1_i_1", "category_id": 1, "score": 0.4, "segmentation": mask}]
    (tmp_path / "predictions.json").write_text(json.dumps(found))
    assert main(["--results", str(tmp_path), "--dataset_name", "a2d_test"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mAP=100.0 oIoU=100.0 mIoU=100.0"


def test_a_session(davis, capsys):
    rows = [
        "session_id,sequence,scribble_idx,interaction,object_id,frame,jaccard,contour,j_and_f,timing"
    ]
    rows += [
        f"s,{name},{scribble},{interaction},1,{frame},0.5,0.7,0.6,5"
        for name in ("blackswan", "bmx-trees") for scribble in (1, 2, 3)
        for interaction in (1, 2) for frame in range(2)
    ]  # fmt: skip
    (davis / "report.csv").write_text("\n".join(rows))
    arguments = ["--results", str(davis), "--dataset_name", "dv2017_val", "--rule", "interactive"]
    assert main([*arguments, "--max_time_per_object", "10", "--time_threshold", "5"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "AUC=45.0 J&F@5s=60.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset_name", "dv2017_val"], "name a tracker"),
        (["baseline", "copy_mask"], "needs --dataset-name"),
        (["--results", ".", "--dataset_name", "dv2017_vall"], "did you mean 'dv2017_val'"),
        (["baseline", "copy_mask", "--dataset_name", "dv2017_vall"], "did you mean 'dv2017_val'"),
        (["baseline", "copymask", "--dataset_name", "dv2017_val"], "did you mean 'copy_mask'"),
        (["basline", "copy_mask", "--dataset_name", "dv2017_val"], "did you mean 'baseline'"),
        (["--results", "nowhere", "--dataset_name", "dv2017_val"], "nowhere are not a folder"),
        (["--results", "."], "or a folder with --ground-truth"),
        (["--results", ".", "--ground_truth", "nowhere"], "nowhere is not a folder"),
        (["--results", ".", "--dataset_name", "dv2017_val", "--rule", "davies"], "mean 'davis'"),
        (["--results", ".", "--dataset_name", "dv2016_val", "--rule", "unsupervised"], "not fit"),
        (["--results", ".", "--dataset_name", "dv2017_val", "--sequence", "swan"], "'blackswan'"),
        (["--results", ".", "--dataset_name", "dv2017_test_dev"], "upload the file to https://"),
        (["--results", ".", "--dataset_name", "yt2019_train"], "youtubevos_dir is not set"),
        (["--results", ".", "--trheads", "2"], "did you mean '--threads'"),
        (["--check_submission", "a.zip"], "needs --dataset-name"),
        (["--check_submission", "a.zip", "--dataset_name", "dv2017_val"], r"a.zip cannot be read"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_sentence(davis, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(davis)
    base = ["--results", str(davis)] if arguments[0].startswith("bas") else []
    assert main([*arguments, *base]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.splitlines()[-1].startswith("error: ")
    assert captured.err.count("error: ") == 1
    assert captured.out == ""


def test_an_output_folder_that_cannot_be_written(davis, capsys):
    (davis / "file").write_text("")
    folder = davis / "baseline/copy_mask/dv2017_val"
    arguments = ["--results", str(folder), "--dataset_name", "dv2017_val", "--quiet"]
    assert main([*arguments, "--output", str(davis / "file")]) == 2
    assert "file" in capsys.readouterr().err


def test_scoring_does_not_import_what_runs_trackers():
    code = (
        "import sys, pytracking.run_evaluation, pytracking.evaluation.datasets.records; "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_data_set_is_built_and_scored_by_functions_that_exist():
    for name, record in RECORDS.items():
        for function in (record.build, record.score, record.submission):
            if function is not None:
                module, member = function.name.split(":")
                assert callable(getattr(importlib.import_module(module), member)), name


def test_results_of_a_folder_are_found_where_the_tracker_puts_them(tmp_path):
    from pytracking.evaluation.datasets import get_dataset

    root = tmp_path / "my clips, 2"
    write_videos(root / "Annotations", {"dog": moving_squares(3)})
    write_videos(root / "JPEGImages", {"dog": moving_squares(3)})
    name = f"folder:{root}"
    assert result_name(name) == get_dataset(name).name
    assert folder_path(name) == root


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_it_runs_without_pytorch_in_little_memory(davis):
    code = (
        "import sys; from pytracking.run_evaluation import main; code = main();"
        "peak = open('/proc/self/status').read().split('VmHWM:')[1].split()[0];"
        "print(*('%s' % (name in sys.modules) for name in ('torch', 'matplotlib', 'cv2')), peak);"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "baseline", "copy_mask", "--dataset_name", "dv2017_val",
         "--results", str(davis)],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *modules, memory = done.stdout.splitlines()[-1].split()
    assert modules == ["False"] * 3
    assert int(memory) < 300 * 1024
