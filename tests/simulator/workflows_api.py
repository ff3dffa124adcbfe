"""The operations on workflows, and the webhooks that start them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.simulator.asking import Refusal, WorkflowsQuery, encoded_cursor
from tests.simulator.engine import Engine
from tests.simulator.profiles import Profile
from tests.simulator.rundata import WEBHOOK
from tests.simulator.store import Store, iso

_FIELDS = (
    "id",
    "name",
    "description",
    "active",
    "activeVersionId",
    "createdAt",
    "updatedAt",
    "isArchived",
    "versionId",
    "versionCounter",
    "triggerCount",
    "nodes",
    "connections",
    "settings",
    "staticData",
    "pinData",
    "meta",
)
_LIST_LACKS = frozenset({"description", "versionCounter"})

_HINT = (
    "The workflow must be active for a production URL to run successfully. You can activate the workflow using the "
    "toggle in the top-right of the editor. Note that unlike test URL calls, production URL calls aren't shown on the "
    "canvas (only in the executions list)"
)


class UnknownWebhook(Exception):
    """Nothing listens there; ``answer`` is the JSON that says so."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        hints = {"hint": hint} if hint else {}
        self.answer = json.dumps({"code": 404, "message": message, **hints})


class WorkflowsApi:
    """Each method answers one operation with JSON text, or raises Refusal."""

    def __init__(self, profile: Profile, store: Store, engine: Engine) -> None:
        self._profile = profile
        self._store = store
        self._engine = engine
        self._webhooks: dict[str, dict[str, tuple[str, str]]] = {}
        for workflow in store.workflows(active=True):
            self._register(workflow)

    def listed(self, query: WorkflowsQuery) -> str:
        found = list(self._store.workflows(query.name, query.active, query.project_id))
        end = query.offset + query.limit
        page = [self._public(item, in_list=True) for item in found[query.offset : end]]
        cursor = encoded_cursor({"limit": query.limit, "offset": end}) if len(found) > end else None
        return json.dumps({"data": page, "nextCursor": cursor}, ensure_ascii=False)

    def one(self, workflow_id: str) -> str:
        return json.dumps(self._public(self._existing(workflow_id, "Not Found")), ensure_ascii=False)

    def created(self, body: dict[str, Any]) -> str:
        return self.one(self._store.add_workflow(body, active=False))

    def updated(self, workflow_id: str, body: dict[str, Any]) -> str:
        """An active one is published anew at once."""
        active = self._existing(workflow_id, "Not Found")["active"]
        self._store.update_workflow(workflow_id, body)
        return self._switched(workflow_id, active)

    def activated(self, workflow_id: str) -> str:
        return self._switched(workflow_id, True)

    def deactivated(self, workflow_id: str) -> str:
        return self._switched(workflow_id, False)

    def deleted(self, workflow_id: str) -> str:
        workflow = self._existing(workflow_id, "Not Found")
        answer = json.dumps(self._public(workflow), ensure_ascii=False)
        self._unregister(workflow_id)
        self._store.delete_workflow(workflow_id)
        return answer

    def started(self, method: str, path: str, request: dict[str, Any]) -> str:
        """Start the workflow that listens to this webhook. Raises UnknownWebhook."""
        listening = self._webhooks.get(path, {})
        if method not in listening:
            if listening:
                others = " or ".join(sorted(listening))
                wrong = f"This webhook is not registered for {method} requests."
                raise UnknownWebhook(f"{wrong} Did you mean to make a {others} request?", None)
            raise UnknownWebhook(f'The requested webhook "{method} {path}" is not registered.', _HINT)
        workflow_id, node_name = listening[method]
        workflow = self._existing(workflow_id, "Not Found")
        node = next(node for node in workflow["nodes"] if node["name"] == node_name)
        self._engine.start(workflow, node, request)
        return '{"message":"Workflow was started"}'

    def _existing(self, workflow_id: str, message: str) -> dict[str, Any]:
        workflow = self._store.workflow(workflow_id)
        if workflow is None:
            raise Refusal(404, message)
        return workflow

    def _switched(self, workflow_id: str, active: bool) -> str:
        message = "Not Found"
        if self._profile.zod:
            verb = "activate" if active else "deactivate"
            message = f"You do not have permission to {verb} this workflow. Ask the owner to share it with you."
        workflow = self._existing(workflow_id, message)
        self._store.set_active(workflow_id, active)
        self._unregister(workflow_id)
        if active:
            self._register(workflow)
        return self.one(workflow_id)

    def _register(self, workflow: Mapping[str, Any]) -> None:
        for node in workflow["nodes"]:
            if node["type"] == WEBHOOK:
                parameters = node.get("parameters", {})
                path = parameters.get("path", "").strip("/")
                method = parameters.get("httpMethod", "GET")
                self._webhooks.setdefault(path, {})[method] = (workflow["id"], node["name"])

    def _unregister(self, workflow_id: str) -> None:
        for path, methods in list(self._webhooks.items()):
            kept = {method: target for method, target in methods.items() if target[0] != workflow_id}
            self._webhooks[path] = kept

    def _public(self, workflow: dict[str, Any], in_list: bool = False) -> dict[str, Any]:
        names = [name for name in _FIELDS if not (in_list and name in _LIST_LACKS)]
        public = {name: workflow[name] for name in names}
        public["createdAt"], public["updatedAt"] = iso(workflow["createdAt"]), iso(workflow["updatedAt"])
        public["tags"] = []
        if self._profile.zod:
            public["nodeGroups"] = []
        public["shared"] = [self._share(share, in_list) for share in self._store.shares(workflow["id"])]
        return public

    def _share(self, share: dict[str, Any], in_list: bool) -> dict[str, Any]:
        public = {name: share[name] for name in ("role", "workflowId", "projectId")}
        if not in_list:
            project = self._store.project(share["projectId"])
            public["project"] = {name: project[name] for name in ("id", "name", "type")}
        return {**public, "createdAt": iso(share["createdAt"]), "updatedAt": iso(share["updatedAt"])}
