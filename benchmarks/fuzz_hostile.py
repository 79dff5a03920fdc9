"""Files made to do harm: pickles that call something, archives that leave their folder, bombs.

Each pickle would leave a file behind if any of it were executed.
"""

from __future__ import annotations

import io
import json
import pickle
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from fuzz_containers import container_bombs
from fuzz_hostile_networks import hostile_networks

_BOMB_BYTES = 1 << 30
_OLD_HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MARK, _TUPLE1, _REDUCE, _STOP = b"(", b"\x85", b"R", b"."


@dataclass(frozen=True)
class HostileFile:
    """A file that must do no harm.

    Args:
        kind: ``pickle``, ``archive`` (of any use but the reader's) or ``bomb``.
        name: What it tries.
        content: Bytes of the file.
    """

    kind: str
    name: str
    content: bytes

    @property
    def fine(self) -> tuple[str, ...]:
        """Outcomes that are right: a bomb may lie in a part that the reader does not need."""
        return ("error", "read") if self.kind == "bomb" else ("error",)


def hostile_files(canary: Path) -> Iterator[HostileFile]:
    """All of them; what is executed creates the file ``canary``."""
    for name, pickled in hostile_pickles(canary):
        for form, wrap in (("raw", bytes), ("zip", _as_zip), ("old form", _as_old_form)):
            yield HostileFile("pickle", f"{name}, {form}", wrap(pickled))
    for function in ("os:system", "builtins:exec", "ltr.models.joint.joint_net:os.system",
                     "ltr.admin.convert:main", "torch:load", "../../x:y"):  # fmt: skip
        yield HostileFile("pickle", f"constructor {function}", _with_constructor(function, canary))
    for name, content in _archives():
        yield HostileFile("archive", name, content)
    for name, content in hostile_networks():
        yield HostileFile("archive", f"network: {name}", content)
    for name, content in _bombs():
        yield HostileFile("bomb", name, content)


def hostile_pickles(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Pickles for each way of calling something: by name, and by instruction."""
    shell, code = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    calls = {
        ("os", "system"): shell,
        ("posix", "system"): shell,
        ("subprocess", "getoutput"): shell,
        ("pty", "spawn"): shell,
        ("builtins", "exec"): code,
        ("builtins", "eval"): code,
        ("__builtin__", "eval"): code,
        ("timeit", "timeit"): code,
        ("cProfile", "run"): code,
        ("code", "interact"): code,
        ("torch._inductor.codecache", "PyCodeCache.load"): code,
        ("importlib", "import_module"): "antigravity",
        ("runpy", "run_path"): str(canary),
        ("torch", "load"): str(canary),
        ("torch.hub", "load"): str(canary),
        ("ctypes", "CDLL"): "libc.so.6",
        ("numpy", "load"): str(canary),
        ("pathlib", "Path.touch"): str(canary),
        ("ltr.admin.stats", "os.system"): shell,
        ("ltr.admin.settings", "Settings.__init__"): shell,
        ("torch._utils", "_rebuild_tensor_v2.__globals__"): code,
    }
    for (module, function), argument in calls.items():
        name = f"{module}\n{function}\n".encode()
        call = b"c" + name + _text(argument) + _TUPLE1 + _REDUCE
        yield f"REDUCE {module}.{function}", b"\x80\x02" + call + _STOP
    target, operand = b"os\nsystem\n", _text(shell)
    programs = {
        "INST": _MARK + operand + b"i" + target,
        "OBJ": _MARK + b"c" + target + operand + b"o",
        "NEWOBJ": b"c" + target + operand + _TUPLE1 + b"\x81",
        "NEWOBJ_EX": b"c" + target + operand + _TUPLE1 + b"}\x92",
        "STACK_GLOBAL": _short("os") + _short("system") + b"\x93" + operand + _TUPLE1 + _REDUCE,
        "EXT1": b"\x82\x01" + operand + _TUPLE1 + _REDUCE,
        "PERSID": b"P" + target,
        "BINPERSID": _text("storage") + b"Q",
        "BUILD": b"}" + b"c" + target + b"b",
        "MEMOIZE and GET": b"c" + target + b"\x94h\x00" + operand + _TUPLE1 + _REDUCE,
        "in a dictionary": b"}" + _text("net") + b"c" + target + operand + _TUPLE1 + _REDUCE + b"s",
        "APPEND": b"]" + b"c" + target + operand + _TUPLE1 + _REDUCE + b"a",
    }
    for instruction, program in programs.items():
        yield instruction, b"\x80\x04" + program + _STOP
    yield "protocol 0", b"cos\nsystem\n(S'" + shell.encode() + b"'\ntR."


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def _as_zip(pickled: bytes) -> bytes:
    """The form of today's ``torch.save``."""
    return _zip({"a/data.pkl": pickled, "a/version": b"3\n", "a/byteorder": b"little"})


def _as_old_form(pickled: bytes) -> bytes:
    """The form of PyTorch before 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    tail = (pickle.dumps(system, 2), pickled, pickle.dumps([], 2))
    return b"".join((_OLD_HEAD, pickle.dumps(1001, 2), *tail))


def _with_constructor(function: str, canary: Path) -> bytes:
    stream = io.BytesIO()
    constructor = {"function": function, "kwargs": {"command": f"touch {canary}"}}
    torch.save({"net": {"weight": torch.ones(1)}, "constructor": constructor}, stream)
    return stream.getvalue()


def _zip(members: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _archives() -> Iterator[tuple[str, bytes]]:
    for name in ("../out.png", "/tmp/out.png", "a/../../out.png", "C:\\out.png", "..\\out.png"):
        yield f"zip with {name}", _zip({name: b"x"})
        yield f"tar with {name}", _tar([(tarfile.TarInfo(name), b"x")])
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    yield "zip with a link", _zip({link: b"/etc/passwd"})
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        yield f"tar with a member of type {kind.decode()}", _tar([(member, b"")])
    yield "tar.gz", zlib.compress(_tar([(tarfile.TarInfo("../x"), b"x")]), wbits=31)
    encrypted = bytearray(_zip({"results.json": b"[]"}))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    yield "encrypted zip", bytes(encrypted)


def _tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _bombs() -> Iterator[tuple[str, bytes]]:
    zeros = _zlib_zeros()
    yield "zlib stream of 1 GiB", zeros
    yield from _safetensors()
    yield "elements of 1 GiB in the zip of CVAT", _zip_bomb("annotations.xml", _deflated(b"<a/>"))
    for name in ("results.json", "Annotations/v/00000.png", "a/data.pkl", "session.json"):
        yield f"zip bomb in {name}", _zip_bomb(name, _deflated(b"\0"))
    for side in (65535, 2**31 - 1):
        yield f"PNG of {side}x{side}", _png(side, side, zlib.compress(bytes(99)))
    yield "PNG with 1 GiB behind 24x32 pixels", _png(32, 24, zeros)
    yield "PNG with a text of 1 GiB", _png(32, 24, zlib.compress(bytes(33 * 24)), text=zeros)
    yield (
        "JPEG of 65535x65535",
        (
            b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"
        ),
    )
    yield "BMP of 2 GiB", b"BM" + struct.pack("<IIIIiiHHI", 99, 0, 54, 40, 2**15, 2**15, 1, 16, 0)
    yield "nested JSON", b"[" * 1_000_000
    yield "nested JSON, closed", b"[" * 100_000 + b"]" * 100_000
    yield "JSON number of 5 million digits", b"9" * 5_000_000
    yield from container_bombs()
    tensor = b"ctorch\nzeros\n\x8a\x05\x00\x00\x00\x00\x10\x85R"
    yield "tensor of 256 GiB", _as_zip(b"\x80\x02" + tensor + _STOP)


def _safetensors() -> Iterator[tuple[str, bytes]]:
    entry = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    entries = ",".join(entry % number for number in range(300_000))
    nested = json.dumps({"__metadata__": {"vos_toolkit": "[" * 100_000}})
    for name, header in (("300,000 tensors", f"{{{entries}}}"), ("nested metadata", nested)):
        yield f"safetensors of {name}", struct.pack("<Q", len(header)) + header.encode()


def _zlib_zeros() -> bytes:
    """A zlib stream of zeros, whose checksum fits."""
    return b"\x78\xda" + _deflated(b"\0") + struct.pack(">HH", _BOMB_BYTES % 65521, 1)


def _deflated(pattern: bytes) -> bytes:
    """1 GiB as deflate packs it: the same packed MiB repeated, and the end."""
    packer = zlib.compressobj(9, wbits=-15)
    mebibyte = packer.compress(pattern * ((1 << 20) // len(pattern)))
    mebibyte += packer.flush(zlib.Z_FULL_FLUSH)
    return mebibyte * (_BOMB_BYTES >> 20) + b"\x03\x00"


def _zip_bomb(name: str, content: bytes) -> bytes:
    """A member that is declared small and inflates to 1 GiB."""
    local = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, 0, len(content), 99, len(name), 0
    )
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, 0, len(content), 99,
        len(name), 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    body = local + name.encode() + content
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central) + len(name), len(body), 0)
    return body + central + name.encode() + end


def _png(width: int, height: int, packed: bytes, text: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    if text:
        chunks.insert(1, (b"zTXt", b"k\x00\x00" + text))
    parts = (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
