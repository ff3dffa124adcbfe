# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file is written whole or not at all, and left alone where nothing differs."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _files
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._files import NotWritten, WholeFile, check_target

NAMES = ["out.json", "out.json.gz"]
TEXT = '{"a":"\u00e4 \U0001f600"}\n'


def put(path: Path, text: str = TEXT, check_mode: bool = False) -> bool:
    with WholeFile(str(path), check_mode) as file:
        file.write(text)
        return file.finish()


def content(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_written_for_its_owner_alone(tmp_path: Path, name: str) -> None:
    assert put(tmp_path / name) is True
    assert content(tmp_path / name) == TEXT
    assert mode(tmp_path / name) == 0o600
    assert os.listdir(tmp_path) == [name]


def test_size_and_checksum_are_those_of_the_unpacked_content(tmp_path: Path) -> None:
    for name in NAMES:
        with WholeFile(str(tmp_path / name), False) as file:
            file.write(TEXT)
        assert file.bytes == len(TEXT.encode())
        assert file.checksum == hashlib.sha256(TEXT.encode()).hexdigest()


def test_the_same_content_is_packed_into_the_same_bytes(tmp_path: Path) -> None:
    put(tmp_path / "one.gz")
    put(tmp_path / "two.gz")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_content_leaves_the_file_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    put(path)
    before = path.stat()
    assert put(path) is False
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.listdir(tmp_path) == [name]
    assert put(path, "other") is True
    assert content(path) == "other"


@pytest.mark.parametrize("name", NAMES)
def test_a_mode_that_lets_others_read_is_mended(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    put(path)
    path.chmod(0o644)
    assert put(path, check_mode=True) is True
    assert mode(path) == 0o644
    assert put(path) is True
    assert mode(path) == 0o600
    assert put(path) is False


@pytest.mark.parametrize("name", NAMES)
def test_check_mode_foretells_and_writes_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert put(path, check_mode=True) is True
    assert os.listdir(tmp_path) == []
    put(path)
    assert put(path, check_mode=True) is False
    assert put(path, "other", check_mode=True) is True
    assert content(path) == TEXT


@pytest.mark.parametrize("before", [b"", b"no gzip", gzip.compress(TEXT.encode(), mtime=0)[:-5], b"\x1f\x8b\x08"])
def test_a_packed_file_that_is_broken_is_replaced(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "out.gz"
    path.write_bytes(before)
    assert put(path) is True
    assert content(path) == TEXT


@pytest.mark.parametrize("name", NAMES)
def test_without_finish_nothing_has_happened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    put(path)

    class Stopped(Exception):
        pass

    with pytest.raises(Stopped), WholeFile(str(path), False) as file:  # noqa: PT012 # the file must be open
        file.write("half")
        raise Stopped
    assert content(path) == TEXT
    assert os.listdir(tmp_path) == [name]


def full(*_args: t.Any, **_named: t.Any) -> t.NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
def test_a_full_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: str
) -> None:
    path = tmp_path / name
    put(path, "old")
    monkeypatch.setattr(_files.os, call, full)
    with pytest.raises(NotWritten, match="No space left") as raised:
        put(path)
    assert "unchanged" in str(raised.value)
    assert raised.value.condemns_all
    assert content(path) == "old"
    assert os.listdir(tmp_path) == [name]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    put(path, "old")
    with pytest.raises(NotWritten, match="No space left"), WholeFile(str(path), False) as file:  # noqa: PT012
        real = file._sink

        class Full:
            write = staticmethod(full)
            close = real.close

        file._sink = Full()
        file.write(TEXT)
    assert content(path) == "old"
    assert os.listdir(tmp_path) == ["out.json"]


def test_what_cannot_become_a_file_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("theirs")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "folder", "pipe"):
        with pytest.raises(InvalidInput, match=r"path: .* no plain file"):
            check_target("path", str(tmp_path / name))
    with pytest.raises(InvalidInput, match=r"path: the folder .* does not exist"):
        check_target("path", str(tmp_path / "missing" / "out.json"))
    with pytest.raises(InvalidInput, match="path"):
        check_target("path", "")
    check_target("path", str(tmp_path / "real"))
    check_target("path", str(tmp_path / "new"))


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files.os, "access", lambda *_args: False)
    with pytest.raises(InvalidInput, match="nothing can be written into"):
        check_target("path", str(tmp_path / "out.json"))
