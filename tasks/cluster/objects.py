"""Resources of a cluster: namespaces, and manifests that are applied server-side."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nornir.core.task import Task
from ruamel.yaml import YAML

from moor.connections.apis.kubernetes import is_missing, untyped_class
from moor.errors import ApiRefusal, HostError
from moor.resources.base import Remote, State
from moor.resources.file import sha256
from moor.tasks.cluster.admission import admission_later, dry_run_elsewhere, dry_run_pod, kind_later
from moor.tasks.cluster.api import Tree, apply_server_side, as_dict, ask, lacks_namespace, lacks_right, report_warnings
from moor.tasks.cluster.autoscaling import leave_replicas
from moor.tasks.cluster.ownership import HeldObject, apply_unless_held

# Metadata that the cluster itself writes and no manifest sets.
SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


# Of an immutable field the API quotes the whole value, as Go prints it.
IMMUTABLE = re.compile(r"Invalid value: .*?: field is immutable", re.DOTALL)
REPLACED = "give the object another name, such as one with its image's tag, or delete it first"


def yaml_of(tree: Mapping[str, Any]) -> str:
    """Return an object as YAML, without the fields that the cluster adds, and with hashes in place of secrets."""
    metadata = {key: value for key, value in tree.get("metadata", {}).items() if key not in SERVERS_OWN}
    metadata.get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    shown = {**tree, "metadata": {key: value for key, value in metadata.items() if value}}
    shown.pop("status", None)
    for part in ("data", "stringData") if shown.get("kind") == "Secret" else ():
        shown[part] = {key: f"*** {sha256(str(value))[:12]}" for key, value in shown.get(part, {}).items()}
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(_sorted(shown), out)
    return out.getvalue()


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


def object_id(content: Mapping[str, Any]) -> str:
    """Return the id of an object: ``kind:namespace/name``, without namespace for one of the whole cluster."""
    metadata = content["metadata"]
    place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{content['kind'].lower()}:{place}{metadata['name']}"


@dataclass(frozen=True)
class Namespace(Remote):
    """A namespace that exists; moor creates a missing one and never changes an existing one.

    Attributes:
        manage: False if somebody else creates the namespace, so that a missing one is an error
    """

    name: str
    manage: bool = True

    @property
    def id(self) -> str:
        return f"namespace:{self.name}"

    @property
    def _content(self) -> Tree:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}

    def desired(self, actual: State | None) -> State:
        return {"namespace": "exists"}

    def read(self, task: Task) -> State | None:
        try:
            ask(task, self.id, lambda cluster: cluster.get(untyped_class("v1", "Namespace"), self.name))
        except HostError as error:
            if lacks_right(error):
                return self._assume_exists(error)
            if not is_missing(error):
                raise
        else:
            return {"namespace": "exists"}
        if not self.manage:
            raise ApiRefusal(
                f"{self.id}: it does not exist, and with manage_namespace: false its owner has to create it"
            )
        with report_warnings(task, self.id):
            apply_server_side(task, self.id, self._content, dry_run=True)
        return None

    def _assume_exists(self, error: HostError) -> State:
        """Assume that a namespace which the user may not read exists, since somebody else manages it."""
        if self.manage:
            words = f"{error}; if the namespace is not yours, write manage_namespace: false in the workload"
            raise ApiRefusal(words, error.kind)
        return {"namespace": "exists"}

    def write(self, task: Task, actual: State | None) -> None:
        with report_warnings(task, self.id):
            apply_server_side(task, self.id, self._content)


@dataclass(frozen=True)
class Manifest(Remote):
    """An object in the state in which a server-side apply leaves it; a dry run of the cluster computes that state.

    New objects are dry-run too, and a pod of each object that makes pods, so that a plan reports what an apply would
    be refused for: wrong fields, policies, quotas, webhooks, fields that others manage.

    Attributes:
        take_over: field managers whose fields moor takes over
        autoscaled: an autoscaler for it is applied together with it
        awaits: the definition of its kind, which is applied together with it
    """

    content: Mapping[str, Any] = field(hash=False)
    take_over: frozenset[str] = frozenset()
    autoscaled: bool = False
    awaits: str = ""

    @property
    def id(self) -> str:
        return object_id(self.content)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.id,)

    @property
    def _namespace(self) -> str:
        return str(self.content["metadata"].get("namespace", "default"))

    def desired(self, actual: State | None) -> State:
        if actual is None:
            unknown = kind_later(self.awaits) if self.awaits else admission_later(self._namespace)
            return {"object": yaml_of(self.content), "policies": unknown}
        return {"object": actual["applied"] if actual["object"] else yaml_of(self.content)}

    def read(self, task: Task) -> State | None:
        live = self._live(task)
        with report_warnings(task, self.id):
            try:
                applied = self._apply(task, live, dry_run=True)
            except HostError as error:
                if live is None and self.awaits and is_missing(error):
                    return None
                if live is not None or not lacks_namespace(error):
                    raise
                dry_run_elsewhere(task, self.id, self.content)
                return None
        found = yaml_of(live) if live else ""
        if found != (wanted := yaml_of(applied)):
            dry_run_pod(task, self.id, applied, new=live is None)
        return {"object": found, "applied": wanted}

    def _live(self, task: Task) -> Tree | None:
        kind, metadata = untyped_class(self.content["apiVersion"], self.content["kind"]), self.content["metadata"]
        place = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
        try:
            return as_dict(ask(task, self.id, lambda cluster: cluster.get(kind, metadata["name"], **place)))
        except HostError as error:
            if is_missing(error):
                return None
            raise

    def write(self, task: Task, actual: State | None) -> None:
        with report_warnings(task, self.id):
            self._apply(task, self._live(task))

    def _apply(self, task: Task, live: Tree | None, dry_run: bool = False) -> Tree:
        content = leave_replicas(task, self.content, live, self.autoscaled)
        try:
            return apply_unless_held(task, HeldObject(self.id, content, live, self.take_over), dry_run)
        except ApiRefusal as error:
            if live is None or "immutable" not in str(error):
                raise
            words = f"{IMMUTABLE.sub('field is immutable', str(error))}; {REPLACED}"
            raise ApiRefusal(words, error.kind) from error.__cause__
