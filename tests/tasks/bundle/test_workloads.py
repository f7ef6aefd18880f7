"""What workloads need: the images of their manifests are looked for, and charts of other registries are carried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moor.settings import settings_of
from moor.sites.site import open_site
from moor.tasks.workload.settings import Workloads
from moor.tasks.workload.sources import manifest_texts
from tests.harness.commands import moor_here
from tests.tasks.bundle.carrying import carrying_site

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - {name: a, image: registry.moor.test/demo/a:1}
    - {name: b, image: "redis:7"}
    - {name: c, image: ghcr.io/x/y:1}
"""
# Stands in for helm, which is no Debian package: pulls a file that names the chart, and prints what it renders.
HELM = """\
#!/bin/sh
case $1 in
pull) [ ! -e "${0%/*}/offline" ] || { echo 'dial tcp: no route to host' >&2; exit 1; }
  for word; do [ "$before" != --destination ] || to=$word; before=$word; done; echo "$2" > "$to/shop-1.2.tgz" ;;
template) printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: told}\\ndata: {chart: "%s"}\\n' "$3" ;;
esac
"""
CHART = {"chart": "oci://charts.corp.test/shop", "version": "1.2"}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "helm").write_text(HELM)
    (folder / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def site_with(folder: Path, *manifests: Any, **workload: Any) -> Path:
    shop = {"namespace": "shop", "manifests": list(manifests), **workload}
    site = carrying_site(folder, {"file": "fleet"}, workloads={"shop": shop}, cluster={"kubeconfig": "kubeconfig"})
    (site / "pod.yaml").write_text(POD)
    return site


def test_images_that_manifests_name_and_the_bundle_has_not_are_told(tmp_path: Path) -> None:
    site = site_with(tmp_path / "site", "pod.yaml", rewrite_images={"docker.io/library": "hub"})
    done = moor_here(site, "bundle", "create", "--without", "packages,moor")
    assert done.returncode == 2, done.said
    told = [line for line in done.stdout.splitlines() if "data.workloads.shop" in line]
    assert [line.split("manifests: ")[1].split(" ")[0] for line in told] == [
        "registry.moor.test/hub/redis:7",
        "ghcr.io/x/y:1",
    ]


def test_a_chart_of_another_registry_is_carried_and_rendered_without_it(tmp_path: Path, programs: Path) -> None:
    site = site_with(tmp_path / "site", CHART)
    done = moor_here(site, "bundle", "create", "--without", "packages,moor")
    assert done.returncode == 2, done.said
    assert "oci://charts.corp.test/shop:1.2" in done.stdout
    (programs / "offline").touch()
    host = open_site(site).inventory.hosts["c1"]
    workload = settings_of(host, Workloads).by_name["shop"]
    (found,) = manifest_texts(host, "shop", workload)
    (packed,) = (site / "fleet" / "charts").iterdir()
    assert f'chart: "{packed}"' in found.text
    assert packed.read_text() == "oci://charts.corp.test/shop\n"


def test_what_helm_says_of_a_chart_that_cannot_be_had_is_the_error(tmp_path: Path, programs: Path) -> None:
    (programs / "offline").touch()
    site = site_with(tmp_path / "site", CHART)
    done = moor_here(site, "bundle", "create", "--without", "packages,moor")
    assert done.returncode == 1
    assert "no route to host" in done.stderr
    (programs / "helm").unlink()
    done = moor_here(site, "bundle", "create", "--without", "packages,moor")
    assert "helm is not on this machine, and charts of other registries are pulled by it" in done.stderr
