"""Files that torch.save wrote are read; damaged, foreign and hostile ones are refused."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltr.admin.errors import CheckpointError
from ltr.admin.tensor_files import OLD_HEAD, Record, read_tensor_file


def as_zip(pickled: bytes) -> bytes:
    """The zip form of torch.save around a pickle without tensors."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in {
            "data.pkl": pickled,
            "version": b"3\n",
            "byteorder": b"little",
        }.items():
            archive.writestr(f"archive/{name}", content)
    return stream.getvalue()


def as_old_form(pickled: bytes) -> bytes:
    """The form of PyTorch before 1.6 around a pickle without tensors."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    parts = [OLD_HEAD, pickle.dumps(1001, 2), pickle.dumps(system, 2), pickled, pickle.dumps([], 2)]
    return b"".join(parts)


FORMS = {"zip": as_zip, "old": as_old_form}


@pytest.mark.parametrize("is_zip", [True, False])
def test_tensors_and_plain_values_come_back(tmp_path, is_zip):
    weight = torch.arange(6.0).reshape(2, 3)
    content = {
        "net": OrderedDict(weight=weight, alias=weight, half=weight.half()),
        "state": {"seed": 2**127 + 5, "loss": 0.5, "names": ("a", "b"), "none": None},
    }
    torch.save(content, tmp_path / "file.pth", _use_new_zipfile_serialization=is_zip)
    got = read_tensor_file(tmp_path / "file.pth")
    assert got["state"] == content["state"]
    assert got["net"]["weight"].equal(weight)
    assert got["net"]["half"].dtype == torch.float16
    assert got["net"]["alias"].data_ptr() == got["net"]["weight"].data_ptr()


def global_call(module: str, name: str, argument: str) -> bytes:
    """Pickle of protocol 2 that calls ``module.name(argument)``."""
    text = argument.encode()
    string = b"X" + struct.pack("<I", len(text)) + text
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + string + b"\x85R."


UPSTREAM_NAMES = [
    ("ltr.admin.settings", "Settings"),
    ("dlframework.ltr.admin.settings", "Settings"),
    ("dlframework.common.utils.stats", "AverageMeter"),
    ("ltr.admin.stats", "StatValue"),
    ("ltr.admin.local", "EnvironmentSettings"),
    ("ltr.admin.model_constructor", "NetConstructor"),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("module", "name"), UPSTREAM_NAMES)
def test_objects_of_upstream_become_inert_records(tmp_path, form, module, name):
    state = pickle.dumps({"val": 1, "history": [0.5]}, 2)[2:-1]
    pickled = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81" + state + b"b."
    (tmp_path / "file.pth").write_bytes(FORMS[form](pickled))
    got = read_tensor_file(tmp_path / "file.pth")
    assert type(got) is Record
    assert got == {"val": 1, "history": [0.5]}


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
@pytest.mark.parametrize(
    "value", [np.float64(0.6), np.float32(-1.5), np.int64(-(2**40)), np.uint8(7), np.bool_(True)]
)
def test_numpy_scalars_become_numbers(tmp_path, module, value):
    pickled = pickle.dumps([value], 2)
    for spelling in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        pickled = pickled.replace(b"c" + spelling, b"c" + module.encode())
    (tmp_path / "file.pth").write_bytes(as_zip(pickled))
    got = read_tensor_file(tmp_path / "file.pth")
    assert got == [value.item()]
    assert type(got[0]) in (bool, int, float)


class Attack:
    """An object whose unpickling would call a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def attacks(victim: Path) -> dict[str, tuple[bytes, str]]:
    """Pickles that would create ``victim``, and a part of the expected sentence."""
    shell = f"touch {victim}"
    code = f"open({str(victim)!r}, 'w')"
    extension = b"\x80\x02\x82\x01."
    return {
        "os.system": (pickle.dumps({"net": Attack(os.system, shell)}, 2), "system"),
        "eval": (pickle.dumps({"net": {"a": [Attack(eval, code)]}}, 2), "eval"),
        "exec": (pickle.dumps(Attack(exec, code), 2), "exec"),
        "protocol 4": (pickle.dumps(Attack(os.system, shell), 4), "instruction"),
        "protocol 0": (pickle.dumps(Attack(os.system, shell), 0), ""),
        "open": (global_call("io", "open", str(victim)), "io.open"),
        "subprocess": (global_call("subprocess", "getoutput", shell), "subprocess.getoutput"),
        "torch.load": (global_call("torch.serialization", "load", "x"), "torch.serialization.load"),
        "toolkit": (global_call("ltr.admin.files", "atomic_write", str(victim)), "atomic_write"),
        "import": (global_call("ltr.admin.secret", "Settings", "x"), "ltr.admin.secret.Settings"),
        "inst": (b"(S'" + shell.encode() + b"'\nios\nsystem\n.", "instruction"),
        "extension": (extension, "EXT1"),
        "getattr": (global_call("builtins", "getattr", "x"), "getattr"),
        "attribute": (pickle.dumps(Attack(getattr, torch.Tensor, "save"), 2), "getattr"),
        "persistent": (b"\x80\x02X\x03\x00\x00\x00abcQ.", ""),
        "persistent module": (
            b"\x80\x02X\x06\x00\x00\x00modulec" + b"os\nsystem\n\x86Q.",
            "os.system",
        ),
        "scalar": (pickle.dumps(np.array([Attack(os.system, shell)], object)[0], 2), "system"),
        "in a record": (
            b"\x80\x02cltr.admin.settings\nSettings\n)\x81"
            + pickle.dumps({"env": Attack(os.system, shell)}, 2)[2:-1]
            + b"b.",
            "system",
        ),
        "build on a class": (
            b"\x80\x02cltr.admin.settings\nSettings\n}X\x03\x00\x00\x00getK\x01sb.",
            "",
        ),
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("attack", attacks(Path("victim")))
def test_nothing_in_a_hostile_file_is_executed(tmp_path, form, attack):
    victim = tmp_path / "victim"
    pickled, expected = attacks(victim)[attack]
    (tmp_path / "file.pth").write_bytes(FORMS[form](pickled))
    with pytest.raises(CheckpointError) as caught:
        read_tensor_file(tmp_path / "file.pth")
    assert not victim.exists()
    assert expected in str(caught.value)
    assert str(tmp_path / "file.pth") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refused_name_is_told(tmp_path):
    (tmp_path / "file.pth").write_bytes(as_zip(global_call("subprocess", "call", "ls")))
    with pytest.raises(CheckpointError, match=r"is refused: .* subprocess\.call"):
        read_tensor_file(tmp_path / "file.pth")


def test_the_stand_ins_are_gone_after_a_read(tmp_path):
    (tmp_path / "file.pth").write_bytes(as_zip(global_call("subprocess", "call", "ls")))
    before = set(torch.serialization.get_safe_globals())
    with pytest.raises(CheckpointError):
        read_tensor_file(tmp_path / "file.pth")
    assert set(torch.serialization.get_safe_globals()) == before


def compressed_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(100_000))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"PK", "is not a network file"),
        (b"<!DOCTYPE html><html>", "is not a network file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not a network file"),
        (b"weights\n" * 9, "is not a network file"),
        (b"/models/net.pth.tar", "holds text, as a Git LFS pointer or a link"),
        (pickle.dumps({"net": 1}, 4), "is not a network file"),
        (compressed_zip(), "is a zip archive, but not a network file"),
        (b"PK\x03\x04" + bytes(100), "is damaged, or its end is missing"),
        (OLD_HEAD, "is damaged, incomplete"),
    ],
)
def test_other_files_are_told_apart(tmp_path, content, reason):
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        read_tensor_file(tmp_path / "file.pth")


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_truncated_file_is_damaged(tmp_path, is_zip, share):
    stream = io.BytesIO()
    content = {"net": {"weight": torch.ones(50, 50)}}
    torch.save(content, stream, _use_new_zipfile_serialization=is_zip)
    whole = stream.getvalue()
    (tmp_path / "file.pth").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensor_file(tmp_path / "file.pth")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"No such file.*absent\.pth"):
        read_tensor_file(tmp_path / "absent.pth")
    with pytest.raises(CheckpointError, match="Is a directory"):
        read_tensor_file(tmp_path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), is_zip=st.booleans())
def test_random_damage_raises_only_checkpoint_errors(tmp_path, data, is_zip):
    stream = io.BytesIO()
    torch.save(
        {"net": {"w": torch.ones(3)}, "epoch": 3}, stream, _use_new_zipfile_serialization=is_zip
    )
    damaged = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "file.pth").write_bytes(damaged)
    with contextlib.suppress(CheckpointError):
        read_tensor_file(tmp_path / "file.pth")
