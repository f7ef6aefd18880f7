"""Rights: what the inventory needs is asked of the API, and what may not be read takes nothing else with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import Client
from nornir.core.inventory import Host

from moor.connections.apis.kubernetes import client_of
from moor.errors import HostError
from moor.settings.modules import SHIPPED
from moor.sites.site import open_site
from moor.tasks.diagnosis.evidence.cluster_reader import read_cluster, unread_secret
from moor.tasks.preflight.cluster_rights import (
    ClusterRight,
    has_right,
    missing_rights,
    needed_rights,
    role_objects,
    user_of,
)
from moor_lab.kubernetes.standin.api.access import Tokens
from tests.connections.kubeconfigs import encoded, kubeconfig
from tests.kubernetes.served import Api

PLURAL = {
    "Namespace": "/api/v1/namespaces",
    "Secret": "/api/v1/namespaces/shop/secrets",
    "ServiceAccount": "/api/v1/namespaces/shop/serviceaccounts",
    "Pod": "/api/v1/namespaces/shop/pods",
    "Node": "/api/v1/nodes",
    "Event": "/api/v1/namespaces/shop/events",
}
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REGISTRY = "registry.moor.test"
IMAGE = {"name": "c", "image": f"{REGISTRY}/shop/web:1"}


def names(**more: Any) -> dict[str, Any]:
    return {"namespace": "shop", **more}


WORLD: list[dict[str, Any]] = [
    {"kind": "Namespace", "metadata": {"name": "shop"}},
    {"kind": "Namespace", "metadata": {"name": "demo"}},
    {"kind": "Node", "metadata": {"name": "n1"}},
    {"kind": "ServiceAccount", "metadata": names(name="builder")},
    {"kind": "Secret", "metadata": names(name="registry"), "type": "Opaque", "stringData": {"a": "b"}},
    {"kind": "Pod", "metadata": names(name="web-1"), "spec": {
        "nodeName": "n1", "containers": [IMAGE], "imagePullSecrets": [{"name": "registry"}]}},
    {"kind": "Pod", "metadata": names(name="web-2"), "spec": {
        "nodeName": "n1", "containers": [IMAGE], "serviceAccountName": "builder"}},
    {"kind": "Event", "metadata": names(name="e1"), "reason": "Failed",
     "involvedObject": {"kind": "Pod", "name": "web-1", "namespace": "shop"}},
]  # fmt: skip


class Tenant:
    """A user of a cluster who may do nothing, until somebody lets them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        tokens = api.directory / "tokens.csv"
        tokens.write_text((api.directory / "kept/tokens.csv").read_text() + 'tenant-token,ops,ops,"tenants"\n')
        api.server.tokens = Tokens(tokens, api.access.node_key)
        cluster = {"server": api.url, "certificate-authority-data": encoded(api.access.authority)}
        self.kubeconfig = kubeconfig(api.directory / "tenant", cluster, {"token": "tenant-token"})

    @contextmanager
    def client(self) -> Iterator[Client]:
        with closing(client_of(self.kubeconfig, "", 5)) as client:
            yield client

    def grant(self, found: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
        """Apply Roles and bindings as an administrator."""
        for tree in found:
            namespace = tree["metadata"].get("namespace")
            place = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
            with self.api.http() as admin:
                answer = admin.post(f"{place}/{tree['kind'].lower()}s", json=tree)
            assert answer.status_code == 201, answer.text

    def may(self, *rights: tuple[str, str]) -> None:
        """Let the user do some verbs on some kinds of namespace shop, or on nodes."""
        given = [ClusterRight("" if what == "nodes" else "shop", "", what, verb, "") for verb, what in rights]
        self.grant(role_objects(given, "ops"))


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    api = Api(tmp_path)
    with api.http() as admin:
        for tree in WORLD:
            answer = admin.post(PLURAL[tree["kind"]], json={"apiVersion": "v1", **tree})
            assert answer.status_code == 201, answer.text
    yield Tenant(api)
    api.close()


@pytest.fixture(scope="module")
def cp1() -> Host:
    return open_site(SHIPPED).inventory.hosts["cp1"]


def test_missing_rights_are_found_and_the_written_roles_grant_them(tenant: Tenant, cp1: Host) -> None:
    rights = needed_rights(cp1)
    with tenant.client() as client:
        assert missing_rights(rights, lambda right: has_right(client, right)) == rights
        assert user_of(client) == "ops"
        tenant.grant(list(role_objects(rights, user_of(client))))
        assert missing_rights(rights, lambda right: has_right(client, right)) == []
        assert not has_right(client, ClusterRight("shop", "", "secrets", "get", ""))


def test_the_roles_on_the_page_are_the_rights_that_a_deployment_needs(tenant: Tenant, cp1: Host) -> None:
    page = (Path(__file__).parents[2] / "docs/rights.md").read_text()
    block = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert block
    tenant.grant(list(yaml.safe_load_all(block[1])))
    moved = [ClusterRight(r.namespace and "shop", r.group, r.resource, r.verb, r.command) for r in needed_rights(cp1)]
    with tenant.client() as client:
        assert missing_rights(moved, lambda right: has_right(client, right)) == []


def test_a_right_is_printed_in_plain_words() -> None:
    assert str(ClusterRight("shop", "apps", "deployments", "patch", "")) == "patch deployments.apps in namespace shop"
    assert str(ClusterRight("", "", "nodes", "list", "")) == "list nodes in the whole cluster"


EVERY = (("list", "nodes"), ("list", "pods"), ("list", "events"), ("get", "secrets"), ("get", "serviceaccounts"))


@pytest.mark.parametrize("lacking", [None, *EVERY])
def test_a_missing_right_affects_only_the_proof_that_needs_it(tenant: Tenant, lacking: tuple[str, str] | None) -> None:
    tenant.may(*(right for right in EVERY if right != lacking))
    with tenant.client() as client:
        view = read_cluster(client, ["shop"], frozenset(), REGISTRY)
    held = {"nodes": view.nodes, "pods": view.pods, "events": view.events}
    assert {name for name, found in held.items() if not found} == ({lacking[1]} & set(held) if lacking else set()) | (
        {"events"} if lacking == ("list", "pods") else set()
    )
    hidden = {pod["metadata"]["name"] for pod in view.pods if unread_secret(view, pod)}
    assert hidden == {("get", "secrets"): {"web-1"}, ("get", "serviceaccounts"): {"web-2"}}.get(
        lacking or ("", ""), set()
    )
    asked = {"Secret shop"}  # nobody may list secrets here
    listed = {EVERY[0]: "Node *", EVERY[1]: "Pod shop", EVERY[2]: "Event shop"}
    assert {key for key in view.unknown if "/" not in key} - asked == {listed[r] for r in listed if r == lacking}
    assert all("403" in words and str(tenant.kubeconfig) in words for words in view.unknown.values())


def test_secrets_are_read_by_name_and_only_in_the_pods_namespaces(tenant: Tenant) -> None:
    tenant.may(*EVERY)
    asked: list[str] = []
    with tenant.client() as client:
        client._client._client.event_hooks["request"].append(
            lambda request: asked.append(request.url.raw_path.decode())
        )
        view = read_cluster(client, ["shop"], frozenset(), REGISTRY)
    assert view.secrets["shop", "registry"]
    of_secrets = {path.partition("?")[0] for path in asked if "secrets" in path}
    assert of_secrets == {"/api/v1/namespaces/shop/secrets/registry", "/api/v1/namespaces/shop/secrets"}
    assert all("fieldSelector=type" in path for path in asked if path.partition("?")[0].endswith("/secrets"))


def test_a_rejected_login_is_not_a_missing_right(tenant: Tenant) -> None:
    tenant.kubeconfig.write_text(tenant.kubeconfig.read_text().replace("tenant-token", "not-his-token"))
    with tenant.client() as client, pytest.raises(HostError, match="401: Unauthorized"):
        read_cluster(client, ["shop"], frozenset(), REGISTRY)


def test_a_kubeconfig_acts_as_whom_it_says_and_only_who_may(tenant: Tenant) -> None:
    cluster = {"server": tenant.api.url, "certificate-authority-data": encoded(tenant.api.access.authority)}
    acting = {"token": tenant.api.access.admin_token, "as": "ops", "as-groups": ["tenants", "others"]}
    kubeconfig(tenant.kubeconfig, cluster, acting)
    with tenant.client() as client:
        assert user_of(client) == "ops"
        assert not has_right(client, ClusterRight("shop", "", "secrets", "get", ""))
    kubeconfig(tenant.kubeconfig, cluster, {"token": "tenant-token", "as": "root"})
    with tenant.client() as client, pytest.raises(HostError, match="cannot impersonate"):
        has_right(client, ClusterRight("shop", "", "secrets", "get", ""))
