"""The known causes that the cluster shows: pull secrets, nodes, pods."""

from __future__ import annotations

from tasks.layers.rule import Evidence, Rule
from tasks.layers.way_rules import RECORDED

SECRETS = "kubernetes.io, Pull an Image from a Private Registry"
APPLY = "moor apply workload"
BACKING_OFF = ("ErrImagePull", "ImagePullBackOff")


def read(evidence: Evidence) -> bool:
    """Tell whether the secret is there and can be read."""
    return evidence.get("exists") == "yes" and evidence.get("readable") == "yes"


def eaten(evidence: Evidence) -> bool:
    """Tell whether a shell took the dollar sign of a robot's name, and the word behind it, for a variable."""
    user, robot = evidence.get("user", ""), evidence.get("robot", "")
    return read(evidence) and "$" in robot and "$" not in user and user.startswith(robot.partition("$")[0])


CLUSTER_RULES = (
    Rule(
        "secret-unnamed", "secret",
        lambda e: e.get("named") == "no",
        "{pod} names no pull secret, and neither does its ServiceAccount {account} (in {namespace} there is: {there})",
        "name one in imagePullSecrets of the pod's template; " + APPLY,
        SECRETS,
    ),
    Rule(
        "secret-elsewhere", "secret",
        lambda e: e.get("exists") == "no" and bool(e.get("elsewhere")),
        "{pod} names the pull secret {secret}, which is in namespace {elsewhere} and not in {namespace}",
        APPLY,
        SECRETS + ": a secret is only seen by pods of its own namespace",
    ),
    Rule(
        "secret-missing", "secret",
        lambda e: e.get("exists") == "no" and not e.get("elsewhere"),
        "{pod} names the pull secret {secret}, which is not in namespace {namespace} (there: {there})",
        APPLY,
        RECORDED,
    ),
    Rule(
        "secret-type", "secret",
        lambda e: e.get("exists") == "yes" and e.get("type") != "kubernetes.io/dockerconfigjson",
        "the pull secret {namespace}/{secret} is of type {type}, which kubelet does not read", APPLY,
        SECRETS,
    ),
    Rule(
        "secret-unreadable", "secret",
        lambda e: e.get("readable") == "no" and e.get("type") == "kubernetes.io/dockerconfigjson",
        "the pull secret {namespace}/{secret} holds no logins that can be read", APPLY,
        SECRETS,
    ),
    Rule(
        "secret-registry", "secret",
        lambda e: read(e) and e.get("matches") == "no",
        "the pull secret {namespace}/{secret} is for {registries}, and the image is in {host_port}", APPLY,
        SECRETS + ": the key of auths is the image's registry",
    ),
    Rule(
        "secret-dollar", "secret",
        eaten,
        "the pull secret {namespace}/{secret} logs in as {user}, without the dollar sign of {robot}: "
        "a shell took it for a variable",
        APPLY,
        "goharbor/harbor issues 15410, 13116",
    ),
    Rule(
        "secret-user", "secret",
        lambda e: read(e) and bool(e.get("robot")) and e.get("user") != e.get("robot") and e.get("matches") == "yes"
        and not eaten(e),
        "the pull secret {namespace}/{secret} logs in as {user} instead of {robot}", APPLY,
        "inventory, data.workloads",
    ),
    Rule(
        "secret-password", "secret",
        lambda e: read(e) and e.get("password") == "no",
        "the pull secret {namespace}/{secret} has another password than the robot {robot}", APPLY,
        "inventory, data.projects",
    ),
    Rule(
        "node-unknown", "node",
        lambda e: e.get("known") == "no",
        "the cluster has no node of the name or address of {host}",
        "join {host} to the cluster, take it out of group nodes, or write its name there as data.node.name",
        "Kubernetes API, Node",
    ),
    Rule(
        "node-lost", "node",
        lambda e: e.get("ready") == "Unknown",
        "the cluster has not heard of {host}'s kubelet: {message}", "run on {host}: systemctl restart kubelet",
        RECORDED,
    ),
    Rule(
        "node-runtime", "node",
        lambda e: e.get("ready") == "False" and "container runtime is down" in e.get("message", ""),
        "kubelet of {host} does not reach containerd: {message}", "moor apply containerd --limit {host}",
        RECORDED,
    ),
    Rule(
        "node-network", "node",
        lambda e: e.get("ready") == "False" and "etwork" in e.get("message", ""),
        "the cluster's network is not set up on {host}: {message}", "look at the pods of the network plugin on {host}",
        RECORDED,
    ),
    Rule(
        "node-sick", "node",
        lambda e: e.get("ready") == "False" and "etwork" not in e.get("message", "")
        and "container runtime is down" not in e.get("message", ""),
        "{host} is not ready: {message}", "kubectl describe node {host}",
        "Kubernetes API, Node conditions",
    ),
    Rule(
        "pod-never", "pod",
        lambda e: e.get("reason") == "ErrImageNeverPull",
        "{pod} must not pull (imagePullPolicy: Never), and its node has no {image}",
        "set imagePullPolicy: IfNotPresent in its template",
        RECORDED,
    ),
    Rule(
        "pod-name", "pod",
        lambda e: e.get("reason") == "InvalidImageName",
        "{pod} names an image that is none: {message}", "mend the image in the pod's template; " + APPLY,
        RECORDED,
    ),
    Rule(
        "pod-config", "pod",
        lambda e: e.get("reason") == "CreateContainerConfigError",
        "{pod} lacks something that its template names: {message}", "make what is missing; " + APPLY,
        RECORDED,
    ),
    Rule(
        "pod-crash", "pod",
        lambda e: e.get("reason") in ("CrashLoopBackOff", "RunContainerError"),
        "{pod} has its image and does not stay up ({reason}): {message}",
        "kubectl --namespace {namespace} logs --previous {name}",
        RECORDED,
    ),
    Rule(
        "pod-sandbox", "pod",
        lambda e: e.get("event") == "FailedCreatePodSandBox" and e.get("reason") not in BACKING_OFF,
        "the sandbox of {pod} cannot be made: {event_message}",
        "is the pause image there? run on the node: ctr --namespace k8s.io images ls",
        RECORDED,
    ),
    Rule(
        "pod-unscheduled", "pod",
        lambda e: e.get("reason") == "Unschedulable",
        "no node takes {pod}: {message}", "kubectl --namespace {namespace} describe pod {name}",
        RECORDED,
    ),
    Rule(
        "pod-other", "pod",
        lambda e: e.get("reason") in BACKING_OFF and e.get("image") != e.get("asked"),
        "{pod} waits for {image} ({reason}: {message}), and the node was asked about {asked}",
        "moor diagnose --namespace {namespace} {deployment}",
        RECORDED,
    ),
    Rule(
        "pod-waiting", "pod",
        lambda e: e.get("reason") in BACKING_OFF,
        "{pod} waits ({reason}: {message}), although its node can pull now: kubelet tries again within five minutes",
        "kubectl --namespace {namespace} delete pod {name}",
        RECORDED,
    ),
    Rule(
        "pod-silent", "pod",
        lambda e: e.get("reason") == "ContainerCreating",
        "{pod} is being made and says nothing more: a pull that gets no answer looks so for a minute",
        "wait a minute; then moor diagnose again",
        RECORDED,
    ),
    Rule(
        "pod-digest", "pod",
        lambda e: bool(e.get("runs")),
        "{pod} runs {runs}, and {pushed} was pushed", "kubectl --namespace {namespace} delete pod {name}",
        "Kubernetes API, containerStatuses: imageID",
    ),
    Rule(
        "pod-unready", "pod",
        lambda e: bool(e.get("unready")),
        "{pod} runs, and its readiness probe fails ({unready})", "kubectl --namespace {namespace} logs {name}",
        "Kubernetes API, containerStatuses: ready",
    ),
    Rule(
        "rollout-unfinished", "pod",
        lambda e: bool(e.get("rollout")),
        "{rollout}", APPLY,
        "Kubernetes API, Deployment status",
    ),
)  # fmt: skip
