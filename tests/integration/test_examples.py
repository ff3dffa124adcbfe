"""Every example of the documentation that can be run does what it says, copied as it stands.

Addresses lead to a simulator, files into the test's own folder; nothing else is changed.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples import EXAMPLES, blocks, named, plays
from tests.integration.plays import ansible_playbook
from tests.simulator.seed import Row, insert_executions, webhook_workflow
from tests.simulator.server import Simulator, running
from tests.simulator.store import Store

# What the examples name.
WORKFLOWS = ("Nightly import", "Poll the mailbox")
TAGS = ("5GhT7xR2mQp9LkZw", "8VbN3cY6sWd1JfXt")
ONE = 1234
FOLDERS = ("var/backups/n8n", "var/www/html", "srv/n8n/production", "tmp")


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A history in which almost all went well, of a month and a half; of n8n-work where the example is about that."""
    path, number = request.param
    with running("n8n_work" if "dialect: n8n_work" in blocks(path)[number] else "2.41") as simulator:
        store = Store(simulator.database)
        ids = [
            store.add_workflow(webhook_workflow(name, "n8n-nodes-base.noOp", {}, name.replace(" ", "-")), active=False)
            for name in WORKFLOWS
        ]
        store.close()
        now = datetime.now(timezone.utc)
        insert_executions(
            simulator.database,
            [
                Row(
                    ids[number % 2],
                    "error" if number == ONE else "success",
                    started_at=now - timedelta(minutes=50 * (1300 - number)),
                )
                for number in range(1, 1300)
            ],
        )
        with closing(sqlite3.connect(simulator.database, timeout=30)) as database:
            database.executemany("INSERT INTO annotation_tag_entity (id, name) VALUES (?, ?)", [(tag, tag) for tag in TAGS])
            database.commit()
        yield simulator


@pytest.mark.parametrize(
    ("simulator", "example"),
    [(example, example) for example in EXAMPLES],
    indirect=["simulator"],
    ids=[named(path, number) for path, number in EXAMPLES],
)
def test_an_example_can_be_copied_and_run(simulator: Simulator, example: tuple[Path, int], tmp_path: Path) -> None:
    path, number = example
    text = re.sub(r"https://[a-z0-9.-]*n8n[a-z0-9.-]*\.com", simulator.url, blocks(path)[number])
    text = re.sub(r"(?<=[\s\"'=])/(?=(var|srv|tmp)/)", f"{tmp_path}/", text)
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    inventory, play = tmp_path / "inventory.json", tmp_path / "play.yml"
    inventory.write_text(json.dumps(host_of(simulator)), encoding="utf-8")
    play.write_text(json.dumps(plays(yaml.safe_load(text))), encoding="utf-8")
    done = ansible_playbook(simulator, str(play), "-i", str(inventory), folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout, done.stdout
    assert "DEPRECATION" not in done.stdout, done.stdout


def host_of(simulator: Simulator) -> dict[str, Any]:
    """An inventory of one instance, as docs/inventory.yml describes more of them."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "n8n_url": simulator.url,
        "n8n_api_key": simulator.api_key,
        "vault_n8n_api_key": simulator.api_key,
        "n8n_work_token": simulator.api_key,
        "execution_cleanup_policies": [{"older_than": "30d"}],
        # What a task before the example is said to have read.
        "read": {"executions": [{"id": "1", "status": "success", "started_at": "2026-11-01T00:00:00.000Z"}]},
    }
    return {"n8n": {"hosts": {"production": variables}}, "all": {"hosts": {"localhost": variables}}}
