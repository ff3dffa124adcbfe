"""Run a command until its own standard input closes, then end its whole process group.

The tests hold the other end of that pipe, so a server never outlives them:
closing the pipe is the clean stop, and the kernel closes it when they crash.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

PATIENCE = 15.0


def main(command: list[str]) -> int:
    # Ctrl-C reaches the whole terminal; the tests decide when the server ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    while server.poll() is None:
        readable, _unused, _unused = select.select([sys.stdin], [], [], 0.5)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            break
    _end(server)
    return server.returncode


def _end(server: subprocess.Popen[bytes]) -> None:
    _signal(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(PATIENCE)
    # Helpers of the server (task runners) may be left although it has gone.
    _signal(server.pid, signal.SIGKILL)
    server.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
