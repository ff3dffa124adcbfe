"""Which versions a fact holds for, and how the cases read an answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

V1 = pytest.mark.only("1.123")
V2 = pytest.mark.only("2.13", "2.41")
# Requests are checked against the OpenAPI document up to 2.38, by zod schemas from 2.39 on.
VALIDATOR_ERA = pytest.mark.only("1.123", "2.13")
ZOD_ERA = pytest.mark.only("2.41")

LIVE = ("new", "running", "unknown", "waiting")
OVER = ("canceled", "crashed", "error", "success")


def cursor(**held: object) -> str:
    """A cursor as a client builds it."""
    return base64.b64encode(json.dumps(held).encode()).decode()


def held_in(text: str) -> Any:
    """What a cursor of the server holds."""
    return json.loads(base64.b64decode(text))


def refused(answer: requests.Response) -> tuple[int, str]:
    """The status and the message of an answer that refuses, in n8n's own form."""
    assert answer.headers["Content-Type"].startswith("application/json"), answer.text
    assert list(answer.json()) == ["message"]
    return answer.status_code, answer.json()["message"]


def ok(answer: requests.Response) -> Any:
    """The body of an answer with status 200."""
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()
