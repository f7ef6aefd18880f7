"""The lab itself, on real hosts: they boot, are reached, fail as told, and leave nothing behind."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from ipaddress import IPv4Address

import httpx2
import pytest
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.client import Client
from lightkube.resources.core_v1 import Node

from moor.errors import HostError, InputError
from moor_lab import faults
from moor_lab.fleet import Host, load_fleet
from moor_lab.lab import Lab
from moor_lab.network import address6, has_ipv6
from tests.harness.waiting import eventually
from tests.lab.conftest import Ssh

pytestmark = pytest.mark.lab

HOSTS = list(load_fleet().hosts)


@pytest.mark.parametrize("name", HOSTS)
def test_every_host_runs_a_systemd_without_a_failed_unit(lab: Lab, ssh: Ssh, name: str) -> None:
    done = ssh(name, "hostname; sudo systemctl is-system-running --wait; systemctl --failed --no-legend")
    assert done.stdout.split() == [name, "running"]
    assert done.returncode == 0, done.stderr


def test_hosts_know_each_other_by_name_and_not_the_registry(lab: Lab, ssh: Ssh) -> None:
    done = ssh("node1", "getent hosts harbor1 node3; getent hosts registry.moor.test")
    addresses = [lab.machine(name).host.address for name in ("harbor1", "node3")]
    assert [line.split()[0] for line in done.stdout.splitlines()] == [str(address) for address in addresses]


def test_hosts_reach_each_other_and_not_the_world(lab: Lab, ssh: Ssh) -> None:
    started = time.monotonic()
    done = ssh("node2", "busybox nc -w 2 harbor1 22 </dev/null | head -c 4; busybox nc -w 5 192.0.2.1 80 </dev/null")
    assert done.stdout == "SSH-"
    assert done.returncode
    assert "No route to host" in done.stderr
    assert time.monotonic() - started < 5


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_hosts_and_machine_reach_each_other_by_ipv6_too(lab: Lab, ssh: Ssh) -> None:
    harbor = address6(lab.machine("harbor1").host.address)
    done = ssh(
        "node2", f"busybox nc -w 2 {harbor} 22 </dev/null | head -c 4; busybox nc -w 5 2001:db8::1 80 </dev/null"
    )
    assert (done.stdout, done.returncode) == ("SSH-", 1), done.stderr
    with socket.create_connection((str(harbor), 22), 5) as connection:
        assert connection.getsockname()[0] == str(address6(lab.fleet.machine))


def test_a_host_whose_key_is_not_the_pinned_one_is_refused(lab: Lab, ssh: Ssh) -> None:
    pinned = lab.known_hosts.read_text()
    try:
        lab.known_hosts.write_text(pinned.replace(lab.machine("ws1").public_key.split()[1], "AAAAC3Nz"))
        assert ssh("ws1", "true").returncode == 255
    finally:
        lab.known_hosts.write_text(pinned)
    assert ssh("ws1", "true").returncode == 0


def test_keys_and_passwords_are_for_their_owner_alone(lab: Lab) -> None:
    for path in (lab.key, *(lab.directory / "secrets").iterdir()):
        assert path.stat().st_mode & 0o777 == 0o600
    assert (lab.directory / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_bare_host_installs_docker_without_a_network(lab: Lab, ssh: Ssh) -> None:
    bare = ssh("outsider", "command -v docker containerd python3")
    assert bare.stdout == ""
    install = "sudo DEBIAN_FRONTEND=noninteractive apt-get install -y docker.io docker-cli docker-compose >/dev/null"
    done = ssh("outsider", f"{install}; sudo docker version -f '{{{{.Server.Version}}}}'; docker compose version", 240)
    assert done.returncode == 0, done.stderr
    assert "Docker Compose version" in done.stdout


def test_a_node_runs_containerd_on_a_real_file_system(lab: Lab, ssh: Ssh) -> None:
    done = ssh("node1", "sudo ctr version >/dev/null && stat -f -c %T /var/lib/containerd")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != "overlayfs"


def test_up_again_boots_nothing_and_is_quick(lab: Lab) -> None:
    started = time.monotonic()
    assert lab.up() == []
    assert time.monotonic() - started < 5


def test_a_reboot_over_ssh_comes_back_by_itself_with_its_disk(lab: Lab, ssh: Ssh) -> None:
    started = "cut -d' ' -f22 /proc/1/stat"
    former = ssh("ws1", f"echo | sudo tee /root/kept >/dev/null; {started}").stdout
    ssh("ws1", "sudo systemctl reboot")
    assert eventually(lambda: ssh("ws1", started).stdout not in ("", former))
    assert ssh("ws1", "sudo ls /root; sudo systemctl is-system-running --wait").stdout == "kept\nrunning\n"


def test_a_host_that_is_powered_off_stays_down_until_it_is_booted(lab: Lab, ssh: Ssh) -> None:
    ssh("node3", "sudo touch /root/kept && sudo poweroff")
    assert eventually(lambda: _state(lab, "node3") == "down")
    with pytest.raises(HostError, match="node3 is down"):
        lab.exec("node3", ["true"])
    assert lab.up(["node3"]) == ["node3"]
    assert ssh("node3", "sudo ls /root").stdout == "kept\n"


def test_a_host_whose_plug_is_pulled_boots_again_with_its_disk(lab: Lab, ssh: Ssh) -> None:
    ssh("node2", "sudo touch /root/kept && sync")
    lab.machine("node2").kill()
    assert _state(lab, "node2") == "down"
    assert lab.up() == ["node2"]
    assert ssh("node2", "sudo ls /root").stdout == "kept\n"


def test_a_host_that_is_reset_is_bare_again_and_still_the_pinned_one(lab: Lab, ssh: Ssh) -> None:
    ssh("outsider", "sudo touch /root/gone")
    pinned = lab.known_hosts.read_text()
    lab.reset("outsider")
    done = ssh("outsider", "sudo ls /root; command -v docker; sudo ls -A /var/lib/docker")
    assert (done.stdout, done.stderr) == ("", "")
    assert lab.known_hosts.read_text() == pinned


@pytest.mark.parametrize("fault", [faults.partition, faults.hang, faults.stopped_sshd])
def test_a_faulty_host_is_not_reached_and_is_again_once_healed(
    lab: Lab, ssh: Ssh, fault: Callable[[Lab, str], AbstractContextManager[None]]
) -> None:
    with fault(lab, "node1"):
        assert _state(lab, "node1") == "booting"
        assert ssh("node1", "true").returncode == 255
        assert ssh("node2", "true").returncode == 0
    assert eventually(lambda: ssh("node1", "true").returncode == 0)


def test_a_full_disk_refuses_writes_and_keeps_what_was_there(lab: Lab, ssh: Ssh) -> None:
    with faults.full_disk(lab, "node1", "/opt"), faults.full_disk(lab, "node1", "/etc/ssh"):
        done = ssh("node1", "ls /etc/ssh/sshd_config; echo x | sudo tee /opt/new")
        assert done.stdout.startswith("/etc/ssh/sshd_config")
        assert "No space left on device" in done.stderr
    assert ssh("node1", "echo x | sudo tee /opt/new").returncode == 0


def test_exec_gives_what_a_program_said_or_why_it_failed(lab: Lab) -> None:
    assert lab.exec("node1", ["cat"], stdin="said") == "said"
    with pytest.raises(Exception, match="no such thing"):
        lab.exec("node1", ["sh", "-c", "echo no such thing >&2; exit 3"])


def test_an_unknown_host_is_named_with_those_that_there_are(lab: Lab) -> None:
    with pytest.raises(InputError, match=r"no host nod1; there are harbor1, cp1"):
        lab.up(["nod1"])


def test_a_node_that_joins_later_is_a_member_of_the_cluster(lab: Lab) -> None:
    address = IPv4Address(int(lab.fleet.network[0]) + 39)
    lab.add(Host(name="node9", address=address, suite="trixie", profile="node", role="node"))
    with Client(KubeConfig.from_file(lab.directory / "kubeconfig")) as client:
        assert eventually(lambda: "node9" in _nodes(client))


def _nodes(client: Client) -> list[str]:
    """Return the cluster's nodes; none while the control plane, which may just have booted, does not answer yet."""
    try:
        return [str(node.metadata.name) for node in client.list(Node) if node.metadata]
    except httpx2.ConnectError:
        return []


def _state(lab: Lab, name: str) -> str:
    return next(status.state for status in lab.status() if status.name == name)
