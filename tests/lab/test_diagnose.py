"""A fleet that works is broken on its nodes and on its way, one fault at a time: the cause is named, and its mend."""

from __future__ import annotations

import subprocess
import sys

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


@pytest.mark.parametrize(
    ("path", "command", "rules"),
    [
        ("/etc/hosts", f"grep -v {NAME} /etc/hosts > /run/h; cat /run/h > /etc/hosts", ["name-missing"]),
        ("/etc/hosts", STALE, ["name-wrong"]),
        ("/etc/hosts", f"echo 10.99.0.9 {NAME} >> /etc/hosts", ["name-twice"]),
        (f"{CERTS_D}/hosts.toml", f"echo '[host' >> {CERTS_D}/hosts.toml", ["hosts-toml-malformed"]),
        (CERTS_D, f"mv {CERTS_D}/hosts.toml {CERTS_D}/host.toml", ["hosts-toml-misnamed"]),
        (CERTS_D, f"mkdir -p /etc/docker/certs.d; rm -rf /etc/docker/certs.d/{NAME}; mv {CERTS_D} /etc/docker/certs.d/",
         ["hosts-toml-elsewhere"]),
        (CERTS_D, f"rm -r {CERTS_D} /etc/docker/certs.d; touch /usr/local/share/ca-certificates/moor-registry-ca.crt",
         ["hosts-toml-missing"]),
        (CERTS_D, f"rm {CERTS_D}/ca.crt", ["hosts-toml-ca"]),
        ("/etc/nsswitch.conf", "sed -i 's/^hosts:.*/hosts: dns/' /etc/nsswitch.conf", ["name-nsswitch"]),
        (CONFIG, f"sed -i 's#\"/etc/containerd/certs.d\"#\"/etc/containerd/certs.d:/etc/docker/certs.d\"#' {CONFIG}",
         ["config-path-twice", "hosts-toml-elsewhere"]),
        (CONFIG, f"sed -i '1i disabled_plugins = [\"io.containerd.grpc.v1.cri\"]' {CONFIG}", ["cri-disabled"]),
        (CONFIG, f"echo 'not toml' >> {CONFIG}", ["config-malformed"]),
        (CONFIG, f"printf '{MIRROR}' >> {CONFIG}", ["mirrors-left"]),
        (TOMORROW, f"printf '#!/bin/sh\\nexec /usr/bin/date -d \"1 day\" \"$@\"\\n' > {TOMORROW}; chmod +x {TOMORROW}",
         ["clock-off"]),
    ],
)  # fmt: skip
def test_what_is_wrong_on_one_node_is_named_there_alone(
    moored: Moored, path: str, command: str, rules: list[str]
) -> None:
    with broken(moored, "node2", path, command):
        found = causes(moored, "--limit", "node2,node3")
        for concern in offered(found["node2"]):
            planned = moored.moor("plan", concern, "--limit", "node2", "--quiet")
            assert planned.returncode == 2, f"a mend is offered that changes nothing: {concern}: {planned.stdout}"
    assert found["node3"] == []
    named = [cause["rule"] for cause in found["node2"]]  # and nothing of the case before
    assert named == rules or set(rules) <= set(named) <= {*rules, "hosts-toml-elsewhere"}


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


@pytest.mark.parametrize(("verdict", "rule"), [("reject with tcp reset", "route-refused"), ("drop", "route-dropped")])
def test_a_firewall_that_rejects_and_one_that_drops_are_told_apart(moored: Moored, verdict: str, rule: str) -> None:
    with closed(moored, verdict):
        assert diagnosed(moored, "--limit", "node2,node3") == {"node2": [rule], "node3": []}


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


@pytest.mark.parametrize(
    ("name", "ended", "rule"),
    [(NAME, True, "tls-expired"), ("other.test", False, "tls-name"), (NAME, False, "tls-other")],
)
def test_a_certificate_that_is_not_the_issued_one_is_told(moored: Moored, name: str, ended: bool, rule: str) -> None:
    pem, key = self_signed(name, ended)
    command = f"cat > server.crt <<'EOF'\n{pem}EOF\ncat > server.key <<'EOF'\n{key}EOF"
    restart = "docker restart --time 1 nginx >/dev/null"
    with broken(moored, "harbor1", "/data/secret/cert", f"cd /data/secret/cert\n{command}", restart):
        assert eventually(lambda: diagnosed(moored, "--limit", "node2") == {"node2": [rule]}, 30), diagnosed(moored)
    assert eventually(lambda: diagnosed(moored, "--limit", "node2") == {"node2": []}, 60)


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
