"""What docs/workloads.md shows is what the inventory takes and the template makes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from moor.context import site_of
from moor.settings import settings_of
from moor.sites.site import open_site
from moor.tasks.cluster.objects import Manifest
from moor.tasks.workload.deploy import known_parts
from moor.tasks.workload.objects import manifests, objects_of, template_values
from moor.tasks.workload.settings import Chart, Workload, Workloads
from moor.templates import render
from moor_lab.kubernetes.standin.api.admission import violations
from tests.docs.pages import ROOT, blocks
from tests.harness.sites import GROUPS, HOSTS, write_site
from tests.tasks.workload.shops import CONFIG_MAP, DATA, Shop

PAGE = ROOT / "docs/workloads.md"
SHOWN = [
    yaml.safe_load(block.content) for block in blocks(PAGE) if block.language == "yaml" and "{{" not in block.content
]


def shown(key: str) -> Any:
    """Return the first block of the page with this key."""
    return next(block for block in SHOWN if isinstance(block, dict) and key in block)


def test_the_workloads_of_the_page_are_those_of_a_site(shop: Shop) -> None:
    cluster = shown("eks")
    data = {**DATA, **shown("data")["data"], "projects": None}
    shop.write({"image": "demo/web:1"}, payments__a_yaml=CONFIG_MAP)
    write_site(shop.folder, {HOSTS: cluster, GROUPS: {"clusters": {}}, "inventory/defaults.yaml": {"data": data}})
    host = open_site(shop.folder, dry_run=True).inventory.hosts["eks"]
    known = settings_of(host, Workloads).by_name
    made = {name: [one["kind"] for one in manifests(host, name, workload)] for name, workload in known.items()}
    assert made == {"web": ["Deployment"], "payments": ["ConfigMap"]}
    assert Workload.model_validate(shown("payments")["payments"], context={"site": site_of(host).directory}).prune


def test_the_example_of_a_managed_cluster_is_a_whole_site(tmp_path: Path) -> None:
    site = shutil.copytree(ROOT / "examples/managed-cluster", tmp_path / "site")
    write_site(site, {}, {"secrets/puller": "x\n"})
    host = open_site(site, dry_run=True).inventory.hosts["shop"]
    made = [one for part in known_parts(host) for one in part.resources]
    (web,) = (one.content for one in made if isinstance(one, Manifest) and one.content["kind"] == "Deployment")
    pod = web["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"].startswith("registry.corp.example.org/hub/nginxinc/")
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert not list(violations(pod, "restricted"))


def test_the_template_takes_all_keys_that_the_page_shows() -> None:
    workload = Workload.model_validate(shown("web")["web"])
    text = render(workload.template, **template_values("registry.test", "web", workload))
    (made,) = objects_of(text, workload.template)
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["env"][1]["valueFrom"] == {"secretKeyRef": {"name": "database", "key": "url"}}
    named = set(
        re.findall(r"`(\w+)`", PAGE.read_text().partition("makes a Deployment of these values")[2].partition(".")[0])
    )
    assert named <= set(template_values("registry.test", "web", workload))


def test_a_chart_is_written_as_the_page_has_it() -> None:
    written = re.findall(r"\| `(\{chart: .*?\})` \|", PAGE.read_text())
    charts = [Chart.model_validate(yaml.safe_load(one)) for one in written]
    assert [chart.is_remote for chart in charts] == [False, True]
