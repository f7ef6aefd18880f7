"""Lists of the API: pages, selectors, and what a client is told about wrong ones."""

from __future__ import annotations

import shutil
from typing import Any

import httpx
import pytest
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod

from moor_lab.kubernetes.standin.api.cluster import Cluster
from moor_lab.kubernetes.standin.store import Store
from tests.kubernetes.served import Api

MAPS = "/api/v1/namespaces/demo/configmaps"


def fill(client: Client, *names: str) -> None:
    for name in names:
        client.create(ConfigMap(metadata=ObjectMeta(name=name, labels={"app": "demo"})))


def page(http: httpx.Client, **query: str) -> tuple[list[str], Any]:
    answer = http.get(MAPS, params=query).json()
    return [one["metadata"]["name"] for one in answer["items"]], answer["metadata"]


def test_pages_are_of_one_instant(api: Api, client: Client) -> None:
    fill(client, "a", "b", "c", "d", "e")
    with api.http() as http:
        first, told = page(http, limit="2")
        assert (first, told["remainingItemCount"]) == (["a", "b"], 3)
        client.delete(ConfigMap, "d")
        client.delete(ConfigMap, "a")
        fill(client, "aa", "f")
        second, later = page(http, limit="2", **{"continue": told["continue"]})
        third, last = page(http, limit="2", **{"continue": later["continue"]})
    assert (second, third) == (["c", "d"], ["e"])
    assert {one["resourceVersion"] for one in (told, later, last)} == {told["resourceVersion"]}
    assert "continue" not in last


def test_with_a_selector_nobody_counts_what_remains(api: Api, client: Client) -> None:
    fill(client, "a", "b", "c")
    with api.http() as http:
        names, told = page(http, limit="2", labelSelector="app=demo")
    assert names == ["a", "b"]
    assert "remainingItemCount" not in told


def test_a_list_that_waited_too_long_may_go_on_without_what_it_began_with(api: Api, client: Client) -> None:
    fill(client, "a", "b", "c")
    with api.http() as http:
        _, told = page(http, limit="1")
        fill(client, "d")
        api.store.close()
        store = Store(api.directory / "cluster.sqlite")  # a restart remembers no changes
        api.server.cluster = Cluster(store)
        expired = http.get(MAPS, params={"limit": "2", "continue": told["continue"]})
        assert (expired.status_code, expired.json()["reason"]) == (410, "Expired")
        assert "too old to display a consistent list" in expired.json()["message"]
        rest, _ = page(http, **{"continue": expired.json()["metadata"]["continue"]})
    store.close()
    assert rest == ["b", "c", "d"]


def test_a_client_reads_pages_and_gets_everything(client: Client) -> None:
    names = [f"map-{number:03}" for number in range(25)]
    fill(client, *names)
    found = [one.metadata.name for one in client.list(ConfigMap, chunk_size=10) if one.metadata]
    assert found == names


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        (MAPS, {"continue": "nonsense"}, "continue key is not valid"),
        (MAPS, {"limit": "x"}, 'Invalid value: "x": limit must be a number'),
        (MAPS, {"fieldSelector": "data.a=b"}, '"data.a" is not a known field selector: only "metadata.name", "meta'),
        ("/api/v1/pods", {"fieldSelector": "spec.image=x"}, "field label not supported: spec.image"),
    ],
)
def test_a_wrong_query_is_refused(api: Api, path: str, query: dict[str, str], words: str) -> None:
    with api.http() as http:
        answer = http.get(path, params=query)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_pods_are_chosen_by_node_account_and_phase(client: Client) -> None:
    for name, node in (("a", "n1"), ("b", "n2")):
        spec = {"nodeName": node, "containers": [{"name": "c", "image": "i:1"}]}
        made: Any = Pod.from_dict({"metadata": {"name": name}, "spec": spec})
        client.create(made)
    fields: Any = {"spec.nodeName": "n2", "spec.serviceAccountName": "default", "status.phase": "Pending"}
    assert [pod.metadata.name for pod in client.list(Pod, fields=fields) if pod.metadata] == ["b"]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on this machine")
def test_kubectl_lists_in_chunks(api: Api, client: Client) -> None:
    fill(client, "a", "b", "c", "d", "e")
    api.asked.clear()
    lines = api.kubectl("get", "configmaps", "-n", "demo", "--chunk-size", "2").splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "a", "b", "c", "d", "e"]
    assert len([path for path in api.asked if "configmaps?" in path]) == 3
