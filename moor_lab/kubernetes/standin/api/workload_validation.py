"""Validation of objects that make pods: deployments, sets, jobs; pure."""

from typing import Any

from .. import selectors
from ..cron import ScheduleError, parse
from ..objects import Object, canonical, dig, name_of
from .causes import Causes, forbidden, invalid, required, unchanged, unsupported
from .pod_validation import spec_causes

SET_RULE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
SET_MUTABLE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
    *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
)
UNKNOWN = ("backoffLimitPerIndex", "managedBy", "maxFailedIndexes", "podFailurePolicy", "successPolicy")
LONGEST_CRON_JOB = 52
"""Characters of a cron job's name: its jobs' names have eleven more."""


def deployment_causes(obj: Object) -> Causes:
    """Yield the errors of a deployment."""
    yield from _set(obj, "deployment")
    rolling = dig(obj, "spec", "strategy", "rollingUpdate") or {}
    if rolling and all(str(rolling.get(key, "")).rstrip("%") == "0" for key in ("maxSurge", "maxUnavailable")):
        yield invalid(
            "spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0"
        )


def stateful_set_causes(obj: Object) -> Causes:
    """Yield the errors of a stateful set."""
    spec = obj["spec"]
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        policy = spec["podManagementPolicy"]
        yield invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    yield from _set(obj, "statefulset")


def daemon_set_causes(obj: Object) -> Causes:
    """Yield the errors of a daemon set."""
    yield from _set(obj, "daemonset")
    rolling = dig(obj, "spec", "updateStrategy", "rollingUpdate") or {}
    surge, missing = (str(rolling.get(key, 0)).rstrip("%") for key in ("maxSurge", "maxUnavailable"))
    path = "spec.updateStrategy.rollingUpdate"
    if rolling and surge == missing == "0":
        yield invalid(f"{path}.maxUnavailable", rolling.get("maxUnavailable"), "cannot be 0 when maxSurge is 0")
    if rolling and "0" not in (surge, missing):
        yield invalid(f"{path}.maxSurge", rolling["maxSurge"], "may not be set when maxUnavailable is non-zero")


def _set(obj: Object, word: str) -> Causes:
    """Yield the errors that all kinds with a selector and lasting pods share."""
    spec = obj["spec"]
    if spec.get("replicas", 0) < 0:
        yield invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0")
    selector, labels = spec.get("selector"), dig(spec, "template", "metadata", "labels") or {}
    if not selector:
        yield required("spec.selector")
        selector = {}
    if not (selector.get("matchLabels") or selector.get("matchExpressions")):
        yield invalid("spec.selector", selector, f"empty selector is invalid for {word}")
    elif not selectors.matches(selector, labels):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    yield from spec_causes(spec["template"]["spec"], "spec.template.spec")
    policy = spec["template"]["spec"]["restartPolicy"]
    if policy != "Always":
        yield unsupported("spec.template.spec.restartPolicy", policy, "Always")


def job_causes(obj: Object) -> Causes:
    """Yield the errors of a job."""
    yield from _job(obj["spec"], "spec")


def _job(spec: Object, path: str) -> Causes:
    for field in UNKNOWN:
        if field in spec:
            yield forbidden(f"{path}.{field}", "not known to moor's stand-in")
    if spec.get("completionMode") == "Indexed":
        yield forbidden(f"{path}.completionMode", "Indexed is not known to moor's stand-in")
    for field in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if spec.get(field, 0) < 0:
            yield invalid(f"{path}.{field}", spec[field], "must be greater than or equal to 0")
    template = spec["template"]["spec"]
    yield from spec_causes(template, f"{path}.template.spec")
    if template["restartPolicy"] == "Always":
        yield required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    elif template["restartPolicy"] not in ("OnFailure", "Never"):
        yield unsupported(f"{path}.template.spec.restartPolicy", template["restartPolicy"], "OnFailure", "Never")


def cron_job_causes(obj: Object) -> Causes:
    """Yield the errors of a cron job."""
    spec = obj["spec"]
    if len(name_of(obj)) > LONGEST_CRON_JOB:
        yield invalid("metadata.name", name_of(obj), f"must be no more than {LONGEST_CRON_JOB} characters")
    if not spec.get("schedule"):
        yield required("spec.schedule")
    else:
        try:
            parse(spec["schedule"])
        except ScheduleError as error:
            yield invalid("spec.schedule", spec["schedule"], str(error))
    if spec["concurrencyPolicy"] not in ("Allow", "Forbid", "Replace"):
        yield unsupported("spec.concurrencyPolicy", spec["concurrencyPolicy"], "Allow", "Forbid", "Replace")
    yield from _job(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")


def selector_changes(obj: Object, old: Object) -> Causes:
    """Yield the error of a changed selector."""
    yield from unchanged("spec.selector", obj["spec"].get("selector"), old["spec"].get("selector"))


def stateful_set_changes(obj: Object, old: Object) -> Causes:
    """Yield the error of a change that a stateful set does not allow."""
    if _fixed(obj["spec"]) != _fixed(old["spec"]):
        yield forbidden("spec", SET_RULE)


def _fixed(spec: Object) -> str:
    return canonical({key: value for key, value in spec.items() if key not in SET_MUTABLE})


def job_changes(obj: Object, old: Object) -> Causes:
    """Yield the errors of a change of a job, whose pods are described once for all."""

    def both(field: str) -> tuple[Any, Any]:
        return obj["spec"].get(field), old["spec"].get(field)

    for field in ("completions", "selector", "template", "completionMode"):
        yield from unchanged(f"spec.{field}", *both(field))
