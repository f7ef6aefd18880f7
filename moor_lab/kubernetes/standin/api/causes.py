"""Causes of refused objects, in the words of a real API server; pure."""

from collections.abc import Iterator
from typing import Any

from ..errors import Cause
from ..objects import canonical

REDACTED = '"<secret contents redacted>"'
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)

Causes = Iterator[Cause]


def required(field: str, why: str = "") -> Cause:
    """Return the cause for a missing field."""
    return Cause(field, f"Required value{': ' if why else ''}{why}", "FieldValueRequired")


def invalid(field: str, value: Any, why: str) -> Cause:
    """Return the cause for a field with an invalid value."""
    shown = value if isinstance(value, str) and value == REDACTED else canonical(value)
    return Cause(field, f"Invalid value: {shown}: {why}")


def forbidden(field: str, why: str) -> Cause:
    """Return the cause for a field that may not be set or changed so."""
    return Cause(field, f"Forbidden: {why}", "FieldValueForbidden")


def unsupported(field: str, value: Any, *supported: str) -> Cause:
    """Return the cause for a value that is none of those supported."""
    listed = ", ".join(canonical(one) for one in supported)
    return Cause(field, f"Unsupported value: {canonical(value)}: supported values: {listed}", "FieldValueNotSupported")


def unchanged(field: str, new: Any, old: Any) -> Iterator[Cause]:
    """Yield the cause for a field that may not change and did."""
    if new != old:
        yield invalid(field, new, "field is immutable")
