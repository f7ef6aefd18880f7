"""Registry logins in Docker's format: written for Docker and Kubernetes, read by kubelet's rules; pure.

Source  Kubernetes, pkg/credentialprovider (config.go, keyring.go, secrets/secrets.go) as of 1.36
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moor.errors import UnreadableSecret
from moor.formats.nesting import parse_json

DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"
DOCKER_CFG = "kubernetes.io/dockercfg"
# The key of a secret's data that holds the logins, by the secret's type; kubelet ignores other types.
DATA_KEYS = {DOCKER_CONFIG: ".dockerconfigjson", DOCKER_CFG: ".dockercfg"}
NOT_IN_HOST = re.compile(r"[\s\x00-\x1f\x7f\\^{}|`%]")


@dataclass(frozen=True)
class RegistryLogin:
    """A user and a password."""

    user: str
    password: str = field(repr=False)


def docker_auth_entry(login: RegistryLogin) -> dict[str, str]:
    """Return one login as an entry below ``auths``; the dollar sign in a robot's name is not escaped."""
    auth = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    return {"username": login.user, "password": login.password, "auth": auth}


def read_logins(secret: Mapping[str, Any]) -> dict[str, RegistryLogin] | None:
    """Return the logins in a secret by their key as written; None if kubelet ignores the secret.

    Raises:
        UnreadableSecret: kubelet fails to parse the secret.
    """
    kind = str(secret.get("type") or "Opaque")
    raw = (secret.get("data") or {}).get(DATA_KEYS.get(kind, "")) if kind in DATA_KEYS else None
    if not raw:
        return None
    try:
        tree = parse_json(base64.b64decode(str(raw), validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise UnreadableSecret("it holds no JSON") from None
    if not isinstance(tree, dict | None):
        raise UnreadableSecret("it holds no JSON object")
    auths = tree if kind == DOCKER_CFG else go_member(tree or {}, "auths")
    if not isinstance(auths, dict | None):
        raise UnreadableSecret("auths is no object")
    return {key: read_login(key, entry) for key, entry in (auths or {}).items()}


def go_member(tree: Mapping[str, Any], name: str) -> Any:
    """Return a member by Go's rules: case does not matter, and the last match counts."""
    return next((value for key, value in reversed(list(tree.items())) if key.lower() == name), None)


def read_login(key: str, entry: Any) -> RegistryLogin:
    """Read one registry's entry, in which ``auth`` overrides user and password; raise UnreadableSecret."""
    if not isinstance(entry, dict | None):
        raise UnreadableSecret(f"the entry of {key} is no object")
    words = {name: go_member(entry or {}, name) for name in ("username", "password", "email", "auth")}
    wrong = [name for name, word in words.items() if not isinstance(word, str | None)]
    if wrong:
        raise UnreadableSecret(f"{wrong[0]} of {key} is no text")
    if words["auth"]:
        return _decode_auth(key, words["auth"])
    return RegistryLogin(words["username"] or "", words["password"] or "")


def _decode_auth(key: str, auth: str) -> RegistryLogin:
    """Decode ``auth``, base64 of USER:PASSWORD with or without padding."""
    bare = auth.translate({13: None, 10: None})
    padded = bare.strip().endswith("=")
    well = re.fullmatch(r"[A-Za-z0-9+/]*={0,2}" if padded else r"[A-Za-z0-9+/]*", bare)
    if not well or (len(bare) % 4 if padded else len(bare) % 4 == 1):
        raise UnreadableSecret(f"auth of {key} is no base64")
    try:
        words = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        raise UnreadableSecret(f"auth of {key} is no base64") from None
    user, colon, password = words.partition(":")
    if not colon:
        raise UnreadableSecret(f"auth of {key} is not USER:PASSWORD")
    return RegistryLogin(user, password)


def place_of(key: str) -> str | None:
    """Return HOST[:PORT][/PATH] of a key below ``auths``; None if kubelet ignores the entry.

    The scheme is removed, and a leading /v1/ or /v2/ of the path, which ``docker login`` writes.
    """
    rest = re.sub(r"^https?://", "", key)
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2]
    if NOT_IN_HOST.search(host) or not re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*|[^:]*\[[^:]*)(:\d*)?", host):
        return None
    path = slash + path
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host if path == "/" else host + path


def matches_repository(place: str, repository: str) -> bool:
    """Return whether a login's place matches a repository such as ``registry.moor.test/shop/web``.

    It does if the ports are equal, the repository's path starts with the place's, and each label of the host matches;
    in a label, ``*`` matches any characters but a dot.
    """
    (host, path), (asked, below) = _split_path(place), _split_path(repository)
    (name, port), (asked_host, number) = _split_port(host), _split_port(asked)
    labels, others = name.split("."), asked_host.split(".")
    if port != number or len(labels) != len(others) or not below.startswith(path):
        return False
    return all(_matches(glob, label) for glob, label in zip(labels, others, strict=True))


def logins_for(secrets: Iterable[Mapping[str, Any]], repository: str) -> list[RegistryLogin]:
    """Return the logins that kubelet tries for a repository, in its order, until a pull succeeds.

    Raises:
        UnreadableSecret: kubelet fails to parse one of the secrets.
    """
    found: dict[str, list[RegistryLogin]] = {}
    for secret in secrets:
        for key, login in (read_logins(secret) or {}).items():
            if (place := place_of(key)) is not None:
                found.setdefault(place, []).append(login)
    return [
        login
        for place in sorted(found, reverse=True)
        if matches_repository(place, repository)
        for login in found[place]
    ]


def _split_path(place: str) -> tuple[str, str]:
    host, slash, path = place.partition("/")
    return host, slash + path


def _split_port(host: str) -> tuple[str, str]:
    found = re.fullmatch(r"(\[.*\]|[^:]*):([^:]*)", host)
    return (found[1].strip("[]"), found[2]) if found else (host, "")


def _matches(glob: str, label: str) -> bool:
    """Return whether a label matches by the rules of Go's filepath.Match; a malformed pattern matches nothing."""
    parts = re.findall(r"\*+|\[\^?[^\]]+\]|\\.|[^*]", glob)
    pattern = "".join(_pattern(part) for part in parts)
    try:
        return re.fullmatch(pattern, label, re.DOTALL) is not None
    except re.error:
        return False


def _pattern(part: str) -> str:
    if part.startswith("*"):
        return "[^/]*"
    return part if part.startswith("[") and part.endswith("]") else re.escape(part.removeprefix("\\"))
