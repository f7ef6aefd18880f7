"""The registry's side of mirrors on the stand-in: endpoint and proxy cache, made, kept, refused where they conflict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.harbor import HarborSite, harbor_site
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, serve

HUB = "docker.io"
ENDPOINT, PROJECT = f"registry:{HUB}", f"project:{HUB}"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Served]:
    """Yield a registry that stands for Docker Hub."""
    (tmp_path / "hub").mkdir()
    with serve(tmp_path / "hub") as served:
        yield served


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HarborSite]:
    with harbor_site(tmp_path) as made:
        yield made


def written(site: HarborSite, hub: Served, mirrors: dict[str, Any] | None = None, **more: Any) -> HarborSite:
    """Write a site whose endpoint of Docker Hub is listed, since the lab has no internet."""
    login = {"user": "admin", "password": site.secret("hub", ADMIN_PASSWORD)}
    system = {"registries": {HUB: {"url": hub.url, **login}}, **more.pop("harbor_system", {})}
    return site.write(mirrors=mirrors or {HUB: {}}, harbor_system=system, **more)


def test_a_mirror_has_an_endpoint_and_a_public_proxy_cache_of_it(site: HarborSite, hub: Served) -> None:
    written(site, hub)
    assert set(site.planned()) >= {ENDPOINT, PROJECT}
    site.applied()
    project = site.get(f"/projects/{HUB}")
    endpoint = site.get(f"/registries/{project['registry_id']}")
    assert (project["metadata"]["public"], endpoint["name"], endpoint["url"]) == ("true", HUB, hub.url)

    site.do("PUT", f"/projects/{HUB}", {"metadata": {"public": "false"}})
    assert site.planned() == {PROJECT: "public: false -> true"}
    site.applied()


def test_what_is_known_of_a_registry_is_planned_by_its_name_alone(site: HarborSite) -> None:
    site.write(mirrors={HUB: {}, "quay.io": {}, "ghcr.io": {}, "registry.k8s.io": {}})
    planned = site.planned()
    said = {one: planned[f"registry:{one}"] for one in (HUB, "quay.io", "ghcr.io", "registry.k8s.io")}
    for name, url, kind in (
        (HUB, "https://hub.docker.com", "docker-hub"),
        ("quay.io", "https://quay.io", "quay"),
        ("ghcr.io", "https://ghcr.io", "github-ghcr"),
        ("registry.k8s.io", "https://registry.k8s.io", "docker-registry"),
    ):
        assert url in said[name]
        assert kind in said[name]


def test_prune_takes_no_cache_of_a_mirror_away(site: HarborSite, hub: Served) -> None:
    written(site, hub)
    site.applied()
    kept = {"library": {"public": True}}
    written(site, hub, projects=kept, harbor_system={"prune": ["projects", "registries"]})
    assert site.planned() == {}


@pytest.mark.parametrize(
    ("project", "words"),
    [
        ({"public": True}, "data.projects.docker.io is no proxy cache; write proxy_cache: {registry: docker.io} there"),
        ({"proxy_cache": {"registry": "other"}}, "data.projects.docker.io is a proxy cache of other"),
    ],
)
def test_a_project_of_the_inventory_that_is_no_cache_of_it_is_refused(
    site: HarborSite, hub: Served, project: dict[str, Any], words: str
) -> None:
    written(site, hub, projects={HUB: project})
    assert words in site("plan", "registry", code=1).said


def test_a_project_of_the_inventory_may_say_more_of_the_cache(site: HarborSite, hub: Served) -> None:
    written(site, hub, projects={HUB: {"public": True, "proxy_cache": {"registry": HUB}, "quota": "1 GiB"}})
    site.applied()
    (quota,) = [one for one in site.get("/quotas") if one["ref"]["name"] == HUB]
    assert quota["hard"]["storage"] == 1 << 30
