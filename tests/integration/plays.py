"""Runs playbooks against a server as a user would, by ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.integration import warm
from tests.servers import Server

PLAYBOOKS = Path(__file__).parent.parent.parent / "playbooks"

# What changes something. The list of a real server's calls holds no others that could.
WRITES = frozenset({"DELETE", "PATCH", "POST", "PUT"})


class Address(Protocol):
    """What a playbook needs of a server."""

    @property
    def url(self) -> str:
        """The origin."""

    @property
    def api_key(self) -> str:
        """The key for all that is asked."""


def writes(server: Server) -> list[tuple[str, str]]:
    """The calls that reached the server and could change something."""
    return [(call.method, call.path) for call in server.calls if call.method in WRITES]


def run_target(server: Server, name: str, folder: Path, /, *options: str, **variables: object) -> str:
    """Run one of the targets, which asserts for itself; its output. Raises AssertionError if it fails."""
    done = run_play(server, [{"ansible.builtin.include_role": {"name": name}}], folder, *options, **variables)
    assert done.returncode == 0, done.stdout
    return done.stdout


def run_tasks(server: Address, tasks: Iterable[Mapping[str, Any]], folder: Path, *options: str) -> list[dict[str, Any]]:
    """Run tasks, whatever comes of each, and return their results in order."""
    play: list[dict[str, Any]] = []
    for number, task in enumerate(tasks):
        play.append({**task, "register": f"result_{number}", "ignore_errors": True})
    results = "[" + ", ".join(f"result_{number}" for number in range(len(play))) + "]"
    path = folder / "results.json"
    keep = {"content": "{{ " + results + " }}", "path": str(path)}
    play.append({"keep_results": keep, "diff": False, "no_log": False})
    done = run_play(server, play, folder, *options)
    assert done.returncode == 0, done.stdout
    return list(json.loads(path.read_text(encoding="utf-8")))


def run_play(
    server: Address, tasks: list[dict[str, Any]], folder: Path, /, *options: str, **variables: object
) -> subprocess.CompletedProcess[str]:
    """Run a play of these tasks on localhost; url and key come to the modules by the environment."""
    play = {
        "name": "Test",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable, **variables},
        "tasks": tasks,
    }
    path = folder / "play.yml"
    # JSON is YAML as well.
    path.write_text(json.dumps([play]), encoding="utf-8")
    return ansible_playbook(server, str(path), *options)


def ansible_playbook(
    server: Address, playbook: str, *options: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a playbook, in this folder. In whatever comes of it, the key does not stand."""
    env = {**os.environ, "N8N_URL": server.url, "N8N_API_KEY": server.api_key}
    done = warm.ansible_playbook([playbook, *options], env, folder)
    assert server.api_key not in done.stdout
    return done
