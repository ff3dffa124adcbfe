# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive can be read whatever happened while it was written, and nothing is deleted that is not in it."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import typing as t
import zlib
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _archive
from ansible_collections.flowops.n8n.plugins.module_utils._archive import Archive, check_archive
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._files import NotWritten
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, listed, reply
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, delete_params, nested, row

NAMES = pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
Record = dict[str, t.Any]


def records(*numbers: int) -> list[Record]:
    return [{"id": str(number), "data": {"text": "Straße \u2028 \n" * number}} for number in numbers]


def content(path: Path) -> list[Record]:
    """What any reader of JSON Lines finds."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.name.endswith(".gz") and raw else raw
    return [json.loads(line) for line in text.decode("utf-8").split("\n") if line]


def archived(n8n: FakeN8n, path: Path, check_mode: bool = False, **options: t.Any) -> Result:
    params = delete_params(archive_path=str(path), **{"all": True, **options})
    return delete.carry_out(n8n.client(), delete.parse(params, NOW), check_mode)


@NAMES
def test_what_was_added_can_be_read_and_more_can_be_added(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for batch in ((1, 2), (3,)):
        with Archive(str(path)) as archive:
            archive.add(records(*batch))
            archive.add([])
    assert content(path) == records(1, 2, 3)
    assert path.stat().st_mode & 0o777 == 0o600


@NAMES
def test_an_archive_that_was_cut_off_at_any_byte_is_mended(tmp_path: Path, name: str) -> None:
    whole = tmp_path / name
    with Archive(str(whole)) as archive:
        archive.add(records(1))
        first = whole.stat().st_size
        archive.add(records(2, 3))
    raw = whole.read_bytes()
    for length in range(len(raw) + 1):
        torn = tmp_path / f"torn-{name}"
        torn.write_bytes(raw[:length])
        with Archive(str(torn)) as archive:
            kept = content(torn)
            archive.add(records(4))
        # A batch is whole or not there in a packed file; of a plain one every whole line is kept.
        assert kept == records(1, 2, 3)[: len(kept)], length
        assert len(kept) >= (1 if length >= first else 0), length
        assert len(kept) == 3 or length < len(raw)
        assert content(torn) == [*kept, *records(4)], length
        torn.unlink()


@NAMES
def test_another_file_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    texts = [b"Dear diary\n", b"[1, 2]\n", b'{"name": "x"}\n', b"no end of a line"]
    for text in texts:
        raw = gzip.compress(text) if name.endswith(".gz") else text
        path.write_bytes(raw)
        with pytest.raises(InvalidInput, match="is no archive of executions"), Archive(str(path)):
            pass
        with pytest.raises(InvalidInput, match="is no archive of executions"):
            check_archive(str(path))
        assert path.read_bytes() == raw
    path.write_bytes(b"neither packed nor JSON")
    with pytest.raises(InvalidInput, match="is no archive of executions"):
        check_archive(str(path))


def test_a_large_archive_is_opened_without_unpacking_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl.gz"
    with Archive(str(path)) as archive:
        for number in range(1, 201):
            archive.add(records(number))
    unpacked = []
    end_of_member = _archive._end_of_member

    def counted(file: t.BinaryIO, start: int) -> int | None:
        unpacked.append(start)
        return end_of_member(file, start)

    monkeypatch.setattr(_archive, "_end_of_member", counted)
    check_archive(str(path))
    with Archive(str(path)) as archive:
        archive.add(records(201))
    # A place that only looks like the beginning of a member may be among them.
    assert len(unpacked) <= 4
    assert content(path) == records(*range(1, 202))


def test_what_looks_like_a_member_within_one_cuts_nothing_off(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    within = gzip.compress(b"what an execution may hold")
    line = json.dumps(records(1)[0]).encode() + b"\n"
    # Not packed any more, so that its bytes stand in the file as they are.
    pack = zlib.compressobj(level=0, wbits=31)
    whole = pack.compress(line + within + b"and more") + pack.flush()
    assert within in whole
    path.write_bytes(whole)
    with Archive(str(path)):
        assert path.read_bytes() == whole
    path.write_bytes(whole + gzip.compress(line)[:9])
    with Archive(str(path)):
        assert path.read_bytes() == whole


def test_an_archive_that_is_damaged_before_its_end_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    ends = []
    with Archive(str(path)) as archive:
        for number in (1, 2, 3):
            archive.add(records(number))
            ends.append(path.stat().st_size)
    raw = bytearray(path.read_bytes())
    raw[ends[0] + 20] ^= 0xFF
    raw += gzip.compress(b"{}")[:9]
    path.write_bytes(raw)
    with pytest.raises(InvalidInput, match=f"is damaged at byte {ends[0]}"), Archive(str(path)):
        pass
    assert path.read_bytes() == raw


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.write_bytes(b"")
    link.symlink_to(target)
    for path, said in ((link, "no plain file"), (tmp_path, "no plain file"), (tmp_path / "no" / "a.jsonl", "does not exist")):
        with pytest.raises(InvalidInput, match=said):
            check_archive(str(path))
        with pytest.raises(InvalidInput, match=said):
            delete.parse(delete_params(archive_path=str(path), all=True), NOW)


def test_two_runs_do_not_write_into_one_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with open(path, "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result = archived(FakeN8n(row(1)), path)
    assert "another run" in str(result.failure)
    assert result.values["deleted"] == 0


def test_an_archive_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"")
    path.chmod(0o644)
    archived(FakeN8n(row(1)), path)
    assert path.stat().st_mode & 0o777 == 0o600


@NAMES
def test_what_is_deleted_is_on_disk_before(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 121)])
    synced: list[int] = []
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        synced.append(os.fstat(file).st_size)
        n8n.log.append("fsync")

    monkeypatch.setattr(_archive.os, "fsync", fsync)
    path = tmp_path / name
    result = archived(n8n, path)
    assert result.values["archived"] == result.values["deleted"] == 120
    on_disk: set[str] = set()
    batches = iter(range(50, 171, 50))
    for call in n8n.log[n8n.log.index("fsync") :]:
        if call == "fsync":
            on_disk = {record["id"] for record in content(path)[: min(120, next(batches, 120))]} | on_disk
        elif call.startswith("DELETE"):
            assert call.split("/")[2] in on_disk
    # The folder once, and each batch of fifty.
    assert n8n.log.count("fsync") == 4
    assert synced[-1] == path.stat().st_size
    assert {record["id"] for record in content(path)} == {str(number) for number in range(1, 121)}


def test_the_data_is_in_the_archive_unless_it_is_not_wanted(tmp_path: Path) -> None:
    n8n = FakeN8n(row(1, data={"resultData": {"runData": {}}}))
    archived(n8n, tmp_path / "with.jsonl")
    assert content(tmp_path / "with.jsonl")[0]["data"] == {"resultData": {"runData": {}}}
    n8n = FakeN8n(row(1))
    archived(n8n, tmp_path / "without.jsonl", archive_data=False)
    assert "data" not in content(tmp_path / "without.jsonl")[0]
    assert [call for call in n8n.log if call.startswith("GET /executions/1")] == []


def test_an_execution_whose_data_is_not_kept_is_archived_without(tmp_path: Path) -> None:
    n8n = FakeN8n(row(1))
    n8n.without_data = {1}
    result = archived(n8n, tmp_path / "a.jsonl")
    assert (result.values["archived"], result.values["deleted"]) == (1, 1)


@pytest.mark.parametrize("status, message", [(400, "Unexpected token in the data"), (500, "Internal server error")])
def test_what_cannot_be_read_with_its_data_is_not_deleted(tmp_path: Path, status: int, message: str) -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.refuse("GET /executions/1?includeData=true", status, message)
    result = archived(n8n, tmp_path / "a.jsonl")
    assert sorted(n8n.rows) == [1]
    assert message in str(result.failure)
    assert [record["id"] for record in content(tmp_path / "a.jsonl")] == ["2"]


def test_data_that_nests_too_deep_keeps_nothing_else_from_being_archived(tmp_path: Path) -> None:
    n8n = FakeN8n(row(1, data={"in": nested(600)}), row(2, data={"in": nested(300)}), row(3))
    result = archived(n8n, tmp_path / "a.jsonl")
    assert sorted(n8n.rows) == [1]
    assert "nests deeper than 500 levels" in str(result.failure)
    assert [record["id"] for record in content(tmp_path / "a.jsonl")] == ["2", "3"]


@pytest.mark.parametrize(
    "more, said",
    [
        ({"dataTooLargeToDisplay": True, "data": {}}, "too large to be shown"),
        ({"data": {"redactionInfo": {"isRedacted": True}}}, "redacted"),
    ],
)
def test_what_n8n_does_not_show_whole_is_not_deleted(tmp_path: Path, more: Record, said: str) -> None:
    n8n = FakeN8n(row(1), row(2))

    def turn(call: Call) -> Answer:
        return reply(call, 200, {**listed(n8n.rows[1]), **more})

    n8n.script("GET /executions/1", turn)
    result = archived(n8n, tmp_path / "a.jsonl")
    assert sorted(n8n.rows) == [1]
    assert (result.values["archived"], result.values["deleted"]) == (1, 1)
    assert said in str(result.failure)
    assert "archive_data=false" in str(result.failure)
    assert [record["id"] for record in content(tmp_path / "a.jsonl")] == ["2"]


def test_a_full_disk_ends_the_run_and_nothing_of_the_batch_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 61)])
    real, written = os.write, []

    def write(file: int, data: t.Any) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(1)
        return real(file, data)

    monkeypatch.setattr(_archive.os, "write", write)
    result = archived(n8n, tmp_path / "a.jsonl")
    assert (result.values["archived"], result.values["deleted"], result.changed) == (50, 50, True)
    assert sorted(n8n.rows) == list(range(51, 61))
    assert "No space left on device" in str(result.failure)
    assert "Deleted 50" in str(result.failure)


def test_an_execution_that_is_stopped_first_is_archived_as_it_ended(tmp_path: Path) -> None:
    n8n = FakeN8n(row(1, "running"))
    archived(n8n, tmp_path / "a.jsonl", live="stop")
    assert [record["status"] for record in content(tmp_path / "a.jsonl")] == ["canceled"]
    assert n8n.rows == {}


def test_an_execution_that_is_stopped_first_is_told_as_check_mode_tells_it(tmp_path: Path) -> None:
    told = []
    for check_mode in (True, False):
        result = archived(FakeN8n(row(1, "running")), tmp_path / "a.jsonl", check_mode, live="stop")
        told.append((result.values["by_status"], result.diff))
    assert told[0] == told[1]
    assert told[0][0] == {"running": 1}


def test_what_is_refused_makes_no_archive(tmp_path: Path) -> None:
    result = archived(FakeN8n(row(1), row(2)), tmp_path / "a.jsonl", abort_above=1)
    assert "Nothing was deleted" in str(result.failure)
    assert list(tmp_path.iterdir()) == []


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    n8n = FakeN8n(row(1))
    result = archived(n8n, tmp_path / "a.jsonl", check_mode=True)
    assert (result.changed, result.values["deleted"], result.values["archived"]) == (True, 1, 0)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_unused: t.Any) -> int:
        raise OSError(5, "Input/output error")

    with Archive(str(tmp_path / "a.jsonl")) as archive:
        monkeypatch.setattr(_archive.os, "fsync", refuse)
        with pytest.raises(NotWritten, match="Input/output error"):
            archive.add(records(1))
