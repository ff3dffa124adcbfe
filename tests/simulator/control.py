"""The simulator's own endpoints, for tests in another process."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.simulator.faults import CONTROL, Fault

if TYPE_CHECKING:
    from tests.simulator.faults import Gate


def control(gate: Gate) -> Starlette:
    async def faults(request: Request) -> Response:
        """POST one fault as JSON, GET how many are left, DELETE them."""
        if request.method == "POST":
            gate.faults.add(Fault(**await request.json()))
        elif request.method == "DELETE":
            gate.faults.clear()
        return JSONResponse({"waiting": len(gate.faults)})

    async def calls(request: Request) -> Response:
        if request.method == "DELETE":
            gate.calls.clear()
        return JSONResponse([asdict(call) for call in gate.calls])

    async def latency(request: Request) -> Response:
        """PUT {"seconds": 0.05}."""
        if request.method == "PUT":
            gate.latency = float((await request.json())["seconds"])
        return JSONResponse({"seconds": gate.latency})

    return Starlette(
        routes=[
            Route(f"{CONTROL}/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route(f"{CONTROL}/calls", calls, methods=["GET", "DELETE"]),
            Route(f"{CONTROL}/latency", latency, methods=["GET", "PUT"]),
        ]
    )
