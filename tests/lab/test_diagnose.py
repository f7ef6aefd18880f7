"""A fleet that works is broken on its nodes and on its way, one fault at a time: the cause is named, and its mend."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from moor_lab import faults
from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.diagnosing import (
    CERTS_D,
    CONFIG,
    DROP_IN,
    MIRROR,
    NAME,
    STALE,
    TOMORROW,
    address,
    broken,
    causes,
    closed,
    diagnosed,
    dns_that_answers,
    offered,
    self_signed,
    stopped,
)

pytestmark = pytest.mark.lab


def test_a_fleet_that_is_well_has_no_fault_and_nothing_of_it_is_changed(moored: Moored) -> None:
    listing = "find /etc /var/lib/containerd/io.containerd.content.v1.content /root -xdev -printf '%p %s %T@\\n' | sort"
    before = moored.lab.exec("node2", ["sh", "-c", listing])
    assert set(diagnosed(moored)) == {"cp1", "node1", "node2", "node3"}
    assert not any(diagnosed(moored, "sqrt", "--pull").values())
    assert moored.lab.exec("node2", ["sh", "-c", listing]) == before


@dataclass(frozen=True)
class Fault:
    """What is done to a node, the path that it changes there, and the rules that name it."""

    node: str
    path: str
    command: str
    rules: tuple[str, ...]


# Each round breaks several nodes at once, each in its own way; that of the former on the same node is gone by then.
ROUNDS = [
    [
        Fault("node1", f"{CERTS_D}/hosts.toml", f"echo '[host' >> {CERTS_D}/hosts.toml", ("hosts-toml-malformed",)),
        Fault("node2", CONFIG,
              f"sed -i 's#\"/etc/containerd/certs.d\"#\"/etc/containerd/certs.d:/etc/docker/certs.d\"#' {CONFIG}",
              ("config-path-twice", "hosts-toml-elsewhere")),
        Fault("node3", "/etc/hosts", STALE, ("name-wrong",)),
    ],
    [
        Fault("node1", "/etc/hosts", f"grep -v {NAME} /etc/hosts > /run/h; cat /run/h > /etc/hosts", ("name-missing",)),
        Fault("node2", CONFIG, f"sed -i '1i disabled_plugins = [\"io.containerd.grpc.v1.cri\"]' {CONFIG}",
              ("cri-disabled",)),
        Fault("node3", CERTS_D, f"mv {CERTS_D}/hosts.toml {CERTS_D}/host.toml", ("hosts-toml-misnamed",)),
    ],
    [
        Fault("node1", CERTS_D,
              f"mkdir -p /etc/docker/certs.d; rm -rf /etc/docker/certs.d/{NAME}; mv {CERTS_D} /etc/docker/certs.d/",
              ("hosts-toml-elsewhere",)),
        Fault("node2", CONFIG, f"echo 'not toml' >> {CONFIG}", ("config-malformed",)),
        Fault("node3", "/etc/hosts", f"echo 10.99.0.9 {NAME} >> /etc/hosts", ("name-twice",)),
    ],
    [
        Fault("node1", CERTS_D,
              f"rm -r {CERTS_D} /etc/docker/certs.d; touch /usr/local/share/ca-certificates/moor-registry-ca.crt",
              ("hosts-toml-missing",)),
        Fault("node2", CONFIG, f"printf '{MIRROR}' >> {CONFIG}", ("mirrors-left",)),
        Fault("node3", TOMORROW,
              f"printf '#!/bin/sh\\nexec /usr/bin/date -d \"1 day\" \"$@\"\\n' > {TOMORROW}; chmod +x {TOMORROW}",
              ("clock-off",)),
    ],
    [
        Fault("node2", CERTS_D, f"rm {CERTS_D}/ca.crt", ("hosts-toml-ca",)),
        Fault("node3", "/etc/nsswitch.conf", "sed -i 's/^hosts:.*/hosts: dns/' /etc/nsswitch.conf",
              ("name-nsswitch",)),
    ],
]  # fmt: skip


@pytest.mark.parametrize("faults_of_nodes", ROUNDS, ids=lambda found: "+".join(one.rules[0] for one in found))
def test_what_is_wrong_on_each_node_is_named_there_alone(moored: Moored, faults_of_nodes: list[Fault]) -> None:
    with ExitStack() as stack:
        for one in faults_of_nodes:
            stack.enter_context(broken(moored, one.node, one.path, one.command))
        found = causes(moored)
        for concern in {concern for told in found.values() for concern in offered(told)}:
            nodes = {name for name, told in found.items() if concern in offered(told)}
            planned = moored.moor.drifting(concern, "--limit", ",".join(nodes))
            assert nodes == {name for name, _ in planned}, f"a mend is offered that changes nothing: {concern}"
    assert found["cp1"] == []
    for one in faults_of_nodes:
        named = [cause["rule"] for cause in found[one.node]]  # and nothing of the case before
        assert named == [*one.rules] or {*one.rules} <= {*named} <= {*one.rules, "hosts-toml-elsewhere"}, one.node


def test_a_missing_ca_is_named_and_the_mend_mends_it(moored: Moored) -> None:
    script = "rm /usr/local/share/ca-certificates/moor-registry-ca.crt; update-ca-certificates --fresh >/dev/null 2>&1"
    moored.lab.exec("node2", ["sh", "-c", script])
    done = moored.moor("diagnose", "--quiet", "--limit", "node2")
    assert done.returncode == 2
    assert "does not trust the CA" in done.stdout
    assert "mend: moor apply trust --limit node2" in done.stdout
    moored.moor.applied("trust", "--limit", "node2")
    assert diagnosed(moored, "--limit", "node2") == {"node2": []}


def test_two_faults_on_two_nodes_and_two_on_one_are_all_told_and_mended(moored: Moored) -> None:
    moored.lab.exec("node1", ["sh", "-c", f"grep -v {NAME} /etc/hosts > /run/h; cat /run/h > /etc/hosts"])
    moored.lab.exec("node3", ["sh", "-c", f"echo '[' >> {CERTS_D}/hosts.toml; echo 10.99.0.9 {NAME} > /run/h; "
                              f"grep -v {NAME} /etc/hosts >> /run/h; cat /run/h > /etc/hosts"])  # fmt: skip
    found = diagnosed(moored)
    assert found == {"cp1": [], "node1": ["name-missing"], "node2": [], "node3": ["name-wrong", "hosts-toml-malformed"]}
    moored.moor.applied("names", "--limit", "node1")
    moored.lab.exec("node3", ["sh", "-c", "sed -i '/10.99.0.9/d' /etc/hosts"])
    moored.moor.applied("names", "--limit", "node3")
    moored.moor.applied("containerd", "--limit", "node3")
    assert not any(diagnosed(moored).values())


def test_a_firewall_that_rejects_and_one_that_drops_are_told_apart(moored: Moored) -> None:
    with closed(moored, "reject with tcp reset", "node2"), closed(moored, "drop", "node3"):
        found = diagnosed(moored)
    assert found == {"cp1": [], "node1": [], "node2": ["route-refused"], "node3": ["route-dropped"]}


def test_a_missing_route_is_told_and_set_where_the_next_hop_is_known(moored: Moored) -> None:
    place, gateway = f"{address(moored, 'harbor1')}/32", moored.lab.fleet.gateway
    defaults = moored.moor.site / "inventory/defaults.yaml"
    kept = defaults.read_text()
    moored.lab.exec("node2", ["ip", "route", "add", "throw", place])
    try:
        assert diagnosed(moored, "--limit", "node2") == {"node2": ["route-missing"]}
        defaults.write_text(kept.replace("data:\n", f"data:\n  routes: {{via: [{gateway}]}}\n", 1))
        (cause,) = causes(moored, "--limit", "node2")["node2"]
        assert (cause["rule"], cause["mend"]) == ("route-astray", "moor apply routes --limit node2")
        moored.moor.applied("routes", "--limit", "node2")
        assert diagnosed(moored, "--limit", "node2") == {"node2": []}
    finally:
        defaults.write_text(kept)
        assert moored.moor("remove", "routes", "--limit", "node2", "--yes").returncode == 0
        moored.lab.exec("node2", ["sh", "-c", f"ip route del throw {place} 2>/dev/null || :"])
    assert moored.moor.planned("--limit", "node2") == []


def test_a_registry_that_is_down_is_told_from_one_whose_proxy_or_core_is(moored: Moored) -> None:
    with faults.partition(moored.lab, "harbor1"):
        (down,) = diagnosed(moored, "--limit", "node2").values()
    assert down[0] in ("registry-unreachable", "registry-silent")
    with stopped(moored, "nginx"):
        assert diagnosed(moored, "--limit", "node2")["node2"][0] == "registry-stopped"
    with stopped(moored, "harbor-core"):
        assert diagnosed(moored, "--limit", "node2")["node2"][0] == "core-down"


def names(moored: Moored, rules: list[str]) -> bool:
    """Return whether a diagnosis of node2 names just these rules."""
    return diagnosed(moored, "--limit", "node2") == {"node2": rules}


def test_a_certificate_that_is_not_the_issued_one_is_told(moored: Moored) -> None:
    restart = "docker restart --time 1 nginx >/dev/null"
    with broken(moored, "harbor1", "/data/secret/cert", ":", restart):
        for name, ended, rule in (
            (NAME, True, "tls-expired"),
            ("other.test", False, "tls-name"),
            (NAME, False, "tls-other"),
        ):
            pem, key = self_signed(name, ended)
            command = f"cat > server.crt <<'EOF'\n{pem}EOF\ncat > server.key <<'EOF'\n{key}EOF\n{restart}"
            moored.lab.exec("harbor1", ["sh", "-ec", f"cd /data/secret/cert\n{command}"])
            assert eventually(partial(names, moored, [rule]), 30), diagnosed(moored)
    assert eventually(partial(names, moored, []), 60)


def test_a_hosts_file_that_is_older_than_dns_is_told(moored: Moored) -> None:
    gateway = str(next(moored.lab.fleet.network.hosts()))
    answered = f"{STALE}; cp -a /etc/resolv.conf /run/r; echo nameserver {gateway} > /etc/resolv.conf"
    with dns_that_answers(gateway, address(moored, "harbor1")), broken(moored, "node2", "/etc/hosts", answered):
        found = diagnosed(moored, "--limit", "node2")
        moored.lab.exec("node2", ["sh", "-c", "cat /run/r > /etc/resolv.conf"])
    assert found == {"node2": ["name-stale"]}


def test_a_proxy_that_takes_the_registry_too_is_told(moored: Moored) -> None:
    unit = "[Service]\\nEnvironment=HTTPS_PROXY=http://10.99.0.1:3128 NO_PROXY=localhost,10.0.0.0/8\\n"
    command = f"mkdir -p {DROP_IN}; printf '{unit}' > {DROP_IN}/proxy.conf"
    with broken(moored, "node2", DROP_IN, command, "systemctl daemon-reload; systemctl restart containerd"):
        assert diagnosed(moored, "--limit", "node2") == {"node2": ["proxy-between"]}


def test_a_watch_ends_once_all_is_well(moored: Moored) -> None:
    moored.lab.exec("node2", ["sh", "-c", f"grep -v {NAME} /etc/hosts > /run/h; cat /run/h > /etc/hosts"])
    argv = [sys.executable, "-m", "moor", "diagnose", "--limit", "node2", "--watch", "1"]
    watching = subprocess.Popen(
        [*argv, "--site", str(moored.moor.site)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert watching.stderr is not None
    assert any(b"looking again" in line for line in watching.stderr)
    moored.moor.applied("names", "--limit", "node2")
    said, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert b"FAULT" in said
    assert b"FAULT" not in said.splitlines()[-1]


def test_a_node_that_is_cut_off_is_not_examined_and_the_others_are(moored: Moored) -> None:
    with faults.partition(moored.lab, "node3"):
        done = moored.moor("diagnose", "--quiet")
    assert done.returncode == 1
    assert "node3" in done.stdout
    assert "not examined" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("node2")]
    assert "FAULT" not in row
    assert row.count("ok") > 8
