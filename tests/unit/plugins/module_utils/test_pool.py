# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many calls at once: bounded, slower when the server asks for it, one bad item never ends the batch."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError, Rejected, ServerFault, Unauthorized
from ansible_collections.flowops.n8n.plugins.module_utils._pool import CALM, RISE, _Pace, each


def never() -> int:
    return 0


def run(work: t.Callable[[int], t.Any], items: t.Iterable[int], concurrency: int = 1) -> list[tuple[int, t.Any]]:
    return list(each(work, items, concurrency=concurrency, pushbacks=never))


@pytest.mark.parametrize("concurrency", [1, 4, 32])
def test_every_item_comes_back_once_with_its_result(concurrency: int) -> None:
    assert sorted(run(lambda item: item * 2, range(50), concurrency)) == [(item, item * 2) for item in range(50)]


def test_nothing_to_do_is_done_at_once() -> None:
    assert run(lambda item: item, []) == []


def test_one_bad_item_does_not_end_the_batch() -> None:
    def work(item: int) -> int:
        if item == 1:
            raise ServerFault("bad item")
        return item

    results = run(work, range(3))
    assert [item for item, _result in results] == [0, 1, 2]
    assert isinstance(results[1][1], ServerFault)


def test_an_error_that_condemns_all_begins_nothing_more() -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise Unauthorized("wrong key")
        return item

    results = run(work, range(100))
    assert begun == [0, 1, 2]
    assert [item for item, _result in results] == [0, 1, 2]


def test_what_is_under_way_when_all_is_condemned_is_still_told() -> None:
    together = threading.Barrier(3, timeout=10)
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        together.wait()
        if item == 0:
            raise Unauthorized("wrong key")
        return item

    results = run(work, range(3), concurrency=3)
    assert sorted(item for item, _result in results) == [0, 1, 2]
    assert sorted(begun) == [0, 1, 2]


def test_no_more_than_the_bound_are_under_way() -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def work(item: int) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1
        return item

    assert len(run(work, range(30), concurrency=3)) == 30
    assert most[0] <= 3


def test_items_are_taken_only_as_there_is_room() -> None:
    taken = []

    def items() -> t.Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = each(lambda item: item, items(), concurrency=2, pushbacks=never)
    next(results)
    assert len(taken) <= 4
    t.cast("t.Generator[t.Any, None, None]", results).close()


def test_an_error_of_the_source_is_raised_after_what_was_begun() -> None:
    def items() -> t.Iterator[int]:
        yield 1
        yield 2
        raise Rejected("the list broke")

    told: list[int] = []
    with pytest.raises(Rejected, match="the list broke"):
        told.extend(item for item, _result in each(lambda item: item, items(), concurrency=8, pushbacks=never))
    results = each(lambda item: item, items(), concurrency=8, pushbacks=never)
    assert {next(results)[0], next(results)[0]} == {1, 2}
    with pytest.raises(Rejected):
        next(results)


def test_an_error_of_our_own_making_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda item: item // 0, range(3))


def widths(pushes: t.Callable[[int], int], count: int, most: int) -> list[int]:
    """How many items were taken and not yet over, at each end of one."""
    taken, over, seen = [0], [0], []

    def items() -> t.Iterator[int]:
        for item in range(count):
            taken[0] += 1
            yield item

    gate = threading.Semaphore(0)

    def work(_item: int) -> bool:
        return gate.acquire(timeout=10)

    results = each(work, items(), concurrency=most, pushbacks=lambda: pushes(over[0]))
    for _item in range(count):
        gate.release()
        next(results)
        over[0] += 1
        seen.append(taken[0] - over[0])
    return seen


def test_each_request_for_a_slower_pace_halves_the_calls_under_way() -> None:
    # The server complains at the third and at the tenth call that is over.
    seen = widths(lambda over: (over >= 2) + (over >= 9), 40, 8)
    assert seen[0] == 7
    assert 3 in seen[4:9] or 4 in seen[4:9]
    assert max(seen[12:30]) <= 2


def test_the_pace_never_falls_below_one() -> None:
    seen = widths(lambda over: over, 30, 8)
    assert set(seen[10:-1]) <= {0, 1}


def test_calm_lets_the_pace_grow_again_by_one() -> None:
    seen = widths(lambda over: int(over >= 1), 4 * CALM, 4)
    assert max(seen[4:CALM]) <= 2
    assert max(seen[2 * CALM + 4 : 3 * CALM]) >= 2
    assert max(seen) <= 4


def paced(pace: _Pace, seconds: float, calls: int) -> list[int]:
    """The widths while so many calls take so long."""
    seen = []
    for _call in range(calls):
        pace.step(seconds)
        seen.append(pace.width)
    return seen


def test_calls_that_take_twice_as_long_as_before_are_halved_until_they_do_not() -> None:
    pace = _Pace(8, never, alike=True)
    assert set(paced(pace, 0.1, 3 * CALM)) == {8}
    assert paced(pace, 0.15, 3 * CALM)[-1] == 8
    assert paced(pace, 0.4, 2 * CALM)[-1] == 4
    assert paced(pace, 0.1, 2 * CALM)[-1] == 6
    assert paced(pace, 0.1, 10 * CALM)[-1] == 8


def test_what_has_become_usual_slows_nothing_down_for_ever() -> None:
    pace = _Pace(8, never, alike=True)
    paced(pace, 0.1, 3 * CALM)
    assert paced(pace, 0.4, 6 * CALM)[-1] <= 2
    assert paced(pace, 0.4, 60 * CALM)[-1] == 8


def test_a_few_slow_calls_and_small_rises_tell_nothing() -> None:
    pace = _Pace(8, never, alike=True)
    for _times in range(10):
        assert set(paced(pace, 0.01, CALM // 2 + 1) + paced(pace, 5.0, CALM // 2 - 1)) == {8}
    assert set(paced(pace, RISE, 3 * CALM)) == {8}


def test_where_items_differ_what_they_take_tells_nothing() -> None:
    pace = _Pace(8, never, alike=False)
    assert set(paced(pace, 0.1, 3 * CALM) + paced(pace, 10.0, 3 * CALM)) == {8}


def test_few_calls_at_once_that_are_quick_are_no_measure_for_many() -> None:
    pushes = [0]
    pace = _Pace(8, lambda: pushes[0], alike=True)
    for pushes[0] in (1, 2, 3):
        pace.step(0.1)
    assert pace.width == 1
    # A server that does one thing at a time takes as much longer as there are calls at once.
    for _call in range(20 * CALM):
        pace.step(0.1 * pace.width)
    assert pace.width == 8


def test_errors_are_results_of_their_items() -> None:
    def work(item: int) -> int:
        raise Rejected(f"not {item}")

    results = t.cast(list[tuple[int, N8nError]], run(work, range(2)))
    assert [str(error) for _item, error in results] == ["not 0", "not 1"]
