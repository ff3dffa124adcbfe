# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server of bare sockets, for what no well-behaved server does: it hangs up, drips, and counts its connections."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t

Behave = t.Callable[[socket.socket, bytes], t.Optional[bool]]


def good(body: bytes = b"{}", *, head: str = "200 OK", keep: bool = True, more: str = "") -> Behave:
    """A whole answer; the connection is kept unless it is to be closed."""

    def behave(connection: socket.socket, _request: bytes) -> bool:
        close = "" if keep else "Connection: close\r\n"
        text = f"HTTP/1.1 {head}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{close}{more}\r\n"
        connection.sendall(text.encode() + body)
        return keep

    return behave


def hang_up(_connection: socket.socket, _request: bytes) -> bool:
    """The request was read, and no answer comes."""
    return False


def cut_off(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data": [')
    return False


def say_nothing(connection: socket.socket, _request: bytes) -> bool:
    """The connection stays open until the client has had enough."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    return False


def drip(head: bytes, drop: bytes) -> Behave:
    """A drop at a time, each well within the time limit, until the client hangs up or 4 seconds are over."""

    def behave(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(head)
        with contextlib.suppress(OSError):
            for _drop in range(80):
                connection.sendall(drop)
                connection.settimeout(0.05)
                with contextlib.suppress(socket.timeout):
                    if not connection.recv(1):
                        break
        return False

    return behave


class RawServer:
    """Behaves as scripted, one behaviour for each request; then it has nothing more to say."""

    def __init__(self, *script: Behave) -> None:
        self.requests: list[tuple[int, bytes]] = []
        self._script = list(script)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def lines(self) -> list[str]:
        """What was asked for, by the number of the connection."""
        return [f"{number}: {request.split(b' HTTP', 1)[0].decode()}" for number, request in self.requests]

    def close(self) -> None:
        """Nobody listens any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        number = 0
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                number += 1
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            while True:
                request = _read_request(connection)
                if not request:
                    return
                self.requests.append((number, request))
                if not self._script or not self._script.pop(0)(connection, request):
                    return


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        more = connection.recv(65536)
        if not more:
            return b""
        request += more
    head, _blank, body = request.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
