"""The filters and the lookup from playbooks; what strangers wrote is never taken for a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import run_play, run_tasks
from tests.lab import workflows
from tests.servers import Server

TEMPLATE = "{{ 1 + 1 }} {{ lookup('pipe', 'id') }} {% raw %}"
LOOKUP = "flowops.n8n.n8n_executions"


@dataclass(frozen=True)
class Address:
    """A server at an address of its own, with a key of its own."""

    url: str
    api_key: str


def evaluate(server: Server | Address, folder: Path, expressions: Mapping[str, str], **variables: object) -> Any:
    """What Jinja makes of these expressions in a playbook, by way of a template in a file."""
    pairs = ", ".join(f"{name!r}: ({expression})" for name, expression in expressions.items())
    template, target = folder / "all.j2", folder / "all.json"
    template.write_text("{{ {" + pairs + "} | to_json }}", encoding="utf-8")
    task = {"ansible.builtin.template": {"src": str(template), "dest": str(target), "mode": "0600"}}
    done = run_play(server, [task], folder, **variables)
    assert done.returncode == 0, done.stdout
    return json.loads(target.read_text(encoding="utf-8"))


def refusal(server: Server | Address, folder: Path, expression: str, **variables: object) -> str:
    """What is said of an expression that cannot be evaluated."""
    task = {"ansible.builtin.debug": {"msg": "{{ " + expression + " }}"}}
    done = run_play(server, [task], folder, **variables)
    assert done.returncode != 0, done.stdout
    return " ".join(done.stdout.split())


def test_what_strangers_wrote_comes_out_as_it_is(server: Server, tmp_path: Path) -> None:
    """In the name of a workflow, in an error message, in data: through filters and lookup, through debug and template."""
    workflow = server.workflow([workflows.no_op(), workflows.stop_and_error(TEMPLATE)], name=f"name {TEMPLATE}")
    failed = workflow.run("error")
    (read,) = run_tasks(server, [{"flowops.n8n.n8n_execution_info": {"id": failed, "include_data": True}}], tmp_path)
    (record,) = read["executions"]
    assert record["workflow_name"] == f"name {TEMPLATE}"
    look = f"query('{LOOKUP}', '{failed}', include_data=true, digest=true)[0]"
    got = evaluate(
        server,
        tmp_path,
        {
            "message": f"{look}.digest.message",
            "name": f"{look}.workflow_name",
            "data": f"{look}.data.resultData.error.message",
            "of_lookup": f"({look} | flowops.n8n.n8n_execution_digest).message",
            "of_record": "(record | flowops.n8n.n8n_execution_digest).message",
            "of_list": "([record] | flowops.n8n.n8n_execution_digest)[0].workflow_name",
            "sorted": "([record] | flowops.n8n.n8n_execution_sort)[0].workflow_name",
            "stats": "([record] | flowops.n8n.n8n_execution_stats).workflows[0].workflow_name",
            # Once more through a template, where a text that was trusted would be worked out.
            "again": "indirect",
        },
        # Not taken for a template on its way here, and made so that only its mark can protect it there.
        record=_unsafe(record),
        indirect="{{ " + look + ".digest.message }}",
    )
    assert got == {
        "message": TEMPLATE,
        "name": f"name {TEMPLATE}",
        "data": TEMPLATE,
        "of_lookup": TEMPLATE,
        "of_record": TEMPLATE,
        "of_list": f"name {TEMPLATE}",
        "sorted": f"name {TEMPLATE}",
        "stats": f"name {TEMPLATE}",
        "again": TEMPLATE,
    }
    shown = run_play(
        server,
        [
            {"ansible.builtin.set_fact": {"kept": "{{ " + look + " | flowops.n8n.n8n_execution_digest }}"}},
            {"ansible.builtin.debug": {"msg": "said: {{ kept.message }}"}},
        ],
        tmp_path,
    ).stdout
    assert f"said: {TEMPLATE}" in shown
    assert "uid=" not in shown


def test_a_lookup_finds_what_the_module_finds(server: Server, tmp_path: Path) -> None:
    workflow, other = server.fails(), server.succeeds()
    failed = [workflow.run("error") for _unused in range(3)]
    done = other.run("success")
    newest_first = failed[::-1]
    got = evaluate(
        server,
        tmp_path,
        {
            "of_workflow": f"query('{LOOKUP}', workflow=['{workflow.id}'])",
            "by_name": f"query('{LOOKUP}', workflow=['{workflow.name}', '{other.id}'], status=['success'])",
            "limited": f"query('{LOOKUP}', workflow=['{workflow.id}'], limit=2, order='asc')",
            "sorted": f"query('{LOOKUP}', workflow=['{workflow.id}'], sort_by='started_at', order='asc')",
            "by_id": f"query('{LOOKUP}', {failed[0]}, '{done}')",
            "by_list": f"query('{LOOKUP}', ['{failed[0]}', '{failed[1]}'])",
            "none": f"query('{LOOKUP}', [])",
            "long": f"query('{LOOKUP}', workflow=['{workflow.id}'], min_duration='1d')",
            "excluded": f"query('{LOOKUP}', newer_than='1h', exclude_workflow=['{workflow.id}'], limit=1)",
            "digest": f"query('{LOOKUP}', '{failed[0]}', digest=true)[0]",
            "with_data": f"query('{LOOKUP}', '{failed[0]}', include_data=true)[0]",
        },
    )
    ids = {name: [record["id"] for record in found] for name, found in got.items() if isinstance(found, list)}
    assert ids == {
        "of_workflow": newest_first,
        "by_name": [done],
        "limited": failed[:2],
        "sorted": failed,
        "by_id": [done, failed[0]],
        "by_list": failed[1::-1],
        "none": [],
        "long": [],
        "excluded": [done],
    }
    assert got["digest"]["digest"]["message"] == "Always fails"
    assert "data" not in got["digest"]
    assert got["with_data"]["data"]["resultData"]["error"]["message"] == "Always fails"
    (read,) = run_tasks(server, [{"flowops.n8n.n8n_execution_info": {"workflow": workflow.id}}], tmp_path)
    # The module was given the name of no workflow, and the list tells none.
    assert got["of_workflow"] == [{**record, "workflow_name": workflow.name} for record in read["executions"]]


def test_filters_tell_what_the_module_tells(server: Server, tmp_path: Path) -> None:
    workflow = server.workflow([workflows.no_op(), workflows.stop_and_error()])
    failed = [workflow.run("error") for _unused in range(2)]
    options = {"workflow": workflow.id, "digest": True, "include_data": True, "order": "asc"}
    (read,) = run_tasks(server, [{"flowops.n8n.n8n_execution_info": options}], tmp_path)
    got = evaluate(
        server,
        tmp_path,
        {
            "digests": "read.executions | flowops.n8n.n8n_execution_digest",
            "mapped": "read.executions | map('flowops.n8n.n8n_execution_digest') | map(attribute='failing_node')",
            "sorted": "read.executions | flowops.n8n.n8n_execution_sort",
            "chosen": "read.executions | selectattr('id', 'eq', '"
            + failed[0]
            + "') | flowops.n8n.n8n_execution_sort('duration', 'asc')",
            "stats": "read.executions | flowops.n8n.n8n_execution_stats(granularity='hour')",
        },
        read=read,
    )
    for digest, record in zip(got["digests"], read["executions"], strict=True):
        told = {**record["digest"], "flow": [{**step, "type": None} for step in record["digest"]["flow"]]}
        # The data names the type of the node that failed alone.
        assert {**digest, "flow": [{**step, "type": None} for step in digest["flow"]]} == told
    assert got["mapped"] == ["Step 2", "Step 2"]
    assert [record["id"] for record in got["sorted"]] == failed[::-1]
    assert [record["id"] for record in got["chosen"]] == failed[:1]
    assert (got["stats"]["total"], got["stats"]["failed"], got["stats"]["granularity"]) == (2, 2, "hour")


# What the server is makes no difference to these.
@pytest.mark.only("2.41")
@pytest.mark.parametrize(
    "expression, words",
    [
        ("'text' | flowops.n8n.n8n_execution_digest", "a list of executions is wanted"),
        ("{'a': 1} | flowops.n8n.n8n_execution_digest", "it is not an execution as the modules of flowops.n8n return them"),
        ("[{'id': '1', 'status': 'error'}, 5] | flowops.n8n.n8n_execution_stats", "number 2 of the list"),
        ("[] | flowops.n8n.n8n_execution_stats('year')", "granularity is one of hour, day, week"),
        ("[] | flowops.n8n.n8n_execution_sort('name')", "sort_by is one of"),
        ("[] | flowops.n8n.n8n_execution_sort(order='up')", "order is one of asc, desc"),
        ("[{'id': '1', 'status': 'done'}] | flowops.n8n.n8n_execution_sort", "'done' is no status"),
        (f"query('{LOOKUP}', 'abc')", "execution_id"),
        (f"query('{LOOKUP}', '999999999')", "not there or not visible to this key: 999999999"),
        (f"query('{LOOKUP}', '1', status=['error'])", "excludes the filters"),
        (f"query('{LOOKUP}', newer_than='1')", "unit"),
        (f"query('{LOOKUP}', status=['failed'])", "failed"),
        (f"query('{LOOKUP}', limit=-1)", "limit"),
        (f"query('{LOOKUP}', api_key='short')", "8 characters"),
        (f"query('{LOOKUP}', url='nowhere')", "https://n8n.example.com"),
        (f"query('{LOOKUP}', url='http://127.0.0.1:9', max_request_retries=0)", "127.0.0.1:9"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_plain_words(server: Server, tmp_path: Path, expression: str, words: str) -> None:
    assert words in refusal(server, tmp_path, expression)


def test_a_wrong_key_is_said_and_not_shown(server: Server, tmp_path: Path) -> None:
    wrong = "wrong-key-0123456789"
    said = refusal(Address(server.url, wrong), tmp_path, f"query('{LOOKUP}', newer_than='1h')")
    assert "does not accept the key" in said


def test_the_connection_comes_from_variables_with_templates_before_the_environment(server: Server, tmp_path: Path) -> None:
    done = server.succeeds().run("success")
    nowhere = Address("http://127.0.0.1:9", "no-such-key-0123456789")
    got = evaluate(
        nowhere,
        tmp_path,
        {"found": f"query('{LOOKUP}', '{done}')"},
        n8n_url="{{ address }}/api/v1",
        n8n_api_key="{{ secret }}",
        n8n_timeout="{{ 2 * 10 }}",
        n8n_headers={"X-Proxy-Token": "{{ secret }}"},
        address=server.url,
        secret=server.api_key,
    )
    assert [record["id"] for record in got["found"]] == [done]


def _unsafe(value: Any) -> Any:
    """As Ansible's ``!unsafe``, in the JSON form in which it reads variables."""
    if isinstance(value, dict):
        return {key: _unsafe(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unsafe(inner) for inner in value]
    return {"__ansible_unsafe": value} if isinstance(value, str) and "{" in value else value
