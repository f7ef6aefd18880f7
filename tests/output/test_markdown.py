"""A report as Markdown, read by a parser of CommonMark as GitHub reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from moor.engine.findings import Finding
from moor.output.markdown import LONGEST, code, fenced, markdown
from moor.run.report import DeviceReport, HostReport, ResourceReport, RunReport

READ = MarkdownIt("commonmark").enable("table")
LINE = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1)


def plan_with(*resources: ResourceReport, hosts: int = 2) -> RunReport:
    names = [f"node{number}" for number in range(1, hosts + 1)]
    return RunReport("run", "site", {name: HostReport(resources=list(resources)) for name in names}, command="plan")


def test_equal_changes_of_many_hosts_are_one_row_with_its_diff_folded() -> None:
    report = plan_with(
        ResourceReport("file:/etc/a", "drift", "mode: 0600 -> 0644"), ResourceReport("x:y", "ok"), hosts=500
    )
    text = markdown(report)
    assert text.startswith("### moor plan site: 500 would change\n\n500 hosts; 500 as they should be\n")
    assert "| `file:/etc/a` | would change | `node[1-500]` |" in text
    assert text.count("file:/etc/a") == 2
    assert "<details><summary><code>file:/etc/a</code></summary>\n\n```diff\nmode: 0600 -> 0644\n```" in text


def test_failures_findings_and_warnings_are_told_and_a_waived_finding_is_not() -> None:
    report = plan_with(ResourceReport("file:/a", "failed", "", error="no room; make some"))
    report.hosts["node1"].error = report.hosts["node2"].error = "no room; make some"
    report.findings = [Finding("pin:x", "is old", "renew it"), Finding("pin:y", "is accepted", waived="until spring")]
    report.warnings = ["an apply would skip push_images, since harbor1 failed"]
    text = markdown(report)
    assert "2 hosts, **2 of them failed**" in text
    assert "**`node1 node2` failed:**\n\n```\nno room; make some\n```" in text
    assert "is old\nmend: renew it" in text
    assert "since harbor1 failed" in text
    assert "accepted" not in text


def test_who_changed_a_device_is_told_beside_it() -> None:
    report = plan_with(ResourceReport("acl:A", "drift", "-permit"), hosts=3)
    report.devices = {
        "node1": DeviceReport(3, True, "2026-11-29T00:44:00+00:00", 1, 3, "ann|`b`", "noon"),
        "node2": DeviceReport(3, changed_by="ops"),
        "node3": DeviceReport(3),
    }
    shown = READ.render(markdown(report))
    changed = "its configuration changed since 2026-11-29 00:44 UTC, +1 -3 lines; last by ann"
    assert f"<code>node1</code>: <code>{changed}" in shown
    assert "<code>moor device diff node1</code>" in shown
    assert "<code>node2</code>: <code>its configuration was last changed by ops</code>" in shown
    assert "<code>node3</code>" not in shown
    report.devices = {"node3": DeviceReport(3)}
    assert "Configurations of devices" not in markdown(report)


def test_a_plan_without_changes_says_so() -> None:
    assert markdown(plan_with(ResourceReport("x:y", "ok"))).startswith(
        "### moor plan site: no changes\n\n2 hosts; 2 as"
    )


def test_it_stays_within_what_a_comment_may_have_and_counts_what_is_left_out() -> None:
    report = plan_with(*(ResourceReport(f"file:/{at}", "drift", "+line\n" * 400) for at in range(60)))
    text = markdown(report)
    assert len(text) < 65_536
    assert len(text) > LONGEST / 2
    assert text.count("would change | ") == 60
    assert text.count("<details>") + int(text.rpartition("the diffs of ")[2].split()[0]) == 60


@given(LINE)
def test_an_id_is_read_as_it_is_in_a_table(text: str) -> None:
    cells = READ.parse(f"| a | b |\n|---|---|\n| {code(text)} | c |\n")
    inline = [token for token in cells if token.type == "inline"][2]
    assert inline.children
    assert [(token.type, token.content) for token in inline.children] == [("code_inline", text)]


@given(st.lists(LINE, min_size=1).map("\n".join))
def test_a_diff_cannot_end_its_block(text: str) -> None:
    (block,) = READ.parse(fenced(text, "diff"))
    assert (block.type, block.info, block.content) == ("fence", "diff", f"{text}\n")
