"""Workloads of one site stand or fall apart: planned as the command does, against the stand-in's API over TLS."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nornir.core.task import MultiResult

from moor.connections.apis.harbor import Harbor, HarborPlugin
from moor.context import change_context
from moor.engine.results import ResourceResult
from moor.sites.site import open_site
from moor.tasks.workload.deploy import deploy_workload
from moor_lab.kubernetes.standin import kinds
from tests.harness.closed import DEFAULTS, Site, closed_site
from tests.kubernetes.served import Api

SHOP = """\
    cart: {namespace: shop, image: demo/cart:1.0, robot: puller, port: 8001}
    stock: {namespace: shop, image: demo/stock:1.0, robot: puller, template: stock.yaml.j2}
"""
STOCK = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: stock}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: stock, namespace: shop}
data: {level: "5"}
"""


@pytest.fixture
def site(tmp_path: Path, api: Api) -> Iterator[Site]:
    """Yield the shipped site with two workloads more, whose Harbor does not answer yet."""
    with closed_site(tmp_path / "site") as site:
        site.edit(DEFAULTS, "  workloads: # what runs from the registry\n", f"  workloads:\n{SHOP}")
        site.write("templates/stock.yaml.j2", STOCK)
        shutil.copy(api.kubeconfig, site.folder / "lab/kubeconfig")
        yield site


def planned(site: Site, examining: bool = False) -> MultiResult:
    nr = open_site(site.folder, dry_run=True).filter(filter_func=lambda host: host.name == "cp1")
    change_context(nr, examining=examining)
    silent = HarborPlugin()
    silent.connection = Harbor("registry.moor.test", "127.0.0.1", 9, ("admin", "none"), ssl.create_default_context())
    nr.inventory.hosts["cp1"].connections["harbor"] = silent
    try:
        return nr.run(task=deploy_workload)["cp1"]
    finally:
        nr.close_connections(on_failed=True)


def statuses(found: MultiResult) -> dict[str, str]:
    return {str(sub.name): sub.status for sub in found[1:] if isinstance(sub, ResourceResult)}


def make_namespace(api: Api, name: str, **labels: Any) -> None:
    named = {f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}
    api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": name, "labels": named}})


WELL = ["namespace:shop", "secret:shop/registry", "deployment:shop/cart", "rollout:shop/cart", "configmap:shop/stock"]


def test_a_workload_that_is_refused_keeps_those_of_other_namespaces_in_the_plan(site: Site, api: Api) -> None:
    make_namespace(api, "demo", enforce="restricted")
    found = planned(site)
    words = str(found[0].exception)
    assert words.startswith("deployment:demo/sqrt: its pods would not be admitted: the cluster says 403: ")
    assert "hostPort" in words
    assert [name for name, status in statuses(found).items() if status == "drift"] == [*WELL, "secret:demo/registry"]


def test_a_namespace_that_cannot_be_had_is_told_with_the_workloads_that_wait_for_it(site: Site, api: Api) -> None:
    site.edit(DEFAULTS, "      namespace: demo\n", "      namespace: demo\n      manage_namespace: false\n")
    found = planned(site)
    first, second = str(found[0].exception).splitlines()
    assert first.startswith("namespace:demo: it does not exist, and with manage_namespace: false")
    assert second == "workload sqrt: skipped: its namespace demo failed"
    assert [name for name, status in statuses(found).items() if status == "drift"] == WELL


def test_a_namespace_of_a_template_takes_the_place_of_the_plain_one(site: Site) -> None:
    found = planned(site)
    assert found[0].exception is None
    assert "team: stock" in next(sub.diff for sub in found[1:] if str(sub.name) == "namespace:shop")


def test_an_api_that_is_silent_is_asked_once(site: Site, api: Api) -> None:
    with api.down():
        words = str(planned(site)[0].exception)
    assert len(words.splitlines()) == 1
    assert "the cluster's API does not answer" in words


def test_a_drift_check_does_not_take_a_pull_secret_for_drift_while_harbor_is_silent(site: Site) -> None:
    found = planned(site, examining=True)
    assert "https://registry.moor.test: no answer: " in str(found[0].exception)
    assert not [name for name in statuses(found) if name.startswith("secret:")]
