"""A real n8n behind the simulator's gate, so that the same can go wrong on the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tests.simulator.faults import reset
from tests.simulator.front import Front

# What is of a connection, or is said anew by who sends the answer on.
_NOT_HANDED_ON = {b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"date"}


class Gated(Front):
    """Hands requests on to the server at ``url``, and its answers back, byte by byte as they are, each once it is whole."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def begin(self) -> None:
        self._client = httpx.AsyncClient(base_url=self._url, timeout=None, trust_env=False)

    async def end(self) -> None:
        await self._client.aclose()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Request(scope, receive)
        path = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        request = self._client.build_request(
            asked.method, path.decode("ascii"), headers=asked.headers.raw, content=await asked.body()
        )
        try:
            answer = await self._client.send(request, stream=True)
            body = b"".join([part async for part in answer.aiter_raw()])
        except httpx.TransportError:
            # n8n is down, which looks to a client as it would without us.
            await reset(scope["state"]["connection"])
            return
        headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _NOT_HANDED_ON]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def gated(url: str) -> Iterator[Gated]:
    """A gate before the server at this address, until the end of the block."""
    front = Gated(url)
    front.start()
    try:
        yield front
    finally:
        front.stop()
