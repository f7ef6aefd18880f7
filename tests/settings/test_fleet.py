"""Three files become facts, and everything wrong in them is told at once, with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.settings import SecretRef
from moor.settings.document import Source, Tree, merge
from tests.settings.fleets import Login, Runtime, read


def test_the_nearest_wins_key_by_key(tmp_path: Path) -> None:
    fleet, wrong = read(
        tmp_path,
        hosts="""\
            node1:
              groups: [fast, nodes]
              data: {runtime: {retries: 9}}
            """,
        groups="""\
            nodes: {data: {runtime: {level: debug, retries: 5}, custom: {rack: a, row: 1}}}
            fast: {groups: [base], data: {runtime: {config_path: /fast}, custom: {rack: b}}}
            base: {data: {runtime: {config_path: /base, level: info}}}
            """,
        defaults="data: {runtime: {mirrors: [{host: a.b}], config_path: /defaults}, custom: {site: x}}",
    )
    assert wrong == []
    data = fleet.facts("node1").data
    mirrors = data["runtime"].mirrors
    assert data["runtime"] == Runtime(config_path="/fast", level="info", retries=9, mirrors=mirrors)
    assert data["custom"] == {"rack": "b", "row": 1, "site": "x"}


def test_lists_are_replaced_not_mixed(tmp_path: Path) -> None:
    fleet, _ = read(
        tmp_path,
        "node1: {data: {runtime: {mirrors: [{host: mine}]}}}",
        defaults="data: {runtime: {mirrors: [{host: a}, {host: b}]}}",
    )
    assert [mirror.host for mirror in fleet.facts("node1").data["runtime"].mirrors] == ["mine"]


def test_a_null_takes_a_section_away(tmp_path: Path) -> None:
    fleet, wrong = read(tmp_path, "a: {data: {runtime: null}}\nb: {}", defaults="data: {runtime: {retries: 1}}")
    assert wrong == []
    assert "runtime" not in fleet.facts("a").data
    assert fleet.facts("b").data["runtime"].retries == 1


def test_hosts_that_inherit_the_same_share_one_model(tmp_path: Path) -> None:
    fleet, _ = read(tmp_path, "a: {}\nb: {}", defaults="data: {runtime: {retries: 1}}")
    assert fleet.facts("a").data["runtime"] is fleet.facts("b").data["runtime"]


def test_references_are_relative_to_the_site(tmp_path: Path) -> None:
    fleet, wrong = read(tmp_path, "a: {password: file:p, data: {login: {user: me, password: file:secrets/x}}}")
    assert wrong == []
    facts = fleet.facts("a")
    assert facts.data["login"] == Login(user="me", password=SecretRef(f"file:{tmp_path}/secrets/x"))
    assert facts.entry.password == SecretRef(f"file:{tmp_path}/p")


CASES = [
    pytest.param(
        {
            "hosts": "a: {groups: [nodes]}\nb: {groups: [nodes]}",
            "groups": "nodes:\n  data:\n    runtime:\n      config_pth: /x",
        },
        ["groups.yaml:4: nodes.data.runtime.config_pth: no such key; did you mean config_path?"],
        id="a key that two hosts inherit is told once",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    runtim: {}"},
        ["hosts.yaml:3: a.data.runtim: no such key; did you mean runtime? (facts of your own go below data.custom)"],
        id="an unknown section",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    rack: 4"},
        [
            "hosts.yaml:3: a.data.rack: no such key; known here: custom, login, mirrors, runtime, "
            "ssh_host_key "
            "(facts of your own go below data.custom)"
        ],
        id="a free key beside the sections",
    ),
    pytest.param(
        {"hosts": "a:\n  prot: 22"},
        ["hosts.yaml:2: a.prot: no such key; did you mean port?"],
        id="an unknown key of a host",
    ),
    pytest.param(
        {"hosts": "a:\n  port: ssh\n\nb:\n  port: 70000"},
        [
            "hosts.yaml:2: a.port: must be a valid integer, unable to parse string as an integer",
            "hosts.yaml:5: b.port: must be less than or equal to 65535",
        ],
        id="two wrong ports",
    ),
    pytest.param(
        {"hosts": "a:\n  groups:\n  - nods", "groups": "nodes: {}"},
        ["hosts.yaml:3: a.groups.0: nods: no such group; did you mean nodes?"],
        id="an unknown group",
    ),
    pytest.param(
        {"hosts": "a: {}\nb: {}\na: {}"},
        ["hosts.yaml:3: a: stands here twice, first in line 1"],
        id="a host twice",
    ),
    pytest.param(
        {"hosts": "a: {}", "groups": "x: {groups: [y]}\ny:\n  groups: [x]"},
        [
            "groups.yaml:1: x.groups: the group is its own ancestor; take it out of groups, or out of theirs",
            "groups.yaml:3: y.groups: the group is its own ancestor; take it out of groups, or out of theirs",
        ],
        id="groups in a circle",
    ),
    pytest.param(
        {"hosts": "a:\n  password: Tr0ub4dor"},
        [
            "hosts.yaml:2: a.password: this is not a reference to a secret; write env:NAME, file:PATH or cmd: "
            "[WORD, ...], and keep the secret itself out of these files"
        ],
        id="a password in the clear",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    login: {user: me}"},
        ["hosts.yaml:3: a.data.login.password: is missing"],
        id="a key that is missing",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    runtime:\n      mirrors:\n      - {host: x}\n      - {host: y, skip_verfy: true}"},
        ["hosts.yaml:6: a.data.runtime.mirrors.1.skip_verfy: no such key; did you mean skip_verify?"],
        id="a key in a list",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    runtime:\n      by_name:\n        x:\n          hst: y"},
        [
            "hosts.yaml:5: a.data.runtime.by_name.x.host: is missing",
            "hosts.yaml:6: a.data.runtime.by_name.x.hst: no such key; did you mean host?",
        ],
        id="a key below a free name",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    mirrors:\n      x:\n        host: y\n        skip_verfy: yes"},
        ["hosts.yaml:6: a.data.mirrors.x.skip_verfy: no such key; did you mean skip_verify?"],
        id="a key below a free name of a section",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    runtime: {level: loud, config_path: 5}"},
        [
            "hosts.yaml:3: a.data.runtime.config_path: must be text; put in quotes what looks like something else",
            "hosts.yaml:3: a.data.runtime.level: must be 'info' or 'debug'",
        ],
        id="values of a wrong kind",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    runtime: {by_port: {'70000': {host: b}}, host: Shop}"},
        [
            "hosts.yaml:3: a.data.runtime.by_port.70000: this key must be less than or equal to 65535",
            "hosts.yaml:3: a.data.runtime.host: Shop: not in lower case",
        ],
        id="a wrong key, and a value that the message quotes",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    runtime: [x]"},
        ["hosts.yaml:3: a.data.runtime: must be a mapping: keys with values below it"],
        id="a list where keys belong",
    ),
    pytest.param(
        {"hosts": ""}, ["hosts.yaml:1: no hosts; write one, such as: node1: {hostname: 10.0.0.11}"], id="no hosts"
    ),
    pytest.param(
        {"hosts": "- a\n- b"},
        ["hosts.yaml:1: must be a mapping: names with their keys below them"],
        id="a list of hosts",
    ),
    pytest.param(
        {"hosts": "a: {}\n1: {}\n'b c': {}"},
        [
            "hosts.yaml:2: the key 1 is not text; put it in quotes",
            "hosts.yaml:3: b c: not a name; letters, digits, hyphens, dots and underscores are",
        ],
        id="names that are none",
    ),
    pytest.param(
        {"hosts": "a: {}", "groups": "unused:\n  data:\n    login: {usr: x}"},
        ["groups.yaml:3: unused.data.login.usr: no such key; did you mean user?"],
        id="a group that no host is in",
    ),
    pytest.param(
        {"hosts": "a:\n  data:\n    ssh_host_key: ssh-ed25519 AAAAB3"},
        [
            "hosts.yaml:3: a.data.ssh_host_key.0: not a public key; "
            "write what `ssh-keyscan HOST` prints after the name: ssh-ed25519 AAAA..."
        ],
        id="a host key that is none",
    ),
    pytest.param(
        {"hosts": "a:\n\t- b", "groups": "x: [1", "defaults": "usernam: x"},
        [
            "defaults.yaml:1: usernam: no such key; did you mean username?",
            "groups.yaml:1: not YAML: expected ',' or ']', but got '<stream end>'",
            "hosts.yaml:2: not YAML: found character '\\t' that cannot start any token",
        ],
        id="three files, all of them wrong",
    ),
    pytest.param(
        {"hosts": "a:\n  connection_options:\n    shell:\n      extra: {}"},
        ["hosts.yaml:4: a.connection_options.shell.extra: no such key; did you mean extras?"],
        id="an unknown key of a connection",
    ),
]


@pytest.mark.parametrize(("files", "lines"), CASES)
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path: Path, files: dict[str, str], lines: list[str]) -> None:
    assert read(tmp_path, **files)[1] == lines


def test_tags_and_endless_aliases_are_told(tmp_path: Path) -> None:
    (wrong,) = read(tmp_path, "a: {hostname: !vault x}")[1]
    assert wrong.startswith("hosts.yaml:1: a.hostname: not a value: could not determine a constructor")
    wrong = read(tmp_path, "b:\n  data:\n    custom: &c {x: *c}")[1][0]
    assert wrong == "hosts.yaml:3: an anchor whose value contains itself"


def test_yaml_merge_keys_are_understood(tmp_path: Path) -> None:
    fleet, wrong = read(tmp_path, "a: &a {port: 1, username: x}\nb:\n  <<: *a\n  port: 2")
    assert wrong == []
    assert (fleet.facts("b").entry.port, fleet.facts("b").entry.username) == (2, "x")


scalars = st.none() | st.integers() | st.text(max_size=3)
plain = st.recursive(
    scalars, lambda inner: st.dictionaries(st.sampled_from("abcd"), inner) | st.lists(inner), max_leaves=9
)


def tree(value: object) -> Tree:
    """Return a value as a tree, all of it at one place."""
    if isinstance(value, dict):
        return Tree(Source("f", 1), {key: tree(entry) for key, entry in value.items()})
    return Tree(Source("f", 1), tuple(map(tree, value)) if isinstance(value, list) else value)


@given(plain, plain, plain)
def test_merging_is_the_same_in_whatever_order_it_is_grouped(a: object, b: object, c: object) -> None:
    one, two, three = tree(a), tree(b), tree(c)
    left = merge(merge(one, two), three).plain()
    if all(isinstance(value, dict) for value in (a, b, c)) and not _kinds_differ(a, b, c):
        assert left == merge(one, merge(two, three)).plain()
    assert merge(one, one).plain() == one.plain()


def _kinds_differ(*values: object) -> bool:
    """Return whether a mapping meets something else under one key: then what is below is gone, and order counts."""
    dicts = [value for value in values if isinstance(value, dict)]
    if len(dicts) not in (0, len(values)):
        return True
    every = {key for value in dicts for key in value}
    return any(_kinds_differ(*(value[key] for value in dicts if key in value)) for key in every)
