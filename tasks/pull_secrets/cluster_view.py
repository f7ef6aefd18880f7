"""What the cluster has of namespaces, secrets and ServiceAccounts, read by as many lists as there are names of these.

A list comes in pages of ``PAGE`` objects, so that thousands of namespaces take a handful of requests. What was written
since is read anew, one object at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import is_missing, untyped_class
from moor.context import context_of
from moor.errors import HostError
from moor.secrets.secret import Secret
from moor.tasks.cluster.api import Tree, as_dict, ask, lacks_right
from moor.tasks.registry.projects import robot_login
from moor.tasks.workload.pull_secret_content import PLACED_BY

PAGE = 500
DRY_RUNS = 20  # of one plan; the policies of further namespaces are asked at the apply
KEEP = ("name", "namespace", "labels", "resourceVersion", "deletionTimestamp")
Login = tuple[str, Secret]


class ClusterView:
    """The namespaces of a cluster, and the secrets and ServiceAccounts of some names in them.

    Attributes:
        namespaces: the labels of each namespace that is not being deleted; None where the user may not list them
        dry_runs: how many dry runs are left
    """

    def __init__(self) -> None:
        self.namespaces: dict[str, Mapping[str, str]] | None = None
        self.dry_runs = DRY_RUNS
        self.logins: dict[tuple[str, str], Login | HostError | None] = {}
        self._objects: dict[tuple[str, str, str], Tree | None] = {}
        self._whole: set[tuple[str, str]] = set()
        self._stale: set[tuple[str, str, str]] = set()

    def read(self, task: Task, secrets: Iterable[str], accounts: Iterable[str]) -> None:
        """Read all namespaces, the secrets that moor placed, and the objects of these names."""
        self.namespaces = self._list_namespaces(task)
        if self.namespaces is None:
            return
        self._list(task, "Secret", labels={PLACED_BY: None})
        for kind, names in (("Secret", secrets), ("ServiceAccount", accounts)):
            for name in dict.fromkeys(names):
                if self._list(task, kind, fields={"metadata.name": name}):
                    self._whole.add((kind, name))

    def _list_namespaces(self, task: Task) -> dict[str, Mapping[str, str]] | None:
        try:
            found = list_all(task, "Namespace")
        except HostError as error:
            if lacks_right(error):
                return None
            raise
        alive = (one["metadata"] for one in found if not one["metadata"].get("deletionTimestamp"))
        return {str(one["name"]): one.get("labels") or {} for one in alive}

    def _list(self, task: Task, kind: str, **selected: Any) -> bool:
        """Read objects of the whole cluster; return False where the user may only read single ones."""
        try:
            found = list_all(task, kind, **selected)
        except HostError as error:
            if lacks_right(error):
                return False
            raise
        for one in found:
            metadata = one["metadata"]
            self._objects[kind, str(metadata["namespace"]), str(metadata["name"])] = _slim(one)
        return True

    def placed(self) -> list[Tree]:
        """Return the secrets that moor placed, wherever they are."""
        every = (one for (kind, _, _), one in sorted(self._objects.items()) if kind == "Secret" and one)
        return [one for one in every if PLACED_BY in (one["metadata"].get("labels") or {})]

    def find(self, task: Task, kind: str, namespace: str, name: str) -> Tree | None:
        """Return an object, None if there is none; ask for it alone if the lists do not tell."""
        key = (kind, namespace, name)
        if key not in self._objects:
            known = (kind, name) in self._whole and key not in self._stale
            self._objects[key] = None if known else get_one(task, kind, namespace, name)
        return self._objects[key]

    def forget(self, kind: str, namespace: str, name: str) -> None:
        """Forget an object, so that it is asked for again, alone."""
        self._objects.pop((kind, namespace, name), None)
        self._stale.add((kind, namespace, name))

    def login(self, task: Task, project: str, robot: str) -> Login | None:
        """Return a robot's login, None if there is no such robot yet; Harbor is asked once, also where it is silent."""
        if (project, robot) not in self.logins:
            try:
                self.logins[project, robot] = robot_login(task, project, robot)
            except HostError as error:
                self.logins[project, robot] = error
        found = self.logins[project, robot]
        if isinstance(found, HostError):
            raise found.with_traceback(None)
        return found


def list_all(task: Task, kind: str, **selected: Any) -> list[Tree]:
    """Return all objects of a kind in the whole cluster, page by page."""
    how: dict[str, Any] = {"chunk_size": PAGE, **selected}
    how |= {} if kind in ("Namespace", "Node") else {"namespace": "*"}
    what = untyped_class("v1", kind)
    return ask(
        task,
        f"the list of {kind.lower()}s",
        lambda cluster: [as_dict(one) for one in cluster.list(what, **how)],
    )


def get_one(task: Task, kind: str, namespace: str, name: str) -> Tree | None:
    """Return an object, None if there is none."""
    what = untyped_class("v1", kind)
    try:
        found = ask(task, f"{kind.lower()}:{namespace}/{name}", lambda c: c.get(what, name, namespace=namespace))
        return _slim(as_dict(found))
    except HostError as error:
        if is_missing(error):
            return None
        raise


def _slim(tree: Tree) -> Tree:
    """Return an object without what nobody here reads; a cluster may have thousands."""
    metadata = {key: value for key, value in tree["metadata"].items() if key in KEEP}
    return {key: value for key, value in tree.items() if key != "metadata"} | {"metadata": metadata}


def view_of(task: Task) -> ClusterView:
    """Return what the run knows of the cluster; empty at first."""
    known, key = context_of(task).answers, ("namespaces with pull secrets", task.host.name)
    found: ClusterView = known.setdefault(key, ClusterView())
    return found


def begin_view(task: Task) -> ClusterView:
    """Return a new, empty view, since earlier stages may have changed the cluster."""
    found = context_of(task).answers[("namespaces with pull secrets", task.host.name)] = ClusterView()
    return found
