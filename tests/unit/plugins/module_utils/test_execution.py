# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An execution, its statuses and its times."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._execution import (
    FAILED,
    LIVE,
    STATUSES,
    Execution,
    format_time,
    parse_span,
    parse_time,
)
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, moment
from hypothesis import given
from hypothesis import strategies as st

UTC = timezone.utc
UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01T00:00:00Z",
        "2026-11-01T00:00:00z",
        "2026-11-01T00:00Z",
        "2026-11-01T00:00:00.000Z",
        "2026-11-01T00:00:00.0Z",
        "2026-11-01T00:00:00.000000000Z",
        "2026-11-01T01:00:00+01:00",
        "2026-11-01T01:00:00+0100",
        "2026-10-31T19:30:00.000-04:30",
        "2026-11-01 00:00:00Z",
        " 2026-11-01T00:00:00Z\n",
    ],
)
def test_one_moment_is_read_in_every_way_that_iso_8601_writes_it(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 1, tzinfo=UTC)
    assert parse_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("fraction, microseconds", [("1", 100000), ("12", 120000), ("1234567", 123456)])
def test_fractions_of_any_length_are_read_on_every_python(fraction: str, microseconds: int) -> None:
    assert parse_time(f"2026-11-01T00:00:00.{fraction}Z").microsecond == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "yesterday",
        "30d",
        "1793491200",
        "2026-11-01",
        "2026-11-01Z",
        "2026-11-01T00:00:00",
        "2026-11-01 00:00:00",
        "2026-11-01T00:00:00 UTC",
        "2026-11-01T25:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "01.11.2026T00:00:00Z",
        "T00:00:00Z",
        "2026-11-01T00:00:00ZZ",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_time_with_a_zone_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="2026-11-01T00:00:00Z"):
        parse_time(text)


@pytest.mark.parametrize("text", ["20261101T000000Z", "2026-W45-1T00:00:00Z", "2026-11-01T00:00:00,5Z"])
def test_what_only_some_pythons_could_read_is_refused_by_all(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 time"):
        parse_time(text)


@given(st.datetimes(min_value=datetime(1000, 1, 2), timezones=st.just(UTC)))
def test_a_time_comes_back_as_it_was_written_to_the_millisecond(when: datetime) -> None:
    written = format_time(when)
    assert written is not None
    assert written.endswith("Z")
    assert parse_time(written) == when.replace(microsecond=when.microsecond // 1000 * 1000)


@given(st.text(max_size=40) | st.from_regex(r"\A[-+0-9TZ:. ]{0,30}\Z"))
def test_any_text_is_a_time_in_utc_or_refused(text: str) -> None:
    try:
        when = parse_time(text)
    except ValueError:
        return
    assert when.utcoffset() == timedelta(0)


def test_no_time_is_written_as_none() -> None:
    assert format_time(None) is None


def test_times_of_other_zones_are_written_in_utc() -> None:
    assert format_time(datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "text, seconds",
    [("30d", 2592000), ("12h", 43200), ("2w", 1209600), ("1d12h", 129600), ("90s", 90), ("5m", 300), (" 1h ", 3600), ("0s", 0)],
)
def test_spans_are_read_with_their_units(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "30",
        "30 d",
        "d",
        "-1d",
        "+1d",
        "1.5h",
        "1y",
        "1mo",
        "1D",
        "12h1d",
        "1d1d",
        "٣d",
        "9" * 30 + "w",
        "9" * 5000 + "s",
    ],
)
def test_what_is_no_span_with_its_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"span of time with its unit|longer than can be reckoned"):
        parse_span(text)


@given(st.dictionaries(st.sampled_from("wdhms"), st.integers(0, 9999), min_size=1))
def test_a_span_is_the_sum_of_its_parts(parts: dict[str, int]) -> None:
    text = "".join(f"{parts[unit]}{unit}" for unit in "wdhms" if unit in parts)
    assert parse_span(text).total_seconds() == sum(UNITS[unit] * count for unit, count in parts.items())


@given(st.text(max_size=20) | st.from_regex(r"\A[0-9wdhms ]{0,12}\Z"))
def test_any_text_is_a_span_that_is_not_negative_or_refused(text: str) -> None:
    try:
        span = parse_span(text)
    except ValueError:
        return
    assert span >= timedelta(0)


@pytest.mark.parametrize("status", STATUSES)
def test_new_running_and_waiting_are_live_and_have_no_duration(status: str) -> None:
    execution = Execution("1", "w1", status, started_at=moment(1), stopped_at=moment(2))
    assert execution.is_live is (status in ("new", "running", "waiting"))
    assert execution.duration == (None if execution.is_live else 3600.0)


def test_failed_is_what_n8n_retries_and_never_what_is_live() -> None:
    assert {"canceled", "crashed", "error"} == FAILED
    assert not FAILED & LIVE


def test_what_is_live_has_run_from_its_start_to_now() -> None:
    waiting = Execution("1", "w1", "waiting", started_at=moment(1), stopped_at=moment(2))
    assert waiting.ran_for(NOW) == 23 * 3600.0


@pytest.mark.parametrize("status", STATUSES)
def test_what_never_started_has_not_run(status: str) -> None:
    assert Execution("1", "w1", status, stopped_at=moment(2)).ran_for(NOW) is None


@pytest.mark.parametrize("text, order", [("1234", 1234), ("exec_17", 17), ("exec-a9f-0042", 42), ("exec_abc", 0)])
def test_the_order_is_the_number_at_the_end_of_the_id(text: str, order: int) -> None:
    assert Execution(text, None, "success").order == order


def test_a_record_has_plain_types_and_its_data_only_when_it_was_read() -> None:
    execution = Execution(
        "5", "w1", "error", "trigger", moment(0), moment(0.5), retry_of="4", workflow_name="Nightly", extra={"stored_at": "db"}
    )
    assert execution.record() == {
        "id": "5",
        "workflow_id": "w1",
        "workflow_name": "Nightly",
        "status": "error",
        "mode": "trigger",
        "started_at": "2026-11-01T00:00:00.000Z",
        "stopped_at": "2026-11-01T00:30:00.000Z",
        "duration": 1800.0,
        "wait_till": None,
        "retry_of": "4",
        "retry_success_id": None,
        "stored_at": "db",
    }
    assert Execution("5", "w1", "error", data={"a": 1}).record()["data"] == {"a": 1}
