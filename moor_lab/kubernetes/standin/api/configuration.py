"""The configuration that a client applies: checked, and reduced to what a manager can own; pure."""

from dataclasses import replace
from typing import Any

from .. import kinds, schema
from ..errors import ApiError, bad_request, invalid
from ..kinds import Kind
from ..merge import without_nulls
from ..objects import Object, dig, name_of, namespace_of
from . import decode
from .causes import required
from .options import Options

WRONG_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"
PATCH_OPTIONS = replace(kinds.CONFIG_MAP, group="meta.k8s.io", kind="PatchOptions")


def configuration(kind: Kind, namespace: str, name: str, body: Any, options: Options) -> Object:
    """Return the applied configuration, checked and without fields that nobody can own.

    Raises:
        ApiError: 400, 422, 500 (a field that the schema does not have)
    """  # noqa: DOC501  # bad_request and invalid make one
    if not options.manager:
        causes = [required("fieldManager", "is required for apply patch")]
        raise invalid(PATCH_OPTIONS, "", causes)
    config = without_nulls(body)
    if dig(config, "metadata", "managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    _check_fields(kind, namespace, name, config)
    config, _ = decode.checked(kind, config, "Ignore")
    if name_of(config) not in ("", name):
        raise bad_request(f"the name of the object ({name_of(config)}) does not match the name on the URL ({name})")
    if namespace_of(config) not in ("", namespace):
        raise bad_request(WRONG_NAMESPACE)
    config["metadata"] = config.get("metadata", {}) | {"name": name}
    if kind.namespaced:
        config["metadata"]["namespace"] = namespace
    return {key: value for key, value in config.items() if _counts(kind, key, options.subresource)}


def _check_fields(kind: Kind, namespace: str, name: str, config: Object) -> None:
    unknown = list(schema.unknown_fields(schema.definition(kind.definition), config))
    if unknown:
        where = f"{namespace}/{name}; {kind.api_version}, Kind={kind.kind}"
        why = f".{unknown[0]}: field not declared in schema"
        raise ApiError(500, "", f"failed to create typed patch object ({where}): {why}")


def _counts(kind: Kind, key: str, subresource: str) -> bool:
    """Return whether a part of an applied configuration counts; ``status`` only does on the status subresource."""
    if subresource == "status":
        return key in ("apiVersion", "kind", "metadata", "status")
    return key != "status" or not kind.status
