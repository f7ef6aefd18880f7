"""A host leaves: hosts.yaml without it, what is remembered of it, and who may not leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import ConnectionOptions, Defaults, Host

from moor.errors import InputError
from moor.formats.yaml_text import parse_yaml
from moor.inventory.joining import add_hosts, remove_host
from moor.inventory.leaving import (
    LeavingHost,
    files_with_outsider,
    forget_leaving,
    keep_leaving,
    login_of,
    read_leaving,
)
from moor.settings.access import SiteSettings
from moor.sites.site import open_site
from tests.harness.commands import moor_here
from tests.harness.sites import DEFAULTS, GROUPS, HOSTS, Content, write_site

NAMES = st.lists(st.from_regex(r"host[a-z0-9-]{0,4}", fullmatch=True), min_size=2, max_size=5, unique=True)


@given(NAMES)
def test_the_other_hosts_stay_as_they_are(names: list[str]) -> None:
    lines = {name: f"{name}: {{hostname: 10.0.0.{at}}} # of {name}\n" for at, name in enumerate(names, 1)}
    text = "# ours\n" + "".join(lines.values())
    left = remove_host(text, names[0])
    assert [*parse_yaml(left)] == names[1:]
    assert all(line in left for name, line in lines.items() if name != names[0])
    assert left.startswith("# ours\n")


def test_what_was_added_goes_again() -> None:
    before = "node1: {hostname: 10.0.0.1}\n"
    added = add_hosts(before, {"node2": {"hostname": "10.0.0.2", "groups": ["nodes"]}})
    assert remove_host(added, "node2").strip() == before.strip()


def test_a_file_that_cannot_be_edited_is_refused() -> None:
    with pytest.raises(InputError, match="take node1 out of it by hand"):
        remove_host("node1: {}\nnode1: {}\n", "node1")


def test_a_host_is_reached_as_before_when_it_is_no_member_of_its_groups_any_more(tmp_path: Path) -> None:
    defaults = Defaults(username="ops", port=2222)
    extras: dict[str, Any] = {"key_file": "/k", "ssh_host_key": ["ssh-ed25519 AAAA"]}
    shell = {"shell": ConnectionOptions(extras=extras)}
    host = Host("node1", "10.0.0.1", connection_options=shell, defaults=defaults)
    login = login_of(host)
    assert (login["hostname"], login["port"], login["username"]) == ("10.0.0.1", 2222, "ops")
    assert login["connection_options"] == {"shell": {"extras": {"key_file": "/k"}}}

    site = SiteSettings.at(tmp_path, state=tmp_path / "state")
    assert read_leaving(site, "node1") is None
    keep_leaving(site, LeavingHost("node1", login, {"shop+puller": 2}))
    assert read_leaving(site, "node1") == LeavingHost("node1", login, {"shop+puller": 2})
    forget_leaving(site, "node1")
    assert read_leaving(site, "node1") is None
    (site.state / "leaving/node1.json").write_text("{")
    with pytest.raises(InputError, match=r"node1.json: it cannot be read"):
        read_leaving(site, "node1")


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvccMbR0sCRbiFRBNHgmpK9aFIhmg8uqQ/rpYsRGtdF"


@pytest.mark.parametrize("groups", ["", "nodes: {}\n", "outsiders:\n  data: {custom: {a: 1}}\n"])
def test_the_proof_finds_the_host_as_an_outsider_whatever_the_files_say(tmp_path: Path, groups: str) -> None:
    registry = {"data": {"registry": {"name": "registry.corp.example.org", "address": "10.0.0.5"}}}
    files: dict[str, Content] = {HOSTS: {"node1": {}, "node2": {}}, GROUPS: groups, DEFAULTS: registry}
    site, paths = write_site(tmp_path, files), {"host_file": HOSTS, "group_file": GROUPS}
    login = {"hostname": "10.0.0.1", "username": "ops", "data": {"ssh_host_key": [KEY]}}
    with files_with_outsider(SiteSettings.at(site), paths, LeavingHost("node2", login)) as written:
        nr = open_site(site, files=written)
    host = nr.inventory.hosts["node2"]
    assert host.has_parent_group("outsiders")
    assert (host.hostname, host.username) == ("10.0.0.1", "ops")
    assert sorted(open_site(site).inventory.hosts) == ["node1", "node2"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nod1", "no host of the inventory is called nod1; did you mean node1?"),
        ("harbor1", "harbor1 serves the registry"),
        ("cp1", "cp1 stands for the cluster; put another host into the group control_plane first"),
        ("eks1", "eks1 is no node, and moor wrote no files on it; take it out of hosts.yaml"),
        ("fw1", "nobody to ask, since standard input is no terminal; say --yes"),
        ("node1", "nobody to ask, since standard input is no terminal; say --yes"),
    ],
)
def test_who_cannot_leave_is_said_before_any_host_is_contacted(tmp_path: Path, name: str, words: str) -> None:
    hosts = {
        "harbor1": {"hostname": "127.0.0.1", "groups": ["harbor"]},
        "cp1": {"hostname": "127.0.0.2", "groups": ["control_plane", "nodes"]},
        "node1": {"hostname": "127.0.0.3", "groups": ["nodes"]},
        "fw1": {"hostname": "127.0.0.4", "groups": ["devices"], "platform": "cisco_ios"},
        "eks1": {"groups": ["clusters"], "data": {"cluster": {"kubeconfig": "kubeconfig"}}},
    }
    groups: dict[str, dict[str, Any]] = {
        name: {} for name in ("harbor", "control_plane", "nodes", "devices", "clusters")
    }
    data = {"registry": {"name": "registry.corp.example.org", "address": "10.0.0.5"}, "pki": {"passphrase": "env:NONE"}}
    site = write_site(tmp_path, {HOSTS: hosts, GROUPS: groups, DEFAULTS: {"data": data}})
    done = moor_here(site, "offboard", name)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (site / ".moor").exists()
