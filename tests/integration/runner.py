"""Starts a job template of extensions/awx by ansible-runner, as AWX does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = Path(__file__).resolve().parent.parent.parent
AWX = ROOT / "extensions/awx"
RESOURCES: dict[str, list[dict[str, Any]]] = yaml.safe_load((AWX / "resources.yml").read_text(encoding="utf-8"))

# AWX asks for colours.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def template(name: str) -> dict[str, Any]:
    (found,) = [item for item in RESOURCES["job_templates"] if item["name"] == name]
    return found


def survey_of(name: str) -> dict[str, Any]:
    return dict(template(name)["related"]["survey_spec"])


def scopes_of(name: str) -> list[str]:
    """What the page says that the key for a job template needs."""
    page = (ROOT / "docs/awx.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{name}` \|(.*)\|$", page, re.MULTILINE)
    return re.findall(r"`(\w+:\w+)`", row)


@dataclass(frozen=True)
class Job:
    """One run of a job template, with all that ansible-runner kept of it."""

    rc: int
    artifacts: Path

    @property
    def status(self) -> str:
        return (self.artifacts / "status").read_text(encoding="utf-8")

    @cached_property
    def stdout(self) -> str:
        return _COLOUR.sub("", (self.artifacts / "stdout").read_text(encoding="utf-8"))

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text(encoding="utf-8")) for path in (self.artifacts / "job_events").glob("*.json")]
        return sorted(found, key=lambda event: int(event["counter"]))

    @property
    def counts(self) -> dict[str, int]:
        """The recap, by the event that AWX takes it from."""
        (stats,) = [event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        return {name: sum(stats[name].values()) for name in ("ok", "changed", "failures", "dark", "rescued")}

    def said(self, task: str) -> list[Any]:
        """The messages of the tasks of this name."""
        results = [event["event_data"] for event in self.events if event["event"] in ("runner_on_ok", "runner_on_failed")]
        return [result["res"]["msg"] for result in results if result["task"] == task]

    def holding(self, text: str) -> set[str]:
        """The names of the files with this text in them."""
        files = [path for path in self.artifacts.rglob("*") if path.is_file()]
        assert len(files) > len(self.events)
        return {path.name for path in files if text.encode() in path.read_bytes()}


def launch(
    folder: Path, name: str, credential: dict[str, str], *, job_type: str | None = None, verbosity: int = 0, **variables: Any
) -> Job:
    """Run a job template with what a filled-in credential injects and what its survey sends, changed by these variables."""
    job = template(name)
    shutil.rmtree(folder / "job", ignore_errors=True)
    project = shutil.copytree(AWX / "project", folder / "job/project")
    (kind,) = RESOURCES["credential_types"]
    jinja = ImmutableSandboxedEnvironment()
    # AWX leaves out what is empty.
    values = {key: value for key, value in credential.items() if value}
    injected = {name: jinja.from_string(text).render(values) for name, text in kind["injectors"]["env"].items()}
    answers = {item["variable"]: item["default"] for item in survey_of(name)["spec"]}
    (inventory,) = RESOURCES["inventory"]
    hosts = {host["name"]: yaml.safe_load(host["variables"]) for host in inventory["related"]["hosts"]}
    options = ["--check"] if (job_type or job["job_type"]) == "check" else []
    if verbosity:
        options.append(f"-{'v' * verbosity}")
    for path, content in {
        "env/envvars": json.dumps(injected),
        "env/extravars": json.dumps(answers | variables),
        "env/cmdline": " ".join(options),
        "inventory/hosts.json": json.dumps({"all": {"hosts": hosts}}),
    }.items():
        target = folder / "job" / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(content, encoding="utf-8")
    programs = Path(sys.executable).parent
    # Of the environment only what an image has, and the collection, which is installed there.
    env = {key: os.environ[key] for key in ("HOME", "LANG", "ANSIBLE_COLLECTIONS_PATH") if key in os.environ}
    env |= {"PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "True"}
    playbook = Path(job["playbook"]).name
    assert (Path(project) / playbook).is_file()
    command = [str(programs / "ansible-runner"), "run", str(folder / "job"), "-p", playbook, "--ident", "1"]
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    made = Job(done.returncode, folder / "job/artifacts/1")
    key = credential["api_key"]
    if key:
        assert key not in done.stdout + done.stderr
        # This one ansible-runner writes for itself, with the whole environment; AWX keeps nothing of it.
        assert made.holding(key) <= {"command"}
    return made
