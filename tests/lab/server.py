"""Start a real n8n on loopback, with a folder, ports and an owner of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from tests.lab import guard
from tests.lab.install import install, node_dir, node_environment

START_TIMEOUT = 300.0

EVERYWHERE = {
    "N8N_LISTEN_ADDRESS": "127.0.0.1",
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_SECURE_COOKIE": "false",
    "N8N_LOG_LEVEL": "warn",
    # A test decides which executions there are.
    "EXECUTIONS_DATA_PRUNE": "false",
    # What still runs when the tests are over is of no interest.
    "N8N_GRACEFUL_SHUTDOWN_TIMEOUT": "1",
}

# 1.x has the choice, and these are what its own defaults come down to here.
ONLY_1 = {"N8N_EXPRESSION_ENGINE": "legacy", "N8N_RUNNERS_ENABLED": "false"}

N8N_SETTINGS = ("N8N_", "DB_", "EXECUTIONS_", "QUEUE_", "WEBHOOK_", "WORKFLOWS_")

OWNER = {"email": "owner@example.com", "firstName": "Test", "lastName": "Owner", "password": "Passw0rd1"}


class StartFailed(RuntimeError):
    """n8n did not come up; the message holds the end of its log."""


class N8n:
    """One real n8n server, used as a context manager.

    ``url`` is its origin, ``database`` its SQLite file unless ``settings`` (more of its environment) name another
    database, ``log`` what it wrote.
    """

    def __init__(self, version: str, settings: Mapping[str, str] | None = None) -> None:
        self.version = version
        self._settings = dict(settings or {})
        self._session = requests.Session()
        self._folder = Path(tempfile.mkdtemp(prefix=f"n8n-{version}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._owned = False
        self.log = self._folder / "n8n.log"
        self.database = self._folder / ".n8n" / "database.sqlite"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> N8n:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_unused: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and return once the public API answers. Raises StartFailed."""
        program = install(self.version) / "node_modules" / "n8n" / "bin" / "n8n"
        home = node_dir()
        command = [str(home / "bin" / "node"), str(program), "start"]
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, guard.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(home),
                start_new_session=True,
            )
        self._wait_until(self._is_ready)
        if not self._owned:
            self._wait_until(self._has_owner)

    def kill(self) -> None:
        """End the server at once, in the middle of whatever it does; it can be started again."""
        if self._process is None:
            return
        guard_id = self._process.pid
        for child in Path(f"/proc/{guard_id}/task/{guard_id}/children").read_text(encoding="ascii").split():
            os.killpg(int(child), signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End the server and everything it started; the log stays until the context ends."""
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        self._process = None
        self._session.close()

    def key(self, *scopes: str) -> str:
        """A new API key with these scopes; all that the owner may give when none are named."""
        wanted = list(scopes) or self._session.get(f"{self.url}/rest/api-keys/scopes", timeout=60).json()["data"]
        body = {"label": uuid.uuid4().hex, "scopes": wanted, "expiresAt": None}
        # A key of 1.x is nothing but the owner and the second: two of one second
        # are the same, and the server stumbles over the second one.
        for _unused in range(30):
            made = self._session.post(f"{self.url}/rest/api-keys", json=body, timeout=60)
            if made.status_code != 500:
                break
            time.sleep(0.1)
        made.raise_for_status()
        return str(made.json()["data"]["rawApiKey"])

    def _environment(self, home: Path) -> dict[str, str]:
        # What the caller's own n8n is set to must not reach this one.
        kept = {name: value for name, value in node_environment(home).items() if not name.startswith(N8N_SETTINGS)}
        kept.update(EVERYWHERE)
        if self.version.startswith("1."):
            kept.update(ONLY_1)
        kept["N8N_USER_FOLDER"] = str(self._folder)
        kept["N8N_PORT"] = str(self.port)
        kept["N8N_RUNNERS_BROKER_PORT"] = str(free_port())
        kept.update(self._settings)
        return kept

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise StartFailed(f"n8n {self.version} ended while starting:\n{self._tail()}")
            if reached():
                return
            time.sleep(0.2)
        raise StartFailed(f"n8n {self.version} was not ready after {START_TIMEOUT:.0f} s:\n{self._tail()}")

    def _is_ready(self) -> bool:
        """Whether the files of the editor are there, which come last of all.

        Readiness says ok some seconds before the API's routes are there, and these answer before n8n has taken for crashed what
        ran when it was killed.
        """
        try:
            icon = requests.get(f"{self.url}/favicon.ico", timeout=5)
        except requests.RequestException:
            return False
        return icon.ok and icon.headers.get("Content-Type", "").startswith("image/")

    def _has_owner(self) -> bool:
        answer = self._session.post(f"{self.url}/rest/owner/setup", json=OWNER, timeout=60)
        self._owned = answer.ok
        return answer.ok

    def _tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
