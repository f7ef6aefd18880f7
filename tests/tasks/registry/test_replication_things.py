"""Endpoints and rules of replication on the stand-in: absent, wrong, right, twice, drift by hand, pruned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.harbor import HarborSite, harbor_site
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, serve

ENDPOINT, RULE = "registry:branch", "replication:nightly"


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[Served]:
    """Yield the registry that is replicated to."""
    (tmp_path / "branch").mkdir()
    with serve(tmp_path / "branch") as served:
        yield served


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HarborSite]:
    with harbor_site(tmp_path) as made:
        yield made


def system(site: HarborSite, branch: Served, **rule: Any) -> dict[str, Any]:
    password = site.secret("branch", ADMIN_PASSWORD)
    values = {"push_to": "branch", "names": "shop/**", "trigger": "schedule", "cron": "0 30 2 * * *"} | rule
    return {
        "registries": {"branch": {"url": branch.url, "user": "admin", "password": password}},
        "replications": {"nightly": values},
    }


def one(site: HarborSite, path: str) -> dict[str, Any]:
    (found,) = site.get(path)
    return dict(found)


def test_an_endpoint_and_its_rule_are_made_and_then_are_right(site: HarborSite, branch: Served) -> None:
    site.write(harbor_system=system(site, branch))
    assert set(site.planned()) == {ENDPOINT, RULE}
    site.applied()
    assert (one(site, "/registries")["url"], one(site, "/registries")["status"]) == (branch.url, "healthy")
    rule = one(site, "/replication/policies")
    assert rule["dest_registry"]["name"] == "branch"
    assert rule["trigger"] == {"type": "scheduled", "trigger_settings": {"cron": "0 30 2 * * *"}}
    assert rule["filters"] == [{"type": "name", "value": "shop/**"}]
    assert rule["enabled"]
    assert ADMIN_PASSWORD not in "".join(site.said)


def test_what_somebody_changed_by_hand_is_shown_and_mended(site: HarborSite, branch: Served) -> None:
    site.write(harbor_system=system(site, branch))
    site.applied()
    rule, endpoint = one(site, "/replication/policies"), one(site, "/registries")
    tags = [*rule["filters"], {"type": "tag", "value": "v*", "decoration": "matches"}]
    changed = {**rule, "enabled": False, "filters": tags, "trigger": {"type": "manual"}}
    site.do("PUT", f"/replication/policies/{rule['id']}", changed)
    site.do("PUT", f"/registries/{endpoint['id']}", {"insecure": True})
    planned = site.planned()
    assert planned[ENDPOINT] == "check_certificate: false -> true"
    assert set(planned[RULE].splitlines()) == {
        "enabled: false -> true",
        "tags.matching: v* -> (all)",
        "trigger: manual -> schedule",
        "cron: (none) -> 0 30 2 * * *",
    }
    site.applied()


def test_a_password_that_changed_is_in_the_plan_and_not_shown(site: HarborSite, branch: Served) -> None:
    site.write(harbor_system=system(site, branch))
    site.applied()
    other = "An0ther-Passw0rd"
    site.secret("branch", other)
    assert set(site.planned()) == {ENDPOINT}
    refused = site("apply", "registry", "--yes", code=1)
    assert "the registry is unhealthy; Harbor takes an endpoint only while" in refused.said
    assert other not in "".join(site.said)


def test_another_type_is_refused_since_harbor_would_ignore_it(site: HarborSite, branch: Served) -> None:
    site.write(harbor_system=system(site, branch))
    site.applied()
    wanted = system(site, branch)
    wanted["registries"]["branch"]["type"] = "docker-registry"
    site.write(harbor_system=wanted)
    refused = site("plan", "registry", code=1)
    assert "registry:branch: it is harbor, not docker-registry" in refused.said


def test_what_is_not_listed_stays_unless_prune_says_so(site: HarborSite, branch: Served) -> None:
    site.write(harbor_system=system(site, branch))
    site.applied()
    site.write(harbor_system={})
    assert site.planned() == {}
    site.write(harbor_system={"prune": ["registries", "replications"]})
    assert set(site.planned()) == {ENDPOINT, RULE}
    site.applied()
    assert site.get("/registries") == site.get("/replication/policies") == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"replications": {"x": {"push_to": "brnch"}}, "registries": {"branch": {"url": "https://b.test"}}},
         "replications.x.push_to: no endpoint is called brnch; did you mean branch?"),
        ({"registries": {"moor-standby-x": {"url": "https://b.test"}}}, "moor's own name, for the standby"),
        ({"registries": {"branch": {"url": "https://b.test", "user": "a", "password": "clear"}}}, "reference"),
        ({"replications": {"x": {"push_to": "b", "pull_from": "b"}}}, "one of them"),
    ],
)  # fmt: skip
def test_bad_values_are_refused_before_any_call(site: HarborSite, wanted: dict[str, Any], words: str) -> None:
    site.write(harbor_system=wanted)
    refused = site("plan", "registry", code=1)
    assert words in refused.said
    assert "inventory/defaults.yaml" in refused.said
    assert site.asked == []
