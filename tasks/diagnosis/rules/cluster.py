"""The known causes of faults in pull secrets and in the cluster's nodes."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.pods import POD_RULES
from moor.tasks.diagnosis.rules.route import RECORDED
from moor.tasks.diagnosis.rules.rule import Evidence, Rule

SECRETS = "kubernetes.io, Pull an Image from a Private Registry"


def is_readable(evidence: Evidence) -> bool:
    """Return whether the secret is there and can be read."""
    return evidence.get("exists") == "yes" and evidence.get("readable") == "yes"


def lost_dollar_sign(evidence: Evidence) -> bool:
    """Return whether the user lacks the part of the robot's name from $ on, which a shell expanded as a variable."""
    user, robot = evidence.get("user", ""), evidence.get("robot", "")
    return is_readable(evidence) and "$" in robot and "$" not in user and user.startswith(robot.partition("$")[0])


SECRET_RULES = (
    Rule(
        "secret-unnamed", "secret",
        lambda e: e.get("named") == "no",
        "{pod} names no pull secret, and neither does its ServiceAccount {account} (in {namespace} there is: {there})",
        "name one in imagePullSecrets of the pod's template ({owner}); {mend}",
        SECRETS,
    ),
    Rule(
        "secret-unreadable", "secret",
        lambda e: e.get("readable") == "no",
        "kubelet cannot read the pull secret {namespace}/{secret} ({unreadable}), so it pulls no image of {pod}",
        "{mend}",
        "Kubernetes, pkg/credentialprovider",
    ),
    Rule(
        "secret-elsewhere", "secret",
        lambda e: e.get("exists") == "no" and bool(e.get("elsewhere")) and e.get("matches") != "yes",
        "{pod} names the pull secret {secret}, which is in namespace {elsewhere} and not in {namespace}",
        "{mend}",
        SECRETS + ": a secret is only seen by pods of its own namespace",
    ),
    Rule(
        "secret-missing", "secret",
        lambda e: e.get("exists") == "no" and not e.get("elsewhere") and e.get("matches") != "yes",
        "{pod} names the pull secret {secret}, which is not in namespace {namespace} (there: {there})",
        "{mend}",
        RECORDED,
    ),
    Rule(
        "secret-type", "secret",
        lambda e: e.get("exists") == "yes" and e.get("typed") == "no" and e.get("matches") != "yes",
        "the pull secret {namespace}/{secret} is of type {type}, which kubelet does not read", "{mend}",
        SECRETS,
    ),
    Rule(
        "secret-registry", "secret",
        lambda e: is_readable(e) and e.get("matches") == "no" and e.get("typed") != "no",
        "the pull secret {namespace}/{secret} is for {registries}, which does not cover the image in {host_port}",
        "{mend}",
        SECRETS + ": a key of auths is a registry, with its port, perhaps with a path; * stands for one label",
    ),
    Rule(
        "secret-dollar", "secret",
        lost_dollar_sign,
        "the pull secret {namespace}/{secret} logs in as {user}, without the dollar sign of {robot}: "
        "a shell took it for a variable",
        "{mend}",
        "goharbor/harbor issues 15410, 13116",
    ),
    Rule(
        "secret-user", "secret",
        lambda e: is_readable(e) and bool(e.get("robot")) and e.get("user") != e.get("robot")
        and e.get("matches") == "yes" and (e.get("managed") != "no" or e.get("refused") == "yes")
        and not lost_dollar_sign(e),
        "the pull secret {namespace}/{secret} logs in as {user} instead of {robot}", "{mend}",
        "inventory, data.workloads",
    ),
    Rule(
        "secret-password", "secret",
        lambda e: is_readable(e) and e.get("password") == "no",
        "the pull secret {namespace}/{secret} has another password than the robot {robot}", "{mend}",
        "inventory, data.projects",
    ),
)  # fmt: skip

CLUSTER_RULES = (
    *SECRET_RULES,
    Rule(
        "node-unknown", "node",
        lambda e: e.get("known") == "no",
        "the cluster has no node with the name or address of {host}",
        "join {host} to the cluster, take it out of group nodes, or write its name there as data.node.name",
        "Kubernetes API, Node",
    ),
    Rule(
        "node-lost", "node",
        lambda e: e.get("ready") == "Unknown",
        "the cluster no longer hears from {host}'s kubelet: {message}", "{restart}",
        RECORDED,
    ),
    Rule(
        "node-runtime", "node",
        lambda e: e.get("ready") == "False" and "container runtime is down" in e.get("message", ""),
        "kubelet of {host} does not reach its container runtime: {message}",
        "{restart}; if the fault stays: moor apply containerd --limit {host}",
        RECORDED,
    ),
    Rule(
        "node-network", "node",
        lambda e: e.get("ready") == "False" and "etwork" in e.get("message", ""),
        "the cluster's network is not set up on {host}: {message}", "check the network plugin's pods: kubectl get "
        "pods -A -o wide --field-selector spec.nodeName={host}",
        RECORDED,
    ),
    Rule(
        "node-sick", "node",
        lambda e: e.get("ready") == "False" and "etwork" not in e.get("message", "")
        and "container runtime is down" not in e.get("message", ""),
        "{host} is not ready: {message}", "{restart}; kubectl describe node {host}",
        "Kubernetes API, Node conditions",
    ),
    *POD_RULES,
)  # fmt: skip
