"""The tools that are measured, each driven as its own documentation has it and as fast as it can honestly be.

A tool gets a task and says which command carries it out. What is made ready before (lists of ids, playbooks) is not
measured. Every command ends by printing how many executions it has had in hand, as ``counted=1000``.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark.servers import Server
from tests.lab.install import node_dir, node_environment

LIST, CLEANUP, DELETE, STATISTICS = "list", "cleanup", "delete-by-id", "statistics"
CONCURRENCY = 8

SCENARIOS = (LIST, CLEANUP, DELETE, STATISTICS)

COLLECTION, PING = "flowops.n8n", "ansible.builtin.ping"
CURL, CLIENT, CLI, TOOLKIT, URI = "curl", "n8n-client", "@n8n/cli", "n8n-toolkit", "ansible.builtin.uri"

BUILD = Path("build").absolute()
PEERS_VENV = BUILD / "venv-benchmark" / "bin"
NPM = BUILD / "benchmark" / "npm"
NPM_PACKAGE = "@n8n/cli@0.15.0"
_ANSIBLE = Path(sys.executable).parent / "ansible-playbook"


@dataclass(frozen=True)
class Task:
    """What is to be done on a server: ``count`` executions to be listed or deleted, or all to be counted.

    ``ids`` are those to be deleted; a cleanup has to find them by itself, as those that ended before ``before`` and do not wait.
    """

    scenario: str
    server: Server
    count: int
    ids: tuple[str, ...] = ()
    before: str = ""
    age: int = 0
    """The same as ``before``, in seconds from now."""


@dataclass(frozen=True)
class Command:
    words: list[str]
    env: dict[str, str]


def prepared(peer: str, task: Task, folder: Path) -> Command:
    """The command of a tool for a task, with what it needs written into the folder."""
    return _PEERS[peer](task, folder)


def _env(task: Task, **more: str) -> dict[str, str]:
    server = task.server
    return {**os.environ, "N8N_API_KEY": server.api_key, "N8N_BASE_URL": server.url, **more}


def _shell(script: str, env: dict[str, str]) -> Command:
    return Command(["bash", "-euo", "pipefail", "-c", script], env)


# Ansible

_SETTINGS = {
    "ANSIBLE_LOCALHOST_WARNING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_COLLECTIONS_PATH": str(BUILD / "tree"),
}


def _play(task: Task, folder: Path, tasks: list[object], values: dict[str, object]) -> Command:
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "url": task.server.url, **values},
        "tasks": tasks,
    }
    path = folder / "play.json"
    path.write_text(json.dumps([play]), encoding="utf-8")
    # n8n-cli and the collection read the same variable, with and without the API's path.
    env = _env(task, N8N_URL=task.server.url, **_SETTINGS)
    return Command([str(_ANSIBLE), "-i", "localhost,", str(path)], env)


def _say(expression: str) -> dict[str, object]:
    return {"ansible.builtin.debug": {"msg": "counted={{ " + expression + " }}"}}


def _collection(task: Task, folder: Path) -> Command:
    result = {"register": "result"}
    if task.scenario == LIST:
        module = {"flowops.n8n.n8n_execution_info": {"limit": task.count, "concurrency": CONCURRENCY}, **result}
        return _play(task, folder, [module, _say("result.count")], {})
    if task.scenario == STATISTICS:
        module = {"flowops.n8n.n8n_execution_stats_info": {"concurrency": CONCURRENCY}, **result}
        return _play(task, folder, [module, _say("result.statistics.total")], {})
    asked: dict[str, object] = {"older_than": f"{task.age}s"} if task.scenario == CLEANUP else {"execution_id": "{{ ids }}"}
    module = {"flowops.n8n.n8n_execution_delete": {**asked, "concurrency": CONCURRENCY}, **result}
    values: dict[str, object] = {"ids": list(task.ids)} if task.scenario == DELETE else {}
    return _play(task, folder, [module, _say("result.deleted")], values)


def _ping(task: Task, folder: Path) -> Command:
    return _play(task, folder, [{"ansible.builtin.ping": {}}, _say("0")], {})


def _uri(task: Task, folder: Path) -> Command:
    """Paging takes a file of tasks that includes itself, as loops cannot follow a cursor."""
    address = "{{ url }}/api/v1/executions"
    api = {"headers": {"X-N8N-API-KEY": "{{ key }}"}}
    values: dict[str, object] = {"key": "{{ lookup('ansible.builtin.env', 'N8N_API_KEY') }}", "rows": [], "path": "?limit=250"}
    delete = {"ansible.builtin.uri": {**api, "url": address + "/{{ item }}", "method": "DELETE"}, "register": "result"}
    if task.scenario == DELETE:
        loop = {**delete, "loop": "{{ ids }}"}
        return _play(task, folder, [loop, _say("result.results | length")], {**values, "ids": list(task.ids)})
    page = folder / "page.json"
    gather = {"rows": "{{ rows + answer.json.data }}", "path": "?limit=250&cursor={{ answer.json.nextCursor }}"}
    more = {"ansible.builtin.include_tasks": str(page), "when": "answer.json.nextCursor is not none"}
    ask = {"ansible.builtin.uri": {**api, "url": address + "{{ path }}"}, "register": "answer"}
    read = [ask, {"ansible.builtin.set_fact": gather}, more]
    page.write_text(json.dumps(read), encoding="utf-8")
    start: list[object] = [{"ansible.builtin.include_tasks": str(page)}]
    if task.scenario == CLEANUP:
        old = "rows | selectattr('stoppedAt') | selectattr('stoppedAt', 'lt', before) | rejectattr('status', 'eq', 'waiting')"
        loop = {**delete, "loop": "{{ " + old + " | map(attribute='id') }}"}
        return _play(task, folder, [*start, loop, _say("result.results | length")], {**values, "before": task.before})
    done = "rows | length" if task.scenario == LIST else "rows | groupby('status') | map('last') | map('length') | sum"
    return _play(task, folder, [*start, _say(done)], values)


# The command lines, one process for each deletion, eight at a time.

_COUNT_ROWS = "import json, sys; print(f'counted={len(json.load(sys.stdin))}')"
_COUNT_STATUSES = (
    "import collections, json, sys; "
    "print(f'counted={sum(collections.Counter(row[\"status\"] for row in json.load(sys.stdin)).values())}')"
)
_OLD_IDS = (
    "import json, os, sys; before = os.environ['BEFORE']; "
    "old = [row for row in json.load(sys.stdin) if row['stoppedAt'] and row['stoppedAt'] < before]; "
    "print('\\n'.join(row['id'] for row in old if row['status'] != 'waiting'))"
)


def _command_line(task: Task, folder: Path, listing: str, delete: str, env: dict[str, str]) -> Command:
    python = shlex.quote(sys.executable)
    ids = folder / "ids"
    deletions = f"xargs -P {CONCURRENCY} -n 1 {delete} < {ids} > {folder}/said && echo counted=$(wc -l < {ids})"
    if task.scenario == DELETE:
        ids.write_text("".join(f"{number}\n" for number in task.ids), encoding="utf-8")
        return _shell(deletions, env)
    if task.scenario == CLEANUP:
        script = f"{listing} | {python} -c {shlex.quote(_OLD_IDS)} > {ids} && {deletions}"
        return _shell(script, {**env, "BEFORE": task.before})
    counter = _COUNT_ROWS if task.scenario == LIST else _COUNT_STATUSES
    return _shell(f"{listing} | {python} -c {shlex.quote(counter)}", env)


def _n8n_cli(task: Task, folder: Path) -> Command:
    """Without ``--limit`` it would ask for pages of 100."""
    home = node_dir()
    program = f"{shlex.quote(str(home / 'bin' / 'node'))} {NPM}/node_modules/@n8n/cli/bin/n8n-cli.mjs"
    env = _env(task, N8N_URL=task.server.url, HOME=str(folder))
    most = task.count if task.scenario == LIST else task.server.size
    return _command_line(
        task, folder, f"{program} execution list --limit={most} --format=json", f"{program} execution delete --quiet", env
    )


def _n8n_toolkit(task: Task, folder: Path) -> Command:
    program = str(PEERS_VENV / "n8n-cli")
    env = _env(task, N8N_API_URL=f"{task.server.url}/api/v1", HOME=str(folder))
    limit = f" --limit {task.count}" if task.scenario == LIST else ""
    return _command_line(task, folder, f"{program} --json executions list{limit}", f"{program} executions delete", env)


# A library: a loop on one session.

_N8N_CLIENT = """
import collections, json, sys
from n8n_client import N8nClient

task = json.load(open(sys.argv[1]))
with N8nClient() as client:
    if task["scenario"] == "delete-by-id":
        ids = task["ids"]
    else:
        rows = client.get_all_pages(client.get_executions, limit=250, max_pages=task["pages"])
    if task["scenario"] == "cleanup":
        old = [row for row in rows if row["stoppedAt"] and row["stoppedAt"] < task["before"]]
        ids = [row["id"] for row in old if row["status"] != "waiting"]
    if task["scenario"] == "list":
        print(f"counted={len(rows)}")
    elif task["scenario"] == "statistics":
        print(f"counted={sum(collections.Counter(row['status'] for row in rows).values())}")
    else:
        for number in ids:
            client.delete_execution(number)
        print(f"counted={len(ids)}")
"""


def _n8n_client(task: Task, folder: Path) -> Command:
    size = task.count if task.scenario == LIST else task.server.size
    told = {"scenario": task.scenario, "ids": task.ids, "before": task.before, "pages": -(-size // 250)}
    (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")
    words = [str(PEERS_VENV / "python"), "-c", _N8N_CLIENT, str(folder / "task.json")]
    return Command(words, _env(task))


def _curl(task: Task, folder: Path) -> Command:
    """All in one configuration file, the key too, which would otherwise stand in the list of processes."""
    server = task.server
    one = (
        'url = "{url}/api/v1/executions/{id}"\nrequest = "DELETE"\nheader = "X-N8N-API-KEY: {key}"\noutput = "/dev/null"\nfail\n'
    )
    parts = [one.format(url=server.url, key=server.api_key, id=number) for number in task.ids]
    path = folder / "curl.config"
    path.touch(0o600)
    path.write_text("next\n".join(parts), encoding="utf-8")
    script = f"curl -q -s -Z --parallel-max {CONCURRENCY} -K {path} 2> {folder}/said && echo counted={len(task.ids)}"
    return _shell(script, dict(os.environ))


_PEERS: dict[str, Callable[[Task, Path], Command]] = {
    COLLECTION: _collection,
    CURL: _curl,
    CLIENT: _n8n_client,
    CLI: _n8n_cli,
    TOOLKIT: _n8n_toolkit,
    URI: _uri,
    PING: _ping,
}


def install() -> None:
    """The peer from npm, below build/; those from PyPI are make's."""
    if (NPM / "node_modules" / "@n8n" / "cli").exists():
        return
    NPM.mkdir(parents=True, exist_ok=True)
    home = node_dir()
    npm = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix", str(NPM)]
    subprocess.run([*npm, "install", *flags, NPM_PACKAGE], env=node_environment(home), check=True)
