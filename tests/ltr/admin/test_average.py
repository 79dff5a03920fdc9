from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ltr.admin.average import average, main
from ltr.admin.checkpoint import network_fields, read_checkpoint, save_checkpoint
from ltr.admin.loading import load_network
from tests.small_joint import small_network


def write_checkpoints(folder: Path, count: int) -> list[Path]:
    """Networks whose weights are multiples 1, 2, ... of the same ones."""
    network = small_network()
    paths = []
    for factor in range(1, count + 1):
        fields = network_fields(network)
        fields["net"] = {
            name: tensor * factor if tensor.is_floating_point() else tensor + factor
            for name, tensor in fields["net"].items()
        }
        paths.append(folder / f"JOINTNet_ep{factor:04d}.pth.tar")
        save_checkpoint(paths[-1], {**fields, "epoch": factor, "optimizer": {"state": {}}})
    return paths


def test_weights_are_means_and_counters_the_last_ones(tmp_path: Path, capsys) -> None:
    paths = write_checkpoints(tmp_path, 3)
    target = tmp_path / "mean.pth.tar"
    assert main([*map(str, paths), str(target)]) == 0
    assert "the mean of 3 checkpoints" in capsys.readouterr().out
    mean, first, last = (read_checkpoint(path) for path in (target, paths[0], paths[-1]))
    assert mean.net.keys() == first.net.keys()
    for name, tensor in mean.net.items():
        wanted = 2 * first.net[name] if tensor.is_floating_point() else last.net[name]
        assert tensor.dtype == wanted.dtype
        assert torch.allclose(tensor, wanted), name
    assert mean.epoch == 3
    assert "optimizer" not in mean.fields
    assert [source["file"] for source in mean.fields["source"]] == [path.name for path in paths]
    load_network(target)


def test_another_network_is_refused_and_nothing_written(tmp_path: Path, capsys) -> None:
    (path,) = write_checkpoints(tmp_path, 1)
    checkpoint = read_checkpoint(path)
    name = next(iter(checkpoint.net))
    for damage in ({name: torch.zeros(7)}, {"more": torch.zeros(1)}):
        other, target = tmp_path / "other.pth.tar", tmp_path / "mean.pth.tar"
        save_checkpoint(other, {"net": {**checkpoint.net, **damage}})
        assert main([str(path), str(other), str(target)]) == 2
        error = capsys.readouterr().err
        assert "is of another network than" in error
        assert next(iter(damage)) in error
        assert not target.exists()


def test_missing_files_and_existing_targets(tmp_path: Path, capsys) -> None:
    paths = write_checkpoints(tmp_path, 2)
    assert main([str(paths[0]), str(tmp_path / "no.pth.tar"), str(tmp_path / "x.pth.tar")]) == 2
    assert "no.pth.tar" in capsys.readouterr().err
    before = paths[1].read_bytes()
    assert main([str(paths[0]), str(paths[1])]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert paths[1].read_bytes() == before


@pytest.mark.parametrize("count", [1, 5])
def test_equal_checkpoints_have_themselves_as_mean(tmp_path: Path, count: int) -> None:
    (path,) = write_checkpoints(tmp_path, 1)
    average([path] * count, tmp_path / "mean.pth.tar")
    net = read_checkpoint(path).net
    mean = read_checkpoint(tmp_path / "mean.pth.tar").net
    assert all(torch.equal(tensor, mean[name]) for name, tensor in net.items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, capsys, value: float) -> None:
    paths = write_checkpoints(tmp_path, 2)
    checkpoint = read_checkpoint(paths[1])
    name = next(name for name, tensor in checkpoint.net.items() if tensor.is_floating_point())
    checkpoint.net[name].view(-1)[0] = value
    save_checkpoint(paths[1], {"net": checkpoint.net})
    target = tmp_path / "mean.pth.tar"
    assert main([*map(str, paths), str(target)]) == 2
    assert f"{paths[1]}: {name} holds values that are not finite" in capsys.readouterr().err
    assert not target.exists()
