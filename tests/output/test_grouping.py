"""What is alike on many hosts is one block of output, and nothing is shown twice."""

from __future__ import annotations

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
from hypothesis import given
from hypothesis import strategies as st

from moor.cli.commands.running import print_report
from moor.cli.options import Options
from moor.engine.results import Status
from moor.errors import ErrorKind
from moor.folding import FEW
from moor.output import text
from moor.output.grouping import HOST, each_diff_once, folded_rows, grouped
from moor.output.matrix import matrix
from moor.run.report import HostReport, ResourceReport, RunReport

NODES = [f"node{number}" for number in range(1, 501)]
names = st.lists(st.from_regex(r"[a-z]{1,4}[0-9]{0,2}", fullmatch=True), min_size=1, unique=True, max_size=8)


def changing(status: Status, **diffs: str) -> RunReport:
    hosts = {
        name: HostReport(True, resources=[ResourceReport("file:/a", status, diff)]) for name, diff in diffs.items()
    }
    return RunReport("run", "site", hosts)


def test_five_hundred_equal_changes_are_one_block() -> None:
    shown = text.plan(changing("drift", **dict.fromkeys(NODES, "content:\n+port = 1")))
    assert shown.splitlines() == [
        "  ~ file:/a  [node[1-500]]",
        "      content:",
        "      +port = 1",
        "plan: 500 changes on 500 hosts; 0 as they should be",
    ]


def test_changes_that_differ_by_the_hosts_own_name_are_one_block() -> None:
    shown = text.plan(changing("drift", node1="+I am node1", node10="+I am node10", other="+I am node1"))
    assert f"  ~ file:/a  [node1 node10]\n      +I am {HOST}\n" in shown
    assert "  ~ file:/a  [other]\n      +I am node1\n" in shown


def test_five_hundred_hosts_that_nobody_answers_at_are_one_line() -> None:
    errors = {name: f"10.0.{n % 7}.{n % 250}:22: connection refused" for n, name in enumerate(NODES)}
    report = RunReport(
        "run", "site", {name: HostReport(error=words, unexamined=[words]) for name, words in errors.items()}
    )
    line = "node[1-500]: <address>:22: connection refused"
    assert f"  ! {line}\n" in text.plan(report)
    assert "  ? node[1-500]: not examined: <address>:22: connection refused\n" in text.drift(report)
    assert "  ! node[1-500]: not examined: <address>:22: connection refused" in matrix(report)
    report.hosts = {"node1": report.hosts["node1"]}
    assert "  ! node1: 10.0.0.0:22: connection refused\n" in text.plan(report)


def test_no_changes_is_never_said_beside_a_host_that_failed() -> None:
    report = changing("ok", node1="", node2="")
    report.hosts["node2"].error = "no route to host"
    assert "no changes" not in text.plan(report)
    assert "plan: incomplete, nothing to do on the other 1 host; " in text.plan(report)


def test_an_apply_does_not_show_again_what_its_plan_showed() -> None:
    diffs = {"node1": "+one", "node2": "+two"}
    with each_diff_once():
        print_report(Options(), changing("drift", **diffs), "")
        shown = text.applied(changing("changed", **diffs | {"node2": "+another"}))
    assert "+one" not in shown
    assert "  ~ file:/a  [node1]\n" in shown
    assert "  ~ file:/a  [node2]\n      +another\n" in shown
    assert "+one" in text.applied(changing("changed", **diffs))


@given(names, st.sampled_from(["+I am {}", "path /srv/{}/etc", "nothing", "{}.example.org {}"]))
def test_every_host_is_in_one_group_and_texts_are_as_they_were_or_general(hosts: list[str], form: str) -> None:
    groups = grouped((name, (form.format(name, name),)) for name in hosts)
    assert sorted(name for group in groups for name in group.hosts) == sorted(hosts)
    assert all(group.shown == ((form.format(group.hosts[0], group.hosts[0]),)) for group in groups if group.same)
    assert "{}" not in form or len(groups) <= len(hosts)


def test_a_host_that_the_inventory_may_be_wrong_about_is_told_where_that_is_written() -> None:
    report = changing("ok", node1="", node2="")
    assert "moor show" not in text.plan(report)
    report.hosts["node2"].fail("no route to host", ErrorKind.UNREACHABLE)
    for shown in (text.plan(report), text.applied(report), text.drift(report), text.reached(report)):
        assert "see moor show node2 for file and line of address, user, key" in shown
    report.hosts["node1"].fail("no such file; check key_file in the inventory", ErrorKind.CONTROLLER)
    assert "see moor show HOST for file and line of address, user, key" in text.plan(report)


def test_many_hosts_with_the_same_row_share_it_and_a_few_have_their_own() -> None:
    nodes = {f"node{number}": ["ok", f"10.0.0.{number}: refused"] for number in range(1, 501)}
    few = {f"ws{number}": ["FAULT", ""] for number in range(1, FEW + 1)}
    rows = list(folded_rows({"cp1": ["ok", "-"], **nodes, **few}, addresses=True))
    assert rows[:2] == [["cp1", "ok", "-"], ["node[1-500]", "ok", "<address>: refused"]]
    assert [row[0] for row in rows[2:]] == list(few)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}[0-9]{0,2}", fullmatch=True), st.sampled_from([["a"], ["b"]])))
def test_every_host_is_in_one_row_with_its_own_cells(rows: dict[str, list[str]]) -> None:
    shown = list(folded_rows(rows))
    named = [row[1:] for row in shown for _ in NodeSet(",".join(row[0].split()), resolver=RESOLVER_NOGROUP)]
    assert sorted(named) == sorted(rows.values())
