"""The calls of the analysis notebook."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import write_label_map
from pytracking import run_evaluation
from pytracking.evaluation import Tracker, get_dataset, trackerlist
from pytracking.evaluation.scoring import evaluate_vos
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.notebook import plot_results, print_per_sequence_results, print_results
from tests.video_trees import write_davis

NOTEBOOK = Path(__file__).parents[2] / "pytracking/notebooks/analyze_results.ipynb"
BOX = {str(n).zfill(5): {1: (10 + 2 * n, 12)} for n in range(5)}
TRACKERS = (TrackerSpec("baseline", "copy_mask"), TrackerSpec("baseline", "copy_mask", run_id=7))


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Boxes of two runs on two videos: the first exact, the second half as wide."""
    root = write_davis(tmp_path / "davis", {"bear": BOX, "dog": BOX})
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    for sequence in get_dataset("dv2017_val"):
        exact = sequence.boxes[1].astype(float)
        for run, share in (("copy_mask", 1), ("copy_mask_007", 2)):
            boxes = exact // np.array([1, 1, share if sequence.name == "dog" else 1, 1])
            file = tmp_path / f"out/baseline/{run}/dv2017_val/{sequence.name}_1.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(file, boxes, fmt="%d", delimiter="\t")
    return tmp_path / "out"


def test_print_results(results, capsys):
    kinds = ("success", "prec", "norm_prec")
    print_results(TRACKERS, get_dataset("dv2017_val"), "rep", plot_types=kinds, results=results)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Reporting results over 2 / 2 sequences"
    heads = [cell.strip() for cell in lines[3].split("|")]
    assert heads == ["rep", "AUC", "OP50", "OP75", "Precision", "Norm Precision", ""]
    first, second = ([cell.strip() for cell in line.split("|")] for line in lines[4:6])
    assert first == ["baseline copy_mask", "95.24", "100.00", "100.00", "100.00", "100.00", ""]
    # dog: the first box is the annotation, the other four overlap by 3 of 7
    assert second[0] == "baseline copy_mask_007"
    assert second[2:4] == ["60.00", "60.00"]


def test_print_per_sequence_results(results, capsys):
    dataset = get_dataset("dv2017_val")
    print_per_sequence_results(TRACKERS, dataset, "rep", results=results)
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if "ID=" in line]
    found = {row[0].strip(): [cell.strip() for cell in row[1:3]] for row in rows}
    assert found == {"bear_1 (ID=0)": ["100.00", "100.00"], "dog_1 (ID=1)": ["100.00", "54.29"]}
    for mode, threshold, kept in (("ao_min", 60.5, 1), ("ao_max", 99, 0), ("delta_ao", 39, 1)):
        criteria = {"mode": mode, "threshold": threshold}
        print_per_sequence_results(
            TRACKERS, dataset, "rep", filter_criteria=criteria, results=results
        )
        assert capsys.readouterr().out.count("ID=") == kept
    with pytest.raises(ConfigError, match="ao_mean"):
        print_per_sequence_results(
            TRACKERS, dataset, "rep", False, {"mode": "ao_mean"}, results=results
        )


def test_plot_results_and_missing_sequences(results, tmp_path, capsys):
    dataset = get_dataset("dv2017_val")
    files = plot_results(
        TRACKERS,
        dataset,
        "rep",
        plot_types=("success", "norm_prec"),
        results=results,
        output=tmp_path,
    )
    assert [file.name for file in files] == ["success_plot.pdf", "norm_precision_plot.pdf"]
    assert all(file.read_bytes().startswith(b"%PDF") for file in files)
    (results / "baseline/copy_mask_007/dv2017_val/dog_1.txt").unlink()
    with pytest.raises(DataError, match=r"dog_1\.txt is missing"):
        print_results(TRACKERS, dataset, "rep", results=results)
    print_results(TRACKERS, dataset, "rep", skip_missing_seq=True, results=results)
    assert "over 1 / 2 sequences" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="choose from success"):
        print_results(TRACKERS, dataset, "rep", plot_types=("sucess",))


def test_runs_of_one_configuration_are_averaged(results, capsys):
    dataset = get_dataset("dv2017_val")
    print_results(TRACKERS, dataset, "rep", merge_results=True, results=results)
    rows = capsys.readouterr().out.splitlines()[4:-1]
    assert [[cell.strip() for cell in row.split("|")] for row in rows] == [
        ["baseline copy_mask", "84.76", "80.00", "80.00", ""]  # means of both runs
    ]
    print_per_sequence_results(TRACKERS, dataset, "rep", merge_results=True, results=results)
    assert "dog_1 (ID=1)" in (shown := capsys.readouterr().out)
    assert "77.14" in shown


def test_the_notebook_runs(results, monkeypatch, tmp_path, capsys):
    """Its code cells, one after the other; nothing that they put out is stored with it."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(results))
    monkeypatch.setenv("PYTRACKING_RESULT_PLOT_PATH", str(tmp_path / "plots"))
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for old, new in (("(0, 1, 2)", "(None, 7)"), ("optical_flow", "copy_mask")):
        assert old in code
        code = code.replace(old, new)
    exec(compile(code, str(NOTEBOOK), "exec"), {})
    shown = capsys.readouterr().out
    assert shown.count("Reporting results over 2 / 2 sequences") == 2
    assert "dog_1 (ID=1)" in shown
    assert (tmp_path / "plots/davis/success_plot.pdf").is_file()


def test_calls_as_pytracking_has_them(results, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(results))
    monkeypatch.setenv("PYTRACKING_RESULT_PLOT_PATH", str(tmp_path / "plots"))
    trackers = trackerlist("baseline", "copy_mask", 7, "Copies")
    assert Tracker("baseline", "copy_mask", 7, "Copies") == trackers[0]
    dataset = get_dataset("dv2017_val")
    print_results(
        trackers,
        dataset,
        "rep",
        merge_results=True,
        plot_types=("success"),
        skip_missing_seq=False,
        force_evaluation=True,
        plot_bin_gap=0.25,
        exclude_invalid_frames=False,
    )
    row = capsys.readouterr().out.splitlines()[4]
    # bear: 1 at four of five thresholds; dog: the first frame alike, 3 of 7 at 0 and 0.25
    auc = (80 + (80 + 4 * 40) / 5) / 2
    assert [cell.strip() for cell in row.split("|")] == [
        "Copies",
        f"{auc:.2f}",
        "60.00",
        "60.00",
        "",
    ]
    (file,) = plot_results(trackers, dataset, "rep", force_evaluation=True)
    assert file == tmp_path / "plots/rep/success_plot.pdf"
    for gap in (0.3, 0.2, 0.0, 2.0):
        with pytest.raises(ConfigError, match="the gap"):
            print_results(trackers, dataset, "rep", plot_bin_gap=gap)


def test_evaluate_vos(results, capsys):
    """Frames after the first and before the last annotated one; one square is cut in half."""
    dataset = get_dataset("dv2017_val")
    for sequence in dataset:
        for run in ("copy_mask", "copy_mask_007"):
            folder = results / f"baseline/{run}/dv2017_val/{sequence.name}"
            folder.mkdir()
            for place, frame in enumerate(sequence.frames):
                labels = sequence.read_mask(place).copy()
                if run == "copy_mask_007" and sequence.name == "dog":
                    labels[16:] = 0
                write_label_map(folder / f"{frame.stem}.png", labels)
    evaluate_vos(TRACKERS, "dv2017_val", force=True, results=results)
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows if len(row) > 3]
    assert cells[0][:3] == ["dv2017_val", "J&F", "J-Mean"]
    found = {row[0]: row[2] for row in cells[1:]}
    assert found == {"baseline copy_mask": "100.00", "baseline copy_mask_007": "75.00"}
    tables = results / "baseline/copy_mask_007/dv2017_val"
    lines = (tables / "dv2017_val_per-sequence_results.csv").read_text().splitlines()
    assert lines == ["Sequence,J-Mean,J-Recall,J-Decay", "bear_1,1.000,1.000,0.000",
                     "dog_1,0.500,0.000,0.000"]  # fmt: skip
    assert (tables / "dv2017_val_global_results.csv").is_file()
    with pytest.raises(ConfigError, match="no tracker"):
        evaluate_vos((), "dv2017_val", results=results)


def test_boxes_are_scored_alike_by_command_and_notebook(tmp_path, monkeypatch, capsys):
    """An annotated frame without the object is a miss; -1 means that a tracker does not see it."""
    squares = {**BOX, "00003": {}}
    root = write_davis(tmp_path / "davis", {"bear": squares})
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    folder = tmp_path / "out/baseline/copy_mask/dv2017_val"
    folder.mkdir(parents=True)
    (sequence,) = get_dataset("dv2017_val")
    boxes = sequence.boxes[1].copy()
    assert boxes[3].tolist() == [-1, -1, -1, -1]
    boxes[2] = boxes[3]
    np.savetxt(folder / "bear_1.txt", boxes, fmt="%d", delimiter="\t")
    tracker = TRACKERS[:1]
    kinds = ("success", "prec", "norm_prec")
    print_results(tracker, get_dataset("dv2017_val"), "rep", False, kinds, results=tmp_path / "out")
    cells = [cell.strip() for cell in capsys.readouterr().out.splitlines()[4].split("|")]
    # frame 2 repeats the box of frame 1, two of seven pixels to the left: 5 of 9
    auc = (3 * 20 + 12) / 21 / 5
    assert cells[1:4] == [f"{100 * auc:.2f}", "80.00", "60.00"]
    file = tmp_path / "boxes.json"
    words = ["--results", str(folder), "--dataset-name", "dv2017_val", "--rule", "boxes"]
    assert run_evaluation.main([*words, "--json", str(file)]) == 0
    capsys.readouterr()
    numbers = json.loads(file.read_text())["numbers"]
    assert [f"{100 * value:.2f}" for value in numbers.values()] == cells[1:-1]
    print_results(
        tracker, get_dataset("dv2017_val"), "rep", exclude_invalid_frames=True,
        results=tmp_path / "out",
    )  # fmt: skip
    assert f"{100 * auc * 5 / 4:.2f}" in capsys.readouterr().out
