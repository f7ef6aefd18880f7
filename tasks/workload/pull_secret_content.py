"""The content of pull secrets: the logins in them, with and without ours; pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from moor.errors import UnreadableSecret
from moor.formats.nesting import parse_json
from moor.resources.file import sha256
from moor.secrets.secret import Secret
from moor.tasks.cluster.api import Tree
from moor.tasks.registry.logins import (
    DATA_KEYS,
    DOCKER_CONFIG,
    RegistryLogin,
    docker_auth_entry,
    go_member,
    read_login,
)

PLACED_BY = "io.moor/pull-secret"  # the label of a secret that data.pull_secrets places; its value is the entry's name


def with_login(
    found: Tree | None, host_port: str, login: tuple[str, Secret], labels: Mapping[str, str] | None = None
) -> Tree:
    """Return the secret to apply: the logins of the version that was read, with this login among them."""
    ours = {host_port: docker_auth_entry(RegistryLogin(login[0], login[1].reveal()))}
    known = (found or {}).get("metadata", {}).get("labels") or {}
    # What moor applies without a label that it applied before loses it, whoever of moor's applies.
    kept = {PLACED_BY: known[PLACED_BY]} if PLACED_BY in known else {}
    return with_logins(found, {**(_logins(found) if found else {}), **ours}, {**kept, **(labels or {})})


def without_login(found: Tree, host_port: str) -> Tree:
    """Return the secret to apply once this registry's login and moor's label are gone from it."""
    return with_logins(found, {key: entry for key, entry in _logins(found).items() if key != host_port}, {})


def with_logins(found: Tree | None, logins: Mapping[str, Any], labels: Mapping[str, str]) -> Tree:
    """Return the secret to apply, with these logins in the form of the version that was read."""
    kind = str(found["type"]) if found else DOCKER_CONFIG
    metadata: Tree = {"resourceVersion": found["metadata"]["resourceVersion"]} if found else {}
    metadata |= {"labels": dict(labels)} if labels else {}
    held: Mapping[str, Any] = logins
    if kind == DOCKER_CONFIG:
        document = _document(found) if found else {}
        held = {**{key: value for key, value in document.items() if key.lower() != "auths"}, "auths": logins}
    data = {DATA_KEYS[kind]: base64.b64encode(json.dumps(held).encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}


def has_login(found: Tree, host_port: str, login: tuple[str, Secret]) -> bool:
    """Return whether the secret already has this login."""
    wanted = {f"{host_port} user": login[0], f"{host_port} password": login[1].sha256()}
    return login_state(found, host_port) == wanted


def login_state(found: Tree, host_port: str) -> dict[str, str]:
    """Return user and password hash of the registry's login; empty if the secret has none that kubelet would use."""
    try:
        login = read_login(host_port, _logins(found).get(host_port))
    except UnreadableSecret:
        return {}
    return {f"{host_port} user": login.user, f"{host_port} password": sha256(login.password)} if login.user else {}


def other_logins(found: Tree, host_port: str) -> list[str]:
    """Return the keys of the logins of a secret but this registry's, as they are written there."""
    return [key for key in sorted(_logins(found)) if key != host_port]


def is_unreadable(found: Tree) -> bool:
    """Return whether a secret has content that is no JSON object, so that nothing in it can be kept."""
    return bool((found.get("data") or {}).get(DATA_KEYS[found["type"]])) and _parsed(found) is None


def _logins(found: Tree) -> dict[str, Any]:
    """Return the logins of a pull secret of either type, by registry; empty if it cannot be parsed."""
    document = _document(found)
    logins = go_member(document, "auths") if found["type"] == DOCKER_CONFIG else document
    return dict(logins) if isinstance(logins, Mapping) else {}


def _document(found: Tree) -> dict[str, Any]:
    return _parsed(found) or {}


def _parsed(found: Tree) -> dict[str, Any] | None:
    """Return the content of a pull secret, None if it is no JSON object."""
    try:
        document = parse_json(base64.b64decode(str((found.get("data") or {})[DATA_KEYS[found["type"]]])))
    except (LookupError, ValueError, AttributeError, TypeError):
        return None
    return dict(document) if isinstance(document, Mapping) else None
