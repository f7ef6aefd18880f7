"""moor's access list goes from a device as it came: by moor remove, and when the device leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moor.cli.commands import remove
from moor.cli.options import Options
from tests.harness.commands import moor_here
from tests.tasks.devices.conftest import INTERFACES, Edge

Make = Callable[..., Edge]


def without_list(one: Edge, platform: str) -> None:
    """Take the section out of the inventory."""
    one.write()
    hosts = one.site / "inventory/hosts.yaml"
    text = hosts.read_text()
    assert "access_list" in text
    hosts.write_text(text.replace("access_list", "custom"))


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xr", "cisco_nxos", "arista_eos", "juniper_junos"])
def test_a_list_that_the_inventory_has_no_longer_is_removed_and_nothing_else(edge: Make, platform: str) -> None:
    one = edge(platform)
    before = {head: list(lines) for head, lines in one.box.running.items()}
    if platform == "cisco_ios":
        one.settings["name"] = "HARBOR-ONLY"  # known by the history alone, once the section is gone
    assert one.run("apply")[0] == 0
    options = Options(site=one.site, quiet=True)
    assert remove.remove(options, ("devices",), True) == 0  # the inventory has it still
    without_list(one, platform)
    one.output()
    assert remove.remove(options, ("devices",), True) == 2
    planned = one.output()
    assert "acl:HARBOR-ONLY" in planned if platform == "cisco_ios" else "acl:MOOR-REGISTRY" in planned
    assert "access-list" in planned or "filter" in planned
    assert one.box.running != before  # a plan removes nothing
    assert remove.remove(options, ("devices",), False) == 0
    assert {head: list(lines) for head, lines in one.box.running.items()} == before
    assert (one.box.startup, one.box.undo) == (one.box.running, None)
    assert remove.remove(options, ("devices",), False) == 0


def test_a_list_that_only_the_saved_configuration_has_would_come_back_and_is_removed(edge: Make) -> None:
    one = edge("cisco_nxos")
    assert one.run("apply")[0] == 0
    one.box.running = {head: ["ip address 192.0.2.1 255.255.255.0"] for head in one.box.running if "interface" in head}
    without_list(one, "cisco_nxos")
    options = Options(site=one.site, quiet=True)
    assert remove.remove(options, ("devices",), True) == 2
    assert remove.remove(options, ("devices",), False) == 0
    assert one.box.startup == one.box.running


def test_a_device_that_leaves_loses_its_list_then_its_entry(edge: Make) -> None:
    one = edge("arista_eos")
    assert one.run("apply")[0] == 0
    hosts = one.site / "inventory/hosts.yaml"
    hosts.write_text(f"node1: {{hostname: 192.0.2.9}}\n{hosts.read_text()}")
    planned = moor_here(one.site, "offboard", "edge1", "--plan")
    assert (planned.returncode, "acl:MOOR-REGISTRY" in planned.stdout) == (2, True), planned.said
    assert "goes out of hosts.yaml" in planned.stdout
    assert "proof" not in planned.stdout
    one.box.instead = {"no ip access-list .*": "% Invalid input: not today"}
    refused = moor_here(one.site, "offboard", "edge1", "--yes")
    assert (refused.returncode, "edge1 is still in the inventory" in refused.stderr) == (1, True), refused.said
    one.box.instead = {}
    done = moor_here(one.site, "offboard", "edge1", "--yes")
    assert (done.returncode, "moor has no access list on it" in done.stdout) == (0, True), done.said
    assert [head for head in one.box.running if "access-list" in head] == []
    assert all(
        "access-group" not in line for name in INTERFACES["arista_eos"] for line in one.box.running[f"interface {name}"]
    )
    assert "edge1" not in hosts.read_text()
