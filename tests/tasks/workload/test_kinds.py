"""Rollouts of every kind on the stand-in's controllers: waited for, and told by the event where they hang."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from moor.tasks.cluster.objects import Manifest
from moor.tasks.workload.rollout import Rollout
from moor_lab.kubernetes.standin import kinds
from tests.kubernetes.samples import daemon_set, job, stateful_set
from tests.kubernetes.served import Api
from tests.tasks.clusters import run
from tests.tasks.workload.shops import controllers

MADE = {"StatefulSet": stateful_set(replicas=2), "DaemonSet": daemon_set(), "Job": job()}
KINDS = {"StatefulSet": kinds.STATEFUL_SET, "DaemonSet": kinds.DAEMON_SET, "Job": kinds.JOB}


def namespace(api: Api, **labels: str) -> None:
    api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo", "labels": labels}})


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_an_apply_waits_until_each_pod_has_the_newest_template(api: Api, kind: str) -> None:
    namespace(api)
    name = MADE[kind]["metadata"]["name"]
    with controllers(api):
        for image in ("registry.test/demo/web:1", "registry.test/demo/web:2"):
            content = with_image(MADE[kind], image)
            ran = run(api.kubeconfig, [Manifest(content), Rollout("demo", name, 30, kind)])
            assert ran.error == ""
            assert ran.status[f"rollout:demo/{kind.lower()}/{name}"] == "changed"
            pods = api.store.select(kinds.POD, "demo")[0]
            assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {image}
    assert run(api.kubeconfig, [Manifest(content), Rollout("demo", name, 30, kind)], plan=True).planned == []


def with_image(content: dict[str, Any], image: str) -> dict[str, Any]:
    template = content["spec"]["template"]
    containers = [{**template["spec"]["containers"][0], "image": image}]
    spec = {**content["spec"], "template": {**template, "spec": {**template["spec"], "containers": containers}}}
    return {**content, "spec": spec}


def test_a_job_is_waited_for_until_it_has_completed(api: Api) -> None:
    namespace(api)
    name, done = MADE["Job"]["metadata"]["name"], threading.Event()
    with controllers(api) as fleet:

        def finish() -> None:
            while not done.wait(0.05):
                for pod in api.store.select(kinds.POD, "demo")[0]:
                    if pod.get("status", {}).get("phase") == "Running":
                        fleet.finish(pod)
                        return

        thread = threading.Thread(target=finish)
        thread.start()
        ran = run(api.kubeconfig, [Manifest(MADE["Job"]), Rollout("demo", name, 30, "Job")])
        done.set()
        thread.join()
    assert ran.error == ""
    changed = run(api.kubeconfig, [Manifest(with_image(MADE["Job"], "registry.test/demo/web:9"))], plan=True)
    assert "field is immutable" in changed.error
    assert "give the object another name, such as one with its image's tag" in changed.error


@pytest.mark.parametrize("kind", list(MADE))
def test_pods_that_a_namespace_refuses_are_told_by_the_event(api: Api, kind: str) -> None:
    namespace(api, **{"pod-security.kubernetes.io/enforce": "restricted"})
    name = MADE[kind]["metadata"]["name"]
    with controllers(api) as fleet:
        fleet.apply(KINDS[kind], MADE[kind])  # by somebody else; moor would have refused it in the plan
        error = run(api.kubeconfig, [Rollout("demo", name, 2, kind)]).error
    assert error.startswith(f"rollout:demo/{kind.lower()}/{name}: not complete after 2 s")
    assert 'the cluster refuses its pods: pods is forbidden: violates PodSecurity "restricted:latest"' in error
