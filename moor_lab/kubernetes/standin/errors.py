"""Refusals, as the Status documents that a real API server answers with."""

from dataclasses import dataclass

from .kinds import Kind
from .objects import Object


@dataclass(frozen=True)
class Cause:
    """What is wrong with one field. ``reason`` is FieldValueInvalid, FieldValueRequired and the like."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    def document(self) -> Object:
        """As it stands in a Status."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(Exception):
    """A request was refused; ``status`` is the document that says so."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status("Failure", message, reason, details, code)


def status(state: str, message: str, reason: str, details: Object | None, code: int | None) -> Object:
    """Return a Status document; empty parts are left out."""
    document: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": state}
    parts = {"message": message, "reason": reason, "details": details, "code": code}
    return document | {key: value for key, value in parts.items() if value}


def about(kind: Kind, name: str = "") -> Object:
    """Return the details that name an object by its resource."""
    parts = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in parts.items() if value}


def bad_request(message: str) -> ApiError:
    """400: the request cannot be read."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401: the token is not known."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, kind: Kind, name: str, namespace: str) -> ApiError:
    """403: the user may not do this."""
    target = f'{kind.resource} "{name}"' if name else kind.resource
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    action = f'cannot {verb} resource "{kind.plural}" in API group "{kind.group}" {scope}'
    return ApiError(403, "Forbidden", f'{target} is forbidden: User "{user}" {action}', about(kind, name))


def forbidden_path(user: str, verb: str, path: str) -> ApiError:
    """403: the user may not read this path."""
    return ApiError(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {})


def refused(kind: Kind, name: str, why: str) -> ApiError:
    """403: the cluster's state does not allow it."""
    return ApiError(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', about(kind, name))


def not_found(kind: Kind, name: str) -> ApiError:
    """404: no such object."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', about(kind, name))


def no_such_path() -> ApiError:
    """404: nothing is served here."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def not_allowed(verb: str) -> ApiError:
    """405: this resource knows no such verb."""
    return ApiError(405, "MethodNotAllowed", f"the server does not allow this method on the requested resource: {verb}")


def already_exists(kind: Kind, name: str) -> ApiError:
    """409: the name is taken."""
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', about(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """409: somebody else wrote it meanwhile."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, about(kind, name))


def apply_conflict(message: str, causes: list[Cause]) -> ApiError:
    """409: other field managers own fields that the applied configuration would change."""
    return ApiError(409, "Conflict", message, {"causes": [cause.document() for cause in causes]})


def expired(asked: int, oldest: int) -> ApiError:
    """410: the watch's history does not reach back that far."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def unsupported_media(content_type: str) -> ApiError:
    """415: no way to read this kind of body."""
    message = f"the body of the request was in an unknown format - {content_type} (moor's stand-in reads JSON)"
    return ApiError(415, "UnsupportedMediaType", message)


def invalid(kind: Kind, name: str, causes: list[Cause]) -> ApiError:
    """422: the object reads well and makes no sense."""
    said = [f"{cause.field}: {cause.message}" for cause in causes]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    parts = {"name": name, "group": kind.group, "kind": kind.kind, "causes": [cause.document() for cause in causes]}
    details = {key: value for key, value in parts.items() if value}
    return ApiError(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {text}', details)
