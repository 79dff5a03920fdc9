"""Reads zip files from anywhere: nothing is unpacked, nothing larger than expected is read."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from ltr.admin.errors import DataError
from ltr.admin.files import open_regular

_UNIX_MODE_SHIFT = 16
_ENCRYPTED = 0x1
# Results are compressed to a twentieth at best; more is a bomb.
_SMALL_BYTES, _MAX_RATIO = 16 << 20, 200


class ZipArchive:
    """The files of a zip archive.

    Args:
        path: The archive.
        expected: What it should be, for errors.

    Raises:
        DataError: It is not a zip file, or has members with dangerous or doubled names.
    """

    def __init__(self, path: Path, expected: str = "a zip file") -> None:
        self.path = path
        try:
            self._stream = open_regular(path)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            self._archive = zipfile.ZipFile(self._stream)
            self._members = self._checked_members()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            self._stream.close()
            raise DataError(f"{path} is not {expected}: {error}") from error
        except BaseException:
            self._stream.close()
            raise

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        """The files by their names."""
        members = self._archive.infolist()
        for member in members:
            self._refuse_dangerous(member)
        names = Counter(member.filename for member in members)
        name, count = names.most_common(1)[0] if names else ("", 0)
        if count > 1:
            raise DataError(f"{self.path} has the member {name!r} {count} times")
        return {item.filename: item for item in members if not item.is_dir()}

    def __enter__(self) -> ZipArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._stream.close()

    @property
    def names(self) -> set[str]:
        """Names of all files."""
        return set(self._members)

    def read(self, name: str, max_bytes: int) -> bytes:
        """The content of a file.

        Raises:
            DataError: It is not there, larger, or damaged.
        """
        member = self._members.get(name)
        if member is None:
            raise DataError(f"{self.path} has no {name}")
        max_bytes = min(max_bytes, max(_SMALL_BYTES, _MAX_RATIO * member.compress_size))
        if member.file_size > max_bytes:
            raise DataError(f"{name} has {member.file_size} bytes, at most {max_bytes} make sense")
        try:
            with self._archive.open(member) as stream:
                return stream.read(member.file_size)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{name} is damaged: {error}") from error
        except Exception as error:  # zlib, bz2 and lzma each raise a kind of their own
            raise DataError(f"{name} cannot be decompressed: {error}") from error

    def _refuse_dangerous(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        parts = PurePosixPath(name).parts
        mode = member.external_attr >> _UNIX_MODE_SHIFT
        if not name.strip("/"):
            raise DataError(f"{self.path}: a member has no name")
        if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
            raise DataError(f"{self.path}: the member {name!r} would leave the folder")
        if stat.S_ISLNK(mode):
            raise DataError(f"{self.path}: the member {name!r} is a link")
        if member.flag_bits & _ENCRYPTED:
            raise DataError(f"{self.path}: the member {name!r} is encrypted")
