"""The token service /service/token, where clients of /v2 get tokens for their login."""

from datetime import UTC, datetime
from json import dumps

from werkzeug.wrappers import Response

from moor_lab.harbor.core.service import Call, Route
from moor_lab.harbor.core.tokens import SERVICE, Access

TEXT = "text/plain; charset=utf-8"
REPOSITORY_ACTIONS = ("pull", "push", "delete")


def give_token(call: Call) -> Response:
    """Return a token for those of the requested rights that the caller has; wrong credentials get 200 and no rights.

    Only without a scope does a wrong name or password show.
    """
    service = call.request.args.get("service", "")
    if service != SERVICE:
        return Response(f"Unable to handle service: {service}", 400, content_type=TEXT)
    scopes = call.request.args.getlist("scope")
    if not scopes and not call.who.known:
        return Response("", 401, content_type=TEXT)
    access = [one for scope in scopes for one in _access(call, scope)]
    tokens = call.core.tokens
    shown = {
        "token": tokens.issue(call.who.name, access),
        "access_token": "",
        "expires_in": tokens.minutes * 60,
        "issued_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return Response(dumps(shown, separators=(",", ":")), content_type="application/json; charset=utf-8")


def _access(call: Call, scope: str) -> list[Access]:
    """Return the access that the caller gets for one scope; none for an invalid scope."""
    kind, _, rest = scope.partition(":")
    name, _, asked = rest.rpartition(":")
    if kind == "registry" and name == "catalog":
        allowed = asked.split(",") if call.rights.in_system("catalog", "read") else []
        return [{"type": kind, "name": name, "actions": allowed}]
    if kind != "repository" or "/" not in name:
        return []
    project = call.store.find("project", name.partition("/")[0])
    rights = call.rights
    allowed = [
        action
        for action in asked.split(",")
        if project and action in REPOSITORY_ACTIONS and rights.in_project(project, "repository", action)
    ]
    return [{"type": kind, "name": name, "actions": allowed}]


def refuse_method(call: Call) -> Response:
    return Response("Method Not Allowed\n", 405, {"X-Content-Type-Options": "nosniff"}, content_type=TEXT)


ROUTES: list[Route] = [("GET", "/service/token", give_token)]
ROUTES += [(method, "/service/token", refuse_method) for method in ("POST", "PUT", "PATCH", "DELETE")]
