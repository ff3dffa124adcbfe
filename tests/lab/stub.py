"""The service that a workflow calls: it fails, succeeds or is slow as a test tells it."""

from __future__ import annotations

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stub:
    """One address of the service, with a behaviour of its own. It fails until told otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls = 0
        self._status = 500
        self._seconds = 0.0
        self._released = threading.Event()

    def fail(self, status: int = 500) -> None:
        """Answer with this status from now on."""
        self._status = status

    def succeed(self) -> None:
        """Answer 200 from now on."""
        self._status = 200

    def slow(self, seconds: float) -> None:
        """Take so long from now on, unless released before."""
        self._seconds = seconds
        self._released.clear()

    def release(self) -> None:
        """Answer at once again, whoever is waiting included."""
        self._seconds = 0.0
        self._released.set()

    def answer(self) -> int:
        """The HTTP status of one answer, once its time has come."""
        self.calls += 1
        if self._seconds:
            self._released.wait(self._seconds)
        return self._status


class StubServer:
    """The service itself, on a free port of loopback, used as a context manager."""

    def __init__(self) -> None:
        self._stubs: dict[str, Stub] = {}
        self._numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="stub", daemon=True)

    def __enter__(self) -> StubServer:
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        for stub in self._stubs.values():
            stub.release()
        self._server.shutdown()
        self._server.server_close()

    def stub(self) -> Stub:
        """A new address."""
        path = f"/{next(self._numbers)}"
        self._stubs[path] = Stub(f"http://127.0.0.1:{self._server.server_port}{path}")
        return self._stubs[path]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stubs = self._stubs

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status = stubs[self.path].answer()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"ok": %s}' % (b"true" if status == 200 else b"false"))

            def log_message(self, *_unused: object) -> None:
                """Keep the output of the tests clean."""

        return Handler
