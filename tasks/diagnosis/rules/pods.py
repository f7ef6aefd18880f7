"""The known causes that the cluster's pods show; the more particular of a pod come first."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.route import RECORDED
from moor.tasks.diagnosis.rules.rule import Evidence, Rule

BACKING_OFF = ("ErrImagePull", "ImagePullBackOff")

LOGS = "kubectl --namespace {namespace} logs"
DESCRIBE = "kubectl --namespace {namespace} describe pod {name}"
DELETE = "kubectl --namespace {namespace} delete pod {name}"
KUBELET = "Kubernetes, pkg/kubelet: the reasons of containers that wait"


def lacks_sandbox(evidence: Evidence) -> bool:
    """Return whether the pod has no sandbox yet, and an event says why."""
    return evidence.get("event") == "FailedCreatePodSandBox" and evidence.get("reason") in ("ContainerCreating", "")


POD_RULES = (
    Rule(
        "pod-never", "pod",
        lambda e: e.get("reason") == "ErrImageNeverPull",
        "{pod} must not pull (imagePullPolicy: Never), and its node has no {image}",
        "set imagePullPolicy: IfNotPresent in the template of {owner}",
        RECORDED,
    ),
    Rule(
        "pod-name", "pod",
        lambda e: e.get("reason") == "InvalidImageName",
        "{pod} names an image that is none: {message}", "correct the image in the template of {owner}",
        RECORDED,
    ),
    Rule(
        "pod-config", "pod",
        lambda e: e.get("reason") == "CreateContainerConfigError",
        "{pod} lacks something that its template names: {message}", "make what is missing; " + DESCRIBE,
        RECORDED,
    ),
    Rule(
        "pod-crash", "pod",
        lambda e: e.get("reason") in ("CrashLoopBackOff", "RunContainerError"),
        "{pod} has its image and does not stay up ({reason}): {message}", LOGS + " --previous {name}",
        RECORDED,
    ),
    Rule(
        "pod-sandbox", "pod",
        lambda e: lacks_sandbox(e) and bool(e.get("said")),
        "the sandbox of {pod} cannot be made: {said} ({event_message})", "{said_mend}",
        RECORDED,
    ),
    Rule(
        "pod-sandbox-unknown", "pod",
        lacks_sandbox,
        "the sandbox of {pod} cannot be made: {event_message}", DESCRIBE + "; journalctl -u kubelet on its node",
        RECORDED,
    ),
    Rule(
        "pod-unscheduled", "pod",
        lambda e: e.get("reason") in ("Unschedulable", "SchedulingGated"),
        "no node takes {pod}: {message}", DESCRIBE,
        RECORDED,
    ),
    Rule(
        "pod-failed", "pod",
        lambda e: e.get("reason", "").startswith("Failed:"),
        "{pod} has ended and starts no more ({reason}): {message}", DESCRIBE + "; its controller makes another",
        "Kubernetes API, Pod status: phase",
    ),
    Rule(
        "pod-pull", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("beyond") == "yes",
        "{pod} waits for {image}: {said}", "{said_mend}",
        KUBELET,
    ),
    Rule(
        "pod-elsewhere", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("ours") == "no",
        "{pod} waits for {image}, which is of another registry ({reason}: {message})",
        DESCRIBE + "; moor looks at its own registry alone",
        "Kubernetes API, containerStatuses",
    ),
    Rule(
        "pod-other", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("image") not in e.get("asked", "").split(),
        "{pod} waits for {image} ({reason}: {message}), and the node was asked about {asked}",
        "moor diagnose --namespace {namespace} {deployment}",
        RECORDED,
    ),
    Rule(
        "pod-waiting", "pod",
        lambda e: e.get("reason") in BACKING_OFF,
        "{pod} waits ({reason}: {message}), although its node can pull now: kubelet tries again within five minutes",
        DELETE,
        RECORDED,
    ),
    Rule(
        "pod-silent", "pod",
        lambda e: e.get("reason") == "ContainerCreating",
        "{pod} is being made and says nothing more: a pull that gets no answer looks so for a minute",
        "wait a minute; then kubectl --namespace {namespace} get events --field-selector involvedObject.name={name}",
        RECORDED,
    ),
    Rule(
        "pod-held-known", "pod",
        lambda e: e.get("reason") not in ("", "PodInitializing", None) and bool(e.get("said")),
        "{pod} waits ({reason}: {message}): {said}", "{said_mend}",
        KUBELET,
    ),
    Rule(
        "pod-held", "pod",
        lambda e: e.get("reason") not in ("", "PodInitializing", None),
        "{pod} waits ({reason}: {message})", DESCRIBE,
        KUBELET,
    ),
    Rule(
        "pod-digest", "pod",
        lambda e: bool(e.get("runs")),
        "{pod} runs {runs}, and {pushed} was pushed", DELETE,
        "Kubernetes API, containerStatuses: imageID",
    ),
    Rule(
        "pod-unready", "pod",
        lambda e: bool(e.get("unready")),
        "{pod} runs, and its readiness probe fails ({unready})", LOGS + " {name}",
        "Kubernetes API, containerStatuses: ready",
    ),
    Rule(
        "rollout-unfinished", "pod",
        lambda e: bool(e.get("rollout")),
        "{rollout}", "moor apply workload",
        "Kubernetes API, Deployment status",
    ),
)  # fmt: skip
