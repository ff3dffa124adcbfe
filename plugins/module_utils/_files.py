# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are written whole or not at all, and left alone where nothing differs."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tempfile
import typing as t
import zlib
from contextlib import suppress

from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, N8nError

# Execution data is written by strangers and may hold whatever their customers sent.
MODE = 0o600
CHUNK = 1024 * 1024


class NotWritten(N8nError):
    """A file could not be written: no space, no permission, a folder that went away."""

    condemns_all = True


def check_target(option: str, path: str) -> None:
    """Raise ``InvalidInput`` for a path that cannot become a file of ours, before any request."""
    if not path.strip():
        raise InvalidInput(f"{option}: it is empty.")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise InvalidInput(f"{option}: the folder {folder} does not exist where the module runs.")
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise InvalidInput(f"{option}: {path} is there and is no plain file; it is neither followed nor replaced.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"{option}: nothing can be written into the folder {folder}.")


class WholeFile:
    """Becomes the file at ``path`` once it is complete, and only if its content differs from what is there.

    Content is text, packed where the name ends with .gz. In check mode nothing touches the disk. Use it as a context
    manager; without ``finish`` nothing has happened.
    """

    def __init__(self, path: str, check_mode: bool) -> None:
        self._path = path
        self._check_mode = check_mode
        self._digest = hashlib.sha256()
        self._temporary: str | None = None
        self._raw: t.IO[bytes] | None = None
        self._sink: t.Any = None
        self.bytes = 0

    @property
    def checksum(self) -> str:
        """SHA-256 of the content as it is before it is packed."""
        return self._digest.hexdigest()

    def __enter__(self) -> WholeFile:
        if self._check_mode:
            return self
        try:
            handle, self._temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(self._path)), prefix=".n8n-")
            os.fchmod(handle, MODE)
            self._raw = os.fdopen(handle, "wb")
            # Neither the time nor a name, so that the same content has the same bytes.
            packed = self._path.endswith(".gz")
            self._sink = gzip.GzipFile("", "wb", fileobj=self._raw, mtime=0) if packed else self._raw
        except OSError as error:
            self.__exit__()
            raise self._failed(error) from None
        return self

    def __exit__(self, *_unused: object) -> None:
        for file in (self._sink, self._raw):
            if file is not None:
                with suppress(OSError, ValueError):
                    file.close()
        if self._temporary is not None:
            with suppress(OSError):
                os.unlink(self._temporary)

    def write(self, text: str) -> None:
        content = text.encode("utf-8", "surrogatepass")
        self._digest.update(content)
        self.bytes += len(content)
        if self._sink is not None:
            try:
                self._sink.write(content)
            except OSError as error:
                raise self._failed(error) from None

    def finish(self) -> bool:
        """Put it in place; whether anything differs from before. In check mode: would differ."""
        same = self._before() == self.checksum
        tight = same and stat.S_IMODE(os.lstat(self._path).st_mode) == MODE
        if self._check_mode or self._temporary is None or self._raw is None:
            return not tight
        try:
            if same:
                os.chmod(self._path, MODE)
                return not tight
            if self._sink is not self._raw:
                self._sink.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            os.replace(self._temporary, self._path)
        except OSError as error:
            raise self._failed(error) from None
        self._temporary = None
        return True

    def _before(self) -> str | None:
        """The checksum of what is there, unpacked; ``None`` for no file, or one that is not what its name says."""
        digest = hashlib.sha256()
        try:
            with open(self._path, "rb") as raw:
                file: t.Any = gzip.GzipFile(fileobj=raw) if self._path.endswith(".gz") else raw
                while True:
                    chunk = file.read(CHUNK)
                    if not chunk:
                        return digest.hexdigest()
                    digest.update(chunk)
        except (OSError, EOFError, zlib.error):
            return None

    def _failed(self, error: OSError) -> NotWritten:
        return NotWritten(f"{self._path} could not be written: {error.strerror or error}. What was there before is unchanged.")
