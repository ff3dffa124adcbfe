# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many calls at once: bounded, slower when the server asks for it, one bad item never ends the batch."""

from __future__ import annotations

import typing as t
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError

_Item = t.TypeVar("_Item")
_Result = t.TypeVar("_Result")

# After so many calls in a row that the server did not complain about, one more at a time is tried.
CALM = 20


def each(
    work: t.Callable[[_Item], _Result],
    items: t.Iterable[_Item],
    *,
    concurrency: int,
    pushbacks: t.Callable[[], int],
) -> t.Iterator[tuple[_Item, _Result | N8nError]]:
    """Do ``work`` for every item, at most ``concurrency`` at once; yield each item with its result or its error.

    Items are taken one by one as there is room, results come as they are ready. An error that
    condemns all ends it: no further item is begun, and what is under way is waited for and
    yielded, so that the caller knows all that was done. An error of ``items`` itself is raised
    after that. ``pushbacks`` counts the server's requests for a slower pace: each halves the
    number of calls at once, calm lets it grow again.
    """
    source = iter(items)
    under_way: dict[Future[_Result], _Item] = {}
    pace = _Pace(concurrency, pushbacks)
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
                    under_way[executor.submit(work, item)] = item
            if not under_way:
                break
            done, _pending = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                item = under_way.pop(future)
                pace.step()
                try:
                    result = future.result()
                except N8nError as error:
                    more = more and not error.condemns_all
                    yield item, error
                else:
                    yield item, result
    if broken is not None:
        raise broken


class _Pace:
    """How many calls may be under way."""

    def __init__(self, most: int, pushbacks: t.Callable[[], int]) -> None:
        self.width = most
        self._most = most
        self._pushbacks = pushbacks
        self._seen = pushbacks()
        self._calm = 0

    def step(self) -> None:
        """Take note of one more call that is over."""
        now = self._pushbacks()
        self._calm = self._calm + 1 if now == self._seen else 0
        if now != self._seen:
            self.width = max(1, self.width // 2)
        elif self._calm >= CALM and self.width < self._most:
            self.width += 1
            self._calm = 0
        self._seen = now
