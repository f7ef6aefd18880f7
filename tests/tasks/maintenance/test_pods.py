"""Which pods of a node a drain evicts, leaves and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.maintenance.pods import MIRROR, name_of, sort_pods, stays
from moor.tasks.maintenance.settings import Drain, Maintenance


def pod(name: str = "web-1", owner: str = "ReplicaSet", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    owners = [{"kind": owner, "name": "web", "controller": True}] if owner else []
    metadata = {"name": name, "namespace": "demo", "uid": f"uid-{name}", "ownerReferences": owners}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase}}


def static(name: str = "etcd") -> dict[str, Any]:
    found = pod(name, owner="Node")
    found["metadata"]["annotations"] = {MIRROR: "abc"}
    return found


EMPTY_DIR = [{"name": "cache", "emptyDir": {}}]


@pytest.mark.parametrize(
    ("found", "drain", "outcome"),
    [
        (pod(), Drain(), "leaves"),
        (pod(owner="StatefulSet"), Drain(), "leaves"),
        (pod(owner="DaemonSet"), Drain(), "stays"),
        (pod(owner="DaemonSet", phase="Failed"), Drain(), "leaves"),
        (static(), Drain(empty_dir=True, unmanaged=True), "stays"),
        (pod(owner=""), Drain(), "no controller would make it again; allow it by drain: {unmanaged: true}"),
        (pod(owner=""), Drain(unmanaged=True), "leaves"),
        (pod(owner="", phase="Succeeded"), Drain(), "leaves"),
        (pod(volumes=EMPTY_DIR), Drain(), "emptyDir would be lost; allow it by drain: {empty_dir: true}"),
        (pod(volumes=EMPTY_DIR), Drain(empty_dir=True), "leaves"),
        (pod(volumes=EMPTY_DIR, phase="Failed"), Drain(), "leaves"),
        (pod(volumes=[{"name": "config", "configMap": {"name": "web"}}]), Drain(), "leaves"),
    ],
)
def test_a_pod_leaves_or_stays_or_is_refused_as_by_kubectl_drain(
    found: dict[str, Any], drain: Drain, outcome: str
) -> None:
    done = sort_pods([found], drain)
    if outcome in ("leaves", "stays"):
        assert (done.leaving, dict(done.refused)) == ((name_of(found),) if outcome == "leaves" else (), {})
    else:
        assert (done.leaving, list(done.refused)) == ((), [name_of(found)])
        assert outcome in done.refused[name_of(found)]


PODS = st.lists(
    st.builds(
        pod,
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from(["", "ReplicaSet", "DaemonSet", "Job"]),
        st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
        volumes=st.sampled_from([[], EMPTY_DIR]),
    ),
    unique_by=lambda found: found["metadata"]["name"],
)


@given(pods=PODS)
def test_every_pod_has_one_fate_and_who_allows_more_refuses_less(pods: list[dict[str, Any]]) -> None:
    careful, bold = sort_pods(pods, Drain()), sort_pods(pods, Drain(empty_dir=True, unmanaged=True))
    for done in (careful, bold):
        fates = [*done.leaving, *done.refused, *(name_of(one) for one in pods if stays(one))]
        assert sorted(fates) == sorted(map(name_of, pods))
    assert not bold.refused
    assert set(careful.leaving) <= set(bold.leaving)


@pytest.mark.parametrize(
    ("written", "drain"),
    [(True, Drain()), (False, None), (None, None), ({"timeout_s": 10}, Drain(timeout_s=10))],
)
def test_drain_is_written_as_a_word_or_as_settings(written: object, drain: Drain | None) -> None:
    assert Maintenance.model_validate({"drain": written}).drain == drain
