# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exporting executions: what is in the file, and when there is none."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._operations import export
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._operations.export import COLUMNS, defused
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, export_params, row
from hypothesis import given
from hypothesis import strategies as st


def put(n8n: FakeN8n, path: Path, check_mode: bool = False, **options: t.Any) -> Result:
    return export.carry_out(n8n.client(), export.parse(export_params(str(path), **options), NOW), check_mode)


def text(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


ROWS = [row(1), row(2, "error", workflow="w2"), row(3, "running")]


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_an_array_is_valid_json_newest_first(tmp_path: Path, packed: str) -> None:
    path = tmp_path / f"out.json{packed}"
    result = put(FakeN8n(*ROWS), path)
    records = json.loads(text(path))
    assert [record["id"] for record in records] == ["3", "2", "1"]
    assert (result.changed, result.failure) == (True, None)
    assert (result.values["count"], result.values["format"]) == (3, "json")
    assert result.values["bytes"] == len(text(path).encode())
    assert result.values["msg"] == f"Wrote 3 executions to {path}."


def test_nothing_is_an_empty_array_no_line_and_a_header(tmp_path: Path) -> None:
    for name in ("out.json", "out.jsonl", "out.csv"):
        put(FakeN8n(), tmp_path / name)
    assert json.loads(text(tmp_path / "out.json")) == []
    assert text(tmp_path / "out.jsonl") == ""
    assert text(tmp_path / "out.csv") == ",".join(COLUMNS) + "\r\n"


def test_each_line_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    put(FakeN8n(*ROWS, row(4, workflow="l\u2028ine\nbreak")), path)
    lines = text(path).split("\n")
    assert lines.pop() == ""
    assert [json.loads(line)["id"] for line in lines] == ["4", "3", "2", "1"]


def test_a_table_has_a_column_for_each_field(tmp_path: Path) -> None:
    path = tmp_path / "anything"
    put(FakeN8n(*ROWS, row(4, workflow='a,"b"')), path, format="csv")
    rows = list(csv.DictReader(io.StringIO(text(path), newline="")))
    assert [one["id"] for one in rows] == ["4", "3", "2", "1"]
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["workflow_id"] == 'a,"b"'
    assert (rows[3]["duration"], rows[3]["retry_of"]) == ("3600.0", "")


@given(st.text(max_size=6) | st.builds("{}{}".format, st.sampled_from(list("=+-@\t\r\n \uff1d\uff0b")), st.text(max_size=4)))
def test_no_cell_of_a_table_is_a_formula(cell: str) -> None:
    shown = defused(cell)
    assert not shown.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    assert not shown.startswith(("\t", "\r", "\n"))
    assert shown in (cell, f"'{cell}")


def test_numbers_and_what_is_missing_are_what_they_are() -> None:
    assert [defused(cell) for cell in (-1, -0.5, None, "plain")] == [-1, -0.5, None, "plain"]


def test_names_that_are_formulas_come_defused_into_the_table_and_as_they_are_into_json(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x","y")'
    n8n = FakeN8n(row(1))
    n8n.workflows = {"w1": {"id": "w1", "name": evil}}
    put(n8n, tmp_path / "out.csv", workflow=["w1"])
    (cells,) = csv.DictReader(io.StringIO(text(tmp_path / "out.csv"), newline=""))
    assert cells["workflow_name"] == f"'{evil}"
    put(n8n, tmp_path / "out.json", workflow=["w1"])
    assert json.loads(text(tmp_path / "out.json"))[0]["workflow_name"] == evil


@pytest.mark.parametrize("name", ["out.json", "out.jsonl.gz", "out.csv"])
def test_the_second_export_of_the_same_changes_nothing(tmp_path: Path, name: str) -> None:
    n8n = FakeN8n(*ROWS)
    told = put(n8n, tmp_path / name, check_mode=True)
    assert os.listdir(tmp_path) == []
    done = put(n8n, tmp_path / name)
    again = put(n8n, tmp_path / name)
    assert (told.changed, done.changed, again.changed) == (True, True, False)
    assert told.values["checksum"] == done.values["checksum"] == again.values["checksum"]
    assert told.values["msg"].startswith("Would write 3 executions")
    assert "already" in again.values["msg"]
    assert put(n8n, tmp_path / name, check_mode=True).changed is False


def test_data_is_read_only_where_it_is_asked_for(tmp_path: Path) -> None:
    n8n = FakeN8n(*ROWS)
    put(n8n, tmp_path / "out.json")
    assert [call for call in n8n.log if not call.startswith("GET /executions?")] == ["GET /executions"]
    put(n8n, tmp_path / "out.json", include_data=True)
    records = json.loads(text(tmp_path / "out.json"))
    assert [record["data"] for record in records] == [{"of": "3"}, {"of": "2"}, {"of": "1"}]


@pytest.mark.parametrize("include_data", [False, True])
def test_a_limit_takes_the_newest(tmp_path: Path, include_data: bool) -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 60)), page=7)
    result = put(n8n, tmp_path / "out.json", limit=33, include_data=include_data)
    assert [record["id"] for record in json.loads(text(tmp_path / "out.json"))] == [str(n) for n in range(59, 26, -1)]
    assert result.values["count"] == 33


def test_those_that_are_named_come_newest_first_and_those_not_there_are_told(tmp_path: Path) -> None:
    result = put(FakeN8n(*ROWS), tmp_path / "out.json", execution_id=["1", "3", "99"])
    assert [record["id"] for record in json.loads(text(tmp_path / "out.json"))] == ["3", "1"]
    assert result.values["not_found"] == ["99"]
    assert result.failure is None


@pytest.mark.parametrize("name", ["out.json", "out.jsonl.gz"])
def test_one_that_cannot_be_read_leaves_the_file_as_it_was(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    n8n = FakeN8n(*ROWS)
    n8n.refuse("GET /executions/2", 500, "Internal server error")
    result = put(n8n, tmp_path / name, include_data=True)
    assert (tmp_path / name).read_bytes() == b"old"
    assert os.listdir(tmp_path) == [name]
    assert result.changed is False
    assert result.failure is not None
    assert "as it was before" in result.failure
    assert [error["id"] for error in result.values["errors"]] == ["2"]


def test_an_end_in_the_middle_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_bytes(b"old")
    n8n = FakeN8n(*(row(number) for number in range(1, 13)), page=2)
    n8n.script("GET /executions", lambda _call: None, times=4)
    n8n.refuse("GET /executions", 403, "Forbidden")
    result = put(n8n, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.json"]
    assert (result.changed, result.values["status"]) == (False, 403)


@pytest.mark.parametrize(
    "name, options, said",
    [
        ("link.json", {}, "no plain file"),
        ("folder.json", {}, "no plain file"),
        ("missing/out.json", {}, "does not exist"),
        ("out.txt", {}, "format"),
        ("out", {}, "format"),
        ("out.gz", {}, "format"),
        ("out.csv", {"include_data": True}, "include_data"),
        ("out.json", {"older_than": "30"}, "older_than"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(
    tmp_path: Path, name: str, options: dict[str, t.Any], said: str
) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "link.json").symlink_to(tmp_path / "theirs")
    with pytest.raises(InvalidInput, match=said):
        export.parse(export_params(str(tmp_path / name), **options), NOW)


def test_the_format_that_is_said_counts_more_than_the_suffix(tmp_path: Path) -> None:
    result = put(FakeN8n(row(1)), tmp_path / "out.json", format="jsonl")
    assert result.values["format"] == "jsonl"
    assert text(tmp_path / "out.json").count("\n") == 1
    assert text(tmp_path / "out.json").startswith("{")
