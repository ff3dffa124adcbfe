"""ansible-rulebook as a person starts it, with what it prints as it goes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers import Server, eventually

# The engine is a Java program, which takes some seconds to start, and longer on a busy machine.
PATIENCE = 150.0
INVENTORY = Path(__file__).parents[2] / "extensions/eda/inventory.yml"


class Rulebook:
    """One run of ansible-rulebook; ``printed`` is all that it has said so far."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def printed(self) -> str:
        return self._output.read_text("utf-8", "replace")

    def says(self, text: str, times: int = 1) -> None:
        """Wait until it has said this so often."""
        eventually(lambda: self.printed.count(text) >= times or self.process.poll() is not None, PATIENCE)
        assert self.printed.count(text) >= times, f"{text!r} was not said:\n{self.printed}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running(server: Server, rulebook: str, folder: Path, **variables: str) -> Iterator[Rulebook]:
    """A rulebook, by the name of one of the collection's or by its text, against a server until the end of the block."""
    programs = Path(sys.executable).parent
    if shutil.which("java") is None:
        raise AssertionError("ansible-rulebook needs Java 17: apt-get install openjdk-17-jre-headless")
    name = rulebook
    if "\n" in rulebook:
        name = str(folder / "rulebook.yml")
        Path(name).write_text(rulebook, encoding="utf-8")
    environment = {
        # A person has no path set to the collection but the one that Ansible itself reads.
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "N8N_URL": server.url,
        "N8N_API_KEY": server.api_key,
        "N8N_STATE_PATH": str(folder / "state.json"),
        **variables,
    }
    words = ["--rulebook", name, "--inventory", str(INVENTORY), "--env-vars", ",".join(sorted({"N8N_STATE_PATH", *variables}))]
    output = folder / "printed.txt"
    with output.open("a", encoding="utf-8") as sink:
        process = subprocess.Popen(
            [str(programs / "ansible-rulebook"), *words],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            text=True,
            # Of its own, so that what it has started ends with it.
            start_new_session=True,
        )
        try:
            yield Rulebook(process, output)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def debugging(**options: Any) -> str:
    """A rulebook that prints each event: its number in a run, what happened, and to which execution."""
    source = json.dumps({"flowops.n8n.n8n_executions": {"poll_interval": 0.5, "state_path": "state.json", **options}})
    return f"""---
- name: Tell
  hosts: all
  sources:
    - {source}
  rules:
    - name: All
      condition: event.kind is defined
      action:
        debug:
          msg: "told: {{{{ event.execution.id }}}} {{{{ event.kind }}}}."
"""
