"""``moor show HOST``: every setting that a host has, merged, and the line where it is written; ``moor list``."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.settings.modules import SHIPPED
from moor.sites.site import open_site, read_fleet
from tests.harness.commands import moor_here
from tests.harness.sites import write_site

SITE = {
    "inventory/hosts.yaml": """\
node1:
  hostname: 10.0.0.1
  groups: [rack]
  data:
    registry: {name: other.moor.test}
    custom: {password: hunter2, token: env:TOKEN, rack: r7, notes: [a, {b: c}]}
node2:
  groups: [rack]
  data:
    names:
""",
    "inventory/groups.yaml": """\
rack:
  groups: [nodes]
  port: 2222
  connection_options:
    shell: {extras: {key_file: /k, api_key: planted}}
nodes:
  username: ops
""",
    "inventory/defaults.yaml": """\
username: root
password: env:SUDO
data:
  registry: {name: registry.moor.test, address: 10.0.0.9}
  names: {hosts: {a.moor.test: 10.0.0.7}}
""",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path, SITE)


def settings(site: Path, host: str) -> dict[str, tuple[str, str]]:
    done = moor_here(site, "show", host, "--output", "json")
    assert done.returncode == 0, done.said
    return {one["setting"]: (one["value"], f"{one['file']}:{one['line']}") for one in done.report["settings"]}


def test_each_setting_has_the_value_that_counts_and_its_line(site: Path) -> None:
    found = settings(site, "node1")
    assert found["username"] == ("ops", "inventory/groups.yaml:7")
    assert found["port"] == ("2222", "inventory/groups.yaml:3")
    assert found["data.registry.name"] == ("other.moor.test", "inventory/hosts.yaml:5")
    assert found["data.registry.address"] == ("10.0.0.9", "inventory/defaults.yaml:4")
    assert found["data.names.hosts.a.moor.test"] == ("10.0.0.7", "inventory/defaults.yaml:5")
    assert found["data.custom.notes[1].b"] == ("c", "inventory/hosts.yaml:6")
    assert "data.names.hosts.a.moor.test" not in settings(site, "node2")  # a null discards it


def test_secrets_are_references_and_what_looks_like_one_is_masked(site: Path) -> None:
    found = settings(site, "node1")
    assert found["password"][0] == "env:SUDO"
    assert found["data.custom.token"][0] == "env:TOKEN"
    assert found["data.custom.password"][0] == "***"
    assert found["connection_options.shell.extras.api_key"][0] == "***"
    assert not {"hunter2", "planted"} & set(moor_here(site, "show", "node1").stdout.split())


def test_the_text_names_address_and_groups_first(site: Path) -> None:
    lines = moor_here(site, "show", "node1").stdout.splitlines()
    assert lines[0] == "node1 at 10.0.0.1, in rack, nodes"
    assert lines[1].split() == ["setting", "written", "in", "value"]
    assert any(line.split() == ["port", "inventory/groups.yaml:3", "2222"] for line in lines)


def test_what_is_neither_a_host_nor_a_file_is_an_error_that_names_the_closest(site: Path) -> None:
    done = moor_here(site, "show", "nod1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("no host of the inventory is called so, and no file is there; did you mean node1?\n")


@pytest.mark.parametrize("host", ["harbor1", "cp1", "node1", "ws1"])
def test_what_is_shown_of_the_shipped_fleet_is_what_a_run_uses(host: str) -> None:
    merged, used = read_fleet(SHIPPED).merged(host), open_site(SHIPPED).inventory.hosts[host]
    assert merged.items["hostname"].plain() == used.hostname
    assert set(merged.items["data"].items) == set(used.data)
    assert merged.items["data"].items["registry"].items["name"].plain() == used["registry"].name


def test_list_has_one_line_for_every_runbook_and_concern(site: Path) -> None:
    found = moor_here(site, "list", "--output", "json").report
    assert {"site", "verify", "firewall"} <= set(found["runbooks"])
    in_order = ["devices", "preflight", "pki", "trust", "harbor", "images", "workload"]
    assert [name for name in found["concerns"] if name in in_order] == in_order
    assert all(line and line[0] == line[0].upper() and "\n" not in line for line in found["runbooks"].values())
    assert found["concerns"]["harbor"].startswith("Harbor on the registry's host")
    text = moor_here(site, "list").stdout
    assert all(f"  {name} " in text for name in (*found["runbooks"], *found["concerns"]))
    assert max(map(len, text.splitlines())) <= 120
