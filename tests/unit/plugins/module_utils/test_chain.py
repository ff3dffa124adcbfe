# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains of retries, put together from rows."""

from __future__ import annotations

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import NotFound, ServerFault
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.chain import Chain, find_ancestors, floor, group


def one(number: int, status: str = "error", of: int | None = None, mark: int | None = None) -> Execution:
    parent, success = (None if value is None else str(value) for value in (of, mark))
    return Execution(str(number), "w1", status, retry_of=parent, retry_success_id=success)


def chain(*members: Execution) -> Chain:
    return Chain({member.id: member for member in members}, [members[0]])


def members(chains: list[Chain]) -> list[list[str]]:
    return [sorted(found.members, key=int) for found in chains]


def test_retries_are_grouped_with_what_they_are_retries_of() -> None:
    rows = [one(1), one(2), one(3, of=1), one(4, of=2), one(5, of=3), one(6, of=1)]
    assert members(group([rows[0], rows[1]], [], rows[2:])) == [["1", "3", "5", "6"], ["2", "4"]]


def test_retries_of_what_is_deleted_belong_together() -> None:
    assert members(group([one(6, of=1)], [], [one(5, of=1), one(7, of=6), one(8, of=2)])) == [["5", "6", "7"]]


def test_chains_in_which_nothing_is_selected_are_left_out_and_the_oldest_comes_first() -> None:
    rows = [one(number) for number in (9, 10, 2)]
    assert members(group([rows[1], rows[2]], [rows[0]], [])) == [["2"], ["10"]]


def test_what_was_read_later_counts() -> None:
    (found,) = group([one(1, "running", of=0)], [], [one(1, "success", of=0)])
    assert found.success is not None


@pytest.mark.parametrize("rows", [[one(1, of=1)], [one(1, of=2), one(2, of=1)]])
def test_rows_that_name_each_other_do_not_hold_it_up(rows: list[Execution]) -> None:
    known = {row.id: row for row in rows}
    for row in rows:
        find_ancestors(row, known, set(), lambda wanted: known[wanted])
    assert [member for found in members(group(rows, [], rows)) for member in found] == sorted(known)


def test_ancestors_are_read_up_to_the_first_that_is_gone() -> None:
    there = {"3": one(3, of=2), "2": one(2, of=1)}
    asked = []

    def get(wanted: str) -> Execution:
        asked.append(wanted)
        if wanted not in there:
            raise NotFound(wanted)
        return there[wanted]

    known: dict[str, Execution] = {}
    gone: set[str] = set()
    find_ancestors(one(4, of=3), known, gone, get)
    find_ancestors(one(5, of=3), known, gone, get)
    assert (asked, sorted(known), gone) == (["3", "2", "1"], ["2", "3", "4", "5"], {"1"})


def test_an_ancestor_that_cannot_be_read_is_not_gone() -> None:
    def get(_wanted: str) -> Execution:
        raise ServerFault("500")

    gone: set[str] = set()
    with pytest.raises(ServerFault):
        find_ancestors(one(4, of=3), {}, gone, get)
    assert gone == set()


def test_members_can_be_as_old_as_what_the_oldest_is_a_retry_of() -> None:
    assert floor([one(9), one(7), one(8, of=3)]) == 3
    assert floor([one(9), one(7)]) == 7


def test_the_original_does_not_count_as_an_attempt() -> None:
    assert chain(one(1)).attempts == 0
    assert chain(one(1), one(2, of=1), one(3, of=2)).attempts == 2
    assert chain(one(2, of=1), one(3, of=2)).attempts == 2


def test_the_newest_failure_is_the_one_to_retry() -> None:
    found = chain(one(9, "canceled"), one(10, "crashed", of=9), one(11, "unknown", of=9))
    assert found.newest_failed is not None
    assert found.newest_failed.id == "10"
    assert chain(one(1, "unknown")).newest_failed is None


@pytest.mark.parametrize(
    "rows, success",
    [
        ([one(1), one(2, "success", of=1)], "2"),
        ([one(1, mark=9)], "9"),
        ([one(1, mark=2), one(2, "error", of=1)], None),
        ([one(1, mark=2), one(2, "running", of=1)], None),
        ([one(1, mark=3), one(2, "success", of=1)], "2"),
        ([one(1)], None),
    ],
)
def test_a_success_is_a_member_or_a_mark_of_one_that_is_gone(rows: list[Execution], success: str | None) -> None:
    assert chain(*rows).success_id == success
