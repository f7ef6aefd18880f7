"""Pull secrets, with a robot's login beside the logins that others keep in the same secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import code_of, is_missing, untyped_class
from moor.context import context_of
from moor.errors import ApiRefusal, HarborUnreachable, HostError, UnreadableSecret
from moor.formats.nesting import parse_json
from moor.resources.base import Later, Remote, State
from moor.resources.file import sha256
from moor.secrets.secret import Secret
from moor.tasks.cluster.admission import admission_later
from moor.tasks.cluster.api import Tree, apply_server_side, as_dict, ask, lacks_namespace, report_warnings
from moor.tasks.registry.logins import DATA_KEYS, DOCKER_CONFIG, RegistryLogin, docker_auth_entry, read_login
from moor.tasks.registry.projects import robot_login

CONFLICT = 409
TRIES = 5  # attempts to write while other programs change the secret after it was read


@dataclass(frozen=True)
class PullSecret(Remote):
    """A pull secret with the login of a robot, in the namespace of the pods that use it.

    Logins of other registries in the secret stay, and so do other spellings of this one (with a scheme, path or port).
    """

    namespace: str
    name: str
    host_port: str
    project: str
    robot: str

    @property
    def id(self) -> str:
        return f"secret:{self.namespace}/{self.name}"

    @property
    def _later(self) -> str:
        return f"the robot {self.project}+{self.robot}"

    def desired(self, actual: State | None) -> State:
        known = actual or {}
        kind = str(known.get("type", ""))
        wanted: State = {
            "type": kind if kind in DATA_KEYS else DOCKER_CONFIG,
            f"{self.host_port} user": known.get("robot") or Later(f"Harbor's name of {self._later}"),
            f"{self.host_port} password": known.get("wanted") or Later(f"the password of {self._later}", secret=True),
        }
        return wanted if actual is not None else {**wanted, "policies": admission_later(self.namespace)}

    def read(self, task: Task) -> State | None:
        login = self._login(task)
        known: State = {"robot": login[0], "wanted": login[1]} if login else {}
        found = self._stored(task)
        try:
            with report_warnings(task, self.id):
                if found is None or (login and not has_login(found, self.host_port, login)):
                    self._put(task, found, login or ("robot", Secret("not-known-yet")), dry_run=True)
        except HostError as error:
            if found is None and lacks_namespace(error):
                return None
            raise
        if found is None:
            return {**known, "type": "(none)"}
        return {**known, "type": str(found["type"]), **login_state(found, self.host_port)}

    def _login(self, task: Task) -> tuple[str, Secret] | None:
        """Return the robot's login; in a plan, None while Harbor does not answer or the robot does not exist."""
        try:
            return robot_login(task, self.project, self.robot)
        except HarborUnreachable:
            if not task.is_dry_run() or context_of(task).examining:
                raise
            return None

    def _stored(self, task: Task) -> Tree | None:
        """Return the stored secret, or None if there is none.

        Raises:
            ApiRefusal: the secret is of another type, so it has another purpose
            HostError: the API did not answer
        """
        try:
            found = as_dict(ask(task, self.id, lambda c: c.get(secret_class(), self.name, namespace=self.namespace)))
        except HostError as error:
            if is_missing(error):
                return None
            raise
        if (kind := str(found.setdefault("type", "Opaque"))) not in DATA_KEYS:
            raise ApiRefusal(
                f"{self.id}: it is of type {kind}, which is not a pull secret's, and a type cannot be changed; "
                "give the workload another pull_secret, or delete this secret if nobody needs it"
            )
        return found

    def write(self, task: Task, actual: State | None) -> None:
        login = self._login(task)
        if login is None:
            raise HostError(f"the robot {self.project}+{self.robot} does not exist; run the registry stage first")
        with report_warnings(task, self.id):
            for left in reversed(range(TRIES)):
                try:
                    self._put(task, self._stored(task), login)
                    return
                except HostError as error:
                    if code_of(error) != CONFLICT or not left:
                        raise

    def _put(self, task: Task, found: Tree | None, login: tuple[str, Secret], dry_run: bool = False) -> None:
        """Write the login over the version that was read; the API refuses (409) if the secret has changed since."""
        content = with_login(found, self.host_port, login)
        content["metadata"] = {"name": self.name, "namespace": self.namespace, **content["metadata"]}
        if found is None:
            ask(task, self.id, lambda c: c.create(secret_class()(content), namespace=self.namespace, dry_run=dry_run))
        else:
            apply_server_side(task, self.id, content, dry_run)


def secret_class() -> type[Any]:
    return untyped_class("v1", "Secret")


def with_login(found: Tree | None, host_port: str, login: tuple[str, Secret]) -> Tree:
    """Return the secret to apply: the logins of the version that was read, with this login among them."""
    kind = str(found["type"]) if found else DOCKER_CONFIG
    document, metadata = _document(found) if found else {}, {}
    ours = {host_port: docker_auth_entry(RegistryLogin(login[0], login[1].reveal()))}
    logins = {**_logins(found), **ours} if found else ours
    if kind == DOCKER_CONFIG:
        logins = {**document, "auths": logins}
    if found:
        metadata = {"resourceVersion": found["metadata"]["resourceVersion"]}
    data = {DATA_KEYS[kind]: base64.b64encode(json.dumps(logins).encode()).decode()}
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


def _logins(found: Tree) -> dict[str, Any]:
    """Return the logins of a pull secret of either type, by registry; empty if it cannot be parsed."""
    document = _document(found)
    logins = document.get("auths") if found["type"] == DOCKER_CONFIG else document
    return dict(logins) if isinstance(logins, Mapping) else {}


def _document(found: Tree) -> dict[str, Any]:
    try:
        document = parse_json(base64.b64decode(str((found.get("data") or {})[DATA_KEYS[found["type"]]])))
    except (LookupError, ValueError, AttributeError, TypeError):
        return {}
    return dict(document) if isinstance(document, Mapping) else {}
