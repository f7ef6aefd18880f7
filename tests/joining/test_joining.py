"""Nodes are taken into hosts.yaml, whose other lines stay as they are, or one error says everything against it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from moor.errors import InputError
from moor.inventory.joining import HostsFileDraft, add_hosts, adoptable_nodes, entries_of
from moor.inventory.nodes import Node, pair_nodes
from moor.settings import SiteSettings

ENTRY = {"node9": {"hostname": "10.0.0.9", "groups": ["nodes"]}}
FILES = {name: f"{name}.yaml" for name in ("host_file", "group_file", "defaults_file")}
WRITTEN = """\
# The fleet.
node1: # the first
  hostname: 10.0.0.1
  groups: [nodes]   # as written


node2: {hostname: "10.0.0.2"}
# the end"""


def test_what_is_added_stands_at_the_end_and_no_other_line_changes() -> None:
    assert add_hosts(WRITTEN, ENTRY) == f"{WRITTEN}\n\nnode9:\n  hostname: 10.0.0.9\n  groups: [nodes]\n"


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "{node1: {hostname: a}}\n", "node1: {}\n...\n", "---\nnode1: {}\n"]
)
def test_a_file_of_any_style_holds_the_new_host_and_all_that_it_had(text: str) -> None:
    load = YAML(typ="safe", pure=True).load
    assert load(add_hosts(text, ENTRY)) == {**(load(text) or {}), **ENTRY}


@pytest.mark.parametrize("end", ["", "\r\n"])
def test_lines_that_end_as_on_windows_go_on_to_do_so(tmp_path: Path, end: str) -> None:
    made = draft(tmp_path, Node("node9", ("10.0.0.9",)))
    before = b"# mine\r\nnode1: {hostname: 10.0.0.1}" + end.encode()
    (tmp_path / "host_file.yaml").write_bytes(before)
    with draft_in(made.site, Node("node9", ("10.0.0.9",))) as made:
        made.keep()
    after = (tmp_path / "host_file.yaml").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(b"\r\n") > 3


def test_a_file_in_braces_keeps_its_other_lines_and_comments() -> None:
    text = '{ # mine\n  node1: {hostname: "a"},   # first\n  node2: {hostname: b}\n}\n'
    after = add_hosts(text, ENTRY)
    for line in text.splitlines()[:2]:
        assert line in after.splitlines()
    assert after.startswith(text.removesuffix("\n}\n"))


@pytest.mark.parametrize("text", ["node1: {hostname: a, hostname: b}\n...\n", "a: " + "[" * 3000, "- " * 3000])
def test_what_cannot_be_edited_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"^hosts\.yaml: "):
        add_hosts(text, ENTRY)


@given(
    st.dictionaries(st.text("abc", min_size=1), st.sampled_from(["10.0.0.1", "a b", "no", "'q'", "x: y"]), max_size=5)
)
def test_whatever_stands_in_the_file_the_result_is_the_file_and_the_new_host(hosts: dict[str, str]) -> None:
    text = "".join(f"{name}:\n  hostname: {address!r}  # {name}\n" for name, address in hosts.items())
    after = add_hosts(text, ENTRY)
    assert after.startswith(text)
    load = YAML(typ="safe", pure=True).load
    assert load(after) == {**(load(text) or {}), **ENTRY}


@pytest.mark.parametrize("text", ["- a list\n", "a: [\n"])
def test_a_file_that_is_no_inventory_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"hosts\.yaml"):
        add_hosts(text, ENTRY)


def test_everything_against_adopting_is_told_at_once() -> None:
    hosts = {"node1": "10.0.0.1", "clash": "10.0.0.50"}
    nodes = [
        Node("node1", ("10.0.0.1",)),
        Node("clash2", ("10.0.0.60",)),
        Node("tal1", ("10.0.0.8",), os_image="Talos (v1.7.5)"),
        Node("nowhere"),
        Node("new", ("10.0.0.9",)),
    ]
    with pytest.raises(InputError) as caught:
        adoptable_nodes(["node1", "tal1", "nowhere", "nev"], hosts, nodes, pair_nodes(hosts, nodes))
    lines = str(caught.value).splitlines()
    assert lines[0] == "node1: it is in the inventory already"
    assert "Talos has no SSH" in lines[1]
    assert "knows no address" in lines[2]
    assert "did you mean new?" in lines[3]
    assert [node.name for node in adoptable_nodes(["new", "new"], hosts, nodes, pair_nodes(hosts, nodes))] == ["new"]


def draft(place: Path, *nodes: Node) -> HostsFileDraft:
    for name, text in (("host", "# mine\nnode1: {hostname: 10.0.0.1}\n"), ("group", "nodes: {}\n"), ("defaults", "")):
        (place / f"{name}_file.yaml").write_text(text)
    return draft_in(SiteSettings.at(place, state=place / "state"), *nodes)


def draft_in(site: SiteSettings, *nodes: Node) -> HostsFileDraft:
    return HostsFileDraft(site, FILES, partial(add_hosts, entries=entries_of(nodes)))


def test_a_draft_becomes_the_file_with_its_mode_and_leaves_nothing_beside(tmp_path: Path) -> None:
    made = draft(tmp_path, Node("node9", ("10.0.0.9",)))
    (tmp_path / "host_file.yaml").chmod(0o640)
    with made:
        assert made.inventory().hosts["node9"].hostname == "10.0.0.9"
        made.keep()
    assert (tmp_path / "host_file.yaml").read_text().startswith("# mine\nnode1: {hostname: 10.0.0.1}\n")
    assert (tmp_path / "host_file.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "defaults_file.yaml",
        "group_file.yaml",
        "host_file.yaml",
    ]


def test_a_draft_that_is_not_kept_changes_nothing(tmp_path: Path) -> None:
    with draft(tmp_path, Node("node9", ("10.0.0.9",))):
        pass
    assert (tmp_path / "host_file.yaml").read_text() == "# mine\nnode1: {hostname: 10.0.0.1}\n"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_fleet_that_would_not_be_valid_is_refused(tmp_path: Path) -> None:
    made = draft(tmp_path, Node("node9", ("10.0.0.9",)))
    (tmp_path / "group_file.yaml").write_text("workstations: {}\n")
    with made, pytest.raises(InputError, match="nodes"):
        made.inventory()


@pytest.mark.parametrize("written", ["a: {word: hunter22}\na: {word: hunter23}\n", "a: {password: 'hunter22'\n"])
def test_a_hosts_file_that_cannot_be_read_is_told_by_its_line_and_not_by_what_stands_there(written: str) -> None:
    with pytest.raises(InputError, match=r"hosts\.yaml: line \d: not YAML: ") as refused:
        add_hosts(written, {"node9": {"hostname": "10.0.0.9"}})
    assert "hunter2" not in str(refused.value)
