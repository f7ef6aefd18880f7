"""iptables over nft's tables, with rules added by nft: moor reads the rules in effect, and an apply converges."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from moor.engine.shell_functions import FUNCTIONS
from moor.tasks.firewall.dialects.guards import Guard, Guards
from moor.tasks.firewall.dialects.iptables import PROGRAMS, Iptables
from tests.harness.shells import SHELLS

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("iptables", "nft", "unshare"))), reason="needs root, iptables, nft"
)
GUARDS = Guards((Guard(443, (ip_network("10.28.0.0/26"), ip_network("10.28.0.98/32"), ip_network("fd6d::/64"))),))
IPTABLES = Iptables()
# What other people put into the chains of iptables by nft; each is tried in both families.
FOREIGN = {
    "connection tracking": "add rule {f} filter INPUT ct state established accept",
    "a range of ports": "add rule {f} filter INPUT tcp dport 10-20 accept",
    "a set": "add rule {f} filter INPUT tcp dport {{ 1, 2 }} accept",
    "a chain of its own": "add chain {f} filter theirs; add rule {f} filter INPUT jump theirs",
    "a comment": 'insert rule {f} filter FORWARD ct mark 3 accept comment "jump MOOR"',
}
LIMITED = "add set {f} filter some {{ type {type}; }}; insert rule {f} filter INPUT {f} saddr @some jump MOOR"


class Host:
    """A network namespace in which fragments run as in an apply."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.shell, self.folder = shell, folder
        self.namespace = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; cat"], stdin=-1, stdout=-1)
        assert self.namespace.stdout
        self.namespace.stdout.readline()  # from now on the namespace is there

    def run(self, fragment: str, path: str = "") -> str:
        entered = ["nsenter", "--net", "--target", str(self.namespace.pid), *SHELLS[self.shell], "-s"]
        whole = f"PATH={path}$PATH; d={self.folder}\n{FUNCTIONS}(\n{fragment}\n) </dev/null"
        done = subprocess.run(entered, input=whole, capture_output=True, text=True, timeout=60, check=False)
        assert not done.returncode, done.stderr
        return done.stdout

    def nft(self, commands: str) -> None:
        for family, kind in (("ip", "ipv4_addr"), ("ip6", "ipv6_addr")):
            self.run(f"nft -f - <<'END'\n{commands.format(f=family, type=kind)}\nEND")

    def probe(self, path: str = "") -> str:
        return self.run(f"{IPTABLES.probe}\n:", path)

    def right(self, guards: Guards = GUARDS, path: str = "") -> bool:
        said = self.probe(path)
        return IPTABLES.live(said) == IPTABLES.render(guards, said)

    def apply(self, guards: Guards = GUARDS, path: str = "") -> None:
        self.run(IPTABLES.load(guards, self.probe(path)), path)

    def jumps(self) -> int:
        return self.run("nft list table ip filter; nft list table ip6 filter").count(" jump MOOR")


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    made = Host(request.param, tmp_path)
    yield made
    made.namespace.communicate()


@pytest.fixture
def legacy(tmp_path: Path) -> str:
    """Return a PATH with iptables and ip6tables of the legacy backend."""
    for program in PROGRAMS.values():
        for rest in ("", "-restore"):
            (tmp_path / f"{program}{rest}").symlink_to(shutil.which(f"{program}-legacy{rest}") or "/nonexistent")
    return f"{tmp_path}:"


def test_rules_of_nft_in_the_same_chains_change_nothing_about_moors(host: Host) -> None:
    host.apply()
    assert host.right()
    jumps = host.jumps()
    for name, rule in FOREIGN.items():
        host.nft(rule)
        assert host.right(), name
        host.apply()
        host.apply()
        assert host.right(), name
    assert host.jumps() == jumps
    host.apply(Guards())
    assert host.right(Guards())
    assert "MOOR" not in host.run("nft list ruleset").replace('"jump MOOR"', "")


def test_a_jump_that_holds_for_a_set_of_addresses_alone_does_not_count_and_goes(host: Host) -> None:
    host.apply()
    host.run("for c in iptables ip6tables; do $c -D INPUT -j MOOR; done")
    host.nft(LIMITED)
    assert not host.right()
    assert "@some" in IPTABLES.live(host.probe())
    host.apply()
    assert host.right()


def test_a_rule_of_nft_within_moors_own_chain_is_seen_and_goes(host: Host) -> None:
    host.apply()
    host.nft("add set {f} filter some {{ type {type}; }}; insert rule {f} filter MOOR {f} saddr @some return")
    assert not host.right()
    host.apply()
    assert host.right()


def test_jumps_of_another_condition_or_twice_go(host: Host) -> None:
    host.apply()
    host.run(
        "iptables -I INPUT -j MOOR; iptables -A INPUT -s 192.0.2.1 -m comment --comment 'a \"b\" $(c)' -j MOOR\n"
        "ip6tables -A FORWARD -p tcp -j MOOR; iptables -A OUTPUT -g MOOR"
    )
    assert not host.right()
    host.apply()
    assert host.right()


def test_an_undo_brings_back_what_was_there_beside_rules_of_nft(host: Host) -> None:
    host.apply()
    host.nft(FOREIGN["connection tracking"])
    host.run(IPTABLES.snapshot())
    other = Guards((Guard(22, (ip_network("192.0.2.1/32"),)),))
    host.apply(other)
    assert host.right(other)
    host.run(IPTABLES.restore())
    assert host.right()


def test_an_undo_of_the_first_rules_leaves_none(host: Host) -> None:
    host.run(IPTABLES.snapshot())
    host.apply()
    host.run(IPTABLES.restore())
    assert host.right(Guards())


def test_the_older_tables_are_read_and_changed_by_iptables_alone(host: Host, legacy: str) -> None:
    host.apply(path=legacy)
    assert host.right(path=legacy)
    host.run("iptables -I INPUT -j MOOR; iptables -A INPUT -m comment --comment 'a \"b\" $(c)' -j MOOR", legacy)
    assert not host.right(path=legacy)
    host.apply(path=legacy)
    assert host.right(path=legacy)
    host.apply(Guards(), legacy)
    assert "MOOR" not in host.run("iptables -S; ip6tables -S", legacy)


def test_what_is_left_in_the_tables_of_the_other_kind_is_seen_and_goes(host: Host, legacy: str) -> None:
    host.apply(path=legacy)
    assert not host.right()
    assert "iptables-legacy -A MOOR" in IPTABLES.live(host.probe())
    host.apply()
    assert host.right()
    assert "MOOR" not in host.run("iptables-legacy -S; ip6tables-legacy -S")
    assert not host.right(path=legacy)
    assert "iptables-nft -A MOOR" in IPTABLES.live(host.probe(legacy))
    host.apply(path=legacy)
    assert host.right(path=legacy)
    assert host.jumps() == 0
