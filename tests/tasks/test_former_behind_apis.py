"""Former values of what is behind an API are right too until a day: Harbor, pull secrets, objects of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import ConfigMap

from moor.engine.holds import today
from moor_lab.kubernetes.standin import kinds
from tests.harness.harbor import HarborSite, harbor_site
from tests.kubernetes.served import Api

CONCERNS = ("registry", "pull_secrets", "workload")
DAY = (today() + timedelta(days=3)).isoformat()
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: stock, namespace: shop}}\ndata: {{level: '{level}'}}\n"


def sections(level: int) -> dict[str, Any]:
    """Return sections that all follow a level."""
    return {
        "projects": {"demo": {"quota": f"{level}GiB", "robots": {"one": {}, "two": {}}}},
        "harbor_system": {"settings": {"session_timeout_minutes": 30 + level}},
        "pull_secrets": {"registry": {"robot": "demo+one", "namespaces": ["shop", "more"][: level - 4]}},
        "workloads": {"stock": {"namespace": "shop", "manifests": [f"stock-{level}.yaml"]}},
    }


def former(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    return {name: {**found, "until": {"day": DAY, "former": old[name]}} for name, found in new.items()}


@pytest.fixture
def site(tmp_path: Path, api: Api) -> Iterator[HarborSite]:
    """Yield a site whose Harbor and cluster are as the old level wants them, and whose inventory says the new one."""
    (tmp_path / "harbor").mkdir()
    for name in ("shop", "more"):
        api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": name}})
    with harbor_site(tmp_path / "harbor") as site:
        site.hosts = {"cloud": "clusters"}
        for level in (5, 6):
            (site.folder / f"stock-{level}.yaml").write_text(CONFIG.format(level=level))
        cluster = {"kubeconfig": str(api.kubeconfig)}
        site.write(cluster=cluster, **sections(5))
        site("apply", *CONCERNS, "--yes")
        site.write(cluster=cluster, **former(sections(6), sections(5)))
        yield site


def statuses(site: HarborSite, *words: str, code: int) -> dict[str, str]:
    hosts = site(*words, "--output", "json", code=code).report["hosts"].values()
    return {one["id"]: one["status"] for host in hosts for one in host["resources"] if one["status"] != "ok"}


CHANGED = ("setting:general", "quota:demo", "secret:more/registry", "configmap:shop/stock")
CHECK = ("drift", "--runbook", " ".join(CONCERNS))


def test_what_the_former_values_want_behind_an_api_is_no_drift_and_an_apply_moves_it(
    site: HarborSite, api: Api, client: Client
) -> None:
    assert statuses(site, *CHECK, code=0) == dict.fromkeys(CHANGED, "held")
    assert f"held: the former value of data.harbor_system is right until {DAY}" in site(*CHECK, "--quiet").stdout
    assert statuses(site, "plan", *CONCERNS, code=2) == dict.fromkeys(CHANGED, "drift")

    # A third value is drift, and mended to the new one; what is as it was stays so.
    client.patch(ConfigMap, "stock", {"data": {"level": "7"}}, namespace="shop")
    third = {**dict.fromkeys(CHANGED, "held"), "configmap:shop/stock": "drift"}
    assert statuses(site, *CHECK, code=2) == third
    site(*CHECK, "--apply", "configmap")
    assert api.store.get(kinds.CONFIG_MAP, "shop", "stock")["data"] == {"level": "6"}
    left = {name: status for name, status in third.items() if status == "held"}
    assert statuses(site, *CHECK, code=0) == left

    site("apply", *CONCERNS, "--yes")
    assert statuses(site, *CHECK, code=0) == {}
    assert api.store.find(kinds.SECRET, "more", "registry") is not None
