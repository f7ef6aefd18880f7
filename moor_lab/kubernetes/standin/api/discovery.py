"""Discovery documents of the API server."""

import platform
import sys

from .. import BUILD, RELEASE, VERSION, kinds
from ..kinds import KINDS, Kind, of_group
from ..objects import Object
from .scale import SCALED

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
ALL = (*kinds.WITH_TEMPLATE, kinds.POD, kinds.SERVICE, kinds.CRON_JOB, kinds.AUTOSCALER)
"""What ``kubectl get all`` lists."""

STATUS_VERBS = ["get", "patch", "update"]
NAMED_GROUPS = sorted({kind.group for kind in KINDS if kind.group})
EMPTY_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def version() -> Object:
    """Return GET /version: a release number with the stand-in's name as build."""
    _, major, minor = RELEASE.replace("v", ".").split(".")[:3]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": VERSION,
        "gitCommit": BUILD,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"none (Python {platform.python_version()})",
        "compiler": sys.implementation.name,
        "platform": f"{sys.platform}/{MACHINES.get(platform.machine(), platform.machine())}",
    }


def core_versions() -> Object:
    """Return GET /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> Object:
    """Return GET /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in NAMED_GROUPS]}


def group(name: str) -> Object:
    """Return one API group, served in one version."""
    only = {"groupVersion": group_version(name), "version": group_version(name).rpartition("/")[2]}
    return {"name": name, "versions": [only], "preferredVersion": only}


def group_document(name: str) -> Object:
    """Return GET /apis/GROUP."""
    return {"kind": "APIGroup", "apiVersion": "v1"} | group(name)


def group_version(name: str) -> str:
    """Return the one version of a group, as in apiVersion."""
    return next(of_group(name)).api_version


def resources(group_name: str) -> Object:
    """Return GET /api/v1 or /apis/GROUP/v1: the kinds of a group."""
    served = list(of_group(group_name))
    listed = [entry for kind in served for entry in _entries(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served[0].api_version, "resources": listed}


def _entries(kind: Kind) -> list[Object]:
    common = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.kind}
    entry: Object = {**common, "name": kind.plural, "singularName": kind.kind.lower(), "verbs": VERBS}
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind in ALL:
        entry["categories"] = ["all"]
    status: Object = {**common, "name": f"{kind.plural}/status", "verbs": STATUS_VERBS}
    scale: Object = {**common, "name": f"{kind.plural}/scale", "verbs": STATUS_VERBS}
    scale |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    eviction: Object = {**common, "name": f"{kind.plural}/eviction", "verbs": ["create"]}
    eviction |= {"group": "policy", "version": "v1", "kind": "Eviction"}
    parts = ((status, kind.status), (scale, kind in SCALED), (eviction, kind == kinds.POD))
    return [entry, *(part for part, served in parts if served)]


def ready(verbose: bool) -> str:
    """Return GET /readyz."""
    return "[+]ping ok\n[+]store ok\n[+]controllers ok\nreadyz check passed\n" if verbose else "ok"
