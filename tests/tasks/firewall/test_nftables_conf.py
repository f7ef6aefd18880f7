"""moor's line is added to nftables.conf and removed; a file that nft rejects stays as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import plan
from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.errors import HostError
from moor.resources.base import State
from moor.resources.edit import Edit
from moor.tasks.firewall.dialects.guards import Guard, Guards
from moor.tasks.firewall.dialects.nftables import document
from moor.tasks.firewall.dialects.nftables_conf import CHECK, INCLUDE, edit_nftables_conf, with_include
from tests.harness.shells import SHELLS, sh

GUARDS = Guards((Guard(443, (ip_network("10.28.0.0/26"),)),))
# without an end to its last line, as editors leave it
THEIRS = """\
#!/usr/sbin/nft -f

flush ruleset
table inet filter {
\tchain input { type filter hook input priority filter; policy accept; }
}"""
needs_nft = pytest.mark.skipif(not shutil.which("nft") or os.geteuid() != 0, reason="needs nft and root")


@given(st.text("ab}#\n \t"), st.booleans())
def test_every_line_of_the_owner_stays_and_moors_is_there_once(content: str, twice: bool) -> None:
    once = with_include(content, True)
    assert with_include(once, True) == once
    assert once.splitlines().count(INCLUDE) == 1
    assert once.removeprefix(content).removeprefix("\n") == f"{INCLUDE}\n"
    without = with_include(once + (once if twice else ""), False)
    assert INCLUDE not in without
    assert with_include(once, False).removesuffix("\n") == content.removesuffix("\n")


@pytest.mark.parametrize("last", ["}", "}  ", "# the end", 'include "/etc/other.nft"'])
def test_a_line_that_was_glued_to_the_last_one_is_parted(last: str) -> None:
    assert with_include(f"a\n{last}{INCLUDE}\n", True) == f"a\n{last}\n{INCLUDE}\n"
    assert with_include(f"a\n{last}{INCLUDE}\n", False) == f"a\n{last}\n"


def test_a_line_that_the_owner_commented_out_stays_and_moors_comes_after() -> None:
    assert with_include(f"#{INCLUDE}\n", True) == f"#{INCLUDE}\n{INCLUDE}\n"


@pytest.mark.parametrize(
    ("facts", "tool", "there"),
    [
        ("there nftables", "auto", True),
        ("there nftables iptables\nloads iptables", "auto", False),
        ("there nftables ufw", "auto", False),
        ("there nftables ufw\ndocker", "auto", True),
        ("there nftables iptables", "iptables", False),
        ("", "auto", False),
    ],
)
def test_the_line_is_there_where_the_hosts_rules_are_nftables(facts: str, tool: str, there: bool) -> None:
    assert (INCLUDE in edit_nftables_conf("x\n" if facts else "", facts, GUARDS, tool)) is there
    assert INCLUDE not in edit_nftables_conf(f"x\n{INCLUDE}\n", facts or "there", Guards(), tool)


class Host:
    """An nftables.conf edited by moor, in its own network namespace."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.shell, self.conf = shell, folder / "nftables.conf"
        self.rules = folder / "firewall.nft"
        self.rules.write_text(document(GUARDS))
        self.edit = Edit(str(self.conf), "firewall", self._edited, check=CHECK)

    def _edited(self, content: str, _: str) -> str:
        """Return the shipped edit with an include of the test's directory."""
        there = content.replace(str(self.rules), "/etc/moor/firewall.nft")
        return with_include(there, True).replace("/etc/moor/firewall.nft", str(self.rules))

    def read(self) -> State | None:
        mark = new_mark()
        done = sh(self.shell, probe_script([self.edit.probe()], mark))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        assert (piece.code, piece.stderr) == (0, "")
        return self.edit.actual(piece.stdout)

    def planned(self) -> list[str]:
        return [change.diff for change in plan([self.edit], {self.edit.id: self.read()})]

    def refusal(self) -> str:
        state = self.read()
        return self.edit.refusal(state, self.edit.desired(state))

    def mend(self) -> str:
        mark = new_mark()
        done = sh(self.shell, apply_script([self.edit.mend(self.read())], mark, "run"))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        return piece.stderr

    def loads(self) -> bool:
        """Return whether a booting machine would load the file."""
        return not subprocess.run(["unshare", "-n", "nft", "-f", self.conf], check=False).returncode


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path, host_folder: Path) -> Host:
    return Host(request.param, tmp_path)


@needs_nft
def test_a_file_whose_last_line_has_no_end_still_loads_at_the_next_boot(host: Host) -> None:
    host.conf.write_text(THEIRS)
    assert host.mend() == ""
    assert host.conf.read_text().startswith(f"{THEIRS}\n")
    assert host.loads()
    assert host.planned() == []


@needs_nft
def test_a_file_that_an_older_moor_broke_is_planned_and_mended(host: Host) -> None:
    host.conf.write_text(f"{THEIRS}{INCLUDE}\n".replace("/etc/moor/firewall.nft", str(host.rules)))
    assert not host.loads()
    (diff,) = host.planned()
    assert "loads: " in diff
    assert host.mend() == ""
    assert host.loads()
    assert host.planned() == []


@needs_nft
def test_a_file_that_its_owner_broke_is_named_in_nfts_words_and_not_touched(host: Host) -> None:
    host.conf.write_text("table inet filter {\n")
    words = host.mend()
    assert f"{host.conf}:" in words
    assert "syntax error" in words
    assert words.endswith("refused by its own check; the file is as it was\n")
    assert host.conf.read_text() == "table inet filter {\n"


@needs_nft
def test_a_file_that_its_owner_broke_after_moor_was_there_is_drift_that_moor_does_not_mend(host: Host) -> None:
    host.conf.write_text(THEIRS)
    host.mend()
    assert host.refusal() == ""
    with host.conf.open("a") as file:
        file.write("table inet more { chain }\n")
    (diff,) = host.planned()
    assert "syntax error" in diff
    assert "the present file does not load: " in host.refusal()
    assert "mend the rest by hand" in host.refusal()


@needs_nft
def test_rules_that_only_a_machine_without_rules_takes_count_as_good(host: Host) -> None:
    """Delete a table that is not there, and create one that is."""
    host.conf.write_text("create table inet theirs\n")
    assert host.mend() == ""
    assert host.planned() == []


def test_a_check_that_says_nothing_is_told_so(tmp_path: Path) -> None:
    edit = replace(Edit(f"{tmp_path}/file", "x", lambda content, _: content), check="false")
    (tmp_path / "file").write_text("a\n")
    done = sh("dash", edit.probe())
    state = edit.actual(done.stdout.decode())
    assert edit.refusal(state, edit.desired(state)).startswith("the present file does not load: it printed nothing; ")


def test_two_managers_that_are_both_active_are_refused() -> None:
    with pytest.raises(HostError, match="both active"):
        edit_nftables_conf("x\n", "there nftables ufw firewalld", GUARDS, "auto")
