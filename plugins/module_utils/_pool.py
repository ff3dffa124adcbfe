# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many calls at once: bounded, slower when the server asks for it, one bad item never ends the batch."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError

_Item = t.TypeVar("_Item")
_Result = t.TypeVar("_Result")

# After so many calls in a row that the server did not complain about, one more at a time is tried.
CALM = 20
# A rise of what calls take that is smaller tells nothing of the server (seconds).
RISE = 0.05
# What calls took at best counts for a little more each time it is compared with, so that what has become usual ends to slow them.
FORGET = 1.05


def each(
    work: t.Callable[[_Item], _Result],
    items: t.Iterable[_Item],
    *,
    concurrency: int,
    pushbacks: t.Callable[[], int],
    alike: bool = False,
) -> t.Iterator[tuple[_Item, _Result | N8nError]]:
    """Do ``work`` for every item, at most ``concurrency`` at once; yield each item with its result or its error.

    Items are taken one by one as there is room, results come as they are ready. An error that
    condemns all ends it: no further item is begun, and what is under way is waited for and
    yielded, so that the caller knows all that was done. An error of ``items`` itself is raised
    after that. ``pushbacks`` counts the server's requests for a slower pace: each halves the
    number of calls at once, calm lets it grow again. Where items are ``alike``, so that all
    take the server about as long, the number is halved as well when they begin to take twice
    as long as the same number at once have taken.
    """
    source = iter(items)
    under_way: dict[Future[tuple[_Result, float]], _Item] = {}
    # Those that are over. To wait for the first of many futures locks all of them, each time.
    over: SimpleQueue[Future[tuple[_Result, float]]] = SimpleQueue()
    pace = _Pace(concurrency, pushbacks, alike)
    broken: N8nError | None = None
    more = True
    with ThreadPoolExecutor(max_workers=concurrency) as executor:
        while True:
            while more and len(under_way) < pace.width:
                try:
                    item = next(source)
                except StopIteration:
                    more = False
                except N8nError as error:
                    broken, more = error, False
                else:
                    future = executor.submit(_timed, work, item)
                    under_way[future] = item
                    future.add_done_callback(over.put)
            if not under_way:
                break
            future = over.get()
            item = under_way.pop(future)
            try:
                result, seconds = future.result()
            except N8nError as error:
                pace.step()
                more = more and not error.condemns_all
                yield item, error
            else:
                pace.step(seconds)
                yield item, result
    if broken is not None:
        raise broken


def _timed(work: t.Callable[[_Item], _Result], item: _Item) -> tuple[_Result, float]:
    started = time.monotonic()
    return work(item), time.monotonic() - started


class _Pace:
    """How many calls may be under way."""

    def __init__(self, most: int, pushbacks: t.Callable[[], int], alike: bool) -> None:
        self.width = most
        self._most = most
        self._pushbacks = pushbacks
        self._seen = pushbacks()
        self._calm = 0
        self._alike = alike
        # Calls that are not looked at: the first ones connect.
        self._passed_over = most
        # Seconds of those that are.
        self._seconds: list[float] = []
        # What calls took at best, by the width.
        self._least: dict[int, float] = {}

    def step(self, seconds: float | None = None) -> None:
        """Take note of one more call that is over, and of what it took if it went well."""
        now = self._pushbacks()
        if now != self._seen:
            self._change_to(max(1, self.width // 2))
        elif self._passed_over:
            self._passed_over -= 1
        else:
            self._calm += 1
            if seconds is not None and self._alike:
                self._seconds.append(seconds)
            if self._calm >= CALM:
                self._look_back()
        self._seen = now

    def _look_back(self) -> None:
        """At so many calls without a request for a slower pace."""
        if self._seconds and self._is_slower(sorted(self._seconds)[len(self._seconds) // 2]):
            self._change_to(max(1, self.width // 2))
        elif self.width < self._most:
            self._change_to(self.width + 1)
        self._calm = 0
        self._seconds.clear()

    def _change_to(self, width: int) -> None:
        # What is under way was begun at the former width.
        self._passed_over, self._calm, self.width = self.width, 0, width
        self._seconds.clear()

    def _is_slower(self, usual: float) -> bool:
        """Whether calls take twice as long as at best, at this width or a greater one."""
        self._least = {width: FORGET * least for width, least in self._least.items()}
        best = min((least for width, least in self._least.items() if width >= self.width), default=usual)
        self._least[self.width] = min(usual, self._least.get(self.width, usual))
        return usual > max(2 * best, best + RISE)
