"""Ways that are not the plain one: a bastion and another port, IPv6 alone, packets that a tunnel loses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.archive import Archive
from moor.resources.hashed_file import hash_of_file
from moor.tasks.containerd.configure import configure_containerd
from moor.tasks.diagnosis.environment import check_environment
from moor.tasks.diagnosis.registry_path import check_registry_path
from moor.tasks.mtu.keep import keep_mtu
from moor.tasks.mtu.route import PROTOCOL, SCRIPT, UNIT, NoRouteMtu
from moor.tasks.names.hosts import write_hosts
from moor.tasks.trust import trust_ca
from moor_lab.lab import Lab
from moor_lab.network import address6, has_ipv6
from tests.lab.answering import PORT, answering
from tests.lab.moored import Moor
from tests.lab.sites import NAME, Site, changed
from tests.lab.test_containerd import PULL

pytestmark = pytest.mark.lab

GATE, NODE, TUNNEL = "outsider", "node1", "cp1"
ELSEWHERE = 2222
BIG = 6 * 1024 * 1024  # bytes: many windows of an SSH channel


@contextmanager
def run_on(lab: Lab, name: str, begin: str, end: str) -> Iterator[None]:
    """Run one script on a host, and another at the end."""
    lab.exec(name, ["sh", "-ec", begin])
    try:
        yield
    finally:
        lab.exec(name, ["sh", "-c", end])


@contextmanager
def closed(lab: Lab, name: str, rule: str, hook: str) -> Iterator[None]:
    table = f"add table inet ways; add chain inet ways c {{ type filter hook {hook} priority 0; }}"
    with run_on(lab, name, f"nft '{table}; add rule inet ways c {rule}'", "nft delete table inet ways"):
        yield


def behind(lab: Lab, folder: Path) -> Site:
    """A site whose node is reached through a gate alone, at a port of its own, and which knows nobody's key yet."""
    site = Site(lab, folder, {"harbor": ("harbor1",), "nodes": (NODE,)}).write()
    known, own = folder / "known_hosts", folder / "ssh_config"
    known.touch()
    node, gate = (str(lab.machine(name).host.address) for name in (NODE, GATE))
    own.write_text(f"Host {node}\n  ProxyJump {gate}\nHost {gate}\n  User ops\n  IdentityFile {lab.key}\n")
    (folder / "config.yaml").write_text(json.dumps({"ssh": {"config_file": str(own)}}))
    harbor = {"hostname": str(lab.machine("harbor1").host.address), "groups": ["harbor"]}
    hosts = {"harbor1": harbor, NODE: {"hostname": node, "port": ELSEWHERE, "groups": ["nodes"]}}
    (folder / "inventory/hosts.yaml").write_text(json.dumps(hosts))
    defaults = folder / "inventory/defaults.yaml"
    defaults.write_text(defaults.read_text().replace(str(lab.known_hosts), str(known)))
    return site


def test_all_of_moors_work_goes_through_a_bastion_to_another_port(lab: Lab, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(range(256)) * (BIG // 256))

    def upload(task: Task) -> Result:
        return converge(task, [Archive("/srv/big", source)])

    site, gate = behind(lab, tmp_path / "site"), lab.machine(GATE).host.address
    moor, limit = Moor(lab, site.folder), ("--limit", NODE, "--output", "json")
    sshd = f"mkdir -p /run/sshd; systemd-run --quiet --unit=elsewhere /usr/sbin/sshd -D -p {ELSEWHERE}"
    others = f"tcp dport {{ 22, {ELSEWHERE} }} ip saddr != {gate} reject"
    with run_on(lab, NODE, sshd, "systemctl stop elsewhere; rm -f /srv/big"), closed(lab, NODE, others, "input"):
        refused = json.loads(moor("check", *limit).stdout)["hosts"][NODE]["error"]
        assert "the way through the jump host failed" in refused
        assert f"No ED25519 host key is known for {gate}" in refused
        assert moor("check", "--accept-new-host-keys", "--yes", *limit).returncode == 0
        pinned = (site.folder / "known_hosts").read_text()
        assert [line.split()[0] for line in pinned.splitlines()] == [
            str(gate), f"[{lab.machine(NODE).host.address}]:{ELSEWHERE}"
        ]  # fmt: skip

        assert changed(site.apply(upload, NODE)[NODE]) == ["archive:/srv/big"]
        assert lab.exec(NODE, ["sha256sum", "/srv/big"]).split()[0] == hash_of_file(source)
        applied = moor("apply", "names", "--yes", *limit)
        assert applied.returncode == 0, applied.stdout
        assert NAME in lab.exec(NODE, ["cat", "/etc/hosts"])
        proved = site.plan(check_registry_path, NODE)[NODE]
        assert {one.id: one.status for one in proved.resources}["proof:name"] == "ok"
        back = moor("rollback", json.loads(applied.stdout)["run"], "--yes", "--limit", NODE)
        assert back.returncode == 0, back.stdout
        assert NAME not in lab.exec(NODE, ["cat", "/etc/hosts"])

        swapped = pinned.replace(pinned.split()[2], pinned.split()[-1], 1)  # the node's key as the gate's
        (site.folder / "known_hosts").write_text(swapped)
        done = moor("plan", "names", *limit)
        assert "the way through the jump host failed" in json.loads(done.stdout)["hosts"][NODE]["error"]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("beside", [True, False])
def test_a_node_that_has_ipv6_alone_to_the_registry_pulls_from_it(lab: Lab, tmp_path: Path, beside: bool) -> None:
    machine = lab.fleet.machine
    six = str(address6(machine))
    addresses = {"address": str(machine), "address6": six} if beside else {"address": six}
    site = Site(lab, tmp_path / "site").write(registry={"name": NAME, "port": PORT, **addresses})
    site.certify()
    four = f"ip daddr {machine} tcp dport {PORT} reject with icmp type host-unreachable"
    with closed(lab, "node2", four, "output"), answering(site, six):
        for task in (write_hosts, trust_ca, configure_containerd):
            assert changed(site.apply(task, "node2")["node2"])
            assert changed(site.plan(task, "node2")["node2"]) == []
        assert "not found" in lab.exec("node2", ["sh", "-c", PULL])
        report = site.plan(check_registry_path, "node2")["node2"]
        assert {one.id: one.status for one in report.resources} == dict.fromkeys(
            (f"proof:{layer}" for layer in ("clock", "name", "hosts", "route", "tls", "proxy")), "ok"
        )


def test_a_tunnel_that_loses_large_packets_is_told_from_one_that_says_so_and_gets_smaller_ones(
    lab: Lab, tmp_path: Path
) -> None:
    site = Site(lab, tmp_path / "site").write()
    harbor, tunnel = (str(lab.machine(name).host.address) for name in ("harbor1", TUNNEL))
    near = ip_network(f"{harbor}/31", strict=False)
    narrow = f"""\
echo 1 > /proc/sys/net/ipv4/ip_forward
for f in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done
ip route replace {harbor} dev eth0 mtu lock 1400"""
    with (
        run_on(lab, TUNNEL, narrow, f"ip route del {harbor}; echo 0 > /proc/sys/net/ipv4/ip_forward"),
        run_on(lab, "node3", f"ip route replace {near} via {tunnel}", f"ip route del {near}; ip route flush cache"),
    ):
        assert not site.plan(check_environment, "node3")["node3"].error
        lab.exec("node3", ["ip", "route", "flush", "cache"])
        with closed(lab, TUNNEL, "icmp type destination-unreachable drop", "output"):
            report = site.plan(check_environment, "node3")["node3"]
            site.write(mtu={"registry": 1400})
            made = [f"file:{SCRIPT}", f"file:{UNIT}", "service:moor-mtu", f"mtu:{harbor}"]
            assert changed(site.apply(keep_mtu, "node3")["node3"]) == made
            assert changed(site.plan(keep_mtu, "node3")["node3"]) == []
            assert not site.plan(check_environment, "node3")["node3"].error
            lab.exec("node3", ["ip", "route", "flush", "proto", str(PROTOCOL)])
            assert changed(site.plan(keep_mtu, "node3")["node3"]) == [f"mtu:{harbor}"]
            assert changed(site.apply(keep_mtu, "node3")["node3"]) == [f"mtu:{harbor}"]
        lab.exec("node3", ["sh", "-c", NoRouteMtu().mend(None).replace("moor_keep", ": ")])
        assert "1400" not in lab.exec("node3", ["ip", "route", "get", harbor])
        assert "packets of 1500 bytes, which node3 sends through eth0, are lost on the way to " in report.error
        assert "packets of 1400 bytes arrive" in report.error
        assert [cause.rule for one in report.resources for cause in one.causes] == ["mtu-small"]
    assert not site.plan(check_environment, "node3")["node3"].error
