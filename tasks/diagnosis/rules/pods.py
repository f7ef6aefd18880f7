"""The known causes of faults of pods, the specific before the general."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.route import RECORDED
from moor.tasks.diagnosis.rules.rule import Evidence, Rule

BACKING_OFF = ("ErrImagePull", "ImagePullBackOff")

LOGS = "kubectl --namespace {namespace} logs"
DESCRIBE = "kubectl --namespace {namespace} describe pod {name}"
DELETE = "kubectl --namespace {namespace} delete pod {name}"
CREDENTIALS = "Kubernetes 1.35, image pull credential verification (KEP 2535)"
KUBELET = "Kubernetes, pkg/kubelet: the reasons of containers that wait"


def lacks_sandbox(evidence: Evidence) -> bool:
    """Return whether the pod's sandbox could not be created, and an event has the reason."""
    return evidence.get("event") == "FailedCreatePodSandBox" and evidence.get("reason") in ("ContainerCreating", "")


POD_RULES = (
    Rule(
        "pod-never-unproven", "pod",
        lambda e: e.get("reason") == "ErrImageNeverPull" and e.get("cached") == "yes",
        "{pod} must not pull (imagePullPolicy: Never). Its node has {image}, but kubelet lets a pod use it only with a "
        "login that brought it ({brought}), and says otherwise that it is not present",
        "name such a pull secret in imagePullSecrets of {owner}, or set imagePullPolicy: IfNotPresent with a login "
        "that may pull {image}",
        CREDENTIALS,
    ),
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
        "{pod} names an invalid image: {message}", "correct the image in the template of {owner}",
        RECORDED,
    ),
    Rule(
        "pod-config", "pod",
        lambda e: e.get("reason") == "CreateContainerConfigError",
        "{pod} refers to a ConfigMap, Secret or key that does not exist: {message}", "create it; " + DESCRIBE,
        RECORDED,
    ),
    Rule(
        "pod-crash", "pod",
        lambda e: e.get("reason") in ("CrashLoopBackOff", "RunContainerError"),
        "{pod} has its image, but its container keeps ending ({reason}): {message}", LOGS + " --previous {name}",
        RECORDED,
    ),
    Rule(
        "pod-sandbox", "pod",
        lambda e: lacks_sandbox(e) and bool(e.get("said")),
        "the sandbox of {pod} cannot be created: {said} ({event_message})", "{said_mend}",
        RECORDED,
    ),
    Rule(
        "pod-sandbox-unknown", "pod",
        lacks_sandbox,
        "the sandbox of {pod} cannot be created: {event_message}", DESCRIBE + "; journalctl -u kubelet on its node",
        RECORDED,
    ),
    Rule(
        "pod-unscheduled", "pod",
        lambda e: e.get("reason") in ("Unschedulable", "SchedulingGated"),
        "no node can run {pod}: {message}", DESCRIBE,
        RECORDED,
    ),
    Rule(
        "pod-failed", "pod",
        lambda e: e.get("reason", "").startswith("Failed:"),
        "{pod} has ended and is not restarted ({reason}): {message}", DESCRIBE + "; its controller starts another",
        "Kubernetes API, Pod status: phase",
    ),
    Rule(
        "pod-pull", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("beyond") == "yes",
        "{pod} waits for {image}: {said}", "{said_mend}",
        KUBELET,
    ),
    Rule(
        "pod-unproven", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("cached") == "yes",
        "{pod} waits for {image} ({reason}: {message}), although its node has it: kubelet lets a pod use it only with "
        "a login that brought it ({brought}), and asks the registry about any other",
        "put a login that may pull {image} into a pull secret of namespace {namespace}, and name it in "
        "imagePullSecrets of {owner}",
        CREDENTIALS,
    ),
    Rule(
        "pod-elsewhere", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("ours") == "no",
        "{pod} waits for {image}, which is of another registry ({reason}: {message})",
        DESCRIBE + "; moor examines its own registry only",
        "Kubernetes API, containerStatuses",
    ),
    Rule(
        "pod-other", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("image") not in e.get("asked", "").split(),
        "{pod} waits for {image} ({reason}: {message}), but moor examined {asked}",
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
        "{pod} is being created and reports no error yet; a pull that gets no answer looks like this for a minute",
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
        "{pod} runs {runs}, but {pushed} was pushed", DELETE,
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
