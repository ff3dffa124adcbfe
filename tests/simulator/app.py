"""n8n's HTTP side: routes, keys and scopes, error bodies, and the pages beside the API."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.simulator import openapi
from tests.simulator.asking import Reader, Refusal, values
from tests.simulator.engine import Cancelled, Engine
from tests.simulator.executions_api import ExecutionsApi
from tests.simulator.operations import Operation, discovered, operations
from tests.simulator.profiles import Profile
from tests.simulator.store import Store
from tests.simulator.validator_era import ValidatorReader
from tests.simulator.workflows_api import UnknownWebhook, WorkflowsApi
from tests.simulator.zod_era import ZodReader

API = "/api/v1"
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"

EDITOR = """<!DOCTYPE html>
<html lang="en">
\t<head><meta charset="utf-8" /><title>n8n.io - Workflow Automation</title></head>
\t<body><div id="app"></div></body>
</html>
"""

# Those that n8n serves before it looks at who is asking.
_OPEN_TO_BOTS = ("/healthz", "/webhook/")

Keys = Mapping[str, frozenset[str]]


class N8n:
    """The ASGI application of one n8n."""

    def __init__(self, profile: Profile, store: Store, engine: Engine, keys: Keys) -> None:
        self._profile = profile
        self._keys = keys
        self._reader: Reader = ZodReader(profile) if profile.zod else ValidatorReader(profile)
        self._executions = ExecutionsApi(profile, store, engine)
        self._workflows = WorkflowsApi(profile, store, engine)
        routes = [Route(API + item.path, self._endpoint(item), methods=[item.method]) for item in operations(profile)]
        document = openapi.document(profile)

        async def describe(_request: Request) -> Response:
            return Response(document, media_type="text/yaml; charset=UTF-8")

        routes += [
            Route(f"{API}/openapi.yml", describe),
            Route("/healthz", _healthy),
            Route("/healthz/readiness", _healthy),
            Route("/webhook/{path:path}", self._webhook, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        handlers: dict[Any, Any] = {404: _nowhere, 405: _wrong_method}
        self._app = Starlette(routes=routes, exception_handlers=handlers)
        # n8n takes a path with a slash at its end as the one without (see _routed); Starlette would redirect.
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        agent = Headers(scope=scope).get("user-agent", "")
        path = scope["path"]
        if "bot" in agent.lower() and not path.startswith(_OPEN_TO_BOTS):
            await Response(status_code=204)(scope, receive, send)
            return
        if path.lower().startswith(f"{API}/"):
            scope["path"] = _routed(scope.get("raw_path", path.encode()))
        await self._app(scope, receive, send)

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        read = getattr(self, f"_{_snake(operation.name)}")

        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request)
                scopes = self._scopes(request, operation)
                permitted = operation.scope in scopes or operation.scope is None or not self._profile.scopes_enforced
                # The validator reads a request before the scope is looked at, zod after that.
                if self._profile.zod and not permitted:
                    raise Refusal(403, "Forbidden")
                act = read(request, body)
                if not permitted:
                    raise Refusal(403, "Forbidden")
                return Response(await act(), media_type=JSON)
            except Refusal as refusal:
                return _refused(refusal.status, refusal.message)
            except UnreadableBody:
                return Response(_ERROR_PAGE, 500, media_type=HTML)
            except (Cancelled, TypeError, ValueError, sqlite3.Error) as error:
                if self._profile.raw_errors:
                    return _refused(400, str(error))
                return _refused(500, "Internal server error")

        return endpoint

    def _scopes(self, request: Request, operation: Operation) -> frozenset[str]:
        key = request.headers.get("x-n8n-api-key")
        if not key:
            # /discover is the one that is still behind the validator.
            validated = operation.name == "getDiscover"
            raise Refusal(401, ValidatorReader.missing_key if validated else self._reader.missing_key)
        if key not in self._keys:
            raise Refusal(401, self._reader.unknown_key)
        return self._keys[key]

    # One reader an operation: it understands the request and returns what is to be done.

    def _get_executions(self, request: Request, _body: Any) -> _Action:
        query = self._reader.executions(request.url.query)
        return _at_once(lambda: self._executions.listed(query))

    def _get_execution(self, request: Request, _body: Any) -> _Action:
        asked = self._reader.execution_id(request.path_params["id"])
        options = self._reader.execution(request.url.query)
        return _at_once(lambda: self._executions.one(asked, options))

    def _delete_execution(self, request: Request, _body: Any) -> _Action:
        self._reader.no_options(request.url.query)
        asked = self._reader.execution_id(request.path_params["id"])
        return _at_once(lambda: self._executions.deleted(asked))

    def _retry_execution(self, request: Request, body: Any) -> _Action:
        _json_only(request, required=False)
        self._reader.no_options(request.url.query)
        asked = self._reader.execution_id(request.path_params["id"])
        load_workflow = self._reader.retry(body)
        return lambda: self._executions.retried(asked, load_workflow)

    def _stop_execution(self, request: Request, _body: Any) -> _Action:
        self._reader.no_options(request.url.query)
        asked = self._reader.execution_id(request.path_params["id"])
        return _at_once(lambda: self._executions.stopped(asked))

    def _stop_many_executions(self, request: Request, body: Any) -> _Action:
        _json_only(request, required=True)
        self._reader.no_options(request.url.query)
        query = self._reader.stop(body)
        return _at_once(lambda: self._executions.stopped_many(query))

    def _get_execution_tags(self, request: Request, _body: Any) -> _Action:
        self._reader.no_options(request.url.query)
        asked = self._reader.execution_id(request.path_params["id"])
        return _at_once(lambda: self._executions.tags(asked))

    def _update_execution_tags(self, request: Request, body: Any) -> _Action:
        _json_only(request, required=True)
        self._reader.no_options(request.url.query)
        asked = self._reader.execution_id(request.path_params["id"])
        tag_ids = self._reader.tags(body)
        return _at_once(lambda: self._executions.tagged(asked, tag_ids))

    def _get_workflows(self, request: Request, _body: Any) -> _Action:
        query = self._reader.workflows(request.url.query)
        return _at_once(lambda: self._workflows.listed(query))

    def _get_workflow(self, request: Request, _body: Any) -> _Action:
        self._reader.workflow(request.url.query)
        return _at_once(lambda: self._workflows.one(request.path_params["id"]))

    def _create_workflow(self, request: Request, body: Any) -> _Action:
        _json_only(request, required=True)
        workflow = self._reader.new_workflow(body)
        return _at_once(lambda: self._workflows.created(workflow))

    def _update_workflow(self, request: Request, body: Any) -> _Action:
        _json_only(request, required=True)
        workflow = self._reader.new_workflow(body)
        return _at_once(lambda: self._workflows.updated(request.path_params["id"], workflow))

    def _delete_workflow(self, request: Request, _body: Any) -> _Action:
        return _at_once(lambda: self._workflows.deleted(request.path_params["id"]))

    def _activate_workflow(self, request: Request, _body: Any) -> _Action:
        return _at_once(lambda: self._workflows.activated(request.path_params["id"]))

    def _deactivate_workflow(self, request: Request, _body: Any) -> _Action:
        return _at_once(lambda: self._workflows.deactivated(request.path_params["id"]))

    def _get_discover(self, request: Request, _body: Any) -> _Action:
        found = values(request.url.query)
        if found.get("include", "schemas") != "schemas":
            raise Refusal(400, "request/query/include must be equal to one of the allowed values: schemas")
        scopes = self._keys[request.headers["x-n8n-api-key"]]
        resource, operation = (request.query_params.get(name) for name in ("resource", "operation"))
        answer = {"data": discovered(self._profile, scopes, resource, operation)}
        return _at_once(lambda: json.dumps(answer))

    async def _webhook(self, request: Request) -> Response:
        path = request.path_params["path"].strip("/")
        try:
            body = await _body(request)
            asked = {
                "headers": dict(request.headers),
                "params": {},
                "query": dict(request.query_params),
                "body": {} if body is None else body,
                "webhookUrl": f"{request.url.scheme}://{request.url.netloc}/webhook/{path}",
                "executionMode": "production",
            }
            return Response(self._workflows.started(request.method, path, asked), media_type=JSON)
        except UnreadableBody:
            return Response(_ERROR_PAGE, 500, media_type=HTML)
        except UnknownWebhook as unknown:
            return Response(unknown.answer, 404, media_type=JSON)


def _routed(raw: bytes) -> str:
    """The path as n8n's router sees it: an encoded slash separates nothing, and beside the id capitals mean nothing."""
    segments = [unquote(segment).replace("/", "%2F") for segment in raw.decode("latin-1").removesuffix("/").split("/")]
    return "/".join(segment if place == _ID_PLACE else segment.lower() for place, segment in enumerate(segments))


# In /api/v1/executions/{id}/retry.
_ID_PLACE = 4

_Action = Callable[[], Awaitable[str]]


def _at_once(act: Callable[[], str]) -> _Action:
    async def action() -> str:
        return act()

    return action


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


class UnreadableBody(Exception):
    """The body is not the JSON that its type promises; n8n fails on it before it asks for a key."""


_ERROR_PAGE = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
    "<pre>ResponseError: Failed to parse request body</pre>\n</body>\n</html>\n"
)


async def _body(request: Request) -> Any:
    """The JSON of a body that says it is JSON; None for any other and for none."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return None
    raw = await request.body()
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise UnreadableBody from None


def _json_only(request: Request, required: bool) -> None:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json" or (not kind and not required):
        return
    raise Refusal(415, f"unsupported media type {kind or 'undefined'}")


def _refused(status: int, message: str) -> Response:
    return Response(json.dumps({"message": message}), status, media_type=JSON)


async def _healthy(_request: Request) -> Response:
    return Response('{"status":"ok"}', media_type=JSON)


async def _nowhere(request: Request, _error: HTTPException) -> Response:
    """Below the API JSON; elsewhere the editor for whoever takes HTML, and Express' own page for others."""
    path = request.url.path
    if path == API or path.startswith(f"{API}/"):
        return _refused(404, "not found")
    if path.startswith("/rest/executions"):
        # The editor's own API, which wants its cookie.
        return Response('{"status":"error","message":"Unauthorized"}', 401, media_type=JSON)
    accept = request.headers.get("accept", "*/*")
    editor = not path.startswith(("/rest", "/healthz")) and ("*/*" in accept or "text/html" in accept)
    if request.method == "GET" and editor:
        return Response(EDITOR, media_type=HTML)
    page = _ERROR_PAGE.replace("ResponseError: Failed to parse request body", escape(f"Cannot {request.method} {path}"))
    return Response(page, 404, media_type=HTML)


async def _wrong_method(request: Request, error: HTTPException) -> Response:
    if request.url.path.startswith(API):
        return _refused(405, f"{request.method} method not allowed")
    return await _nowhere(request, error)
