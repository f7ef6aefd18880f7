"""What the words of --limit name, and names folded so that --limit takes them back."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Group, Groups, Host, ParentGroups

from moor.errors import InputError
from moor.folding import fold
from moor.run.host_words import HostWords, split_words

NAMES = ["cp1", "node1", "node2", "node10", "rack2-a", "rack2-b", "ws1"]
GROUPS = {name: Group(name) for name in ("nodes", "workstations")}
FACTS = {"node1": {"rack": "r7", "dc": {"row": 3}}, "node2": {"rack": "r8"}, "ws1": {"rack": "r7", "loaner": True}}


def host(name: str) -> Host:
    groups = [GROUPS["nodes"]] if name.startswith(("cp", "node")) else [GROUPS["workstations"]] if name == "ws1" else []
    return Host(name, groups=ParentGroups(groups), data={"custom": FACTS.get(name, {})}, platform="linux")


def earlier(word: str) -> frozenset[str]:
    if word != "@failed":
        raise InputError(f"--limit: {word} means no hosts")
    return frozenset({"node2", "left-the-fleet"})


def chosen(expression: str, names: Iterable[str] = NAMES) -> list[str]:
    hosts = {name: host(name) for name in names}
    return sorted(HostWords(hosts, Groups(GROUPS), earlier).chosen(split_words(expression)))


@pytest.mark.parametrize(
    ("expression", "hosts"),
    [
        ("nodes", "cp1 node1 node10 node2"),
        ("nodes,!cp1", "node1 node10 node2"),
        ("!nodes", "rack2-a rack2-b ws1"),
        ("node[1-2,10]", "node1 node10 node2"),
        (" node[1-2] , ws1 ", "node1 node2 ws1"),
        ("node*,!node1?", "node1 node2"),
        ("rack2-[a-b],ws?", ""),
        ("rack2-?", "rack2-a rack2-b"),
        ("work*", "ws1"),
        ("@failed", "node2"),
        ("!@failed", "cp1 node1 node10 rack2-a rack2-b ws1"),
        ("rack=r7", "node1 ws1"),
        ("rack=r*,!ws1", "node1 node2"),
        ("dc.row=3", "node1"),
        ("loaner=true", "ws1"),
        ("platform=linux,!rack=r7,!nodes", "rack2-a rack2-b"),
    ],
)
def test_words_name_hosts(expression: str, hosts: str) -> None:
    if not hosts:
        with pytest.raises(InputError, match="write a range as in node"):
            chosen(expression)
        return
    assert chosen(expression) == hosts.split()


def test_every_word_that_names_nobody_is_told_at_once() -> None:
    with pytest.raises(InputError) as told:
        chosen("noed1,rack9*,node[1-3],rack=r9,rak=r7,!,@late,node[3-1],x[1-99999999]")
    lines = str(told.value).splitlines()
    assert lines == [
        "--limit: no host or group is called noed1; did you mean node1?",
        "--limit: no host or group is like rack9*; hosts.yaml and groups.yaml have the names",
        "--limit: no host or group is called node3; did you mean nodes?",
        "--limit: no host has rack=r9 (there are r7, r8)",
        "--limit: no host has rak below data.custom; did you mean rack?",
        "--limit: ! excludes nobody; write a host or a group behind it",
        "--limit: @late means no hosts",
        lines[7],
        "--limit: x[1-99999999]: it names 99999999 hosts, more than 100000; write a shorter range",
    ]
    assert lines[7].startswith("--limit: node[3-1]: ")


LABELS = st.from_regex(r"[a-z]{1,3}[0-9]{0,3}([-.][a-z0-9]{1,3}){0,2}", fullmatch=True)


@given(st.sets(LABELS, min_size=1, max_size=40))
def test_folded_names_are_a_limit_of_the_same_hosts(names: set[str]) -> None:
    assert chosen(fold(sorted(names)).replace(" ", ","), names) == sorted(names)


def test_many_names_are_folded_and_few_are_not() -> None:
    assert fold(["node1", "node2", "ws1"]) == "node1 node2 ws1"
    assert fold([f"node{number}" for number in range(1, 501)]) == "node[1-500]"
    assert fold([*(f"node{number}" for number in range(1, 9)), "ws1", "odd[name"]) == "node[1-8] ws1 odd[name"
