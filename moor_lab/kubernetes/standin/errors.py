"""Errors of the API, as Status documents like those of a real API server."""

from dataclasses import dataclass

from .kinds import Kind
from .objects import Object

FORGOTTEN = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Cause:
    """The error of one field; ``reason`` is FieldValueInvalid, FieldValueRequired and the like."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    def document(self) -> Object:
        """Return the cause as a Status has it."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(Exception):
    """A refused request; ``status`` is the Status document."""

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
    """Return error 400: the body cannot be parsed."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """Return error 401: the token is unknown."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, kind: Kind, name: str, namespace: str) -> ApiError:
    """Return error 403: the user may not do this."""
    target = f'{kind.resource} "{name}"' if name else kind.resource
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    action = f'cannot {verb} resource "{kind.plural}" in API group "{kind.group}" {scope}'
    return ApiError(403, "Forbidden", f'{target} is forbidden: User "{user}" {action}', about(kind, name))


def forbidden_path(user: str, verb: str, path: str) -> ApiError:
    """Return error 403: the user may not read this path."""
    return ApiError(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {})


def refused(kind: Kind, name: str, why: str) -> ApiError:
    """Return error 403: the state of the cluster does not allow it."""
    return ApiError(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', about(kind, name))


def not_found(kind: Kind, name: str) -> ApiError:
    """Return error 404: the object does not exist."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', about(kind, name))


def no_such_path() -> ApiError:
    """Return error 404: the path does not exist."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def not_allowed(verb: str) -> ApiError:
    """Return error 405: the resource does not support the verb."""
    return ApiError(405, "MethodNotAllowed", f"the server does not allow this method on the requested resource: {verb}")


def already_exists(kind: Kind, name: str) -> ApiError:
    """Return error 409: the name is taken."""
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', about(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """Return error 409: the object changed meanwhile."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, about(kind, name))


def apply_conflict(message: str, causes: list[Cause]) -> ApiError:
    """Return error 409: other field managers own fields that the applied configuration would change."""
    return ApiError(409, "Conflict", message, {"causes": [cause.document() for cause in causes]})


def expired(asked: int, oldest: int) -> ApiError:
    """Return error 410: the watch's history does not reach back that far."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def expired_continue(token: str) -> ApiError:
    """Return error 410: the list that a continue token belongs to is forgotten; ``token`` goes on regardless."""
    error = ApiError(410, "Expired", FORGOTTEN)
    error.status["metadata"] = {"continue": token}
    return error


def unsupported_media(content_type: str) -> ApiError:
    """Return error 415: the format of the body is not supported."""
    message = f"the body of the request was in an unknown format - {content_type} (moor's stand-in reads JSON)"
    return ApiError(415, "UnsupportedMediaType", message)


def invalid(kind: Kind, name: str, causes: list[Cause]) -> ApiError:
    """Return error 422: the object is invalid."""
    said = [f"{cause.field}: {cause.message}" for cause in causes]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    parts = {"name": name, "group": kind.group, "kind": kind.kind, "causes": [cause.document() for cause in causes]}
    details = {key: value for key, value in parts.items() if value}
    return ApiError(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {text}', details)
