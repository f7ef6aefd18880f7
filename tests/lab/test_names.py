"""The registry's name on real hosts: absent, wrong, right, and written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.tasks.names.hosts import write_hosts
from moor_lab.lab import Lab
from tests.lab.sites import NAME, Site, changed

pytestmark = pytest.mark.lab

EDIT = "edit:/etc/hosts#names"
CLOUD_TEMPLATE = "/etc/cloud/templates/hosts.debian.tmpl"


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    """Return a site whose workstation knows no name of the registry."""
    lab.reset("ws1")
    return Site(lab, tmp_path / "site").write(registry={"name": NAME, "address": "10.1.2.3", "aliases": ["images"]})


def looked_up(lab: Lab, name: str) -> str:
    found = lab.exec("ws1", ["sh", "-c", 'getent ahosts "$1" | cut -d" " -f1 | sort -u', "sh", name])
    return " ".join(found.split())


def test_a_host_learns_every_name_of_the_registry_once(lab: Lab, site: Site) -> None:
    assert changed(site.plan(write_hosts, "ws1")["ws1"]) == [EDIT]
    assert looked_up(lab, NAME) == ""
    assert changed(site.apply(write_hosts, "ws1")["ws1"]) == [EDIT]
    assert [looked_up(lab, name) for name in (NAME, "registry", "images")] == ["10.1.2.3"] * 3
    assert changed(site.plan(write_hosts, "ws1")["ws1"]) == []
    assert lab.exec("ws1", ["sudo", "-n", "true"]) == ""  # its own name still resolves


def test_an_older_entry_that_would_win_is_taken_out_and_its_other_names_stay(lab: Lab, site: Site) -> None:
    lab.exec("ws1", ["sed", "-i", f"1i 10.9.9.9\\t{NAME} gone\\t# by hand", "/etc/hosts"])
    assert looked_up(lab, NAME) == "10.9.9.9"
    assert changed(site.apply(write_hosts, "ws1")["ws1"]) == [EDIT]
    assert (looked_up(lab, NAME), looked_up(lab, "gone")) == ("10.1.2.3", "10.9.9.9")
    assert changed(site.plan(write_hosts, "ws1")["ws1"]) == []


def test_a_registry_that_moves_is_found_at_its_new_address(lab: Lab, site: Site) -> None:
    site.apply(write_hosts, "ws1")
    site.write(registry={"name": NAME, "address": "10.1.2.4"}, names={"hosts": {"mirror.moor.test": "10.1.2.5"}})
    assert changed(site.apply(write_hosts, "ws1")["ws1"]) == [EDIT]
    assert [looked_up(lab, name) for name in (NAME, "images", "mirror.moor.test")] == ["10.1.2.4", "", "10.1.2.5"]


def test_what_cloud_init_makes_the_file_from_at_boot_holds_the_names_too(lab: Lab, site: Site) -> None:
    lab.exec("ws1", ["sh", "-c", f"mkdir -p /etc/cloud/templates; echo '## template:jinja' > {CLOUD_TEMPLATE}"])
    assert changed(site.apply(write_hosts, "ws1")["ws1"]) == [EDIT, f"edit:{CLOUD_TEMPLATE}#names"]
    template = lab.exec("ws1", ["cat", CLOUD_TEMPLATE])
    assert template.startswith("## template:jinja\n# BEGIN moor\n")
    assert f"10.1.2.3 {NAME} registry images\n" in template
    assert changed(site.plan(write_hosts, "ws1")["ws1"]) == []
