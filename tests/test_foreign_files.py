"""Every file of others that moor reads: whatever stands in it, the end is a result or one error in words.

A new parser is one more line in PARSERS: how it is called, and a text that it takes.
"""

# ruff: noqa: E501, PT017, RUF005

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from moor.connections.apis.cluster.answers import judge_answer
from moor.connections.apis.cluster.exec_plugin import read_credential
from moor.connections.apis.cluster.kubeconfig import ExecPlugin, read_kubeconfig
from moor.connections.ssh.host_keys import known_keys
from moor.connections.ssh.ssh_config import options_of_host
from moor.errors import MoorError, UnreadableSecret
from moor.formats.toml_text import write_inline
from moor.inventory.joining import add_hosts
from moor.inventory.netbox import NetBoxInventory
from moor.path.device import Device
from moor.path.kernel.packet import Packet
from moor.path.kernel.walk import arriving, leaving
from moor.path.space import Flow
from moor.run.protocols.proposing import SurveyRequest
from moor.run.waivers import read_waivers
from moor.schedule.cron import with_block as crontab
from moor.secrets.secret import Secret
from moor.settings.document import InputFaults, load_yaml
from moor.settings.section import SecretRef
from moor.tasks.containerd import rancher
from moor.tasks.containerd.config import RegistryLookup, edit_config
from moor.tasks.containerd.config_faults import ExpectedConfig
from moor.tasks.containerd.hosts_toml import parse_hosts_toml
from moor.tasks.devices.acl.commands import JUNOS, VYOS
from moor.tasks.devices.acl.sections import EOS, IOS, NXOS
from moor.tasks.devices.acl.text import ListSyntax
from moor.tasks.devices.filters import cisco, junos, vyos
from moor.tasks.diagnosis.evidence import runtime_answers
from moor.tasks.diagnosis.evidence.nsswitch import corrected_line, hidden_by
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.docker.install import edit_daemon_json
from moor.tasks.facts import Registry
from moor.tasks.firewall.dialects.guards import Guard, Guards
from moor.tasks.firewall.dialects.host_firewall import DIALECTS
from moor.tasks.firewall.dialects.nftables_conf import with_include
from moor.tasks.firewall.dialects.ufw import with_rules
from moor.tasks.harbor.health import find_unhealthy_components
from moor.tasks.harbor.yml import HarborYml
from moor.tasks.mirrors.retired import without_mirrors
from moor.tasks.names.block import with_block
from moor.tasks.path import host_facts
from moor.tasks.podman.configure import render_registries_conf
from moor.tasks.podman.registries_conf import find_unchecked, find_user_overrides
from moor.tasks.proxies import running
from moor.tasks.registry import logins
from moor.tasks.survey.proposal import propose
from moor.tasks.survey.script import HostView
from moor.tasks.survey.site_files import SiteFiles
from moor.tasks.workload import pull_secret_content
from tests.tasks.devices import recorded

REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"})
GUARDS = Guards((Guard(443, (ip_network("10.28.0.0/26"), ip_network("fd6d::/64"))),))
CONTAINERD = "containerd github.com/containerd/containerd {0} {0}"
NAMES = {REGISTRY.name: REGISTRY.addresses}
LOGIN = ("robot$demo+puller", Secret("Correct-horse-9"))
ASKED = ProbeRequest(
    RegistryEndpoint(REGISTRY.name, "10.77.0.11"),
    "demo/web:1",
    expected=ExpectedConfig(RegistryLookup(REGISTRY, "/etc/containerd/certs.d")),
)
PLUGIN = ExecPlugin.model_validate({"apiVersion": "client.authentication.k8s.io/v1", "command": "x"})

REGISTRIES = {
    "mirrors": {"registry.moor.test": {"endpoint": ["https://registry.moor.test"], "rewrite": {"a": "b"}}},
    "configs": {"registry.moor.test": {"tls": {"ca_file": "/x", "insecure_skip_verify": True}, "auth": {"username": "u"}}},
}  # fmt: skip
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "clusters": [{"name": "k", "cluster": {"server": "https://10.0.0.1:6443", "insecure-skip-tls-verify": False}}],
    "users": [{"name": "u", "user": {"exec": {"apiVersion": PLUGIN.api_version, "command": "x", "args": ["a"]}}}],
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "demo"}}],
}
CONFIG_TOML = {
    "version": 2,
    "imports": ["/etc/containerd/conf.d/*.toml"],
    "disabled_plugins": ["cri"],
    "plugins": {
        "io.containerd.grpc.v1.cri": {
            "registry": {
                "config_path": "/etc/containerd/certs.d",
                "mirrors": {"registry.moor.test": {"endpoint": ["https://registry.moor.test"]}},
                "configs": {"registry.moor.test": {"tls": {"ca_file": "/x"}, "auth": {"username": "u"}}},
            },
            "containerd": {"runtimes": {"runc": {"runtime_type": "x"}}},
        }
    },
}
HARBOR = {"hostname": "h", "https": {"port": 443}, "database": {"password": "p"}, "proxy": {"no_proxy": None}}
RULE = {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 3}
NFT = {
    "nftables": [
        {"metainfo": {"version": "1.1.3"}},
        {"chain": {"family": "inet", "table": "moor", "name": "guard", "type": "filter", "hook": "x", "prio": -110}},
        {"rule": {**RULE, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                       "right": {"set": [{"prefix": {"addr": "10.28.0.0", "len": 26}}, {"range": ["10.0.0.1", "10.0.0.9"]}]}}},
            {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established"]}},
            {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}, {"accept": None}]}},
    ]
}  # fmt: skip
JUMP = {
    "rule": {**RULE, "expr": [{"xt": {"type": "match"}}, {"counter": {"packets": 0}}, {"jump": {"target": "MOOR"}}]}
}
AUTHS = {"auths": {"registry.moor.test": {"auth": "dTpw", "username": "u", "password": "p"}, "other": {}}}
HEALTH = {"status": "healthy", "components": [{"name": "core", "status": "healthy", "error": ""}]}
CREDENTIAL = {
    "kind": "ExecCredential",
    "apiVersion": PLUGIN.api_version,
    "status": {"token": "x", "expirationTimestamp": "2026-01-01T00:00:00Z"},
}
STATUS = {"kind": "Status", "apiVersion": "v1", "message": "no", "reason": "Forbidden", "code": 403, "details": {}}
KNOWN_HOSTS = """\
node1,[10.0.0.1]:22 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIXZx0cPzyD8cEnFEsEhUPJ0F6q4QxNbtzYKxO9T0X0a
|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB
@revoked *.example.net,!x ssh-ed25519 AAAA
"""
HOSTS_TOML = {
    "server": "https://registry.moor.test",
    "host": {"https://registry.moor.test": {"capabilities": ["pull"], "ca": "/x", "skip_verify": False}},
}
HOSTS_YAML = {"node1": {"hostname": "10.0.0.1", "groups": ["nodes"], "data": {"custom": {"a": 1}}}}
WAIVERS = [{"host": "node1", "id": "x:y", "reason": "r", "owner": "o", "until": "2026-12-01"}]
NETBOX = {"count": 1, "next": None, "previous": None, "results": [{
    "id": 11, "name": "node1", "role": {"id": 2, "slug": "node"}, "site": {"slug": "dc1"}, "platform": {"slug": "debian-12"},
    "device_type": {"manufacturer": {"slug": "dell"}, "slug": "r650"}, "status": {"value": "active"}, "tenant": None,
    "primary_ip": {"address": "10.77.0.31/16"}, "tags": [{"slug": "moor"}], "custom_fields": {},
    "config_context": {"ntp": ["10.77.0.2"], "moor": {"custom": {"rack": "a"}}},
}]}  # fmt: skip
SSH_CONFIG = "Host node1 *.example.net\n  HostName 10.0.0.1\n  Port 22\n  IdentityFile ~/.ssh/%h\nHost *\n  User x\n"
JUNOS_TEXT = """\
set interfaces ge-0/0/0 unit 0 family inet filter input MOOR-REGISTRY
set firewall family inet filter MOOR-REGISTRY term 1 from port 443
deactivate firewall family inet filter MOOR-REGISTRY term 2
"""
IOS_TEXT = """\
banner motd ^C hello ^C
ip access-list extended MOOR-REGISTRY
 10 permit tcp 10.0.0.0 0.0.0.255 any eq 443
interface Ethernet0/1
 ip access-group MOOR-REGISTRY in
end
"""
PROXY = "proxy=set\nno_proxy=10.0.0.0/8,.example.net,[::1]:443\nproxy_file=/etc/docker/daemon.json\n"
UFW = """\
*filter
### RULES ###

### tuple ### allow tcp 443 0.0.0.0/0 any 10.0.0.0/8 in comment=6d6f6f72
-A ufw-user-input -p tcp --dport 443 -s 10.0.0.0/8 -j ACCEPT

### END RULES ###
COMMIT
"""
IPTABLES = f"""\
iptables -A MOOR -i lo -j RETURN
nft iptables {json.dumps(JUMP)}, ]}}
has iptables -A FORWARD -m conntrack --ctstate DNAT -j MOOR
-- docker
-- kept
enabled
"""


@dataclass(frozen=True)
class Parser:
    """One reader: ``call`` takes a text, ``sample`` is what it takes, as a tree or as a text, written by ``write``."""

    call: Callable[[str], Any]
    sample: Any
    write: Callable[[Any], str] = str


def as_toml(tree: Any) -> str:
    return "".join(
        f"{json.dumps(str(key))} = {write_inline(value)}\n" for key, value in tree.items() if value is not None
    )


def no_toml(tree: Any) -> bool:
    """Return whether TOML cannot say it, since it has no null."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return tree is None or any(map(no_toml, inner))


def as_yaml(tree: Any) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def by_path(call: Callable[[Path], Any], text: str) -> Any:
    """Call what reads a file of this machine."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(raw(text))
        return call(path)


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def harbor_yml(text: str) -> None:
    resource = HarborYml("/opt/harbor/harbor.yml", {"hostname": "registry.moor.test", "https.port": 443})
    template = as_yaml(HARBOR)
    parts = "".join(f"{len(raw(part))}\n{part}" for part in (template, text))
    actual = resource.actual(f"{parts}0\n")
    resource.desired(actual)
    resource.mend(actual)


def secret(text: str) -> None:
    data = {"type": logins.DOCKER_CONFIG, "metadata": {"resourceVersion": "1"}}
    found = {**data, "data": {".dockerconfigjson": base64.b64encode(raw(text)).decode()}}
    pull_secret_content.has_login(found, REGISTRY.host_port, LOGIN)
    pull_secret_content.with_login(found, REGISTRY.host_port, LOGIN)


def firewall(name: str, text: str) -> None:
    dialect = DIALECTS[name]
    dialect.live(text)
    dialect.render(GUARDS, text)
    dialect.kept(GUARDS, text)


def containerd(version: str, text: str) -> str:
    return edit_config(text, CONTAINERD.format(version), RegistryLookup(REGISTRY, "/etc/containerd/certs.d"))


def registries_yaml(text: str) -> str:
    return rancher.edit_registries_yaml(text, "", REGISTRY, "/ca.crt", "/etc/rancher/k3s/registries.yaml")


def toml_of_containerd(text: str) -> None:
    for release in ((1, 7), (2, 0), (2, 2)):
        parse_hosts_toml(base64.b64encode(raw(text)).decode(), release)


def kubelets(text: str) -> None:
    coded = base64.b64encode(raw(text)).decode()
    for kind, key in logins.DATA_KEYS.items():
        with suppress(UnreadableSecret):
            logins.logins_for([{"type": kind, "data": {key: coded}}], "registry.moor.test/demo/web")


def nsswitch(line: str) -> None:
    for known in ("files", "dns"):
        hidden_by(line, "registry.moor.test", known)
    corrected_line(line)


def hosts_yaml(text: str) -> None:
    """Read it as the inventory does, then add a host as adopt does."""
    findings = InputFaults()
    by_path(lambda path: load_yaml(path, "hosts.yaml", findings), text)
    add_hosts(text, {"node9": {"hostname": "10.0.0.9", "groups": ["nodes"]}})
    findings.raise_if_any()


def device(dialect: ListSyntax, text: str) -> None:
    with suppress(ValueError):  # what the caller makes an error of
        dialect.check(text)
        dialect.find(text, "MOOR-REGISTRY")


def netbox(text: str) -> None:
    """Read the machines that a NetBox answers with; its other list is empty."""

    def send(_: object, request: PreparedRequest, **__: object) -> Response:
        answer = Response()
        answer.status_code, answer.request, answer.url = 200, request, str(request.url)
        answer.headers["Content-Type"] = "application/json"
        answer.raw = BytesIO(raw(text) if "/dcim/devices/" in answer.url else b'{"results": []}')
        return answer

    def load(path: Path) -> None:
        (path.parent / "token").write_text("0123456789abcdef")
        (path.parent / "token").chmod(0o600)
        token = SecretRef("file:token", path.parent)
        known = {"url": "https://netbox.moor.test", "token": token, "filters": {}, "virtual_machines": True}
        empty = str(path.with_name("empty.yaml"))
        Path(empty).touch()
        NetBoxInventory(str(path.with_name("hosts.yaml")), empty, empty, netbox=known).load()

    with patch.object(HTTPAdapter, "send", send):
        by_path(load, text)


def included(text: str) -> None:
    """Have ssh itself read a file that another includes."""

    def ask(path: Path) -> None:
        path.with_name("config").write_text(f"Include {path}\nMatch host node1\n  Port 2222\n")
        options_of_host(path.with_name("config"), "node1", "root")

    by_path(ask, text)


def podmans(text: str) -> None:
    told = "".join(
        f"{kind}={base64.b64encode(raw(text)).decode()} /x/registries.conf\n" for kind in ("file", "crio", "user")
    )
    find_unchecked(told, REGISTRY.host_port)
    find_user_overrides(told, REGISTRY.host_port)


def heard(text: str) -> None:
    coded = base64.b64encode(raw(text)).decode()
    runtime_answers.containerd_evidence(
        f"version={CONTAINERD.format('1.7.27')}\ntoml={coded}\nfile={coded} /etc/containerd/config.toml\n",
        ASKED,
        "node1",
    )


DAEMON = {"insecure-registries": ["registry.moor.test"], "registry-mirrors": ["https://hub.moor.test"]}


def surveyed(path: str, text: str) -> None:
    """Read a file of a node that pulls from the registry as moor import does."""
    known = {"/etc/docker/certs.d/registry.moor.test/hosts.toml": as_toml(HOSTS_TOML)}
    files = SiteFiles("hosts.yaml", "groups.yaml", "defaults.yaml", {})
    propose([HostView("node1", {**known, path: text}, {"process": ("kubelet",)})], files, SurveyRequest(" ".join))


def unsaid(text: str) -> None:
    """Take what moor wrote out of registries.yaml."""
    without_mirrors(text, "", REGISTRY.url, (), "f")
    rancher.without_registry(text, "", REGISTRY.host_port, "/x", "f")


FILTERED = (
    recorded.JUNOS
    + """\
set firewall family inet filter PROTECT term x from source-prefix-list NAME
set policy-options prefix-list NAME 10.0.0.0/8
set routing-options static route 10.9.0.0/16 next-hop 10.77.0.9
"""
)
RULESET = {
    "nftables": [
        {"chain": {"family": "inet", "table": "x", "name": "in", "hook": "input", "prio": 0, "policy": "drop"}},
        {"set": {"family": "inet", "table": "x", "name": "s", "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}]}},
        {"rule": {"family": "inet", "table": "x", "chain": "in", "handle": 1, "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}},
            {"vmap": {"key": {"meta": {"key": "l4proto"}}, "data": {"set": [["tcp", {"accept": None}]]}}},
        ]}},
        {"rule": {"family": "inet", "table": "x", "chain": "in", "handle": 2, "expr": [
            {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["new"]}}, {"jump": {"target": "in"}},
        ]}},
    ]
}  # fmt: skip
SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.18.0.2:8443
COMMIT
*filter
:FORWARD DROP [0:0]
:INPUT ACCEPT [0:0]
:X - [0:0]
-A FORWARD ! -s 10.0.0.0/8 -m conntrack --ctstate NEW -j X
-A X -p tcp -m multiport --dports 80,443:444 -m comment --comment "x y" -j ACCEPT
COMMIT
"""
PACKET = Flow(ip_address("10.0.0.2"), ip_address("10.88.0.11"))


def judged(parse: Callable[[str], Device], text: str) -> None:
    """Parse a device's configuration, and have it judge a packet."""
    found = parse(text)
    for version in found.chains:
        found.chains[version].between("eth1", "eth0", version).decide(PACKET)
    for place, each in found.filters.items():
        assert place[2] == 6 or each.decide(PACKET)
    found.next_hop(PACKET.source)


def on_the_way(part: str, text: str) -> None:
    """Parse what a host prints for moor path, and have its firewall judge a packet."""
    addresses = '[{"ifname": "eth0", "addr_info": [{"local": "10.0.0.2"}]}]'
    found = host_facts.parse("node1", f"-- addresses\n{addresses}\n-- {part}\n{text}\n-- end\n")
    assert found.rules is not None
    assert list(arriving(found.rules, Packet(PACKET, "eth0", local=True)))
    assert list(leaving(found.rules, Packet(PACKET, "", "eth0")))


PARSERS: dict[str, Parser] = {
    "registries.yaml of k3s": Parser(registries_yaml, REGISTRIES, as_yaml),
    "daemon.json": Parser(partial(edit_daemon_json, _="", settings={"log-opts": {"a": 1}}), {"log-opts": {"b": "2"}}, json.dumps),
    "config.toml": Parser(partial(containerd, "1.7.27"), CONFIG_TOML, as_toml),
    "config.toml of an old containerd": Parser(partial(containerd, "1.4.13"), CONFIG_TOML, as_toml),
    "registries.conf": Parser(
        lambda text: render_registries_conf("", text, REGISTRY), {"registry": [{"location": "x"}], "registries": 1}, as_toml
    ),
    "harbor.yml": Parser(harbor_yml, HARBOR, as_yaml),
    "kubeconfig": Parser(partial(by_path, read_kubeconfig), KUBECONFIG, as_yaml),
    "credential plugin": Parser(lambda text: read_credential(raw(text), PLUGIN, "x"), CREDENTIAL, json.dumps),
    "answer of a cluster": Parser(lambda text: judge_answer(403, raw(text)), STATUS, json.dumps),
    "list of a cluster": Parser(
        lambda text: judge_answer(200, raw(text)), {"kind": "PodList", "items": [{"kind": "Pod"}]}, json.dumps
    ),
    "dockerconfigjson": Parser(secret, AUTHS, json.dumps),
    "health of Harbor": Parser(lambda text: find_unhealthy_components(200, raw(text)), HEALTH, json.dumps),
    "listing of nftables": Parser(
        lambda text: firewall("nftables", f"{text}\n-- kept\n"), NFT, json.dumps
    ),
    "listing of iptables": Parser(partial(firewall, "iptables"), IPTABLES),
    "jump that nft lists": Parser(lambda text: firewall("iptables", f"nft iptables {text}\n-- kept\n"), JUMP, json.dumps),
    "listing of firewalld": Parser(
        partial(firewall, "firewalld"), 'zone public\nlive public: rule priority="-7700" family="ipv4"\nloaded public: \n'
    ),
    "listing of ufw": Parser(
        partial(firewall, "ufw"), f"IPV6=yes\n-- file 4\n{UFW}-- kernel 4\n-A x -p tcp -m tcp --dport 443 -j DROP\n-- end 4\n"
    ),
    "user.rules of ufw": Parser(partial(with_rules, guards=GUARDS, version=4), UFW),
    "nftables.conf": Parser(partial(with_include, wanted=True), "flush ruleset\ntable inet x {\n}"),
    "/etc/hosts": Parser(partial(with_block, names=NAMES), "127.0.0.1 localhost\n10.0.0.9 registry.moor.test x # y\n"),
    "crontab": Parser(partial(crontab, name="moor-drift", line="0 * * * * x\n"), "# BEGIN moor-drift\nx\n# END moor-drift\n"),
    "hosts.toml": Parser(toml_of_containerd, HOSTS_TOML, as_toml),
    "pull secret as kubelet reads it": Parser(kubelets, AUTHS, json.dumps),
    "hosts of nsswitch.conf": Parser(nsswitch, "files mdns4_minimal [NOTFOUND=return] dns"),
    "hosts.yaml": Parser(hosts_yaml, HOSTS_YAML, as_yaml),
    "waivers.yaml": Parser(partial(by_path, lambda path: read_waivers(path, path.parent)), WAIVERS, as_yaml),
    "ssh_config": Parser(partial(by_path, lambda path: options_of_host(path, "node1")), SSH_CONFIG),
    "configuration of Junos": Parser(partial(device, JUNOS), JUNOS_TEXT),
    "configuration of IOS": Parser(partial(device, IOS), IOS_TEXT),
    "configuration of NX-OS": Parser(partial(device, NXOS), recorded.NXOS),
    "configuration of EOS": Parser(partial(device, EOS), recorded.EOS),
    "configuration of VyOS": Parser(partial(device, VYOS), recorded.VYOS),
    "filters of Junos": Parser(partial(judged, junos.parse_device), FILTERED.replace("NAME", "x")),
    "filters of VyOS": Parser(partial(judged, vyos.parse_device), recorded.VYOS),
    "filters of IOS": Parser(partial(judged, cisco.parse_device), recorded.IOS),
    "rules of nft on the way": Parser(partial(on_the_way, "tables"), RULESET, json.dumps),
    "rules of iptables on the way": Parser(partial(on_the_way, "saved4"), SAVED),
    "routes on the way": Parser(partial(on_the_way, "routes"), [{"dst": "10.0.0.1", "dev": "x", "prefsrc": "10.0.0.2"}], json.dumps),
    "ssh_config that is included": Parser(included, SSH_CONFIG),
    "machines of NetBox": Parser(netbox, NETBOX, json.dumps),
    "files of containerd as diagnose reads them": Parser(heard, CONFIG_TOML, as_toml),
    "NO_PROXY of a service": Parser(lambda text: running.judge_proxy(text, "registry.moor.test", 443, "docker"), PROXY),
    "registries.conf as it counts": Parser(podmans, {"registry": [{"location": "x", "insecure": True}]}, as_toml),
    "config.toml as import reads it": Parser(partial(surveyed, "/etc/containerd/config.toml"), CONFIG_TOML, as_toml),
    "hosts.toml as import reads it": Parser(partial(surveyed, "/etc/containerd/certs.d/docker.io/hosts.toml"), HOSTS_TOML, as_toml),
    "registries.yaml as import reads it": Parser(partial(surveyed, "/etc/rancher/k3s/registries.yaml"), REGISTRIES, as_yaml),
    "daemon.json as import reads it": Parser(partial(surveyed, "/etc/docker/daemon.json"), DAEMON, json.dumps),
    "registries.conf as import reads it": Parser(
        partial(surveyed, "/etc/containers/registries.conf"), {"registry": [{"location": "x", "mirror": [{"location": "y"}]}]}, as_toml
    ),
    "/etc/hosts as import reads it": Parser(partial(surveyed, "/etc/hosts"), "10.0.0.9 registry.moor.test x # y\n"),
    "registries.yaml without moor's part": Parser(unsaid, REGISTRIES, as_yaml),
    "known_hosts": Parser(partial(by_path, lambda path: known_keys([path], "node1")), KNOWN_HOSTS),
}  # fmt: skip

ODD = st.sampled_from(
    [None, True, False, 0, -1, 2**70, 1.5, "", "x", "a\nb", "é\u2028", "%", [], {}, [None], [[]], {"a": None}, {"": {"": []}}]
    + [{"x": "y"}, ["x", 3], "10.0.0.0/99", "https://[::1", "!x", "*x", "9" * 5000, [["x"] * 3] * 3]
)  # fmt: skip
PIECES = st.sampled_from(
    ["\0", "\t", "\r", "\r\n", "\ufeff", "\udcff\udcfe", "&a ", "*a", "<<: *a", "- ", "? ", "{", "}", "[", "]", '"', "'"]
    + ["#", ": ", "\n", "---\n", "...\n", "!!python/object:x ", "%YAML 9.9\n", "\\", "=", "$(x)", "[" * 3000, "{'a':" * 3000]
    + ["- " * 400, "\x85", "\u2028", "NaN", "1e999", "0x", "2026-99-99", "9" * 5000, "&a [*a]", '"\\ud800"']
)  # fmt: skip


def swapped(tree: Any, data: st.DataObject) -> Any:
    """Put something odd in the place of one part of a tree."""
    if isinstance(tree, dict | list) and tree and data.draw(st.integers(0, 4)):
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = data.draw(st.sampled_from(keys))
        copy: Any = dict(tree) if isinstance(tree, dict) else list(tree)
        if data.draw(st.integers(0, 9)):
            copy[key] = swapped(tree[key], data)
        else:
            del copy[key]
        return copy
    return data.draw(ODD)


def torn(text: str, data: st.DataObject) -> str:
    """Cut a piece out of a text, and put another in."""
    first, last = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    last = data.draw(st.sampled_from([first, last]))
    return text[:first] + data.draw(PIECES) + text[last:]


def encoded(text: str, data: st.DataObject) -> str:
    """Return a text as moor reads a file of another encoding."""
    codec = data.draw(st.sampled_from(["utf-16", "utf-8-sig", "latin-1", "utf-32"]))
    return text.encode(codec, "replace").decode("utf-8", "surrogateescape")


def read(parser: Parser, text: str) -> None:
    """Have a text read; raises whatever is no error of moor's."""
    try:
        parser.call(text)
    except MoorError as error:
        assert str(error).strip()
        assert len(str(error)) < 20_000


@pytest.mark.parametrize("name", PARSERS)
def test_what_others_write_ends_in_a_result_or_in_words(name: str) -> None:
    parser = PARSERS[name]
    parser.call(parser.write(parser.sample)) if name in SOUND else read(parser, parser.write(parser.sample))

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def fuzzed(data: st.DataObject) -> None:
        sample: Any = parser.sample
        if parser.write is not str and data.draw(st.booleans()):
            sample = swapped(sample, data)
            if parser.write is as_toml and (not isinstance(sample, dict) or no_toml(sample)):
                return
        text = parser.write(sample)
        for change in data.draw(st.lists(st.sampled_from([torn, torn, encoded]), max_size=2)):
            text = change(text, data)
        read(parser, text)

    fuzzed()


SOUND = frozenset(PARSERS) - {"registries.yaml of k3s", "registries.conf", "kubeconfig"}


def test_the_writer_of_toml_writes_toml() -> None:
    assert tomllib.loads(as_toml(CONFIG_TOML)) == CONFIG_TOML
