"""What a person imports into AWX: read by awx's own code, held against AWX's rules and against the collection."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from dateutil.rrule import rrulestr
from jinja2 import Environment, StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.integration.controller import FIELDS, Controller, Object, controller, is_playbook
from tests.integration.runner import AWX, RESOURCES, ROOT, survey_of, template

TEMPLATES = [item["name"] for item in RESOURCES["job_templates"]]
PROGRAMS = Path(sys.executable).parent


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def role_of(name: str) -> str:
    """The role that the playbook of a job template runs."""
    return Path(template(name)["playbook"]).stem


def imported(awx: Controller) -> None:
    """Run ``awx import``. It tells of what it could not do by its exit status."""
    login = ["--conf.host", awx.url, "--conf.token", "token"]
    # Of the tester's own login nothing is wanted.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWXKIT_", "CONTROLLER_", "TOWER_"))}
    with (AWX / "resources.yml").open(encoding="utf-8") as resources:
        subprocess.run([str(PROGRAMS / "awx"), *login, "import", "-f", "yaml"], stdin=resources, env=env, check=True)


def linked(awx: Controller, stored: Object, name: str) -> Object:
    _status, found = awx.answer("GET", stored["related"][name], {})
    assert found is not None
    return found


def test_awx_import_makes_all_of_it_and_importing_again_adds_nothing_and_keeps_the_key() -> None:
    with controller() as awx:
        imported(awx)
        counts = {path: len(items) for path, items in awx.objects.items()}
        for resource, assets in RESOURCES.items():
            path = {"inventory": "inventories"}.get(resource, resource)
            assert counts[path] == len(assets)
            for asset in assets:
                stored = awx.named(path, asset["name"])
                given = {name: value for name, value in asset.items() if name not in ("natural_key", "related")}
                # What AWX does not know, awx import leaves out without a word.
                assert set(given) <= {"name", "description", *FIELDS[path]}
                for name, value in given.items():
                    if isinstance(value, dict) and "type" in value:
                        assert linked(awx, stored, name)["name"] == value["name"]
                    else:
                        assert stored[name] == value
        (credential,) = awx.objects["credentials"]
        assert counts["hosts"] == 1
        for number, stored in awx.objects["job_templates"].items():
            assert awx.attached[number] == {credential}
            assert awx.surveys[number] == survey_of(stored["name"])
        filled = {"url": "https://n8n.example.com", "api_key": "$encrypted$", "dialect": "n8n"}
        awx.objects["credentials"][credential]["inputs"] = filled
        imported(awx)
        assert {path: len(items) for path, items in awx.objects.items()} == counts
        assert awx.objects["credentials"][credential]["inputs"] == filled


def test_the_credential_type_keeps_to_awx_rules() -> None:
    (kind,) = RESOURCES["credential_types"]
    assert kind["kind"] in ("cloud", "net")
    inputs, injectors = kind["inputs"], kind["injectors"]
    assert set(inputs) == {"fields", "required"}
    fields = {item["id"]: item for item in inputs["fields"]}
    assert len(fields) == len(inputs["fields"])
    for name, item in fields.items():
        assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name)
        assert name != "tower"
        assert set(item) <= {"id", "label", "type", "help_text", "choices", "default", "secret", "multiline", "format"}
        assert item["type"] == "string"
        assert item.get("default", "") in item.get("choices", [""])
    assert set(inputs["required"]) <= set(fields)
    assert [name for name, item in fields.items() if item.get("secret")] == ["api_key"]
    # In extra_vars, or in a file whose name is one, the key would stand in the details of the job.
    assert set(injectors) == {"env"}
    examples = dict.fromkeys(fields, "EXAMPLE")
    for name, text in injectors["env"].items():
        assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name)
        assert not name.startswith("ANSIBLE_")
        assert text.isascii()
        assert ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(examples) == "EXAMPLE"


def test_the_credential_is_what_the_modules_read_of_the_environment() -> None:
    (kind,) = RESOURCES["credential_types"]
    fields = {item["id"]: item for item in kind["inputs"]["fields"]}
    module = importlib.import_module("ansible_collections.flowops.n8n.plugins.module_utils._module")
    options: dict[str, dict[str, Any]] = {
        name: option for name, option in module.CONNECTION.options.items() if "fallback" in option
    }
    injected = {
        meta.find_undeclared_variables(Environment(autoescape=True).parse(text)).pop(): name
        for name, text in kind["injectors"]["env"].items()
    }
    assert injected == {name: option["fallback"][1][0] for name, option in options.items()}
    assert list(fields) == list(options)
    dialect = options["dialect"]
    assert (fields["dialect"]["choices"], fields["dialect"]["default"]) == (dialect["choices"], dialect["default"])
    assert set(kind["inputs"]["required"]) == {name for name, option in options.items() if option.get("required")}
    # An input left empty is not handed to the templates at all.
    without = ImmutableSandboxedEnvironment().from_string(kind["injectors"]["env"]["N8N_DIALECT"]).render()
    assert without == dialect["default"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_survey_keeps_to_awx_rules(name: str) -> None:
    survey = survey_of(name)
    assert isinstance(survey["name"], str)
    assert isinstance(survey["description"], str)
    kinds: dict[str, type] = {"text": str, "integer": int, "multiplechoice": str}
    assert len({item["variable"] for item in survey["spec"]}) == len(survey["spec"]) > 0
    for item in survey["spec"]:
        assert set(item) <= {
            *("variable", "type", "question_name", "question_description", "required", "default", "min", "max", "choices"),
        }
        assert isinstance(item["required"], bool)
        assert item["question_name"]
        # A schedule answers nothing: it runs with the defaults alone.
        assert isinstance(item["default"], kinds[item["type"]])
        assert not isinstance(item["default"], bool)
        assert item["default"] or not item["required"] or item["default"] == item["min"]
        if item["type"] == "multiplechoice":
            assert item["default"] in item["choices"]
        else:
            default: Any = item["default"]
            size = default if item["type"] == "integer" else len(default)
            assert item.get("min", 0) <= size <= item.get("max", size)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_answer_reaches_the_role(name: str) -> None:
    """Each is an option of the role, with its type and its default, or is made one by the playbook."""
    role = role_of(name)
    options = read(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(ROOT / "roles" / role / "defaults/main.yml")
    (play,) = read(ROOT / template(name)["playbook"])
    assert play["ansible.builtin.import_playbook"] == f"flowops.n8n.{role}"
    assert (ROOT / "playbooks" / f"{role}.yml").exists()
    variables = play.get("vars", {})
    assert set(variables) <= set(options)
    environment = Environment(autoescape=True)
    environment.filters.update({"splitext": str, "first": str, "default": str})
    used = meta.find_undeclared_variables(environment.parse(json.dumps(variables)))
    answers = {item["variable"]: item for item in survey_of(name)["spec"]}
    assert set(answers) <= set(options) | used
    assert used <= set(answers)
    types = {"integer": ("int",), "text": ("str",), "multiplechoice": ("bool",)}
    for variable in set(answers) & set(options):
        assert options[variable]["type"] in types[answers[variable]["type"]]
        if variable != "execution_report_path":
            assert yaml.safe_load(str(answers[variable]["default"])) == defaults[variable]
    if role == "execution_cleanup":
        (policy,) = variables["execution_cleanup_policies"]
        (default,) = defaults["execution_cleanup_policies"]
        assert set(policy) <= set(options["execution_cleanup_policies"]["options"])
        assert {key: answers[f"n8n_cleanup_{key}"]["default"] for key in default} == default


def test_awx_finds_the_playbooks_in_the_repository_of_the_collection() -> None:
    galaxy = read(ROOT / "galaxy.yml")
    (project,) = RESOURCES["projects"]
    assert project["scm_url"] == galaxy["repository"]
    (collection,) = read(AWX / "project/collections/requirements.yml")["collections"]
    assert collection == {"name": f"{galaxy['repository']}.git", "type": "git"}
    named = {template(name)["playbook"] for name in TEMPLATES}
    assert named == {str(path.relative_to(ROOT)) for path in (AWX / "project").glob("*.yml")}
    for path in named:
        assert is_playbook((ROOT / path).read_text(encoding="utf-8"))


def test_schedules_run_when_their_names_say_and_only_after_somebody_switched_them_on() -> None:
    spans = {
        "every night": timedelta(days=1),
        "every quarter of an hour": timedelta(minutes=15),
        "every morning": timedelta(days=1),
    }
    assert {item["unified_job_template"]["name"] for item in RESOURCES["schedules"]} == set(TEMPLATES)
    for item in RESOURCES["schedules"]:
        assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=(MINUTELY|DAILY);INTERVAL=\d+", item["rrule"])
        rule = rrulestr(item["rrule"])
        first, second = rule.xafter(datetime.now(timezone.utc), count=2)
        (span,) = [span for words, span in spans.items() if item["name"].endswith(words)]
        assert second - first == span
        assert item["enabled"] is False
        ran = item.get("job_type", template(item["unified_job_template"]["name"])["job_type"])
        assert ran == "run"


def test_a_job_that_changes_something_is_a_check_unless_told_otherwise_and_never_runs_twice_at_once() -> None:
    for name in TEMPLATES:
        job = template(name)
        changes = role_of(name) != "execution_report"
        assert (job["job_type"], job.get("ask_job_type_on_launch", False)) == ("check" if changes else "run", changes)
        assert job["allow_simultaneous"] is False
        assert job["timeout"] > 0
        assert job["survey_enabled"] is True


def test_ansible_builder_makes_the_context_of_the_image(tmp_path: Path) -> None:
    definition = AWX / "execution-environment.yml"
    context = tmp_path / "context"
    command = ["create", "--file", str(definition), "--context", str(context), "--output-filename", "Containerfile"]
    subprocess.run([str(PROGRAMS / "ansible-builder"), *command], check=True, cwd=tmp_path)
    assert read(context / "_build/requirements.yml") == read(AWX / "project/collections/requirements.yml")
    made = (context / "Containerfile").read_text(encoding="utf-8")
    assert "ansible-galaxy collection install" in made
    # The collection is fetched by git, which the stage before must have installed.
    assert made.index("git-core") < made.index("AS galaxy")
    (image,) = RESOURCES["execution_environments"]
    assert f"-t {image['image']}" in definition.read_text(encoding="utf-8")


def test_the_image_gets_what_the_modules_import(tmp_path: Path) -> None:
    """What ansible-builder reads of the collection while it builds."""
    where = tmp_path / "ansible_collections/flowops"
    where.mkdir(parents=True)
    (where / "n8n").symlink_to(ROOT)
    wanted = tmp_path / "requirements.txt"
    command = ["introspect", str(tmp_path), "--write-pip", str(wanted)]
    subprocess.run([str(PROGRAMS / "ansible-builder"), *command], check=True)
    lines = [line.partition("#")[0].strip() for line in wanted.read_text(encoding="utf-8").splitlines()]
    assert lines == ["requests"]
