"""Pull secrets, with a robot's login beside the logins that others keep in the same secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import code_of, is_missing, untyped_class
from moor.context import context_of
from moor.engine.plan import differing_fields
from moor.errors import ApiRefusal, HarborUnreachable, HostError
from moor.resources.base import Later, Remote, State, Value
from moor.secrets.secret import Secret
from moor.tasks.cluster.admission import admission_later
from moor.tasks.cluster.api import Tree, apply_server_side, as_dict, ask, lacks_namespace, report_warnings
from moor.tasks.registry.logins import DATA_KEYS, DOCKER_CONFIG
from moor.tasks.registry.projects import is_replaced, robot_login
from moor.tasks.workload.pull_secret_content import has_login, is_unreadable, login_state, other_logins, with_login

CONFLICT = 409
TRIES = 5  # attempts to write while other programs change the secret after it was read
OTHERS = "other logins"


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
    def account(self) -> str:
        """Return the robot's name as Harbor shows it: with its project, or alone for one of the system."""
        return f"{self.project}+{self.robot}" if self.project else self.robot

    @property
    def elsewhere(self) -> str:
        """Return what to do where a secret of this name has another purpose."""
        return "give the workload another pull_secret"

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels that the secret has to have."""
        return {}

    @property
    def _later(self) -> str:
        return f"the robot {self.account}"

    def desired(self, actual: State | None) -> State:
        known = actual or {}
        kind = str(known.get("type", ""))
        wanted: dict[str, Value] = {
            "type": kind if kind in DATA_KEYS else DOCKER_CONFIG,
            f"{self.host_port} user": known.get("robot") or Later(f"Harbor's name of {self._later}"),
            f"{self.host_port} password": known.get("wanted") or Later(f"the password of {self._later}", secret=True),
            **{f"label {name}": value for name, value in self.labels.items()},
        }
        if actual is None:
            return {**wanted, "policies": admission_later(self.namespace)}
        if differing_fields(actual, wanted):  # what stays is shown beside what changes
            wanted |= {OTHERS: f"{known[OTHERS]} (kept)"} if OTHERS in known else {}
            wanted |= {"content": "logins"} if "content" in known else {}
        return wanted

    def is_absent(self, actual: State | None) -> bool:
        return actual is None or actual["type"] == "(none)"

    def read(self, task: Task) -> State | None:
        login = self._login(task)
        known: State = {"robot": login[0], "wanted": login[1]} if login else {}
        found = self._stored(task)
        try:
            with report_warnings(task, self.id):
                if found is None or (login and not has_login(found, self.host_port, login)):
                    self.try_out(task, found, login or ("robot", Secret("not-known-yet")))
        except HostError as error:
            if found is None and lacks_namespace(error):
                return None
            raise
        if found is None:
            return {**known, "type": "(none)"}
        present = found["metadata"].get("labels") or {}
        labels = {f"label {name}": str(present[name]) for name in self.labels if name in present}
        others = {OTHERS: words} if (words := ", ".join(other_logins(found, self.host_port))) else {}
        unreadable = {"content": "nothing that kubelet can read"} if is_unreadable(found) else {}
        state = {"type": str(found["type"]), **login_state(found, self.host_port), **others, **unreadable}
        return {**known, **state, **labels}

    def try_out(self, task: Task, found: Tree | None, login: tuple[str, Secret]) -> None:
        """Have the cluster refuse in the plan what it would refuse in the apply."""
        self._put(task, found, login, dry_run=True)

    def fetch(self, task: Task) -> Tree | None:
        """Return the secret as the cluster has it, None if there is none."""
        try:
            return as_dict(ask(task, self.id, lambda c: c.get(secret_class(), self.name, namespace=self.namespace)))
        except HostError as error:
            if is_missing(error):
                return None
            raise

    def forget(self, task: Task) -> None:
        """Forget what is known of the secret, since it was written or is another one by now."""

    def _login(self, task: Task) -> tuple[str, Secret] | None:
        """Return the robot's login; in a plan, None while Harbor does not answer or the robot is to be made."""
        if is_replaced(task, self.project, self.robot):
            return None
        try:
            return self.find_login(task)
        except HarborUnreachable:
            if not task.is_dry_run() or context_of(task).examining:
                raise
            return None

    def find_login(self, task: Task) -> tuple[str, Secret] | None:
        """Return the robot's login by what Harbor says now, None if the robot does not exist."""
        return robot_login(task, self.project, self.robot)

    def _stored(self, task: Task) -> Tree | None:
        """Return the stored secret, or None if there is none.

        Raises:
            ApiRefusal: the secret is of another type, so it has another purpose
            HostError: the API did not answer
        """
        found = self.fetch(task)
        if found is None:
            return None
        if (kind := str(found.setdefault("type", "Opaque"))) not in DATA_KEYS:
            raise ApiRefusal(
                f"{self.id}: it is of type {kind}, which is not a pull secret's, and a type cannot be changed; "
                f"{self.elsewhere}, or delete this secret if nobody needs it"
            )
        return found

    def write(self, task: Task, actual: State | None) -> None:
        login = self._login(task)
        if login is None:
            raise HostError(f"the robot {self.account} does not exist; run the registry stage first")
        with report_warnings(task, self.id):
            for left in reversed(range(TRIES)):
                try:
                    self._put(task, self._stored(task), login)
                    self.forget(task)
                    return
                except HostError as error:
                    self.forget(task)
                    if code_of(error) != CONFLICT or not left:
                        raise

    def _put(self, task: Task, found: Tree | None, login: tuple[str, Secret], dry_run: bool = False) -> None:
        """Write the login over the version that was read; the API refuses (409) if the secret has changed since."""
        content = with_login(found, self.host_port, login, self.labels)
        content["metadata"] = {"name": self.name, "namespace": self.namespace, **content["metadata"]}
        if found is None:
            ask(task, self.id, lambda c: c.create(secret_class()(content), namespace=self.namespace, dry_run=dry_run))
        else:
            apply_server_side(task, self.id, content, dry_run)


def secret_class() -> type[Any]:
    return untyped_class("v1", "Secret")
