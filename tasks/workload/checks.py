"""What would keep the pods of a workload from pulling, found in the manifests before anything is contacted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from nornir.core.inventory import Host

from moor.context import runs_registry
from moor.errors import InputError
from moor.settings import settings_of
from moor.tasks.cluster.admission import pod_spec_of
from moor.tasks.cluster.custom_kinds import is_of_whole_cluster
from moor.tasks.facts import Registry
from moor.tasks.registry.project.settings import Projects
from moor.tasks.registry.projects import given_login, project_of
from moor.tasks.workload.image_names import images_in
from moor.tasks.workload.objects import Tree
from moor.tasks.workload.settings import Workload


def refuse(host: Host, workloads: Mapping[str, Workload], objects: Mapping[str, list[Tree]]) -> None:
    """Check all objects for what would keep pods from pulling.

    Raises:
        InputError: with all findings
    """
    host_port = settings_of(host, Registry).host_port
    secrets = {(workload.namespace, workload.pull_secret) for workload in workloads.values() if workload.robot}
    secrets |= {(one.namespace, name) for one in workloads.values() for name in placed_secrets(host, one.namespace)}
    found: list[str] = []
    for name, workload in workloads.items():
        if workload.manifests is not None:
            found += [
                f"workload {name}: manifests: {line}"
                for content in objects[name]
                for line in misplaced_objects(content, workload.namespace)
            ]
            continue
        for content in objects[name]:
            lines = findings(content, workload.namespace, host_port, secrets, with_login=bool(workload.robot))
            found += [f"templates/{workload.template}: workload {name}: {line}" for line in lines]
        found += _misplaced(host, name, workload)
    if found:
        raise InputError("\n".join(dict.fromkeys(found)))


class PlacedSecrets(Protocol):
    """What the section ``pull_secrets`` is asked here; its concern stands on this one, and is not imported."""

    def names_in(self, namespace: str) -> frozenset[str]:
        """Return the names of the pull secrets that may be in a namespace."""


def placed_secrets(host: Host, namespace: str) -> frozenset[str]:
    """Return the names of the pull secrets that ``data.pull_secrets`` may put into a namespace."""
    placed: PlacedSecrets | None = host.data.get("pull_secrets")
    return placed.names_in(namespace) if placed else frozenset()


def misplaced_objects(content: Mapping[str, Any], namespace: str) -> Iterator[str]:
    """Yield what moor cannot apply of somebody's manifests."""
    named, place = f"{content['kind']} {content['metadata']['name']}", content["metadata"].get("namespace", namespace)
    if pod_spec_of(content) and place != namespace:
        yield f"{named} is in namespace {place}, the workload in {namespace}; make it a workload of its own"
    if content["kind"] == "Job" and "ttlSecondsAfterFinished" in (content.get("spec") or {}):
        yield (
            f"{named} has ttlSecondsAfterFinished: the cluster deletes it once it has ended, and every apply would run "
            "it again; take that out"
        )


def _misplaced(host: Host, name: str, workload: Workload) -> Iterator[str]:
    """Yield why the registry cannot hold a workload's image."""
    project, known = project_of(workload.image), settings_of(host, Projects).by_name
    if not project and settings_of(host, Registry).api == "harbor":
        yield f"workload {name}: image {workload.image} has no project; Harbor's are PROJECT/REPOSITORY:TAG"
    elif project not in known and (runs_registry(host) or known) and not given_login(host, project, workload.robot):
        yield f"workload {name}: data.projects has no project {project}, where its image would be"


def findings(
    content: Mapping[str, Any],
    namespace: str,
    host_port: str,
    secrets: set[tuple[str, str]],
    *,
    with_login: bool = True,
) -> Iterator[str]:
    """Yield why the pods of one object could not pull with the pull secrets that moor creates."""
    place = content["metadata"].get("namespace", "default")
    if not is_of_whole_cluster(content) and place != namespace:
        yield f"{content['kind']} is in namespace {place}, the workload and its pull secret are in {namespace}"
    names = [entry.get("name") for entry in pod_spec_of(content).get("imagePullSecrets") or []]
    for name in names:
        if (place, name) not in secrets:
            known = ", ".join(sorted(secret for where, secret in secrets if where == place)) or "none"
            yield f"imagePullSecrets names {name}, which does not exist in namespace {place} (there: {known})"
    for image in images_in(content):
        if image.partition("/")[0] != host_port:
            yield f"image {image} is not in the registry {host_port}, which its pull secret is for"
        elif not names and with_login:
            yield f"image {image} needs imagePullSecrets"
