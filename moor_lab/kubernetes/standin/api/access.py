"""Authentication and roles: tokens from a file or derived from a key, and four fixed roles."""

import csv
import hmac
from dataclasses import dataclass
from pathlib import Path

from .. import kinds
from ..errors import ApiError, unauthorized
from ..kinds import Kind

ADMIN, NODES, ANYBODY = "system:masters", "system:nodes", "system:unauthenticated"
TENANT = "moor:tenant:"
"""Prefix of groups that may do everything in one namespace and nothing outside, not even read it."""

PUBLIC = ("/healthz", "/livez", "/readyz", "/version")
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete")

NODE_RIGHTS: dict[Kind, tuple[str, ...]] = {
    kinds.CLAIM: ("get",),
    kinds.CONFIG_MAP: ("get",),
    kinds.EVENT: WRITE,
    kinds.NODE: READ + WRITE[:3],
    kinds.POD: READ + WRITE,
    kinds.SECRET: ("get",),
    kinds.SERVICE: READ,
}


@dataclass(frozen=True)
class User:
    """A user and the groups they belong to."""

    name: str
    groups: tuple[str, ...]

    def may(self, verb: str, kind: Kind, name: str, namespace: str = "") -> bool:
        """Return whether the role allows this: admins everything, tenants their namespace, nodes their objects."""
        if ADMIN in self.groups or (namespace and f"{TENANT}{namespace}" in self.groups):
            return True
        if NODES not in self.groups or verb not in NODE_RIGHTS.get(kind, ()):
            return False
        return kind != kinds.NODE or verb not in ("update", "patch") or self.name == f"system:node:{name}"

    @property
    def is_admin(self) -> bool:
        """Return whether the user may do everything."""
        return ADMIN in self.groups

    def acting(self, headers: dict[str, str]) -> "User":
        """Return the user that a request impersonates, else the user itself.

        Raises:
            ApiError: 403, only an administrator may impersonate
        """
        name = headers.get("impersonate-user", "")
        if not name:
            return self
        if not self.is_admin:
            who = f'User "{self.name}" cannot impersonate resource "users" in API group "" at the cluster scope'
            raise ApiError(403, "Forbidden", f'users "{name}" is forbidden: {who}', {"name": name, "kind": "users"})
        groups = [group.strip() for group in headers.get("impersonate-group", "").split(",") if group.strip()]
        return User(name, tuple(groups))

    def may_read(self, path: str) -> bool:
        """Return whether the user may read a non-resource path; any known user may discover the API."""
        return ANYBODY not in self.groups or path.startswith(PUBLIC)


ANONYMOUS = User("system:anonymous", (ANYBODY,))


def node_token(key: str, name: str) -> str:
    """Return a node's token, derived from the cluster's key and its name, so that later nodes need no entry."""
    return f"{name}.{hmac.new(key.encode(), name.encode(), 'sha256').hexdigest()}"


class Tokens:
    """The known bearer tokens.

    Attributes:
        path: lines of ``token,user,uid,"group,group"``, as kube-apiserver's token file.
        node_key: of the nodes' tokens; empty: no node is known.
    """

    def __init__(self, path: Path, node_key: str = "") -> None:
        rows = list(csv.reader(path.read_text().splitlines()))
        self._users = {row[0]: User(row[1], tuple(row[3].split(","))) for row in rows if row}
        self._node_key = node_key

    def user(self, authorization: str) -> User:
        """Return the user of an Authorization header. Raises ApiError: 401."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        user = self._known(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise unauthorized()
        return user

    def _known(self, token: str) -> User | None:
        for known, user in self._users.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return user
        name = token.rpartition(".")[0]
        right = node_token(self._node_key, name) if self._node_key and name else ""
        if right and hmac.compare_digest(right.encode(), token.encode()):
            return User(f"system:node:{name}", (NODES,))
        return None
