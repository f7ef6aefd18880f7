"""Resources of one namespace: the pull secret that is placed there, and the ServiceAccounts that pull with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import code_of, untyped_class
from moor.engine.plan import differing_fields
from moor.errors import HostError
from moor.resources.base import Remote, State
from moor.secrets.secret import Secret
from moor.tasks.cluster.api import Tree, apply_server_side, ask
from moor.tasks.pull_secrets.cluster_view import ClusterView, view_of
from moor.tasks.registry.logins import DATA_KEYS
from moor.tasks.workload.pull_secret import CONFLICT, OTHERS, TRIES, PullSecret, secret_class
from moor.tasks.workload.pull_secret_content import PLACED_BY, login_state, other_logins, without_login

NONE = "(none)"


@dataclass(frozen=True)
class PlacedPullSecret(PullSecret):
    """A pull secret that ``data.pull_secrets`` places in a namespace; a label has the entry's name."""

    entry: str

    @property
    def elsewhere(self) -> str:
        return f"write another name: in data.pull_secrets.{self.entry}, or exclude: the namespace"

    @property
    def labels(self) -> dict[str, str]:
        return {PLACED_BY: self.entry}

    def find_login(self, task: Task) -> tuple[str, Secret] | None:
        return view_of(task).login(task, self.project, self.robot)

    def fetch(self, task: Task) -> Tree | None:
        return view_of(task).find(task, "Secret", self.namespace, self.name)

    def forget(self, task: Task) -> None:
        view_of(task).forget("Secret", self.namespace, self.name)

    def try_out(self, task: Task, found: Tree | None, login: tuple[str, Secret]) -> None:
        view = view_of(task)
        if view.dry_runs > 0:
            view.dry_runs -= 1
            super().try_out(task, found, login)


@dataclass(frozen=True)
class WithdrawnPullSecret(Remote):
    """The absence of a pull secret that moor placed in a namespace which has it no longer.

    A secret with logins of other registries stays, without this registry's login.
    """

    namespace: str
    name: str
    host_port: str
    entry: str

    @property
    def id(self) -> str:
        return f"secret:{self.namespace}/{self.name}"

    def desired(self, actual: State | None) -> State | None:
        if actual is None or OTHERS not in actual:
            return None
        return {f"{self.host_port} user": "(removed)", OTHERS: f"{actual[OTHERS]} (kept)"}

    def read(self, task: Task) -> State | None:
        found = self._ours(task, view_of(task))
        if found is None:
            return None
        user = login_state(found, self.host_port).get(f"{self.host_port} user", NONE)
        others = {OTHERS: words} if (words := ", ".join(other_logins(found, self.host_port))) else {}
        return {f"{self.host_port} user": user, "placed by": f"data.pull_secrets.{self.entry}", **others}

    def _ours(self, task: Task, view: ClusterView) -> Tree | None:
        """Return the secret if it still has the entry's label."""
        found = view.find(task, "Secret", self.namespace, self.name)
        labels = (found or {}).get("metadata", {}).get("labels") or {}
        if labels.get(PLACED_BY) != self.entry or found is None or found.get("type") not in DATA_KEYS:
            return None
        return found

    def write(self, task: Task, actual: State | None) -> None:
        view = view_of(task)
        view.forget("Secret", self.namespace, self.name)  # somebody may have added a login since
        found = self._ours(task, view)
        if found is None:
            return
        if other_logins(found, self.host_port):
            content = without_login(found, self.host_port)
            content["metadata"] |= {"name": self.name, "namespace": self.namespace}
            apply_server_side(task, self.id, content)
        else:
            ask(task, self.id, lambda c: c.delete(secret_class(), self.name, namespace=self.namespace))
        view.forget("Secret", self.namespace, self.name)


@dataclass(frozen=True)
class AccountPullSecret(Remote):
    """A ServiceAccount whose pods pull with a secret, or do so no longer; its other secrets stay.

    The list is one value to the API (x-kubernetes-list-type: atomic), so that a server-side apply would drop those of
    others. It is patched with the version that was read instead, which the API refuses if it has changed since.

    Attributes:
        listed: whether the secret is among the account's
    """

    namespace: str
    account: str
    secret: str
    listed: bool = True

    @property
    def id(self) -> str:
        return f"serviceaccount:{self.namespace}/{self.account}#{self.secret}"

    def desired(self, actual: State | None) -> State | None:
        if actual is None:
            return None  # pods cannot use an account that is not there; it is taken in when it is
        wanted: State = {"listed": "yes" if self.listed else "no"}
        if differing_fields(actual, wanted) and "others" in actual:
            return {**wanted, "others": f"{actual['others']} (kept)"}
        return wanted

    def read(self, task: Task) -> State | None:
        found = view_of(task).find(task, "ServiceAccount", self.namespace, self.account)
        if found is None:
            return None
        names = _names(found)
        others = ", ".join(name for name in names if name != self.secret)
        return {"listed": "yes" if self.secret in names else "no", **({"others": others} if others else {})}

    def write(self, task: Task, actual: State | None) -> None:
        view, place = view_of(task), ("ServiceAccount", self.namespace, self.account)
        for left in reversed(range(TRIES)):
            found = view.find(task, *place)
            try:
                if found is not None:
                    self._patch(task, found)
                return
            except HostError as error:
                if code_of(error) != CONFLICT or not left:
                    raise
            finally:
                view.forget(*place)

    def _patch(self, task: Task, found: Tree) -> None:
        from lightkube.types import PatchType

        rest = [entry for entry in found.get("imagePullSecrets") or [] if entry.get("name") != self.secret]
        wanted = [*rest, {"name": self.secret}] if self.listed else rest
        body = {
            "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
            "imagePullSecrets": wanted or None,
        }
        kind: Any = untyped_class("v1", "ServiceAccount")
        place: dict[str, Any] = {"namespace": self.namespace, "patch_type": PatchType.MERGE}
        ask(task, self.id, lambda cluster: cluster.patch(kind, self.account, body, **place))


def _names(account: Tree) -> Sequence[str]:
    return [str(entry.get("name")) for entry in account.get("imagePullSecrets") or []]
