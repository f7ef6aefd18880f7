"""Two hundred hosts are diagnosed in one command, though some of them hang."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from moor_lab.fleet import Fleet, Host
from moor_lab.lab import Lab
from tests.harness.labs import fleet_of_lab
from tests.harness.sites import Content, write_site
from tests.lab.moored import Moor

pytestmark = pytest.mark.lab

HOSTS, HANGING = 200, 20


def many() -> Fleet:
    """Hosts with nothing but sshd, named h000 to h199."""
    base = fleet_of_lab("diagnose-many")
    first = int(base.network[0]) + 512
    hosts = {f"h{n:03}": Host(name=f"h{n:03}", address=IPv4Address(first + n), profile="light") for n in range(HOSTS)}
    return base.model_copy(update={"hosts": hosts})


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    Lab(many()).down(secrets=True)
    running = Lab(many())
    try:
        running.up()
        yield running
    finally:
        running.down(secrets=True)


@pytest.fixture
def moor(lab: Lab, tmp_path: Path) -> Moor:
    """Return a site of all these hosts as nodes of a registry that is not there."""
    extras = {"key_file": str(lab.key), "known_hosts": str(lab.known_hosts)}
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct-horse\n")
    registry = {"name": "registry.moor.test", "address": str(lab.fleet.network[9])}
    harbor = {"installer": "none.tgz", "admin_password": f"file:{passphrase}"}
    workload = {"namespace": "demo", "image": "demo/sqrt:1.0", "robot": "puller"}
    data = {
        "registry": registry,
        "harbor": harbor,
        "pki": {"passphrase": f"file:{passphrase}"},
        "projects": {"demo": {"robots": {"puller": {}}}},
        "workloads": {"sqrt": workload},
    }
    defaults = {"username": "ops", "connection_options": {"shell": {"extras": extras}}, "data": data}
    hosts = {name: {"hostname": str(host.address), "groups": ["nodes"]} for name, host in lab.fleet.hosts.items()}
    files: dict[str, Content] = {
        "config.yaml": {"runner": {"plugin": "threaded", "options": {"num_workers": 50}}},
        "inventory/hosts.yaml": hosts,
        "inventory/groups.yaml": {"nodes": {}, "harbor": {}, "control_plane": {}},
        "inventory/defaults.yaml": defaults,
    }
    return Moor(lab, write_site(tmp_path / "site", files))


def test_hosts_that_hang_are_told_and_every_other_is_examined(lab: Lab, moor: Moor) -> None:
    hanging = sorted(lab.fleet.hosts)[:: HOSTS // HANGING]
    groups = [lab.machine(name).cgroup / "host" for name in hanging]
    try:
        for group in groups:
            group.freeze(True)
        done = moor("diagnose", "--quiet", "--output", "json", timeout_s=240)
    finally:
        for group in groups:
            group.freeze(False)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert [name for name, host in report["hosts"].items() if not host["reached"]] == hanging
    told = {
        name: [cause["rule"] for resource in host["resources"] for cause in resource["causes"]]
        for name, host in report["hosts"].items()
        if host["reached"]
    }
    assert len(told) == HOSTS - HANGING
    assert all(rules[0] == "name-missing" for rules in told.values())
    print(f"{HOSTS} hosts, {HANGING} of them hanging: {report['duration_s']} s")
