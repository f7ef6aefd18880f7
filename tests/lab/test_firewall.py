"""The registry's host lets its members in and nobody else, in each dialect, and never shuts moor out for good."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from moor.tasks.diagnosis.reachability import prove_access
from moor.tasks.firewall.dialects.nftables_conf import INCLUDE
from moor.tasks.firewall.hosts import configure_firewall
from moor_lab.lab import Lab
from moor_lab.network import address6, has_ipv6
from tests.harness.waiting import eventually
from tests.lab.networked import GREETING, OneHost, from_here, from_host, greet, reboot
from tests.lab.sites import changed, diffs
from tests.lab.small_image import FILES

pytestmark = [pytest.mark.lab, pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")]

RULES = ["firewall:ports"]
INCLUDED = {"nftables": ["edit:/etc/nftables.conf#firewall"]}  # with the dialect that loads that file
CONF = "/etc/nftables.conf"
NOBODY = {"firewall": {"undo_s": 5}, "access": {"members": ["192.0.2.0/24"], "managers": ["192.0.2.1"]}}


@dataclass(frozen=True)
class Tool:
    """What makes a host run one firewall, with a rule of other people's; and what happens to it by hand."""

    setting: str
    start: str
    theirs: str
    flush: str
    reload: str


TOOLS = {
    "nftables": Tool(
        "auto",
        # the last line of the owner's file has no end
        f'nft add table inet other; nft add chain inet other notes; t=$(cat {CONF}); printf %s "$t" > {CONF}',
        "nft list table inet other",
        "nft delete table inet moor",
        "nft list table inet other > /etc/other.nft; echo 'include \"/etc/other.nft\"' >> /etc/nftables.conf; "
        "nft -f /etc/nftables.conf; systemctl enable -q nftables; systemctl restart nftables",
    ),
    "iptables": Tool(
        "iptables",
        "iptables -A INPUT -p tcp --dport 9 -j DROP",
        "iptables -C INPUT -p tcp --dport 9 -j DROP",
        # and somebody uses nft in the chains of iptables
        "iptables -D INPUT -j MOOR; ip6tables -F MOOR; "
        "for f in ip ip6; do nft add rule $f filter INPUT ct state established tcp dport 10-20 accept; done",
        "iptables-save > /run/rules; iptables-restore < /run/rules",
    ),
    "firewalld": Tool(
        "auto",
        "systemctl enable --now -q firewalld; for k in '' --permanent; do firewall-cmd -q $k --add-port=9/tcp; done",
        "firewall-cmd -q --query-port=9/tcp",
        "firewall-cmd --list-rich-rules | while read -r r; do firewall-cmd -q --remove-rich-rule=\"$r\"; done",
        "firewall-cmd -q --reload",
    ),
    "ufw": Tool(
        "auto",
        "ufw allow 9/tcp; ufw allow 22/tcp; systemctl enable -q ufw; ufw --force enable",
        "ufw show added | grep -x 'ufw allow 9/tcp'",
        "iptables -D ufw-user-input -p tcp --dport 443 -j REJECT --reject-with tcp-reset",
        "ufw reload",
    ),
}  # fmt: skip


def shell(lab: Lab, command: str) -> str:
    return lab.exec("harbor1", ["sh", "-ec", f"exec 2>&1; {command}"], timeout_s=120).strip()


def planned(site: OneHost) -> list[str]:
    return changed(site.plan(configure_firewall, "harbor1")["harbor1"])


def applied(site: OneHost) -> list[str]:
    return changed(site.apply(configure_firewall, "harbor1")["harbor1"])


def refused(site: OneHost) -> str:
    return site.apply(configure_firewall, "harbor1")["harbor1"].error


def right(site: OneHost) -> bool:
    """Return whether the host is reached, and nothing differs."""
    report = site.plan(configure_firewall, "harbor1")["harbor1"]
    return not report.error and changed(report) == []


def answers(lab: Lab) -> tuple[bool, bool]:
    """Return whether the member, and whether the stranger, is greeted; by both address families alike."""
    address = lab.machine("harbor1").host.address
    both = (address, address6(address))
    member, stranger = (
        {ask(a) == GREETING for a in both} for ask in (from_here, lambda a: from_host(lab, "outsider", a))
    )
    assert len(member) == len(stranger) == 1, "one address family is not guarded as the other"
    return member.pop(), stranger.pop()


@pytest.mark.parametrize("name", TOOLS)
def test_members_are_let_in_and_nobody_else_whatever_happens_to_the_rules(
    guarded: Lab, tmp_path: Path, name: str
) -> None:
    tool = TOOLS[name]
    guarded.reset("harbor1")
    greet(guarded, "harbor1")
    shell(guarded, tool.start)
    site = OneHost(guarded, tmp_path / "site").write(firewall={"tool": tool.setting})

    both = RULES + INCLUDED.get(name, [])
    assert planned(site) == both
    assert all(name in diff or INCLUDE in diff for diff in diffs(site.plan(configure_firewall, "harbor1")["harbor1"]))
    assert applied(site) == both
    assert planned(site) == []
    assert answers(guarded) == (True, False)
    address = guarded.machine("harbor1").host.address
    assert not from_host(guarded, "outsider", address, 22).startswith(b"SSH-")

    shell(guarded, tool.flush)
    assert planned(site) == RULES
    assert applied(site) == RULES
    shell(guarded, tool.reload)
    assert planned(site) == []
    assert answers(guarded) == (True, False)

    # What shuts moor out is put back by the host itself: the good rules stand as if nothing had happened.
    bad = OneHost(guarded, tmp_path / "bad").through_a_proxy().write(**NOBODY)
    if tool.setting != "auto":
        bad.write(**NOBODY | {"firewall": {"tool": tool.setting, "undo_s": 5}})
    error = bad.apply(configure_firewall, "harbor1")["harbor1"].error
    assert "a new connection failed under them" in error
    assert "puts its former rules back by itself within 5 s" in error
    assert eventually(lambda: right(site), 120)

    reboot(guarded, "harbor1")
    assert planned(site) == []
    assert answers(guarded) == (True, False)
    if name != "iptables":  # whose rules of other people nobody loads at boot here
        shell(guarded, tool.theirs)

    if name == "nftables":
        shell(guarded, f"echo 'table inet broken {{' >> {CONF}")
        (error,) = {site.plan(configure_firewall, "harbor1")["harbor1"].error, refused(site)}
        assert f"edit:{CONF}#firewall: the present file does not load: " in error
        assert "syntax error" in error
        shell(guarded, f"sed -i '$d' {CONF}; nft -c -f {CONF}")

    site.write(firewall={"tool": tool.setting, "enabled": False})
    assert applied(site) == INCLUDED.get(name, []) + RULES
    assert planned(site) == []
    if name in ("nftables", "iptables"):  # the others let nobody in of themselves
        assert answers(guarded) == (True, True)
    assert "moor" not in shell(guarded, "nft list ruleset; cat /etc/ufw/user.rules; iptables -S | tr A-Z a-z")


def test_an_inventory_that_leaves_this_machine_out_is_refused_and_nothing_changes(guarded: Lab, tmp_path: Path) -> None:
    before = shell(guarded, "nft -s list ruleset")
    site = OneHost(guarded, tmp_path / "site").write(**NOBODY)
    for report in (site.plan, site.apply):
        error = report(configure_firewall, "harbor1")["harbor1"].error
        assert f"data.access.managers leaves out {guarded.fleet.machine}" in error
    assert shell(guarded, "nft -s list ruleset") == before


DOCKER = "DEBIAN_FRONTEND=noninteractive apt-get install -qq docker.io docker-cli >/dev/null"
IMAGE = (
    f"cd / && tar -chf /tmp/image {' '.join(FILES)} && tar -rf /tmp/image bin lib lib64 && "
    "docker import /tmp/image greeter >/dev/null"
)
GREETER = (
    "docker run -d --restart always -p 443:443 greeter /usr/bin/busybox nc -ll -p 443 -e /usr/bin/busybox echo registry"
)


@pytest.mark.parametrize("tool", ["nftables", "iptables"])
def test_a_port_that_docker_publishes_is_for_members_alone_and_the_proof_says_so(
    guarded: Lab, tmp_path: Path, tool: str
) -> None:
    if tool == "nftables":
        guarded.reset("harbor1")
        shell(guarded, f"{DOCKER}; {IMAGE}; {GREETER}")
    site = OneHost(guarded, tmp_path / "site").write(firewall={"tool": tool, "enabled": False})
    site.apply(configure_firewall, "harbor1")
    assert eventually(lambda: answers(guarded) == (True, True), 30)
    error = site.plan(prove_access, "outsider")["outsider"].error
    address = guarded.machine("harbor1").host.address
    for one in (address, address6(address)):
        assert f"a host that the firewall should keep out reaches {one} port 443" in error

    site.write(firewall={"tool": tool})
    assert applied(site) == RULES + INCLUDED.get(tool, [])
    assert answers(guarded) == (True, False)
    shell(guarded, "systemctl restart docker")
    assert eventually(lambda: answers(guarded) == (True, False), 30)
    assert planned(site) == []
    assert changed(site.plan(prove_access, "outsider")["outsider"]) == []
