"""Kinds that a cluster's CustomResourceDefinitions add: learnt from manifests, or by asking the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import is_missing, untyped_class
from moor.errors import ApiRefusal, HostError
from moor.tasks.cluster.api import as_dict, ask, class_of

DEFINITION = "CustomResourceDefinition"


def group_of(content: Mapping[str, Any]) -> str:
    """Return the API group of an object; empty for the core group."""
    return str(content["apiVersion"]).rpartition("/")[0]


def is_of_whole_cluster(content: Mapping[str, Any]) -> bool:
    """Return whether objects of this kind belong to no namespace; a kind that nobody knows counts as namespaced."""
    from lightkube.core.resource import GlobalResource

    found = class_of(content)
    return found is not None and issubclass(found, GlobalResource)


def learn_definitions(contents: Iterable[Mapping[str, Any]]) -> None:
    """Learn the kinds of the CustomResourceDefinitions among some objects, so that moor can apply theirs too."""
    for content in contents:
        for version, kind, plural, namespaced in _defined_by(content):
            learn_kind(f"{content['spec']['group']}/{version}", kind, plural, namespaced)


def _defined_by(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    spec = content.get("spec") if content.get("kind") == DEFINITION else None
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(names, Mapping) or not spec.get("group"):
        return
    for version in spec.get("versions") or []:
        if isinstance(version, Mapping) and names.get("kind") and names.get("plural") and version.get("name"):
            yield str(version["name"]), str(names["kind"]), str(names["plural"]), spec.get("scope") != "Cluster"


def learn_kind(api_version: str, kind: str, plural: str, namespaced: bool) -> None:
    """Make a kind known to the client."""
    from lightkube.generic_resource import create_global_resource, create_namespaced_resource

    if class_of({"apiVersion": api_version, "kind": kind}) is None:
        group, _, version = api_version.rpartition("/")
        (create_namespaced_resource if namespaced else create_global_resource)(group, version, kind, plural)


def learn_kinds(task: Task, contents: Iterable[Mapping[str, Any]]) -> None:
    """Ask the cluster about the kinds that nobody knows yet.

    Raises:
        ApiRefusal: the cluster does not have them; with all of them
    """
    unknown = dict.fromkeys(
        (str(one["apiVersion"]), str(one["kind"])) for one in contents if class_of(one) is None and group_of(one)
    )
    lacking: list[str] = []
    for api_version in dict.fromkeys(version for version, _ in unknown):
        served = _served(task, api_version)
        for kind in [kind for version, kind in unknown if version == api_version]:
            if kind in served:
                learn_kind(api_version, kind, *served[kind])
            else:
                lacking.append(f"the cluster has no kind {kind} of {api_version}; apply its {DEFINITION} first")
    if lacking:
        raise ApiRefusal("\n".join(lacking))


def _served(task: Task, api_version: str) -> dict[str, tuple[str, bool]]:
    """Return the kinds of a version, each with its plural and whether it is namespaced; empty for no such version."""
    from lightkube.core.generic_client import BasicRequest

    answer = untyped_class("v1", "ConfigMap")  # any class: the answer is taken as plain data

    def get(cluster: Any) -> Any:
        request = BasicRequest(method="GET", url=f"apis/{api_version}", params={}, response_type=answer)
        inner = cluster._client
        return inner.handle_response("get", inner.send(inner.build_adapter_request(request)), request)

    try:
        found = as_dict(ask(task, f"kinds of {api_version}", get))
    except HostError as error:
        if is_missing(error):
            return {}
        raise
    kinds = (one for one in found.get("resources") or [] if "/" not in str(one.get("name")))
    return {str(one["kind"]): (str(one["name"]), bool(one.get("namespaced"))) for one in kinds}
