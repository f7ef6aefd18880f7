"""Hosts out of what other tools know: nothing is typed again, and what cannot be taken over is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.ssh.ssh_config import options_of_host
from moor.errors import InputError
from moor.init.sources.ansible.files import read_inventory
from moor.init.sources.ansible.ranges import expand, split_pattern
from moor.settings.config import read_config
from tests.harness.netbox import TOKEN, NetBox
from tests.harness.sites import write_site
from tests.init.writing import REGISTRY, init, reached, site, written
from tests.kubernetes.served import Api

SSH_CONFIG = """\
Host *
  User ops
Host node?.old web1 "node2"
  Port 2222
Host=cp1 # the API
  HostName 10.9.0.21
Host github.com
Match originalhost node3,node4 exec "true"
  HostName 10.9.0.33
Include more/*
Host 10.9.0.44
"""


def test_hosts_that_ssh_config_spells_out_are_reached_as_ssh_reaches_them(tmp_path: Path) -> None:
    file = tmp_path / "config"
    write_site(tmp_path, {"more/one": "Host included !other *.wild\n  HostName 10.9.0.50\n"})
    file.write_text(SSH_CONFIG.replace("more/*", f"{tmp_path}/more/*"))
    nr = site(
        tmp_path / "f", *REGISTRY, "--from", "ssh_config", str(file), "--nodes", "node*,included", "--harbor", "cp1"
    )
    assert list(nr.inventory.hosts) == ["cp1", "node2", "node3", "node4", "included"]
    assert nr.config.ssh.config_file == str(file)
    assert {host.hostname for host in nr.inventory.hosts.values()} == set(nr.inventory.hosts)
    left = (tmp_path / "f/inventory/hosts.yaml").read_text().partition("has these too")[2]
    assert [line for line in left.splitlines() if line.endswith(":") and line[2] != " "] == ["# web1:", "# 10.9.0.44:"]


def test_the_registrys_address_is_that_of_its_host_in_ssh_config(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host reg\n  HostName 10.9.0.11\n")
    words = ("--registry", "registry.fleet.test", "--harbor", "reg", "--from", "ssh_config", str(tmp_path / "config"))
    nr = site(tmp_path / "f", *words)
    assert str(nr.inventory.hosts["reg"].data["registry"].address) == "10.9.0.11"


HOSTS = """\
127.0.0.1 localhost
::1 ip6-localhost
ff02::1 ip6-allnodes
10.9.0.31 node1.fleet.test node1 # the first
2001:db8::32 node2
fe80::1%eth0 link
10.9.0.99 node1
ops@10.9.0.33:2222
"""


def test_hosts_of_a_hosts_file_are_those_that_other_machines_have(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(HOSTS)
    nr = site(tmp_path / "f", *REGISTRY, "--from", "hosts", str(tmp_path / "hosts"), "--nodes", "*")
    assert reached(nr) == {
        "node1": ("10.9.0.31", None, None),
        "node2": ("2001:db8::32", None, None),
        "10.9.0.33": ("10.9.0.33", 2222, "ops"),
    }


INI = """\
[all:vars]
ansible_user=ops
ansible_ssh_common_args='-o StrictHostKeyChecking=no -o ProxyJump="jump@10.9.0.1:2200"'
[kube_control_plane]
cp[1:3] ansible_host="10.9.0.2{{ inventory_hostname[-1] }}"
[kube_node]
node[01:03].fleet.test ansible_port=2222 # of old
db-[a:c:2]
10.9.0.77:2200
[harbor]
reg ansible_host=10.9.0.11 ansible_become_password='s3cret of reg' ansible_user=admin
[k8s_cluster:children]
kube_node
kube_control_plane
[dns]
db-a
[gates]
gate ansible_host=10.9.0.1
[other]
w1 ansible_connection=winrm
"""
VAULTED = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
ANSIBLE = {
    "hosts.ini": INI,
    "group_vars/all.yml": "ansible_become_pass: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n",
    "group_vars/kube_node/main.yml": "ansible_ssh_private_key_file: ~/.ssh/{{ name_of_key }}\nname_of_key: fleet\n",
    "host_vars/db-a": "ansible_host: \"{{ lookup('env', 'X') }}\"\n",
    "host_vars/db-c.yml": VAULTED,
}


@pytest.fixture
def ansible(tmp_path: Path) -> Path:
    return write_site(tmp_path / "ansible", ANSIBLE) / "hosts.ini"


def test_an_ansible_inventory_becomes_a_site_without_a_word_typed_again(ansible: Path, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    done = init(folder, "--registry", "registry.fleet.test", "--from", "ansible", str(ansible))
    assert done.returncode == 0, done.said
    nr = site(tmp_path / "again", "--registry", "registry.fleet.test", "--from", "ansible", str(ansible))
    assert reached(nr) == {
        "reg": ("10.9.0.11", None, "admin"),
        **{f"cp{number}": (f"10.9.0.2{number}", None, "ops") for number in (1, 2, 3)},
        **{f"node0{number}": (f"node0{number}.fleet.test", 2222, "ops") for number in (1, 2, 3)},
        "db-a": ("db-a", None, "ops"),
        "db-c": ("db-c", None, "ops"),
        "10.9.0.77": ("10.9.0.77", 2200, "ops"),
    }
    assert written(folder)["cp1"]["groups"] == ["control_plane", "nodes", "kube_control_plane", "k8s_cluster"]
    assert written(folder)["cp2"]["groups"] == ["nodes", "kube_control_plane", "k8s_cluster"]
    assert "dns" not in written(folder)["db-a"]["groups"]  # it would run dnsmasq
    assert written(folder, "groups")["kube_node"] == {"groups": ["k8s_cluster"]}
    assert written(folder)["node01"]["connection_options"]["shell"]["extras"]["key_file"] == "~/.ssh/fleet"
    config = (folder / "ssh_config").read_text()
    assert "\n  ProxyJump jump@10.9.0.1:2200\n" in config
    assert "Host 10.9.0.1 " not in config  # the jump host itself
    assert nr.config.ssh.config_file == str(tmp_path / "again/ssh_config")


def test_jump_hosts_of_ansible_count_before_the_users_own_ssh_config(
    ansible: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_site(tmp_path / "home", {".ssh/config": "Host 10.9.0.1\n  User mine\nHost *\n  ProxyJump elsewhere\n"})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    site(tmp_path / "f", "--registry", "registry.fleet.test", "--from", "ansible", str(ansible))
    text = (tmp_path / "f/ssh_config").read_text().replace("~", str(tmp_path / "home"))  # ssh asks passwd for it
    (tmp_path / "config").write_text(text)
    found = options_of_host(tmp_path / "config", "10.9.0.21")
    assert found["proxyjump"] == "jump@[10.9.0.1]:2200"
    assert options_of_host(tmp_path / "config", "10.9.0.1")["user"] == "mine"


def test_a_harbor_of_ansible_that_is_there_already_is_no_host_of_the_fleet(ansible: Path, tmp_path: Path) -> None:
    nr = site(tmp_path / "f", *REGISTRY, "--from", "ansible", str(ansible), "--api", "harbor")
    assert "reg" not in nr.inventory.hosts
    assert nr.inventory.hosts["cp1"].data["registry"].api == "harbor"


def test_passwords_of_ansible_go_into_private_files_alone_or_are_asked_for(ansible: Path, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    done = init(folder, "--registry", "registry.fleet.test", "--from", "ansible", str(ansible))
    (own,) = folder.glob("secrets/reg-*")
    assert (own.read_text(), own.stat().st_mode & 0o777) == ("s3cret of reg\n", 0o600)
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and path != own]
    assert "s3cret" not in "".join([*texts, done.said])
    assert written(folder)["reg"]["connection_options"]["shell"]["extras"]["secret"] == "file:secrets/reg-sudo"
    assert written(folder, "defaults")["connection_options"]["shell"]["extras"]["secret"] == "file:secrets/sudo"
    assert "secrets/sudo: the hosts' sudo password (chmod 600)" in done.stdout
    said = done.stderr
    assert "db-c.yml: a vault encrypts it" in said
    assert "db-a: ansible_host can be read by Ansible alone" in said
    assert "w1: Ansible reaches it by winrm" in said
    assert "cp1 is the one of 3 hosts for --control-plane" in said


YAML_INVENTORY = """\
all:
  vars: {ansible_user: outer}
  children:
    rack1: {hosts: {"n[1:2]": {ansible_host: 10.9.0.31}, n3: }, vars: {ansible_user: inner, ansible_port: 22}}
    workers: {children: {rack1: }}
"""


def test_what_is_nearer_to_a_host_wins_as_in_ansible(tmp_path: Path) -> None:
    write_site(tmp_path, {"inventory/a.yml": YAML_INVENTORY, "inventory/group_vars/all": "ansible_port: 23\n"})
    write_site(tmp_path, {"inventory/host_vars/n3.yaml": "ansible_host: 10.9.0.33\nansible_user: own\n"})
    found = read_inventory(tmp_path / "inventory")
    shown = {
        name: [found.variables_of(name).get(f"ansible_{key}") for key in ("host", "port", "user")]
        for name in found.hosts
    }
    # group_vars/all counts more than the variables of any group in the inventory itself.
    assert shown == {"n1": ["10.9.0.31", 23, "inner"], "n2": ["10.9.0.31", 23, "inner"], "n3": ["10.9.0.33", 23, "own"]}
    assert found.groups_of("n3") == ["rack1", "workers"]


def test_the_list_that_ansible_inventory_prints_is_an_inventory_too(tmp_path: Path) -> None:
    listed = {
        "_meta": {"hostvars": {"n1": {"ansible_host": "10.9.0.31"}}},
        "all": {"children": ["ungrouped", "workers"]},
        "workers": {"hosts": ["n1", "n2"]},
    }
    (tmp_path / "hosts.json").write_text(json.dumps(listed))
    nr = site(tmp_path / "f", *REGISTRY, "--from", "ansible", str(tmp_path / "hosts.json"))
    assert reached(nr) == {"n1": ("10.9.0.31", None, None), "n2": ("n2", None, None)}


BROKEN = {
    "a program": ({"hosts": "#!/bin/sh\n"}, "ansible-inventory -i"),
    "a plugin": ({"aws.yml": "plugin: amazon.aws.aws_ec2\n"}, "Ansible's plugin amazon.aws.aws_ec2"),
    "a vault": ({"hosts": VAULTED}, "a vault encrypts it"),
    "an unknown child": ({"hosts": "n1\n[a:children]\nb\n"}, ":3: no section [b]"),
    "a circle": ({"h.yml": "a: {children: {b: {children: {a: }}}, hosts: {n1: }}\n"}, "its own ancestor"),
    "a section that is none": ({"hosts": "[a:hots]\n"}, ":1: [a:hots]: a section is of hosts"),
    "a range that is none": ({"hosts": "n[1-3]\n"}, "n[1-3]"),
    "a word that is no variable": ({"hosts": "n1 s3cret word\n"}, ":1: a variable is KEY=VALUE"),
    "a quote without an end": ({"hosts": "n1 ansible_password='s3cret\n"}, ":1: cannot be read: no closing quotation"),
    "no YAML": ({"h.yml": "a: [s3cret\n"}, "not YAML"),
    "no hosts": ({"h.yml": "all: \n"}, "no hosts in it"),
    "a list": ({"h.yml": "- a\n"}, "not an inventory"),
    "a key that is none": ({"h.yml": "all: {host: {a: }}\n"}, "a group has hosts, children and vars"),
    "a port that is none": ({"hosts": "n1 ansible_port=x\n[nodes]\nn1\n"}, "n1: ansible_port: x is not a port"),
    "a host that is none": ({"hosts": "n1 ansible_host='a b'\n"}, "n1: ansible_host: a b is no address"),
}


@pytest.mark.parametrize(("files", "words"), BROKEN.values(), ids=list(BROKEN))
def test_an_inventory_that_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    (name,) = files
    write_site(tmp_path / "inventory", files)
    done = init(tmp_path / "f", *REGISTRY, "--from", "ansible", str(tmp_path / "inventory" / name))
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


@given(first=st.integers(0, 300), count=st.integers(1, 60), step=st.integers(1, 9), width=st.integers(1, 4))
def test_a_range_of_ansible_has_both_ends_and_keeps_its_zeros(first: int, count: int, step: int, width: int) -> None:
    ends = [str(number).zfill(width) for number in (first, first + count - 1)]
    if ends[0][0] == "0" and len(ends[0]) > 1 and len(ends[0]) != len(ends[1]):
        with pytest.raises(InputError, match="same length"):
            expand(f"n[{ends[0]}:{ends[1]}]")
        return
    wanted = [
        f"n{str(number).zfill(len(ends[0])) if ends[0][0] == '0' else number}.x"
        for number in range(first, first + count, step)
    ]
    assert split_pattern(f"n[{ends[0]}:{ends[1]}:{step}].x:2200") == (wanted, 2200)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("db-[a:c]", ["db-a", "db-b", "db-c"]),
        ("r[1:2]n[a:b]", ["r1na", "r1nb", "r2na", "r2nb"]),
        ("[2001:db8::1]:2200", ["2001:db8::1"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("host", ["host"]),
    ],
)
def test_host_patterns_are_those_of_ansible(pattern: str, hosts: list[str]) -> None:
    assert split_pattern(pattern)[0] == hosts


@pytest.mark.parametrize("kind", ["ssh_config", "hosts", "ansible", "kubeconfig"])
def test_a_source_that_is_not_there_is_told(tmp_path: Path, kind: str) -> None:
    done = init(tmp_path / "f", *REGISTRY, "--from", kind, str(tmp_path / "gone"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path}/gone: " in done.stderr
    assert not (tmp_path / "f").exists()


def test_a_host_that_the_source_does_not_have_is_not_made_up(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.9.0.31 node1\n")
    done = init(tmp_path / "f", *REGISTRY, "--from", "hosts", str(tmp_path / "hosts"), "--nodes", "noed1,10.9.0.40")
    assert f"--nodes: noed1: no host or group of {tmp_path}/hosts is called so; did you mean node1?" in done.stderr


def test_without_a_role_the_hosts_that_were_found_are_listed(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.9.0.31 node1\n10.9.0.32 node2\n")
    done = init(tmp_path / "f", *REGISTRY, "--from", "hosts", str(tmp_path / "hosts"))
    assert "--nodes HOSTS: " in done.stderr
    assert f"({tmp_path}/hosts has: node1 node2)" in done.stderr


def node(
    name: str, address: str, kubelet: str = "v1.33.1", leads: bool = False, system: str = "Debian"
) -> dict[str, Any]:
    labels = {"node-role.kubernetes.io/control-plane": ""} if leads else {}
    about = {"kubeletVersion": kubelet, "osImage": system, "containerRuntimeVersion": "containerd://2.0.0"}
    addresses = [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]
    metadata = {"name": name, "labels": labels}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": metadata,
        "status": {"addresses": addresses, "nodeInfo": about},
    }


def test_the_nodes_of_a_cluster_are_hosts_with_their_roles(api: Api, tmp_path: Path) -> None:
    nodes = [
        node("cp1", "10.9.0.21", "v1.33.1+k3s1", leads=True),
        node("cp2", "10.9.0.22", "v1.33.1+k3s1", leads=True),
        node("node1", "10.9.0.31", "v1.33.1+k3s1"),
        node("sealed", "10.9.0.40", system="Talos (v1.9)"),
    ]
    with api.http() as http:
        assert [http.post("/api/v1/nodes", json=one).status_code for one in nodes] == [201] * 4
    folder = tmp_path / "f"
    words = (*REGISTRY, "--from", "kubeconfig", str(api.kubeconfig))
    done = init(folder, *words)
    assert done.returncode == 0, done.said
    assert "sealed: Talos has no SSH" in done.stderr
    assert {name: (one["hostname"], one["groups"]) for name, one in written(folder).items()} == {
        "cp1": ("10.9.0.21", ["control_plane", "nodes"]),
        "cp2": ("10.9.0.22", ["nodes"]),
        "node1": ("10.9.0.31", ["nodes"]),
    }
    assert written(folder)["cp1"]["data"] == {"containerd": {"runtime": "k3s", "unit": "k3s"}}
    assert written(folder)["node1"]["data"] == {"containerd": {"runtime": "k3s"}}
    assert written(folder, "defaults")["data"]["cluster"] == {"kubeconfig": str(api.kubeconfig)}


@pytest.fixture
def netbox_words(netbox: NetBox, tmp_path: Path) -> tuple[str, ...]:
    write_site(tmp_path, {}, {"token": TOKEN})
    private = ("--netbox-token", f"file:{tmp_path}/token", "--netbox-ca", str(tmp_path / "ca.crt"))
    return (*private, "--from", "netbox", netbox.url)


def test_a_site_of_netbox_asks_it_at_every_run_and_adds_the_roles(
    netbox: NetBox, netbox_words: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*REGISTRY, "--nodes", "device_role__kubernetes-node", "--user", "ops")
    folder = tmp_path / "f"
    nr = site(folder, *words, *netbox_words)
    members = [name for name, host in nr.inventory.hosts.items() if host.has_parent_group("nodes")]
    assert members
    assert written(folder) == {}
    assert written(folder, "groups")["device_role__kubernetes-node"] == {"groups": ["nodes"]}
    assert TOKEN not in (folder / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("status=active", {"status": "active"}),
        ("status=active&status=staged&site=dc1", {"status": ("active", "staged"), "site": "dc1"}),
    ],
)
def test_a_branch_and_filters_of_netbox_come_out_of_the_url(
    netbox: NetBox, netbox_words: tuple[str, ...], tmp_path: Path, query: str, filters: dict[str, Any]
) -> None:
    netbox.branches = {"td5smq0f": ("spring", "ready")}
    words = (*REGISTRY, "--nodes", "*", *netbox_words[:-1], f"{netbox.url}?_branch=td5smq0f&{query}")
    site(tmp_path / "f", *words)
    options = read_config(tmp_path / "f").inventory.options.netbox
    assert options
    assert (options.branch, options.filters) == ("td5smq0f", filters)


def test_a_netbox_that_refuses_the_token_is_told_and_nothing_is_written(
    netbox: NetBox, netbox_words: tuple[str, ...], tmp_path: Path
) -> None:
    netbox.known = "Token other"
    done = init(tmp_path / "f", *REGISTRY, "--nodes", "*", *netbox_words)
    assert done.returncode == 1
    assert "it refuses the token" in done.stderr
    assert TOKEN not in done.said
    assert not (tmp_path / "f").exists()
