"""A cluster's images are read from every kind that names them, by pages, and by whoever may read only some of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from lightkube import Client

from moor.connections.apis.cluster_pages import ListChanged, read_pages
from moor.connections.apis.kubernetes import client_of
from moor.errors import HostError
from moor.tasks.images_in_use import shapes
from moor.tasks.images_in_use.read import PODS, ClusterImages, read_images
from moor_lab.kubernetes.standin import kinds
from tests.kubernetes.served import Api
from tests.tasks.images_in_use.cluster_content import Filling, pull_secret

SUM = "sha256:" + "1" * 64


@pytest.fixture
def content(api: Api) -> Filling:
    return Filling(api.cluster)


@pytest.fixture
def reader(api: Api) -> Iterator[Client]:
    with closing(client_of(api.kubeconfig, "", 10)) as client:
        yield client


def users(found: ClusterImages) -> dict[str, list[str]]:
    """Return who names each image, by its path."""
    return {image.repository: sorted({use.owner for use in usage.uses}) for image, usage in found.usage.images.items()}


def test_every_kind_that_makes_pods_is_read_and_what_has_ended_is_not(content: Filling, reader: Client) -> None:
    ended: dict[str, Any] = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    owned: dict[str, Any] = {
        "metadata": {"ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}]}
    }
    content.workload(kinds.STATEFUL_SET, "db", "r.test/db")
    content.workload(kinds.DAEMON_SET, "agent", "r.test/agent")
    content.workload(kinds.CRON_JOB, "backup", "r.test/backup")
    content.workload(kinds.JOB, "now", "r.test/now")
    content.workload(kinds.JOB, "done", "r.test/done", **ended)
    content.workload(kinds.REPLICA_SET, "bare", "r.test/bare")
    content.workload(kinds.REPLICA_SET, "web-1", "r.test/old-web", **owned)
    content.deployment("web", "r.test/web", initContainers=[{"name": "i", "image": "r.test/init"}])
    content.pod("done-1", "r.test/done", "")
    content.cluster.store.remove(kinds.POD, "shop", "done-1")
    ephemeral = [{"name": "debug", "image": "r.test/debug"}]
    content.put(kinds.POD, "p", "shop", spec={"containers": [], "ephemeralContainers": ephemeral}, status={})
    content.put(kinds.POD, "over", "shop", spec={"containers": [{"name": "c", "image": "r.test/over"}]},
                status={"phase": "Succeeded"})  # fmt: skip
    content.pod("backup-29384756-x", "r.test/backup", SUM, owner=("Job", "backup-29384756"))
    assert users(read_images(reader, [])) == {
        "db": ["StatefulSet shop/db"],
        "agent": ["DaemonSet shop/agent"],
        "backup": ["CronJob shop/backup"],
        "now": ["Job shop/now"],
        "bare": ["ReplicaSet shop/bare"],
        "web": ["Deployment shop/web"],
        "init": ["Deployment shop/web"],
        "debug": ["Pod shop/p"],
    }


def test_a_list_is_read_by_pages_and_anew_when_its_rest_is_forgotten(
    api: Api, content: Filling, reader: Client
) -> None:
    for number in range(7):
        content.pod(f"p{number}", "r.test/app", SUM)
    query = {"limit": "3"}
    pages = list(read_pages(reader, "list pods", PODS, shapes.PODS, query))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [path.count("continue=") for path in api.asked] == [0, 1, 1]
    whole = read_pages(reader, "list pods", PODS, shapes.PODS, query)
    next(whole)
    api.store._oldest = api.store.version + 1  # as after thousands of changes
    with pytest.raises(ListChanged):
        list(whole)


def test_the_pull_secrets_of_a_service_account_are_those_of_its_pods(content: Filling, reader: Client) -> None:
    content.put(kinds.SERVICE_ACCOUNT, "default", "shop", imagePullSecrets=[{"name": "registry"}])
    content.secret("shop", "registry", pull_secret("r.test", "robot", "passw0rd"))
    content.put(kinds.SECRET, "other", "shop", type="Opaque", data={"key": "c2VjcmV0"})
    content.deployment("web", "r.test/web")
    found = read_images(reader, [])
    (usage,) = found.usage.images.values()
    assert [use.secrets for use in usage.uses] == [("registry",)]
    assert list(found.secrets) == [("shop", "registry")]


def test_a_tenant_reads_by_name_what_may_not_be_listed(api: Api, content: Filling) -> None:
    content.put(kinds.SERVICE_ACCOUNT, "default", "shop", imagePullSecrets=[{"name": "registry"}])
    content.secret("shop", "registry", pull_secret("r.test", "robot", "passw0rd"))
    content.deployment("web", "r.test/web")
    content.deployment("theirs", "r.test/theirs", namespace="theirs")
    with closing(client_of(api.tenant("shop"), "", 10)) as tenant:
        with pytest.raises(HostError, match="cannot list resource"):
            read_images(tenant, [])
        found = read_images(tenant, ["shop"])
    assert (users(found), found.namespaces) == ({"web": ["Deployment shop/web"]}, ("shop",))
    assert list(found.secrets) == [("shop", "registry")]
    assert found.unlisted == {}


def test_an_answer_of_something_else_is_an_error_in_words(api: Api, reader: Client) -> None:
    with pytest.raises(HostError, match=r"list pods: the cluster says 404"):
        list(read_pages(reader, "list pods", "/api/v1/nothing", shapes.PODS))
    with pytest.raises(HostError, match=r"another shape than this kind has"):
        list(read_pages(reader, "list pods", "/version", shapes.PODS))
