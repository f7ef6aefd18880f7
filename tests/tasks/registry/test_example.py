"""The example site of Harbor's configuration is valid, and the page about it names everything in it."""

from __future__ import annotations

from pathlib import Path

from moor.sites.site import open_site
from moor.tasks.registry import configure
from tests.docs.pages import ROOT
from tests.harness.sites import write_site
from tests.tasks.test_existing_registry import new_ca

EXAMPLE = ROOT / "examples/harbor-configuration"


def test_the_example_site_is_valid_and_desires_everything_of_a_project(tmp_path: Path) -> None:
    files = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*.yaml")}
    secrets = {"secrets/harbor-account": "word", "secrets/webhook-header": "Bearer word"}
    ca = {"certificates/corp-ca.crt": new_ca(tmp_path / "made")}
    folder = write_site(tmp_path / "site", {**files, **ca}, secrets)
    host = open_site(folder, dry_run=True).inventory.hosts["build1"]
    ids = [resource.id for resource in configure.desired(host)]
    assert ids == [
        "requirement:harbor-settings",
        "setting:general",
        "schedule:gc",
        "schedule:purge-audit",
        "cve-allowlist:system",
        "project:shop",
        "quota:shop",
        "retention:shop",
        "immutable:shop: repositories **, tags v*",
        "member:shop/alice",
        "member:shop/bob",
        "label:shop/approved",
        "webhook:shop/ci",
        "robot:shop+puller",
        "robot:shop+builder",
        "project:base",
        "quota:base",
        "retention:base",
        "system-robot:backup",
    ]
