"""The calls of the analysis notebook."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from pytracking.evaluation.datasets import get_dataset
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
    monkeypatch.chdir(tmp_path)
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for old, new in (("(0, 1, 2)", "(None, 7)"), ("optical_flow", "copy_mask")):
        assert old in code
        code = code.replace(old, new)
    exec(compile(code, str(NOTEBOOK), "exec"), {})
    shown = capsys.readouterr().out
    assert shown.count("Reporting results over 2 / 2 sequences") == 2
    assert "dog_1 (ID=1)" in shown
    assert (tmp_path / "result_plots/davis/success_plot.pdf").is_file()
