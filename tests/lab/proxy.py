"""A reverse proxy that keeps a log of the calls; bytes pass through it unchanged.

Each connection of a client is tied to one of the server's, so that keep-alive,
closed connections and clients that hang up look the same as without it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass

CHUNK = 65536
HEAD_LIMIT = 1 << 20


@dataclass
class Call:
    """One request that reached the server; ``status`` is 0 where it has not answered."""

    method: str
    path: str
    query: str
    status: int = 0


class RecordingProxy:
    """A proxy on a free port of loopback, used as a context manager."""

    def __init__(self, port: int) -> None:
        self.calls: deque[Call] = deque()
        self.url = ""
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recording-proxy", daemon=True)
        self._clients: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> RecordingProxy:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_unused: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        self._server.close()
        for to_client in self._clients:
            to_client.close()
        while self._clients:
            await asyncio.sleep(0.01)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._clients.add(to_client)
        try:
            await self._couple(client, to_client)
        except ConnectionError:
            # The server is gone; so is the connection of its client.
            pass
        finally:
            to_client.close()
            self._clients.discard(to_client)

    async def _couple(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port, limit=HEAD_LIMIT)
        asked: deque[Call] = deque()
        both = [
            asyncio.create_task(self._requests(client, to_server, asked)),
            asyncio.create_task(_answers(server, to_client, asked)),
        ]
        try:
            # Whichever side hangs up first, the other is to notice.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            to_server.close()

    async def _requests(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, asked: deque[Call]) -> None:
        while True:
            line, headers, head = await _head(client)
            method, target, _unused = line.split(" ", 2)
            path, _unused, query = target.partition("?")
            call = Call(method, path, query)
            self.calls.append(call)
            asked.append(call)
            to_server.write(head)
            await _body(client, to_server, headers, length=0)


async def _answers(server: asyncio.StreamReader, to_client: asyncio.StreamWriter, asked: deque[Call]) -> None:
    while True:
        line, headers, head = await _head(server)
        status = int(line.split(" ", 2)[1])
        if status >= 200:
            call = asked.popleft()
            call.status = status
        to_client.write(head)
        if status < 200 or status in (204, 304) or call.method == "HEAD":
            await to_client.drain()
        else:
            await _body(server, to_client, headers, length=None)


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """The first line, the headers by lower-case name, and the bytes of both."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.lower(): value.strip() for name, _unused, value in pairs}, head


async def _body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str], length: int | None) -> None:
    """Pass the body on; ``length`` holds when no header tells, None meaning until the connection ends."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        size = -1
        while size != 0:
            line = await reader.readline()
            writer.write(line)
            size = int(line.split(b";")[0], 16)
            await _pass(reader, writer, size + len(b"\r\n"))
        return
    if "content-length" in headers:
        length = int(headers["content-length"])
    await _pass(reader, writer, length)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int | None) -> None:
    left = length
    while left is None or left > 0:
        data = await reader.read(CHUNK if left is None else min(CHUNK, left))
        if not data:
            raise EOFError
        writer.write(data)
        await writer.drain()
        left = None if left is None else left - len(data)
    await writer.drain()
