"""Errors in Harbor's format."""

from typing import Any

GO_TYPES: dict[type, str] = {bool: "bool", int: "int64", str: "string"}
JSON_TYPES: dict[type, str] = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}


class Refusal(Exception):
    """An answer other than 2xx: ``{"errors": [{"code": ..., "message": ...}]}``.

    Attributes:
        challenge: the value of Www-Authenticate, None for no such header
        registry: whether the answer carries the registry's version header, as refusals of /v2 do
    """

    def __init__(
        self, status: int, code: str, message: str, *, challenge: str | None = None, registry: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.challenge = challenge
        self.registry = registry

    @property
    def body(self) -> dict[str, object]:
        return {"errors": [{"code": self.code, "message": self.message}]}


def bad_request(message: str) -> Refusal:
    return Refusal(400, "BAD_REQUEST", message)


def unauthorized() -> Refusal:
    return Refusal(401, "UNAUTHORIZED", "unauthorized")


def forbidden(message: str = "forbidden") -> Refusal:
    return Refusal(403, "FORBIDDEN", message)


def read_only() -> Refusal:
    return Refusal(403, "DENIED", "The system is in read only mode. Any modification is prohibited.")


def not_found(what: str) -> Refusal:
    return Refusal(404, "NOT_FOUND", f"{what} not found")


def conflict(message: str) -> Refusal:
    return Refusal(409, "CONFLICT", message)


def precondition(message: str) -> Refusal:
    return Refusal(412, "PRECONDITION", message)


def unprocessable(message: str, depth: int = 1) -> Refusal:
    """Return the error of request validation, with the prefix once for each validated level."""
    return Refusal(422, "UNPROCESSABLE_ENTITY", "validation failure list:\n" * depth + message)


def internal() -> Refusal:
    return Refusal(500, "UNKNOWN", "internal server error")


def not_in_the_stand_in(path: str) -> Refusal:
    return Refusal(501, "NOT_IMPLEMENTED", f"moor's lab stand-in for Harbor does not serve {path}")


def check_type(body: str, field: str, value: Any, kind: type) -> None:
    """Check that ``value`` has the JSON type of its field in Harbor's Go structure; raise Refusal if not."""
    if type(value) is not kind:
        sent, wanted = JSON_TYPES.get(type(value), "object"), GO_TYPES.get(kind, "object")
        raise unprocessable(
            f'parsing {body} body from "" failed, because json: cannot unmarshal'
            f" {sent} into Go struct field {field} of type {wanted}"
        )
