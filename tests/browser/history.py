"""Thirty days of two instances, always the same, and the report that the playbook makes of them and of one that is down."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import requests

from tests.integration.plays import ansible_playbook
from tests.simulator.seed import Row, insert_executions, webhook_workflow
from tests.simulator.server import Simulator, running

PLAYBOOK: Final = "flowops.n8n.execution_report"
EDITOR: Final = "https://n8n.example.com"
BEGIN: Final = datetime(2026, 10, 1, tzinfo=timezone.utc)
DAYS: Final = 30
# No execution on this day, and many failures on that one.
SILENT, BAD = 11, 19

RTL: Final = "דוח לילי تقرير يومي"
OVERRIDE: Final = "invoice\u202efdp.exe"
LONG: Final = "Every order of every shop of every country into the one sheet that everybody reads " + "x" * 45
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)> ' onmouseover='alert(3)",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    RTL,
    OVERRIDE,
    LONG,
    "javascript:alert(4)//[link](javascript:alert(5))",
    "Smile 😀 <!-- --> ]]> </td></table></style>",
)


@dataclass(frozen=True)
class Kind:
    """A workflow: how many of its executions are among a hundred, how many of those fail, how long they take."""

    name: str
    share: int
    failing: float
    seconds: float
    errors: tuple[str, ...] = ()


ORDINARY: Final = (
    Kind("Order import", 34, 0.04, 1.2, ("The service is receiving too many requests from you", "Gateway timed out")),
    Kind("Invoice mailer", 18, 0.11, 0.8, ("Recipient address is missing",)),
    Kind("Stock sync", 22, 0.02, 6.5, ("The service refused the connection - perhaps it is offline",)),
    Kind("Customer follow-up", 14, 0.05, 2.1, ("Cannot read properties of undefined (reading 'email')",)),
    Kind("CRM to newsletter", 8, 0.0, 14.0),
    Kind("Warehouse backup", 4, 0.03, 240.0, ("No space left on device",)),
)
STRANGE: Final = tuple(
    Kind(name, 12, 0.1 + 0.02 * number, 1.0 + number, (f"{name} failed",)) for number, name in enumerate(HOSTILE)
)


@dataclass(frozen=True)
class Reports:
    """The pages, and the Markdown beside each: of all three instances, and of one alone."""

    several: Path
    one: Path
    staging: str
    """Where the second instance was."""


def make_reports(folder: Path) -> Reports:
    """Run the playbook over both kinds of inventory. Raises AssertionError if it does not end as it should."""
    with running("2.41") as production, running("1.123") as staging:
        _fill(production, ORDINARY, 3000)
        _fill(staging, STRANGE, 600)
        hosts: dict[str, dict[str, Any]] = {
            "production": {"n8n_url": production.url, "n8n_api_key": production.api_key, "execution_report_editor_url": EDITOR},
            "staging": {"n8n_url": staging.url, "n8n_api_key": staging.api_key},
            "warehouse": {"n8n_url": "http://127.0.0.1:9", "n8n_api_key": "key-0123456789", "n8n_max_request_retries": 0},
        }
        several = _report(production, hosts, folder / "several", failing="warehouse")
        one = _report(production, {"production": hosts["production"]}, folder / "one")
    return Reports(several, one, staging.url)


def _report(server: Simulator, hosts: dict[str, dict[str, Any]], folder: Path, failing: str | None = None) -> Path:
    folder.mkdir()
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"n8n": {"hosts": hosts}}), encoding="utf-8")
    page = folder / "report.html"
    # What ended in the first half of the days is old, whenever this is run.
    old = datetime.now(timezone.utc) - (BEGIN + timedelta(days=DAYS / 2))
    options = {
        "execution_report_path": str(page),
        "execution_report_markdown_path": str(page.with_suffix(".md")),
        # The role counts days back from today; a picture is to show the same days every time.
        "execution_report_from": BEGIN.isoformat(),
        "execution_report_cleanup_policies": [{"older_than": f"{int(old.total_seconds())}s", "keep_last": 10}],
    }
    done = ansible_playbook(server, PLAYBOOK, "-i", str(inventory), "-e", json.dumps(options))
    failed = [line.split()[0] for line in done.stdout.splitlines() if "failed=1" in line]
    assert failed == ([failing] if failing else []), done.stdout
    return page


def _fill(simulator: Simulator, kinds: Sequence[Kind], count: int) -> None:
    ids = []
    for number, kind in enumerate(kinds):
        workflow = webhook_workflow(kind.name, "n8n-nodes-base.noOp", {}, f"path-{number}")
        headers = {"X-N8N-API-KEY": simulator.api_key}
        answer = requests.post(f"{simulator.url}/api/v1/workflows", json=workflow, headers=headers, timeout=60)
        answer.raise_for_status()
        ids.append(answer.json()["id"])
    insert_executions(simulator.database, _history(kinds, ids, count))


def _history(kinds: Sequence[Kind], ids: Sequence[str], count: int) -> Iterator[Row]:
    chance = random.Random(count)
    days = [day for day in range(DAYS) if day != SILENT]
    # Weekends are quiet.
    weights = [1 if (BEGIN + timedelta(days=day)).weekday() < 5 else 0.35 for day in days]
    moments = sorted(
        BEGIN + timedelta(days=day, seconds=chance.uniform(0, 86_000)) for day in chance.choices(days, weights, k=count)
    )
    for moment in moments:
        number = chance.choices(range(len(kinds)), [kind.share for kind in kinds])[0]
        kind = kinds[number]
        bad = (moment - BEGIN).days == BAD
        draw = chance.random()
        fails = bool(kind.errors) and draw < kind.failing + (0.45 if bad else 0)
        status = "error" if fails else "canceled" if draw > 0.985 else "success"
        took = kind.seconds * chance.lognormvariate(0, 0.5) * (3 if bad else 1)
        error = chance.choice(kind.errors) if fails else ""
        yield Row(ids[number], status, started_at=moment, stopped_at=moment + timedelta(seconds=took), error=error)
