"""As much of AWX's API as ``awx import`` asks for: lists, details, OPTIONS and what hangs on them, in memory.

The fields are those that AWX 24 takes in a POST. It stores what it is given; whether that is right is for the tests to say.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROOT = "/api/v2/"

_ASKED = (
    *("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory", "credential"),
    *("execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups"),
)
_JOB = ("job_type", "scm_branch", "forks", "limit", "verbosity", "job_tags", "skip_tags", "timeout", "diff_mode")

# What may be set, by the last part of the path; what is a number of another object is named in LINKS.
FIELDS: dict[str, tuple[str, ...]] = {
    "organizations": ("max_hosts", "default_environment"),
    "execution_environments": ("organization", "image", "credential", "pull"),
    "credential_types": ("kind", "inputs", "injectors"),
    "credentials": ("organization", "credential_type", "inputs", "user", "team"),
    "projects": (
        *("organization", "local_path", "scm_type", "scm_url", "scm_branch", "scm_refspec", "scm_clean", "credential", "timeout"),
        *("scm_track_submodules", "scm_delete_on_update", "scm_update_on_launch", "scm_update_cache_timeout", "allow_override"),
        *("default_environment", "signature_validation_credential"),
    ),
    "inventories": ("organization", "kind", "host_filter", "variables", "prevent_instance_group_fallback"),
    "hosts": ("inventory", "enabled", "instance_id", "variables"),
    "job_templates": (
        *_JOB,
        *("inventory", "project", "playbook", "extra_vars", "force_handlers", "start_at_task", "use_fact_cache"),
        *("execution_environment", "host_config_key", "survey_enabled", "become_enabled", "allow_simultaneous"),
        *("job_slice_count", "webhook_service", "webhook_credential", "prevent_instance_group_fallback"),
        *(f"ask_{name}_on_launch" for name in _ASKED),
    ),
    "schedules": (
        *_JOB,
        *("rrule", "unified_job_template", "enabled", "extra_data", "inventory", "execution_environment", "job_slice_count"),
    ),
}
LINKS = {
    "credential": "credentials",
    "credential_type": "credential_types",
    "execution_environment": "execution_environments",
    "inventory": "inventories",
    "organization": "organizations",
    "project": "projects",
    "unified_job_template": "job_templates",
}
# Names of types that are not the path's without its s.
_TYPES = {"inventories": "inventory"}
_ALL = (
    *("users", "teams", "notification_templates", "inventory_sources", "workflow_job_templates", "applications"),
    "system_job_templates",
    *FIELDS,
)

Object = dict[str, Any]


@dataclass
class Controller:
    """What was imported: objects by path, the credentials and the survey of a job template by its number."""

    url: str = ""
    objects: dict[str, dict[int, Object]] = field(default_factory=lambda: {name: {} for name in FIELDS})
    attached: dict[int, set[int]] = field(default_factory=dict)
    surveys: dict[int, Object] = field(default_factory=dict)

    def named(self, path: str, name: str) -> Object:
        """The one object of this name. Raises ValueError where there is none or more."""
        (found,) = [item for item in self.objects[path].values() if item["name"] == name]
        return found

    def store(self, path: str, values: Object, number: int | None = None) -> Object:
        """Create an object, or set what is given of one; the others of its values stay."""
        number = number or max(self.objects[path], default=0) + 1
        kept = self.objects[path].get(number, {})
        related = {key: f"{ROOT}{LINKS[key]}/{value}/" for key, value in values.items() if key in LINKS and value}
        if path == "job_templates":
            # AWX takes it from the project.
            organization = self.objects["projects"][values["project"]]["organization"]
            related["organization"] = f"{ROOT}organizations/{organization}/"
            related |= {name: f"{ROOT}{path}/{number}/{name}/" for name in ("credentials", "survey_spec")}
        if path == "inventories":
            related["hosts"] = f"{ROOT}{path}/{number}/hosts/"
        own = {"id": number, "type": _TYPES.get(path, path[:-1]), "url": f"{ROOT}{path}/{number}/", "status": "successful"}
        self.objects[path][number] = {**kept, **values, **own, "related": related}
        return self.objects[path][number]

    def answer(self, method: str, target: str, sent: Object) -> tuple[int, Object | None]:
        """What AWX answers, as a status and JSON."""
        address = urlsplit(target)
        parts = address.path.strip("/").split("/")[2:]
        match [method, *parts]:
            case ["GET"]:
                if address.path == ROOT:
                    return 200, {_TYPES.get(path, path): f"{ROOT}{path}/" for path in _ALL}
                return 200, {"available_versions": {"v2": ROOT}}
            case ["OPTIONS", *_unused, path]:
                names = ("name", "description", *FIELDS.get(path, ()))
                return 200, {"actions": {"POST": {name: {"type": "id" if name in LINKS else "field"} for name in names}}}
            case ["GET", path]:
                asked = dict(parse_qsl(address.query))
                return 200, _page([item for item in self.objects[path].values() if asked.items() <= item.items()])
            case ["GET", path, number]:
                return 200, self.objects[path][int(number)]
            case ["POST", path]:
                return 201, self.store(path, sent)
            case ["PUT", path, number]:
                return 200, self.store(path, sent, int(number))
            case ["GET", "job_templates", number, "credentials"]:
                there = self.attached.get(int(number), set())
                return 200, _page([self.objects["credentials"][one] for one in sorted(there)])
            case ["POST", "job_templates", number, "credentials"]:
                self.attached.setdefault(int(number), set()).add(sent["id"])
                return 204, None
            case ["POST", "job_templates", number, "survey_spec"]:
                self.surveys[int(number)] = sent
                return 200, {}
            case ["GET", "inventories", number, "hosts"]:
                return 200, _page([host for host in self.objects["hosts"].values() if host["inventory"] == int(number)])
            case ["POST", "inventories", number, "hosts"]:
                return 201, self.store("hosts", {**sent, "inventory": int(number)})
        return 404, {"detail": f"{method} {target}"}


def _page(results: list[Object]) -> Object:
    return {"count": len(results), "next": None, "previous": None, "results": results}


@contextmanager
def controller() -> Iterator[Controller]:
    """An AWX as it is after its installation: it has the organization Default and nothing else."""
    state = Controller()
    state.store("organizations", {"name": "Default"})

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length) or b"{}")
            status, content = state.answer(self.command, self.path, sent)
            body = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Allow", "GET, POST, PUT, OPTIONS")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_OPTIONS = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_unused: object) -> None:
            """Nothing: the tests look at what was stored."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def is_playbook(text: str) -> bool:
    """Whether AWX lists a file as a playbook: some line must begin a play or import a playbook."""
    return any(re.match(r"\s*-?\s*(hosts|(ansible\.builtin\.)?import_playbook):", line) for line in text.splitlines())
