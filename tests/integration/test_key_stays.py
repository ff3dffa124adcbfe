"""While a playbook runs, and afterwards, nobody else on the machine finds the key in a command line or a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.warm import PROGRAM
from tests.simulator.server import Simulator, running

# Each request takes so long (seconds): a module is there long enough to be looked at.
LATENCY = 1.0
PAUSE = 0.02
# What is run, each on an execution of its own.
TASKS = {"n8n_execution_info": "1", "n8n_execution_delete": "2"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running("2.41", seed=20, latency=LATENCY) as simulator:
        yield simulator


@pytest.fixture
def around() -> Iterator[Path]:
    """A folder with a short name: ansible-core 2.21 puts a socket below it, whose path has a hundred characters at most."""
    with tempfile.TemporaryDirectory(prefix="n8n-") as folder:
        yield Path(folder)


class Onlooker:
    """Another user of the machine, until the end of the block: looks at all processes, and at the files below a folder."""

    def __init__(self, key: str, folder: Path) -> None:
        self._key = key.encode()
        self._folder = folder
        self._leaves = threading.Event()
        self._executor = ThreadPoolExecutor(1)
        # Command lines that name something in the folder, and those of any process in which the key stands.
        self.commands: set[str] = set()
        self.telling: set[str] = set()
        # Files that held the key for a while, and those of them that others could have read.
        self.files: set[str] = set()
        self.readable: set[str] = set()

    def __enter__(self) -> Onlooker:
        self._looking = self._executor.submit(self._look_on)
        return self

    def __exit__(self, *_unused: object) -> None:
        self._leaves.set()
        # Whoever fails while looking on has seen nothing.
        self._looking.result()
        self._executor.shutdown()

    def _look_on(self) -> None:
        while not self._leaves.wait(PAUSE):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                # Processes and files come and go.
                with suppress(OSError):
                    self._look_at_a_command(path.read_bytes())
            for path in files_with(self._key, self._folder):
                self.files.add(path.name)
                with suppress(OSError):
                    if may_be_read_by_others(path, self._folder):
                        self.readable.add(str(path))

    def _look_at_a_command(self, content: bytes) -> None:
        command = content.replace(b"\0", b" ").decode(errors="replace")
        if self._key in content:
            self.telling.add(command)
        if str(self._folder) in command:
            self.commands.add(command)


def files_with(key: bytes, folder: Path) -> Iterator[Path]:
    for where, _folders, names in os.walk(folder):
        for path in (Path(where, name) for name in names):
            with suppress(OSError):
                if path.is_file() and key in path.read_bytes():
                    yield path


def may_be_read_by_others(path: Path, folder: Path) -> bool:
    """Whether its own mode allows it, and so do the modes of all folders on the way to it from this one on."""
    ways = [parent for parent in path.parents if folder in parent.parents]
    return bool(path.stat().st_mode & 0o044) and all(parent.stat().st_mode & 0o011 for parent in ways)


@pytest.mark.parametrize("source", ["the task", "the environment"])
def test_the_key_is_in_no_command_line_and_in_no_file_for_others_or_for_later(
    simulator: Simulator, tmp_path: Path, around: Path, source: str
) -> None:
    key = simulator.key()
    # As on a machine of many: what lies there lies before all of them.
    folders = {name: around / name for name in ("home", "local", "remote", "tmp")}
    for folder in (around, *folders.values()):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    # Those who write the key into a file, or set a variable, know that they do.
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"key_of_n8n": key} if source == "the task" else {}), encoding="utf-8")
    options = {"url": simulator.url, **({"api_key": "{{ key_of_n8n }}"} if source == "the task" else {})}
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("N8N_")},
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        "ANSIBLE_LOCAL_TEMP": str(folders["local"]),
        "ANSIBLE_REMOTE_TEMP": str(folders["remote"]),
        **({"N8N_API_KEY": key} if source == "the environment" else {}),
    }
    with Onlooker(key, around) as onlooker:
        output = play({module: {"execution_id": [number], **options} for module, number in TASKS.items()}, secret, env)
    assert [(call.method, call.path, call.status) for call in simulator.calls] == [
        ("GET", "/api/v1/executions/1", 200),
        ("GET", "/api/v1/executions/2", 200),
        ("DELETE", "/api/v1/executions/2", 200),
    ]
    assert onlooker.telling == set()
    assert all(any(module in command for command in onlooker.commands) for module in TASKS), onlooker.commands
    assert onlooker.readable == set()
    if source == "the task":
        # The arguments of a module are in the file that Ansible makes of it, as long as it runs.
        assert {f"AnsiballZ_{module}.py" for module in TASKS} <= onlooker.files
    else:
        assert onlooker.files == set()
    assert list(files_with(key.encode(), around)) == []
    assert key not in output


def play(tasks: dict[str, dict[str, Any]], variables: Path, env: dict[str, str]) -> str:
    """Run a play of these modules, with their options, by a program that has its settings from ``env``; its output."""
    play = {
        "name": "Test",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [{f"flowops.n8n.{module}": options} for module, options in tasks.items()],
    }
    path = variables.with_name("play.yml")
    path.write_text(json.dumps([play]), encoding="utf-8")
    command = [PROGRAM, str(path), "-vvvv", "-e", f"@{variables}"]
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
