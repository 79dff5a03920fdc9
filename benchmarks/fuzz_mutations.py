"""Seeded damage to files: blindly to their bytes, and with knowledge of JSON, PNG and zip.

A format that guards its content with checksums hides most of its reader from blind damage. So PNG
chunks and zip members are also changed under checksums that fit.
"""

from __future__ import annotations

import copy
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

_MAX_EDITS = 4
_MAX_RANGE = 64
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63)
_VALUES: tuple[Any, ...] = (
    *_NUMBERS, None, True, "", "x", "../../x", "/etc", "\x00", "\ud800", "1", "-1", 0.5, -0.5,
    1e308, float("nan"), float("inf"), 10**30, [], [[]], {}, [None], [-1], ["a"], {"a": None},
    {"size": [1, 1], "counts": "P"}, [10**9, 10**9],
)  # fmt: skip


def mutate(valid: bytes, suffix: str, draw: random.Random) -> bytes:
    """Damage the content of a valid file.

    Args:
        valid: The content.
        suffix: Suffix of the file; ``.json``, ``.png`` and zip files are damaged both ways.
        draw: Decides everything.
    """
    aware = mutate_zip if valid.startswith(b"PK\x03\x04") else _AWARE.get(suffix)
    if aware is not None and draw.random() < 0.5:
        return aware(valid, draw)
    return mutate_bytes(valid, draw)


def mutate_bytes(valid: bytes, draw: random.Random) -> bytes:
    """Change up to four places without looking at what stands there."""
    content = bytearray(valid)
    for _ in range(draw.randint(1, _MAX_EDITS)):
        draw.choice(_EDITS)(content, draw)
    return bytes(content)


def mutate_json(valid: bytes, draw: random.Random) -> bytes:
    """Replace, remove or rename up to four values of a JSON file."""
    holder = [json.loads(valid)]
    for _ in range(draw.randint(1, _MAX_EDITS)):
        container, key = draw.choice(list(_places(holder)))
        if container is holder or draw.random() < 0.7:
            container[key] = _json_value(container[key], draw)
        elif isinstance(container, dict) and draw.random() < 0.5:
            container[str(draw.choice(_VALUES))] = container.pop(key)
        else:
            del container[key]
    return json.dumps(holder[0]).encode()


def mutate_png(valid: bytes, draw: random.Random) -> bytes:
    """Change the content of a chunk, half of the time below the compression, and fix checksums."""
    chunks = _png_chunks(valid)
    place = draw.randrange(len(chunks))
    kind, content = chunks[place]
    if kind == b"IDAT" and draw.random() < 0.5:
        content = zlib.compress(mutate_bytes(zlib.decompress(content), draw))
    elif draw.random() < 0.2:
        kind = draw.choice([b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"zTXt", b"iCCP"])
    else:
        content = mutate_bytes(content, draw)
    chunks[place] = (kind, content)
    return _PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + kind + content + _checksum(kind + content)
        for kind, content in chunks
    )


def mutate_zip(valid: bytes, draw: random.Random) -> bytes:
    """Change, rename, double or drop a member, and write a new archive."""
    with zipfile.ZipFile(io.BytesIO(valid)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    place = draw.randrange(len(members))
    name, content = members[place]
    action = draw.randrange(8)
    if action == 0:
        del members[place]
    elif action == 1:
        members.append((name, mutate_bytes(content, draw)))
    elif action == 2:
        members[place] = (draw.choice(["../" + name, "/" + name, "x", name + "/", "C:x"]), content)
    else:
        members[place] = (name, mutate_bytes(content, draw))
    kind = zipfile.ZIP_DEFLATED if draw.random() < 0.1 else zipfile.ZIP_STORED
    return _zip(members, kind)


def _zip(members: list[tuple[str, bytes]], kind: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        seen = set()
        for name, content in members:
            # A doubled name is wanted, the warning of the library is not.
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            if name in seen:
                archive.NameToInfo.pop(name)
            archive.writestr(info, content)
            seen.add(name)
    return stream.getvalue()


def _png_chunks(valid: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], len(_PNG_SIGNATURE)
    while position < len(valid):
        (length,) = struct.unpack_from(">I", valid, position)
        kind = valid[position + 4 : position + 8]
        chunks.append((kind, valid[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def _checksum(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))


def _places(value: Any) -> Any:
    """Every container of a JSON value with every key."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _json_value(old: Any, draw: random.Random) -> Any:
    if isinstance(old, str) and old and draw.random() < 0.5:
        place = draw.randrange(len(old))
        return old[:place] + draw.choice(["", "~", "0", "o", "é", old]) + old[place + 1 :]
    if isinstance(old, list) and old and draw.random() < 0.5:
        return draw.choice([old[::-1], old * 2, old[:-1], [old], dict(enumerate(old))])
    if isinstance(old, int) and draw.random() < 0.5:
        return old + draw.choice((-1, 1, 1000, 10**9))
    return copy.deepcopy(draw.choice(_VALUES))  # later edits may change it


def _range(content: bytearray, draw: random.Random) -> slice:
    start = draw.randrange(len(content) + 1)
    return slice(start, min(len(content), start + draw.randint(1, _MAX_RANGE)))


def _flip_bit(content: bytearray, draw: random.Random) -> None:
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _set_byte(content: bytearray, draw: random.Random) -> None:
    if content:
        content[draw.randrange(len(content))] = draw.choice(
            (0, 0x7F, 0x80, 0xFF, draw.randrange(256))
        )


def _set_number(content: bytearray, draw: random.Random) -> None:
    size = draw.choice((2, 4, 8))
    number = draw.choice(_NUMBERS) % (1 << 8 * size)
    start = draw.randrange(len(content) + 1)
    content[start : start + size] = number.to_bytes(size, draw.choice(("big", "little")))


def _delete(content: bytearray, draw: random.Random) -> None:
    del content[_range(content, draw)]


def _repeat(content: bytearray, draw: random.Random) -> None:
    part = _range(content, draw)
    content[part.start : part.start] = bytes(content[part]) * draw.choice((1, 2, 100))


def _insert(content: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(content) + 1)
    content[start:start] = draw.randbytes(draw.randint(1, _MAX_RANGE))


def _overwrite(content: bytearray, draw: random.Random) -> None:
    part = _range(content, draw)
    content[part] = draw.randbytes(part.stop - part.start)


def _clear(content: bytearray, draw: random.Random) -> None:
    part = _range(content, draw)
    content[part] = bytes(part.stop - part.start)


def _swap(content: bytearray, draw: random.Random) -> None:
    first, second = _range(content, draw), _range(content, draw)
    content[first], content[second] = bytes(content[second]), bytes(content[first])


def _cut(content: bytearray, draw: random.Random) -> None:
    del content[draw.randrange(len(content) + 1) :]


def _append(content: bytearray, draw: random.Random) -> None:
    content += draw.randbytes(draw.randint(1, 4 * _MAX_RANGE))


_EDITS = (
    _flip_bit, _flip_bit, _flip_bit, _set_byte, _set_number, _delete, _repeat, _insert, _overwrite,
    _clear, _swap, _cut, _append,
)  # fmt: skip
_AWARE: dict[str, Mutation] = {".json": mutate_json, ".png": mutate_png}
