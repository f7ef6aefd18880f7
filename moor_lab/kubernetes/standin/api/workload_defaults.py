"""The defaults of objects that make pods: deployments, sets, jobs; pure."""

from ..objects import Object
from .pod_defaults import fill_template, under


def fill_deployment(obj: Object) -> None:
    """Add a deployment's defaults."""
    spec = obj.setdefault("spec", {})
    under(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": {}})
    strategy = spec["strategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        under(strategy.setdefault("rollingUpdate", {}), {"maxSurge": "25%", "maxUnavailable": "25%"})
    fill_template(spec)


def fill_replica_set(obj: Object) -> None:
    """Add a replica set's defaults."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    fill_template(spec)


def fill_stateful_set(obj: Object) -> None:
    """Add a stateful set's defaults, also those of its volume claims."""
    spec = obj.setdefault("spec", {})
    under(spec, {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"})
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        under(strategy.setdefault("rollingUpdate", {}), {"partition": 0})
    kept = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    under(kept, {"whenDeleted": "Retain", "whenScaled": "Retain"})
    for claim in spec.get("volumeClaimTemplates", []):
        under(claim, {"apiVersion": "v1", "kind": "PersistentVolumeClaim"})
        under(claim.setdefault("spec", {}), {"volumeMode": "Filesystem"})
        under(claim.setdefault("status", {}), {"phase": "Pending"})
    fill_template(spec)


def fill_daemon_set(obj: Object) -> None:
    """Add a daemon set's defaults."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        under(strategy.setdefault("rollingUpdate", {}), {"maxSurge": 0, "maxUnavailable": 1})
    fill_template(spec)


def fill_job(obj: Object) -> None:
    """Add a job's defaults; its selector comes from its uid, in :func:`with_selector`."""
    spec = obj.setdefault("spec", {})
    if "completions" not in spec:
        under(spec, {"completions": 1} if "parallelism" not in spec else {})
    under(spec, {"parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False})
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    fill_template(spec)


def with_selector(job: Object) -> None:
    """Give a new job the selector that no other job has, and its pods the labels for it."""
    spec, name, uid = job["spec"], job["metadata"]["name"], job["metadata"]["uid"]
    if spec.get("manualSelector"):
        return
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    for prefix in ("batch.kubernetes.io/", ""):
        labels |= {f"{prefix}controller-uid": uid, f"{prefix}job-name": name}
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def fill_cron_job(obj: Object) -> None:
    """Add a cron job's defaults; those of its jobs are added to each job."""
    spec = obj.setdefault("spec", {})
    under(spec, {"concurrencyPolicy": "Allow", "suspend": False})
    under(spec, {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1})
    fill_template(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))
