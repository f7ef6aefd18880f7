"""Boils a Kubernetes OpenAPI v2 document down to what the stand-in reads of it.

Usage   python -m moor_lab.kubernetes.make_schema openapi-v2.json > moor_lab/kubernetes/standin/schema.json
Source  https://github.com/kubernetes/kubernetes/blob/master/api/openapi-spec/swagger.json (Apache-2.0)
"""

import json
import sys
from pathlib import Path
from typing import Any

CORE = (
    *(
        "ConfigMap",
        "Event",
        "LimitRange",
        "Namespace",
        "Node",
        "PersistentVolumeClaim",
        "Pod",
        "ResourceQuota",
        "Secret",
    ),
    *("Service", "ServiceAccount"),
)
ROOTS = [
    *(f"io.k8s.api.core.v1.{kind}" for kind in CORE),
    *(
        f"io.k8s.api.apps.v1.{kind}"
        for kind in ("ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
    ),
    *(f"io.k8s.api.batch.v1.{kind}" for kind in ("CronJob", "Job")),
    *(f"io.k8s.api.networking.v1.{kind}" for kind in ("Ingress", "NetworkPolicy")),
    *(f"io.k8s.api.rbac.v1.{kind}" for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")),
    "io.k8s.api.policy.v1.PodDisruptionBudget",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
]
KEPT = {"type", "format", "default", "required"}

Json = dict[str, Any]


def slim(schema: Json) -> Json:
    """Return one schema without what only documents it; references become plain names."""
    out: Json = {key: value for key, value in schema.items() if key in KEPT or key.startswith("x-kubernetes-")}
    out.pop("x-kubernetes-group-version-kind", None)
    if "$ref" in schema:
        out["$ref"] = schema["$ref"].rsplit("/", 1)[-1]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            out[key] = slim(schema[key])
    if "properties" in schema:
        out["properties"] = {name: slim(field) for name, field in sorted(schema["properties"].items())}
    return out


def references(schema: Json) -> set[str]:
    """Names of the definitions that a slimmed schema refers to."""
    nested = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    found = {schema["$ref"]} if "$ref" in schema else set()
    return found.union(*(references(part) for part in nested if part))


def reachable(definitions: Json, roots: list[str]) -> dict[str, Json]:
    """Return the slimmed definitions of ``roots`` and of all they refer to."""
    kept: dict[str, Json] = {}
    queue = list(roots)
    while queue:
        name = queue.pop()
        if name not in kept:
            kept[name] = slim(definitions[name])
            queue += references(kept[name])
    return kept


def complete(kept: dict[str, Json]) -> dict[str, Json]:
    """Add the defaults of list keys, which the published document leaves out."""
    for name in ("ContainerPort", "ServicePort"):
        kept[f"io.k8s.api.core.v1.{name}"]["properties"]["protocol"]["default"] = "TCP"
    return kept


def main() -> None:
    """Read the document named on the command line and write one definition a line."""
    document = json.loads(Path(sys.argv[1]).read_text())
    kept = complete(reachable(document["definitions"], ROOTS))
    lines = (f"{json.dumps(name)}:{json.dumps(kept[name], separators=(',', ':'))}" for name in sorted(kept))
    sys.stdout.write("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
