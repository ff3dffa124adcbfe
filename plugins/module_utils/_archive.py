# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive of executions: JSON Lines that are safely on disk, batch by batch, before anything is deleted.

Each batch is written, flushed and synced as a whole, in a ``.gz`` file as a gzip member of its own. A run that is killed
leaves at most one torn batch at the end, which is cut off when the file is opened again.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import typing as t
import zlib

from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._files import CHUNK, MODE, NotWritten, check_target

# How a gzip member begins, and how many bytes of one are unpacked at a time.
_MEMBER = b"\x1f\x8b\x08"
_PART = 64 * 1024


class Archive:
    """The archive at ``path``, open for appending by this run alone; used as a context manager.

    Raises ``InvalidInput`` for a path that cannot be one, or a file that is no archive; ``NotWritten`` where the disk refuses.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._packed = path.endswith(".gz")
        self._file: int | None = None

    def __enter__(self) -> Archive:
        check_target("archive_path", self._path)
        created = not os.path.exists(self._path)
        try:
            # A link is not followed: it might lead to a file of somebody else's.
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InvalidInput(f"archive_path: another run is writing to {self._path}; wait for it.") from None
            os.fchmod(self._file, MODE)
            whole = whole_part(self._path)
            if whole < os.fstat(self._file).st_size:
                os.ftruncate(self._file, whole)
                os.fsync(self._file)
            os.lseek(self._file, 0, os.SEEK_END)
            if created:
                _sync_folder(self._path)
        except OSError as error:
            self.__exit__()
            raise self._failed(error) from None
        except InvalidInput:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_unused: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, records: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """Put these records on disk; when it returns, no crash can lose them. Raises ``NotWritten``."""
        if not records or self._file is None:
            return
        lines = "".join(f"{json.dumps(record, ensure_ascii=False, separators=(',', ':'))}\n" for record in records)
        content = lines.encode("utf-8", "surrogatepass")
        left = memoryview(gzip.compress(content, mtime=0) if self._packed else content)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> NotWritten:
        return NotWritten(
            f"The archive {self._path} could not be written: {error.strerror or error}. What is not in it is not deleted."
        )


def check_archive(path: str) -> None:
    """Raise ``InvalidInput`` for a path that ``Archive`` would refuse; writes nothing."""
    check_target("archive_path", path)
    if os.path.exists(path):
        if not os.access(path, os.R_OK | os.W_OK):
            raise InvalidInput(f"archive_path: {path} cannot be read and written.")
        whole_part(path)


def whole_part(path: str) -> int:
    """How many bytes from the beginning are whole batches. Raises ``InvalidInput`` for what is no archive of executions."""
    try:
        return _whole_members(path) if path.endswith(".gz") else _whole_lines(path)
    except OSError as error:
        raise InvalidInput(f"archive_path: {path} cannot be read: {error.strerror or error}.") from None


def _whole_lines(path: str) -> int:
    """Up to the last end of a line; the first line must be a record, or the beginning of one."""
    with open(path, "rb") as file:
        first = file.readline()
        _check_first(path, first, whole=first.endswith(b"\n"))
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - CHUNK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return min(size, start + found + 1)
            end = start
    return 0


def _whole_members(path: str) -> int:
    """Up to the end of the last gzip member that is whole."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        _check_first_member(path, file)
        # As a rule the last one ends where the file does. That is found without unpacking all of it, however large it has grown.
        last = next(filter(None, (_end_if_whole(file, place) for place in _beginnings(file, size))), 0)
        if last == size:
            return size
        # Only from the first on, one after the other, nothing within a member is taken for another.
        whole = 0
        try:
            end = _end_of_member(file, whole)
            while end is not None:
                whole = end
                end = _end_of_member(file, whole)
        except zlib.error:
            if whole == 0:
                raise _foreign(path) from None
        if last > whole:
            raise InvalidInput(
                f"archive_path: {path} is damaged at byte {whole}, with more that is whole behind that; it is left alone. "
                "Move it away, or name another file."
            )
        return whole


def _check_first_member(path: str, file: t.BinaryIO) -> None:
    file.seek(0)
    try:
        beginning = zlib.decompressobj(wbits=31).decompress(file.read(CHUNK), CHUNK)
    except zlib.error:
        raise _foreign(path) from None
    if beginning:
        _check_first(path, beginning.split(b"\n")[0], whole=b"\n" in beginning)


def _beginnings(file: t.BinaryIO, size: int) -> t.Iterator[int]:
    """Where a gzip member may begin, the last place first."""
    end = size
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        part = file.read(end - start + len(_MEMBER) - 1)
        place = part.rfind(_MEMBER)
        while place >= 0:
            yield start + place
            place = part.rfind(_MEMBER, 0, place + len(_MEMBER) - 1)
        end = start


def _end_if_whole(file: t.BinaryIO, start: int) -> int | None:
    try:
        return _end_of_member(file, start)
    except zlib.error:
        return None


def _end_of_member(file: t.BinaryIO, start: int) -> int | None:
    """Where the gzip member that begins there ends; ``None`` if the file ends before. Raises ``zlib.error`` if there is none."""
    unpack = zlib.decompressobj(wbits=31)
    file.seek(start)
    while not unpack.eof:
        part = file.read(_PART)
        if not part:
            return None
        unpack.decompress(part)
    return file.tell() - len(unpack.unused_data)


def _check_first(path: str, line: bytes, whole: bool) -> None:
    """Nobody's file is to be cut or appended to by mistake."""
    if not whole:
        if line and not line.startswith(b'{"id":'[: len(line)]):
            raise _foreign(path)
        return
    try:
        record = json.loads(line)
    except ValueError:
        raise _foreign(path) from None
    if not isinstance(record, dict) or "id" not in record:
        raise _foreign(path)


def _foreign(path: str) -> InvalidInput:
    return InvalidInput(f"archive_path: {path} is there and is no archive of executions; it is left alone. Name another file.")


def _sync_folder(path: str) -> None:
    """A new file is safe only once its folder is, too."""
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


__all__ = ["Archive", "check_archive", "whole_part"]
