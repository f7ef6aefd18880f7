"""Two hosts in group harbor: the second is a standby, and which one serves is in one file of the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from nornir.core import Nornir

from moor.context import context_of
from moor.errors import InputError
from moor.run.runbook import EVERY_REGISTRY, OWN_REGISTRY, REGISTRY, SERVING_REGISTRY
from moor.run.selection import refuse_unfilled
from moor.run.serving import choose_host, serve_from
from moor.runbooks import site as site_runbook
from moor.settings import settings_of
from moor.settings.active import ActiveFile, ActiveRegistry
from moor.sites.site import open_site
from moor.tasks.access import members_of
from moor.tasks.facts import Registry, own_registry
from moor.tasks.names import names_for
from tests.harness.sites import write_site

FIRST, STANDBY = "10.0.0.11", "10.0.0.12"
HOSTS = {
    "harbor1": {"hostname": FIRST, "groups": ["harbor"]},
    "harbor2": {"hostname": STANDBY, "groups": ["harbor"]},
    "node1": {"hostname": "10.0.0.31", "groups": ["nodes"]},
}
HARBOR = {"installer": "harbor-offline-installer-v2.8.3.tgz", "admin_password": "file:admin"}


def written(folder: Path, standby: object = None, **more: Any) -> Path:
    registry: dict[str, Any] = {"name": "registry.corp.test", "address": FIRST}
    second = {"host": "harbor2", "address": STANDBY} if standby is None else standby
    files: Mapping[str, Any] = {
        "inventory/hosts.yaml": HOSTS,
        "inventory/groups.yaml": {"harbor": {}, "nodes": {}},
        "inventory/defaults.yaml": {
            "data": {
                "registry": registry | ({"standby": second} if second else {}),
                "harbor": HARBOR,
                "access": {"groups": ["nodes"]},
                "pki": {"passphrase": "file:admin"},
            }
        },
        **more,
    }
    return write_site(folder, files, {"admin": "Adm1nSecret\n"})


def opened(folder: Path, standby: object = None, **more: Any) -> Nornir:
    return open_site(written(folder, standby, **more), dry_run=True)


def active(text: str) -> dict[str, str]:
    return {"active.yaml": text}


def chosen(nr: Nornir, which: Any) -> list[str]:
    return [name for name, host in nr.inventory.hosts.items() if which(host)]


def test_the_first_serves_until_a_failover(tmp_path: Path) -> None:
    nr = opened(tmp_path)
    assert context_of(nr).registry_pair == ("harbor1", "harbor2")
    assert [str(a) for a in names_for(nr.inventory.hosts["node1"])["registry.corp.test"]] == [FIRST]
    assert chosen(nr, REGISTRY) == chosen(nr, SERVING_REGISTRY) == ["harbor1"]
    assert chosen(nr, OWN_REGISTRY) == chosen(nr, EVERY_REGISTRY) == ["harbor1", "harbor2"]


def test_after_a_failover_all_names_lead_to_the_standby_and_each_harbor_keeps_its_own_address(tmp_path: Path) -> None:
    nr = opened(tmp_path, **active("serving: harbor2\n"))
    for host in nr.inventory.hosts.values():
        assert [str(a) for a in names_for(host)["registry.corp.test"]] == [STANDBY]
    assert chosen(nr, REGISTRY) == chosen(nr, SERVING_REGISTRY) == ["harbor2"]
    own = {name: str(own_registry(nr.inventory.hosts[name]).address) for name in ("harbor1", "harbor2")}
    assert own == {"harbor1": FIRST, "harbor2": STANDBY}
    assert settings_of(nr.inventory.hosts["node1"], Registry) is settings_of(nr.inventory.hosts["harbor1"], Registry)


def test_a_failover_in_memory_is_what_the_next_opening_of_the_site_reads(tmp_path: Path) -> None:
    nr = opened(tmp_path)
    serve_from(nr, "harbor2")
    again = opened(tmp_path / "again", **active("serving: harbor2\n"))
    for name, host in nr.inventory.hosts.items():
        assert settings_of(host, Registry) == settings_of(again.inventory.hosts[name], Registry)
    serve_from(nr, "harbor1")
    assert settings_of(nr.inventory.hosts["node1"], Registry) == settings_of(
        opened(tmp_path / "first").inventory.hosts["node1"], Registry
    )


def test_each_registry_admits_the_other_which_copies_to_it(tmp_path: Path) -> None:
    nr = opened(tmp_path)
    for name in ("harbor1", "harbor2"):
        assert {FIRST, STANDBY} <= {str(one.network_address) for one in members_of(nr.inventory.hosts[name])}


def test_the_addresses_of_both_are_named_in_an_order_that_a_failover_keeps(tmp_path: Path) -> None:
    before = settings_of(opened(tmp_path).inventory.hosts["node1"], Registry).every_address
    after = opened(tmp_path / "after", **active("serving: harbor2\n"))
    assert settings_of(after.inventory.hosts["node1"], Registry).every_address == before
    assert [str(one) for one in before] == [FIRST, STANDBY]


@pytest.mark.parametrize(
    ("standby", "hosts", "words"),
    [
        ({}, HOSTS, "harbor1 is in group harbor already, and one host runs Harbor; take one out, or name the second"),
        (
            {"host": "harbor3", "address": STANDBY},
            HOSTS,
            "no host of group harbor is called harbor3; put the standby's host into it",
        ),
        (
            {"host": "harbor2", "address": STANDBY},
            {name: host for name, host in HOSTS.items() if name != "harbor1"},
            "harbor2 is the only host of group harbor; put the first one into it too",
        ),
        (
            {"host": "harbor2", "address": STANDBY},
            HOSTS | {"harbor3": {"hostname": "10.0.0.13", "groups": ["harbor"]}},
            "harbor1 and harbor2 are in group harbor already, and one host and a standby run Harbor; take one out",
        ),
    ],
)
def test_a_pair_that_is_none_is_refused_with_the_place(
    tmp_path: Path, standby: dict[str, str], hosts: dict[str, Any], words: str
) -> None:
    nr = opened(tmp_path, standby, **{"inventory/hosts.yaml": hosts})
    with pytest.raises(InputError) as refused:
        refuse_unfilled(nr, site_runbook.RUNBOOK.stages)
    assert words in str(refused.value)
    assert "inventory/" in str(refused.value)


@pytest.mark.parametrize(
    ("standby", "words"),
    [
        ({"host": "harbor2", "address": FIRST}, "standby.address: it is the first one's address"),
        ({"host": "harbor2", "address": "fd00::12"}, "standby: it has other kinds of addresses"),
        ({"host": "harbor2"}, "standby.address: is missing"),
        ({"host": "harbor2", "address": "127.0.0.1"}, "other hosts cannot reach"),
    ],
)
def test_a_standby_that_cannot_take_the_firsts_place_is_refused(
    tmp_path: Path, standby: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError, match=r"inventory/defaults\.yaml") as refused:
        opened(tmp_path, standby)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("serving: node1\n", "active.yaml:1: serving: node1 is no registry host with a standby"),
        ("moving_to: nobody\n", "active.yaml:1: moving_to: nobody is no registry host"),
        ("served: harbor2\n", "active.yaml:1: served: no such key"),
        ("[", "active.yaml:1: not YAML"),
    ],
)
def test_a_file_that_names_nobody_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        opened(tmp_path, **active(text))
    assert words in str(refused.value)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    nr = opened(tmp_path)
    file = ActiveFile.of(tmp_path / "active.yaml", tmp_path)
    file.replace(ActiveRegistry(serving="harbor1", moving_to="harbor2"))
    assert choose_host(nr, "", False) == "harbor2"
    file.replace(ActiveRegistry(serving="harbor2"))
    assert context_of(open_site(tmp_path)).serving_host == "harbor2"


def test_the_host_to_move_to_is_the_other_one_or_the_one_that_was_begun_with(tmp_path: Path) -> None:
    nr = opened(tmp_path, **active("serving: harbor2\nmoving_to: harbor2\n"))
    assert choose_host(nr, "", False) == "harbor2"  # it is gone on with, not turned round
    assert choose_host(nr, "harbor1", False) == choose_host(nr, "", True) == "harbor1"
    with pytest.raises(InputError, match="name harbor1 or harbor2"):
        choose_host(nr, "node1", False)
    with pytest.raises(InputError, match="leave one out"):
        choose_host(nr, "harbor1", True)


def test_without_a_standby_there_is_nothing_to_fail_over_to(tmp_path: Path) -> None:
    hosts = {name: host for name, host in HOSTS.items() if name != "harbor2"}
    nr = opened(tmp_path, {}, **{"inventory/hosts.yaml": hosts})
    with pytest.raises(InputError, match=r"data\.registry\.standby"):
        choose_host(nr, "", False)
