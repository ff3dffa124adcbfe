"""One run of one tool: its times, its requests as the server saw them, and its memory."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmark.peers import CLEANUP, DELETE, PING, Task, prepared

# How often the memory of the processes is looked at. What the kernel tells is each one's highest so far.
LOOK = 0.05
PATIENCE = 3600.0


class WrongResult(RuntimeError):
    """A tool did not do what it was to do, so its time means nothing."""


@dataclass(frozen=True)
class Run:
    """Seconds for times, KiB for memory.

    ``request_phase`` lasts from the first request to the end of the last answer, as the server saw them, ``deleting`` from the
    first DELETE on; ``first_delete`` is counted from the start of the program, ``seeking`` from its first request.
    ``memory`` is that of the largest process.
    """

    wall: float
    request_phase: float
    requests: int
    connections: int
    memory: int
    lists_before: int
    first_delete: float
    seeking: float
    deleting: float
    deleted: int

    def record(self) -> dict[str, float]:
        return asdict(self)


def measured(peer: str, task: Task) -> Run:
    """Let a tool carry a task out. Raises ``WrongResult``."""
    server = task.server
    before = server.count()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        command = prepared(peer, task, Path(name))
        server.forget()
        with open(Path(name, "output"), "w+", encoding="utf-8") as output:
            began, clock = time.time(), time.monotonic()
            # A group of its own, so that nothing is left behind if it is given up.
            process = subprocess.Popen(
                command.words,
                env=command.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                memory = _watched(process, clock)
            finally:
                _end(process)
            wall = time.monotonic() - clock
            output.seek(0)
            said = output.read().replace(server.api_key, "***")
    counted = re.search(r"counted=(\d+)", said)
    gone = before - server.count()
    wanted = task.count if task.scenario in (CLEANUP, DELETE) and peer != PING else 0
    # A history whose steps are shorter than a program's start may grow old by one more in the meantime.
    slack = 2 if task.scenario == CLEANUP else 0
    if process.returncode or counted is None or abs(gone - wanted) > slack:
        raise WrongResult(f"{peer}, {task.scenario}: exit status {process.returncode}, {gone} deleted:\n{said[-2000:]}")
    if peer != PING and abs(int(counted[1]) - task.count) > slack:
        raise WrongResult(f"{peer}, {task.scenario}: {counted[1]} executions in hand, not {task.count}")
    calls = server.calls()
    deletes = [call for call in calls if call.method == "DELETE"]
    first = calls[0].began if calls else began
    last = max((call.ended for call in calls), default=began)
    first_delete = deletes[0].began if deletes else last
    return Run(
        wall=wall,
        request_phase=last - first,
        requests=len(calls),
        connections=len({call.connection for call in calls}),
        memory=memory,
        lists_before=sum(1 for call in calls if call.began < first_delete) if deletes else len(calls),
        first_delete=first_delete - began,
        seeking=first_delete - first,
        deleting=last - first_delete,
        deleted=gone,
    )


def _watched(process: subprocess.Popen[bytes], clock: float) -> int:
    """Wait for a process; the largest memory that it or one that it started has had."""
    largest = 0
    while True:
        largest = max([largest, *map(_highest, _family(process.pid))])
        try:
            process.wait(LOOK)
        except subprocess.TimeoutExpired:
            if time.monotonic() - clock > PATIENCE:
                raise WrongResult(f"not done within {PATIENCE:.0f} s") from None
        else:
            return largest


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _family(pid: int) -> list[int]:
    """The process and those that descend from it."""
    family, todo = [], [pid]
    while todo:
        one = todo.pop()
        family.append(one)
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                todo += map(int, (thread / "children").read_text(encoding="ascii").split())
    return family


def _highest(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
