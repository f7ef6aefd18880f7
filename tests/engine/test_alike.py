"""Hosts that are alike share what is computed of them, and no host gets what belongs to another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.filter import F
from nornir.core.inventory import ConnectionOptions, Defaults, Group, Host, ParentGroups

from moor.engine.alike import Alike

DEFAULTS = Defaults(port=22, data={"site": "north"}, connection_options={"shell": ConnectionOptions(username="ops")})
NODES, RACK = Group("nodes", data={"zone": "a"}), Group("rack", groups=ParentGroups([]))
SETTINGS = {"plain": "text", "list": ["shared"], "none": None}

READS: dict[str, Callable[[Host], object]] = {
    "name": lambda host: host.name,
    "address": lambda host: host.hostname,
    "text": str,
    "port": lambda host: host.port,
    "username": lambda host: host.username,
    "shell's port": lambda host: host.get_connection_parameters("shell").port,
    "shell's address": lambda host: host.get_connection_parameters("shell").hostname,
    "shell's extras": lambda host: (host.get_connection_parameters("shell").extras or {}).get("key"),
    "no connection's port": lambda host: host.get_connection_parameters().port,
    "is a node": lambda host: host.has_parent_group("nodes"),
    "groups": lambda host: [group.name for group in host.extended_groups()],
    "item": lambda host: host.get("zone"),
    "own item": lambda host: host.get("plain", "none"),
    "inherited": lambda host: host["site"],
    "data": lambda host: host.data.get("list"),
    "in data": lambda host: "plain" in host.data,
    "all data": lambda host: dict(host.data),
    "spread data": lambda host: {**host.data},
    "whole": lambda host: host.extended_data(),
    "keys": lambda host: sorted(host.keys()),
    "length": lambda host: len(host.data),
    "dict": lambda host: host.dict()["hostname"],
    "group's filter": lambda host: F(has_parent_group="rack")(host),
    "name's filter": lambda host: F(name="one")(host),
    "data's filter": lambda host: F(plain="text")(host),
    "nested filter": lambda host: F(deep__er="x")(host),
    "own connections": lambda host: sorted(host.connection_options),
}

HOSTS = st.builds(
    lambda name, hostname, port, groups, data, extras: Host(
        name,
        hostname,
        port,
        groups=ParentGroups(groups),
        data=dict(data),
        connection_options={"shell": ConnectionOptions(port=port and port + 1, extras=extras)},
        defaults=DEFAULTS,
    ),
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from([None, "10.0.0.1", "10.0.0.2"]),
    st.sampled_from([None, 22, 2222]),
    st.lists(st.sampled_from([NODES, RACK]), unique_by=id),
    st.dictionaries(st.sampled_from([*SETTINGS, "deep"]), st.sampled_from([*SETTINGS.values(), {"er": "x"}, 1, True])),
    st.sampled_from([None, {"key": "a"}, {"key": "b"}]),
)


@given(st.lists(HOSTS, min_size=2, max_size=8), st.lists(st.sampled_from(sorted(READS)), max_size=4))
def test_every_host_gets_what_the_function_itself_returns_for_it(hosts: list[Host], reads: list[str]) -> None:
    def look(host: Host) -> list[object]:
        return [READS[read](host) for read in reads]

    alike = Alike(look)
    assert [alike.of(host) for host in hosts] == [look(host) for host in hosts]


@given(st.lists(HOSTS, min_size=2, max_size=8), st.sampled_from(sorted(READS)), st.sampled_from(sorted(READS)))
def test_what_is_read_only_on_some_hosts_counts_only_there(hosts: list[Host], first: str, second: str) -> None:
    def look(host: Host) -> object:
        found = READS[first](host)
        return READS[second](host) if found else found

    alike = Alike(look)
    assert [alike.of(host) for host in hosts] == [look(host) for host in hosts]


def many(count: int, **data: object) -> list[Host]:
    groups = ParentGroups([NODES])
    return [Host(f"node{number}", groups=groups, data=dict(data), defaults=DEFAULTS) for number in range(count)]


def counted(function: Callable[[Host], object]) -> tuple[Alike[object], list[object]]:
    calls: list[object] = []

    def look(host: Host) -> object:
        calls.append(None)
        return function(host)

    return Alike(look), calls


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (lambda host: host.data["settings"], 1),
        (lambda host: host.get_connection_parameters("shell").port, 1),
        (lambda host: host.has_parent_group("nodes") and host["zone"], 1),
        (lambda host: host.data["facts"]["rack"], 1),  # every host has a copy of what it inherits
        (lambda host: host.name, 50),
        (lambda host: host.get_connection_parameters("shell").hostname, 50),
        (lambda host: lambda: host.name, 50),  # it reads the host later
        (lambda host: lambda data=host.data: data["own"], 50),
        (lambda host: host.data.setdefault("note", "written"), 50),
    ],
)
def test_fifty_equal_hosts_are_asked_once_unless_the_function_looks_at_what_is_a_host_s_own(
    function: Callable[[Host], object], calls: int
) -> None:
    alike, made = counted(function)
    for host in many(50, settings=("shared",)):
        host.data["facts"] = {"rack": "a"}
        alike.of(host)
    assert len(made) == calls


def test_fifty_different_hosts_are_each_asked() -> None:
    hosts = [host for number in range(50) for host in many(1, settings=number)]
    alike, made = counted(lambda host: host.data["settings"])
    assert [alike.of(host) for host in hosts] == list(range(50))
    assert len(made) == 50


def test_facts_that_are_equal_only_to_python_are_different() -> None:
    hosts = [host for value in (1, True, 1.0, "1") for host in many(1, facts={"rack": value})]
    alike = Alike(lambda host: host.data["facts"]["rack"])
    assert [repr(alike.of(host)) for host in hosts] == ["1", "True", "1.0", "'1'"]


def test_a_function_that_keeps_the_host_has_each_its_own() -> None:
    alike = Alike(lambda host: lambda: host.name)
    assert [alike.of(host)() for host in many(3)] == ["node0", "node1", "node2"]


def test_what_a_function_writes_on_a_host_is_on_each_host() -> None:
    def write(host: Host) -> None:
        host["note"], host.port = "written", 23

    hosts = many(3)
    for host in hosts:
        Alike(write).of(host)
    assert [(host["note"], host.port) for host in hosts] == [("written", 23)] * 3


def test_an_error_is_each_host_s_own() -> None:
    def refuse(host: Host) -> None:
        raise ValueError(host.name)

    alike = Alike(refuse)
    for host in many(3):
        with pytest.raises(ValueError, match=host.name):
            alike.of(host)
