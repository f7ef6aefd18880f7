"""Policies of the stand-in: PodSecurity, quotas and a webhook, in the words of a real cluster."""

from __future__ import annotations

from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.api.admission import violations, warnings
from moor_lab.kubernetes.standin.objects import condition
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import Object, deployment

LEVEL = "pod-security.kubernetes.io/"
# As https://kubernetes.io/docs/concepts/security/pod-security-admission and real clusters show them.
RESTRICTED = (
    'allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
    '"Localhost")'
)


def test_a_plain_pod_violates_restricted_in_the_words_of_a_real_cluster() -> None:
    assert ", ".join(violations({"containers": [{"name": "web"}]}, "restricted")) == RESTRICTED


@pytest.mark.parametrize(
    ("spec", "level", "words"),
    [
        ({"ports": [{"hostPort": 80}]}, "baseline", ['hostPort (container "web" uses hostPort 80)']),
        ({"securityContext": {"privileged": True}}, "baseline", ['privileged (container "web" must not set ']),
        ({}, "baseline", []),
    ],
)
def test_baseline_forbids_less(spec: Object, level: str, words: list[str]) -> None:
    found = list(violations({"containers": [{"name": "web", **spec}]}, level))
    assert len(found) == len(words)
    assert all(one.startswith(word) for one, word in zip(found, words, strict=True))


def test_objects_that_make_pods_are_warned_of() -> None:
    namespace = {"metadata": {"labels": {f"{LEVEL}warn": "restricted"}}}
    (words,) = warnings(kinds.DEPLOYMENT, deployment(), namespace)
    assert words == f'would violate PodSecurity "restricted:latest": {RESTRICTED}'
    assert warnings(kinds.CONFIG_MAP, {}, namespace) == []


def restrict(fleet: Fleet, **metadata: Any) -> None:
    fleet.apply(kinds.NAMESPACE, {"metadata": {"name": "demo", **metadata}})


def failures(fleet: Fleet) -> list[Object]:
    sets = fleet.cluster.store.select(kinds.REPLICA_SET, "demo")[0]
    return [found for one in (*sets, fleet.deployment()) if (found := condition(one, "ReplicaFailure"))]


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (
            {"labels": {f"{LEVEL}enforce": "restricted"}},
            f'is forbidden: violates PodSecurity "restricted:latest": {RESTRICTED}',
        ),
        (
            {"annotations": {"moor.test/webhook-denies": "no limits"}},
            'admission webhook "pods.moor.test" denied the request: no limits',
        ),
    ],
)
def test_refused_pods_are_told_by_replica_set_deployment_and_event(fleet: Fleet, metadata: Object, words: str) -> None:
    restrict(fleet, **metadata)
    fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.settle()
    assert not fleet.pods()
    of_set, of_deployment = failures(fleet)
    assert (of_set["status"], of_set["reason"]) == ("True", "FailedCreate")
    assert of_set["message"].endswith(words)
    assert of_deployment["message"] == of_set["message"]
    events = [one for one in fleet.cluster.store.select(kinds.EVENT, "demo")[0] if one["reason"] == "FailedCreate"]
    assert {(one["involvedObject"]["kind"], one["type"]) for one in events} == {("ReplicaSet", "Warning")}
    assert all(one["message"].startswith("Error creating: ") for one in events)


def test_pods_come_once_the_policy_lets_them_and_the_condition_goes(fleet: Fleet) -> None:
    restrict(fleet, labels={f"{LEVEL}enforce": "restricted"})
    fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.settle()
    restrict(fleet, labels={f"{LEVEL}enforce": "privileged"})
    fleet.clock.turn(31)
    for name in ("n1", "n2", "n3"):
        fleet.beat(name)
    fleet.settle()
    assert len(fleet.pods()) == 3
    assert failures(fleet) == []


def test_a_quota_lets_in_as_many_as_it_says(fleet: Fleet) -> None:
    quota = {"metadata": {"name": "two", "namespace": "demo"}, "spec": {"hard": {"pods": "2"}}}
    fleet.cluster.create(kinds.RESOURCE_QUOTA, "demo", quota)
    fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.settle()
    assert len(fleet.pods()) == 2
    assert (
        "is forbidden: exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2"
        in (failures(fleet)[0]["message"])
    )
