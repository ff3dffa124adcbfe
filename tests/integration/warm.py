"""ansible-playbook without its start: Ansible is imported once, and each run is a fork of the process that has done so.

To import it takes longer than most of the plays of these tests. What runs is Ansible's own program.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = str(Path(sys.executable).parent / "ansible-playbook")

# Ansible reads its settings when it is imported.
os.environ.update(
    ANSIBLE_LOCALHOST_WARNING="False",
    ANSIBLE_INVENTORY_UNPARSED_WARNING="False",
    ANSIBLE_NOCOLOR="1",
    ANSIBLE_ROLES_PATH=str(Path(__file__).parent / "targets"),
    ANSIBLE_ACTION_PLUGINS=str(Path(__file__).parent / "action_plugins"),
)
_CONTEXT = multiprocessing.get_context("forkserver")
# Beside Ansible the program that runs the tests, which a child imports again.
_CONTEXT.set_forkserver_preload(["pytest", "ansible.cli.playbook", "ansible.executor.playbook_executor"])


def ansible_playbook(
    arguments: Sequence[str], env: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it in this environment and folder, errors among its output. Settings of Ansible's own are those of the first run."""
    command = [PROGRAM, *arguments]
    with tempfile.NamedTemporaryFile() as output:
        run = _CONTEXT.Process(target=_run, args=(command, dict(env), output.name, folder or Path.cwd()))
        run.start()
        run.join()
        assert run.exitcode is not None
        return subprocess.CompletedProcess(command, run.exitcode, output.read().decode())


def _run(command: list[str], env: dict[str, str], output: str, folder: Path) -> None:
    from ansible.cli.playbook import main

    os.chdir(folder)
    os.environ.clear()
    # As a shell sets it, which roles read.
    os.environ.update(env, PWD=str(folder))
    with open(os.devnull, "rb") as nothing, open(output, "wb") as said:
        os.dup2(nothing.fileno(), 0)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.argv = command
    main(command)
