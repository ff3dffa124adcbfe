# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: whatever stands in names and messages stays text, and what is told is what was read."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.flowops.n8n.plugins.filter.n8n_execution_report import n8n_execution_report as report
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._statistics import Statistics
from ansible_collections.flowops.n8n.plugins.plugin_utils._report import percent, seconds
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


def instance(name: str = "main", **more: t.Any) -> dict[str, t.Any]:
    """Two failures of one workflow on one day, a success of another two days later."""
    statistics = Statistics()
    for number, workflow, status, day in ((1, "w1", "error", 0), (2, "w1", "error", 0), (3, "w2", "success", 2)):
        start = START + timedelta(days=day)
        stop = start + timedelta(seconds=number)
        statistics.add(Execution(str(number), workflow, status, started_at=start, stopped_at=stop))
    window = {"started_after": "2026-10-31T00:00:00.000Z", "complete": True}
    return {"name": name, "url": "https://n8n.example.com", "statistics": statistics.summary(), "window": window, **more}


def failure(message: str, workflow_name: str = "Nightly import") -> dict[str, t.Any]:
    return {"workflow_id": "w1", "workflow_name": workflow_name, "digest": {"message": message, "failing_node": "HTTP"}}


class Page(HTMLParser):
    """The elements of a page, with the text that a person sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_links_lead_into_n8n() -> None:
    links = [facts["href"] for tag, facts in Page(report([instance()])).tags if tag == "a"]
    assert "https://n8n.example.com/workflow/w1" in links
    assert "https://n8n.example.com/workflow/w1/executions/2" in links


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", None, "file:///etc/passwd", "https://"])
def test_an_address_that_no_browser_opens_makes_no_link(url: str | None) -> None:
    links = [facts["href"] for tag, facts in Page(report([instance(url=url)])).tags if tag == "a"]
    assert links == ["#report"]


def test_a_user_a_query_and_the_path_of_the_api_are_in_no_link() -> None:
    page = report([instance(url="https://user:secret@n8n.example.com/base/api/v1/executions?token=secret")])
    assert 'href="https://n8n.example.com/base/workflow/w1"' in page
    assert "secret" not in page


def test_the_commonest_error_is_told_with_how_often_it_was_seen() -> None:
    made = report([instance(failures=[failure("b"), failure("a"), failure("b")])], "markdown")
    assert "b (2 of 3 messages read, at the node HTTP)" in made
    assert "[Nightly import](https://n8n.example.com/workflow/w1)" in made


def test_a_slow_workflow_that_does_not_fail_has_its_name_too() -> None:
    """The statistics tell ids alone, and ten letters of chance say nothing to whoever reads the page."""
    for form in ("html", "markdown"):
        made = report([instance(slowest=[{"workflow_id": "w2", "workflow_name": "Warehouse backup"}])], form)
        assert "Warehouse backup" in made


def test_times_are_told_to_the_minute() -> None:
    for form in ("html", "markdown"):
        made = report([instance()], form)
        assert "2026-11-03 12:00" in made
        assert "12:00:00.000Z" not in made


def test_charts_are_scaled_to_what_they_show() -> None:
    """All bars of a success rate look alike between 0 and 100 %, so its axis begins at the tenth below the lowest."""
    statistics = instance()["statistics"]
    statistics["buckets"][0].update(total=41, succeeded=30, failed=10)
    page = Page(report([instance(statistics=statistics)])).text
    assert [words for words in ("70 %", "85 %", "100 %", "42", "21") if words not in page] == []


@pytest.mark.parametrize("rate, words", [(None, "-"), (0.0, "0.0 %"), (0.9391, "93.9 %"), (0.9999, "99.9 %"), (1.0, "100.0 %")])
def test_all_of_them_is_said_only_when_all_succeeded(rate: float | None, words: str) -> None:
    assert percent(rate) == words


def test_the_axis_has_a_label_for_every_fifth_of_the_days_and_for_noon_and_midnight() -> None:
    for granularity, hours, labels in (
        ("day", 24 * 30, ["Nov 1", "Nov 7", "Nov 13", "Nov 19", "Nov 25"]),
        ("hour", 48, ["Nov 1", "12:00", "Nov 2", "12:00"]),
        ("day", 24, ["Nov 1"]),
    ):
        statistics = Statistics(granularity)
        for hour in range(hours):
            start = START + timedelta(hours=hour - 12)
            statistics.add(Execution(str(hour), "w1", "success", started_at=start, stopped_at=start))
        window = {"started_after": "2026-11-01T00:00:00.000Z", "complete": True}
        page = report([instance(statistics=statistics.summary(), window=window)])
        first = page[page.index('class="dates"') : page.index("</div>", page.index('class="dates"'))]
        assert re.findall(r'column: [0-9]+">([^<]+)<', first) == labels


@pytest.mark.parametrize(
    "took, words",
    [(None, "-"), (0.0, "0 ms"), (0.043, "43 ms"), (0.9999, "1.0 s"), (1.25, "1.2 s"), (600, "10.0 min"), (9000, "2.5 h")],
)
def test_a_duration_is_told_in_the_unit_that_fits(took: float | None, words: str) -> None:
    """Most executions take some milliseconds, which are not 0.0 seconds."""
    assert seconds(took) == words


def test_markdown_escapes_no_more_than_it_must() -> None:
    """It is read as it is as well, in a mail or on a terminal."""
    words = "Cannot read (reading 'email') - follow-up, 7.5 % of x/y; why?"
    assert words in report([instance(failures=[failure(words)])], "markdown")


def test_days_without_an_execution_are_there() -> None:
    made = report([instance()], "markdown")
    days = [line.split("|")[1].strip() for line in made.splitlines() if line.startswith("| 2026-")]
    assert days == ["2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03"]
    assert "| 2026-11-02 | 0 | 0 | 0 | 0 | - | - |" in made


def test_what_a_cleanup_would_remove_is_added_up() -> None:
    results = [{"deleted": 1200, "by_status": {"success": 1200}}, {"deleted": 1, "by_status": {"error": 1}}]
    for form in ("html", "markdown"):
        assert "would remove 1,201 executions: 1 error, 1,200 success." in report([instance(cleanup=results)], form)
        assert "would remove" not in report([instance(cleanup=[])], form)


def test_an_instance_that_could_not_be_read_stands_beside_the_others() -> None:
    for form in ("html", "markdown"):
        made = report([instance(), {"name": "down", "error": "no connection"}], form)
        assert "could not be read:" in made
        assert "no connection" in made


def test_an_empty_history_makes_a_report() -> None:
    empty = instance()
    empty["statistics"] = Statistics().summary()
    for form in ("html", "markdown"):
        assert "No execution started since 2026-10-31" in report([empty], form)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = Page(report([instance(failures=[failure("x")])]))
    assert not {tag for tag, _facts in page.tags} & {"script", "img", "iframe", "object", "embed", "base", "form"}
    policy = next(facts["content"] for tag, facts in page.tags if facts.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
def test_whatever_a_name_or_a_message_is_the_page_has_the_same_elements(text: str) -> None:
    plain = Page(report([instance("x", failures=[failure("x", "x")])]))
    made = Page(report([instance(text, failures=[failure(text, text)])]))
    assert [tag for tag, _facts in made.tags] == [tag for tag, _facts in plain.tags]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
def test_whatever_a_name_or_a_message_is_markdown_has_the_same_lines_and_cells(text: str) -> None:
    plain = report([instance("x", failures=[failure("x", "x")])], "markdown")
    made = report([instance(text, failures=[failure(text, text)])], "markdown")
    assert [_cells(line) for line in made.splitlines()] == [_cells(line) for line in plain.splitlines()]


def _cells(line: str) -> int:
    return line.replace("\\|", "").count("|") if line.startswith("|") else 0


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\x1b", "\u200b"])
def test_what_turns_or_hides_text_is_shown_as_a_mark(hidden: str) -> None:
    for form in ("html", "markdown"):
        made = report([instance(f"a{hidden}b")], form)
        assert "a\ufffdb" in made
        assert hidden not in made


@pytest.mark.parametrize("value", [{}, "text", [1], [{"error": "x"}], [{"name": "x"}], [{"name": "x", "statistics": {}}]])
def test_what_is_no_list_of_instances_is_refused(value: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="n8n_execution_report: "):
        report(value)


def test_another_format_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="one of html, markdown"):
        report([instance()], "pdf")
