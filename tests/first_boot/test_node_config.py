"""What a new machine needs at its first boot, as the command prints it in each format."""

from __future__ import annotations

import gzip
import json
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import yaml

from moor.first_boot.formats import FORMATS
from moor.first_boot.unread_files import content_hash
from moor.formats.yaml_text import parse_yaml
from moor.pki.authority import CertificateNames, make_authority, utc_now
from moor.tasks.containerd.rancher import edit_registries_yaml
from moor.tasks.facts import Registry
from tests.harness.commands import Done, moor_here
from tests.harness.shells import SHELLS
from tests.harness.sites import DEFAULTS, GROUPS, HOSTS, write_site

REGISTRY = {"name": "registry.moor.test", "address": "10.9.0.2"}
CERTS = "/etc/containerd/certs.d/registry.moor.test"
SCRIPT = "/var/lib/moor/first-boot.sh"
# Of Talos 1.13's machine configuration: the documents that are made here, key by key.
# Source: siderolabs/talos, pkg/machinery/config/types: cri, network, security
TEXT = {"type": "string", "minLength": 1}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "TrustedRootsConfig": {"name": TEXT, "certificates": TEXT},
    "RegistryTLSConfig": {"name": TEXT, "ca": TEXT},
    "TimeSyncConfig": {
        "ntp": {
            "type": "object",
            "properties": {"servers": {"type": "array", "items": TEXT}, "useNTS": {"type": "boolean"}},
            "additionalProperties": False,
        }
    },
    "EnvironmentConfig": {"variables": {"type": "object", "additionalProperties": TEXT}},
    "StaticHostConfig": {"name": TEXT, "hostnames": {"type": "array", "items": TEXT, "minItems": 1}},
    "RegistryMirrorConfig": {
        "name": TEXT,
        "endpoints": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"url": {"type": "string", "pattern": "^https://"}, "overridePath": {"type": "boolean"}},
                "required": ["url"],
                "additionalProperties": False,
            },
        },
        "skipFallback": {"type": "boolean"},
    },
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a site whose registry is somebody else's, with a node of each runtime and a key to log in by."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", tmp_path / "id"], check=True)
    proxy = {"url": "http://proxy.moor.test:3128", "login": "file:proxy"}
    hosts: dict[str, Any] = {
        "node1": {"hostname": "10.9.0.11", "groups": ["nodes"]},
        "k1": {"hostname": "10.9.0.12", "groups": ["nodes"], "data": {"containerd": {"runtime": "k3s"}}},
        "ws1": {"hostname": "10.9.0.13", "groups": ["workstations"], "data": {"docker": {"proxy": proxy}}},
    }
    defaults = {
        "username": "ops",
        "connection_options": {"shell": {"extras": {"key_file": "id", "known_hosts": "known_hosts"}}},
        "data": {"registry": REGISTRY, "pki": {"ca": "ca.crt"}, "mirrors": {"docker.io": {"project": "hub"}}},
    }
    files = {HOSTS: hosts, GROUPS: {"nodes": {}, "workstations": {}, "outsiders": {}}, DEFAULTS: defaults}
    ca = make_authority(CertificateNames((REGISTRY["name"],)), 900, utc_now()).pem
    return write_site(tmp_path, {**files, "ca.crt": ca}, {"proxy": "me:hidden-word"})


def config(site: Path, *words: str) -> Done:
    """Run the command, which must succeed."""
    done = moor_here(site, "node", "config", *words)
    assert done.returncode == 0, done.said
    return done


def files_of_cloud_init(text: str) -> dict[str, str]:
    """Return the files that user-data writes, by path."""
    return {file["path"]: _content(file) for file in yaml.safe_load(text)["write_files"]}


def _content(file: Mapping[str, str]) -> str:
    packed = file.get("encoding") == "gz+b64"
    return gzip.decompress(b64decode(file["content"])).decode() if packed else file["content"]


def files_of_ignition(text: str) -> dict[str, str]:
    """Return the files that an Ignition configuration writes, by path."""
    return {file["path"]: _decoded(file["contents"]) for file in json.loads(text)["storage"]["files"]}


def _decoded(contents: Mapping[str, str]) -> str:
    kind, _, data = contents["source"].partition(",")
    if kind.endswith(";base64"):
        return gzip.decompress(b64decode(data)).decode()
    return unquote(data)


def documents_of(text: str) -> list[Mapping[str, Any]]:
    """Return documents for Talos, each of which its machine configuration takes."""
    documents: list[Mapping[str, Any]] = list(yaml.safe_load_all(text))
    for document in documents:
        meta = {"apiVersion": {"const": "v1alpha1"}, "kind": {"const": document["kind"]}}
        properties = {**meta, **KINDS[document["kind"]]}
        shape = {"type": "object", "properties": properties, "additionalProperties": False}
        jsonschema.validate(document, {**shape, "required": list(properties)})
    return documents


def test_user_data_has_the_files_the_account_and_the_rest_as_a_script(site: Path) -> None:
    text = config(site, "node1", "--format", "cloud-init").stdout
    assert text.startswith("#cloud-config\n")
    found, files = yaml.safe_load(text), files_of_cloud_init(text)
    assert files[f"{CERTS}/ca.crt"] == (site / "ca.crt").read_text()
    assert f'ca = "{CERTS}/ca.crt"' in files[f"{CERTS}/hosts.toml"]
    assert found["runcmd"] == [["sh", SCRIPT]]
    for word in ("10.9.0.2 registry.moor.test registry", "update-ca-certificates", 'config_path = "/etc/containerd'):
        assert word in files[SCRIPT]
    assert found["users"][0] == "default"  # that of the image stays
    assert found["users"][1]["name"] == "ops"
    assert found["users"][1]["ssh_authorized_keys"] == [(site / "id.pub").read_text().strip()]
    assert "hidden" not in text


def test_what_is_printed_is_the_same_each_time(site: Path) -> None:
    for form in FORMATS:
        texts = {config(site, "k1", "--format", form).stdout for _ in range(2)}
        assert len(texts) == 1, form


def test_an_ignition_configuration_is_valid_and_says_what_user_data_says(site: Path, tmp_path: Path) -> None:
    text = config(site, "node1", "--format", "ignition").stdout
    files = files_of_ignition(text)
    sudoers = files.pop("/etc/sudoers.d/90-moor-ops")
    assert sudoers == "ops ALL=(ALL) NOPASSWD:ALL\n"
    assert files == files_of_cloud_init(config(site, "node1", "--format", "cloud-init").stdout)
    (tmp_path / "node1.ign").write_text(text)
    told = subprocess.run(["ignition-validate", tmp_path / "node1.ign"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_talos_gets_documents_of_its_machine_configuration(site: Path) -> None:
    text = config(site, "nodes", "--format", "talos").stdout
    documents = documents_of(text)
    by_kind = {document["kind"]: document for document in documents}
    assert by_kind["RegistryTLSConfig"]["name"] == "registry.moor.test"
    assert by_kind["RegistryTLSConfig"]["ca"] == (site / "ca.crt").read_text()
    assert by_kind.keys() == KINDS.keys() - {"TimeSyncConfig", "EnvironmentConfig"}
    mirror = by_kind["RegistryMirrorConfig"]
    assert (mirror["name"], mirror["skipFallback"]) == ("docker.io", True)
    assert mirror["endpoints"] == [{"url": "https://registry.moor.test/v2/hub", "overridePath": True}]
    assert by_kind["StaticHostConfig"]["hostnames"] == ["registry.moor.test", "registry"]


def test_k3s_gets_registries_yaml_as_an_apply_writes_it(site: Path) -> None:
    text = config(site, "k1", "--format", "k3s").stdout
    registry = Registry.model_validate(REGISTRY)
    applied = edit_registries_yaml(
        "", "", registry=registry, ca_file="/etc/rancher/k3s/moor-registry-ca.crt", path="registries.yaml"
    )
    assert parse_yaml(text)["configs"] == parse_yaml(applied)["configs"]
    assert list(parse_yaml(text)["mirrors"]) == ["docker.io"]
    assert all(f"# {line}\n" in text for line in (site / "ca.crt").read_text().splitlines())
    wrong = moor_here(site, "node", "config", "node1", "--format", "k3s")
    assert wrong.returncode == 1
    assert "node1: it runs neither k3s nor RKE2; write data.containerd.runtime: k3s" in wrong.stderr


def test_the_script_is_whole_and_every_shell_reads_it(site: Path, tmp_path: Path) -> None:
    done = config(site, "k1", "--format", "script", "--out", str(tmp_path / "first.sh"))
    assert done.stdout == f"{tmp_path / 'first.sh'}: written\n"
    text = (tmp_path / "first.sh").read_text()
    assert text.startswith("#!/bin/sh\n# What k1 needs at its first boot.")
    assert "/etc/rancher/k3s/registries.yaml" in text
    for shell in SHELLS.values():
        told = subprocess.run([*shell, "-n", tmp_path / "first.sh"], capture_output=True, check=False)
        assert (told.returncode, told.stderr) == (0, b"")


def test_a_secret_is_left_out_and_said_unless_it_is_asked_for(site: Path) -> None:
    without = config(site, "ws1", "--format", "cloud-init")
    assert "left out, since secret: file:/etc/moor/docker-proxy.env" in without.stderr
    assert "/etc/moor/docker-proxy.env" not in files_of_cloud_init(without.stdout)
    words = "moor node config ws1 --format cloud-init --with-secrets"
    assert f"the SSH host key is left out, since secret; this makes, pins and prints it: {words}" in without.stderr
    assert not (site / ".moor/host-keys").exists()
    asked = config(site, "ws1", "--format", "cloud-init", "--with-secrets")
    assert "this text holds secrets" in asked.stderr
    assert "me:hidden-word@proxy" in files_of_cloud_init(asked.stdout)["/etc/moor/docker-proxy.env"]
    out = site / "ws1.yaml"
    assert config(site, "ws1", "--format", "ignition", "--with-secrets", "--out", str(out)).returncode == 0
    assert out.stat().st_mode & 0o777 == 0o600


PROXY_FILE, APT = "/etc/moor/containerd-proxy.env", "edit:/etc/apt/apt.conf.d/95moor-proxy#proxy"


def test_proxy_and_time_come_with_it_and_a_login_only_if_it_is_asked_for(site: Path) -> None:
    defaults = site / DEFAULTS
    more = "  proxy: {url: http://proxy.moor.test:3128, login: file:proxy}\n  time: {servers: [ntp.moor.test]}\n"
    defaults.write_text(defaults.read_text().replace("data:\n", f"data:\n{more}", 1))
    without = config(site, "node1", "--format", "cloud-init")
    assert f"file:{PROXY_FILE}" in without.stderr
    assert APT in without.stderr
    files = files_of_cloud_init(without.stdout)
    assert "EnvironmentFile" in files["/etc/systemd/system/containerd.service.d/moor-proxy.conf"]
    assert "NTP=ntp.moor.test" in files[SCRIPT]
    assert "server ntp.moor.test iburst" in files[SCRIPT]
    assert "https_proxy=http://proxy.moor.test:3128" in files[SCRIPT]  # that of logins, without the login
    assert "hidden-word" not in f"{without.stdout}{files}"
    asked = files_of_cloud_init(config(site, "node1", "--format", "cloud-init", "--with-secrets").stdout)
    assert "me:hidden-word@proxy" in asked[PROXY_FILE]
    assert "hidden-word" in asked[SCRIPT]

    talos = config(site, "nodes", "--format", "talos")
    assert "left out, since secret: EnvironmentConfig" in talos.stderr
    assert "hidden-word" not in talos.stdout
    kinds = [document["kind"] for document in documents_of(talos.stdout)]
    assert "TimeSyncConfig" in kinds
    assert "EnvironmentConfig" not in kinds
    open_ = config(site, "nodes", "--format", "talos", "--with-secrets").stdout
    (environment,) = (one for one in documents_of(open_) if one["kind"] == "EnvironmentConfig")
    assert environment["variables"]["https_proxy"] == "http://me:hidden-word@proxy.moor.test:3128"
    assert "registry.moor.test" in environment["variables"]["no_proxy"]


@pytest.mark.parametrize(("release", "table"), [("1.7", "version = 2\n"), ("2.1", "version = 3\n")])
def test_containerds_file_is_of_the_release_that_the_image_has(site: Path, release: str, table: str) -> None:
    hosts = site / HOSTS
    hosts.write_text(f"{hosts.read_text()}\nn2: {{groups: [nodes], data: {{containerd: {{release: '{release}'}}}}}}\n")
    script = config(site, "n2", "--format", "script").stdout
    assert f"{content_hash('')}) printf %s '{table}" in script


def test_a_host_key_is_made_once_and_pinned_so_that_the_first_connection_is_strict(site: Path, tmp_path: Path) -> None:
    first, second = (
        yaml.safe_load(config(site, "node1", "--format", "cloud-init", "--with-secrets").stdout) for _ in range(2)
    )
    keys = first["ssh_keys"]
    assert keys == second["ssh_keys"]
    assert (site / "known_hosts").read_text() == f"10.9.0.11 {keys['ed25519_public']}"
    key = tmp_path / "host-key"
    key.touch(0o600)
    key.write_text(keys["ed25519_private"])
    derived = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
    assert derived.split()[:2] == keys["ed25519_public"].split()[:2]
    assert (site / ".moor/host-keys/node1").stat().st_mode & 0o777 == 0o600
    ignition = files_of_ignition(config(site, "node1", "--format", "ignition", "--with-secrets").stdout)
    assert ignition["/etc/ssh/ssh_host_ed25519_key"] == keys["ed25519_private"]


def test_a_host_whose_key_is_known_gets_no_other(site: Path) -> None:
    (site / "known_hosts").write_text(f"10.9.0.11 {(site / 'id.pub').read_text()}")
    done = config(site, "node1", "--format", "cloud-init", "--with-secrets")
    assert "ssh_keys" not in yaml.safe_load(done.stdout)
    assert "node1 has a pinned SSH host key that moor did not make, so none is printed" in done.stderr


def test_a_group_stands_for_machines_that_have_no_name_yet(site: Path) -> None:
    done = config(site, "nodes", "--format", "cloud-init", "--with-secrets")
    ours, host = (files_of_cloud_init(one.stdout) for one in (done, config(site, "node1", "--format", "cloud-init")))
    assert ours == host
    assert "a group has no SSH host key" in done.stderr
    assert not (site / "known_hosts").exists()


def test_what_only_a_connection_can_make_is_left_to_an_apply_and_said(site: Path) -> None:
    hosts = site / HOSTS
    guarded = "data: {access: {members: [10.9.0.0/24], managers: [10.9.0.1]}, firewall: {}}"
    hosts.write_text(f"{hosts.read_text()}\nnode2: {{hostname: 10.9.0.14, groups: [nodes], {guarded}}}\n")
    done = config(site, "node2", "--format", "cloud-init")
    assert "firewall:ports: left to moor apply: moor makes it over a connection" in done.stderr
    alike = config(site, "node1", "--format", "cloud-init")
    assert files_of_cloud_init(done.stdout).keys() == files_of_cloud_init(alike.stdout).keys()


def test_keys_of_others_are_let_in_too_and_a_wrong_one_is_an_error(site: Path) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzMoguGgalN3VQ44+RQlixjlVg7E3PZ0KzVVM/BU4QJ other"
    defaults = site / DEFAULTS
    plain = defaults.read_text()
    defaults.write_text(plain.replace("data:", f"data:\n  first_boot: {{authorized_keys: [{other}]}}", 1))
    found = yaml.safe_load(config(site, "node1", "--format", "cloud-init").stdout)
    assert found["users"][1]["ssh_authorized_keys"] == [(site / "id.pub").read_text().strip(), other]
    defaults.write_text(plain.replace("data:", "data:\n  first_boot: {authorized_keys: [ssh-rsa]}", 1))
    wrong = moor_here(site, "node", "config", "node1", "--format", "cloud-init")
    assert wrong.returncode == 1
    assert "authorized_keys: not a public key" in wrong.stderr.replace(".0", "")


def test_without_a_key_of_its_own_no_account_is_made_and_said(site: Path) -> None:
    defaults = site / DEFAULTS
    defaults.write_text(defaults.read_text().replace("key_file: id,", "").replace("key_file: id\n", "use_keys: true\n"))
    done = config(site, "node1", "--format", "cloud-init")
    assert "users" not in yaml.safe_load(done.stdout)
    assert "no account is made, since the inventory names no username and key" in done.stderr


def test_a_network_device_has_no_first_boot_of_this_kind(site: Path) -> None:
    (site / GROUPS).write_text(f"{(site / GROUPS).read_text()}\ndevices: {{}}\n")
    done = moor_here(site, "node", "config", "devices", "--format", "cloud-init")
    assert (done.returncode, done.stdout) == (1, "")
    assert "node config: devices is reached by netmiko, not by SSH and a shell; name a node" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((" ",), "node config: the name is empty"),
        (("nodes1",), "node config: no host or group is called nodes1; did you mean nodes?"),
        (("outsiders",), "node config site: it has no stage for new-outsiders"),
        (("node1", "--like", "nod1"), "node config: --like: no host is called nod1; did you mean node1"),
        (("node1", "--out", "/proc/none"), "--out /proc/none: "),
    ],
)
def test_wrong_words_are_one_error(site: Path, words: tuple[str, ...], said: str) -> None:
    done = moor_here(site, "node", "config", *words, "--format", "cloud-init")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_a_ca_that_is_not_made_yet_is_one_error_with_the_remedy(site: Path) -> None:
    hosts = site / HOSTS
    hosts.write_text(f"{hosts.read_text()}\nharbor1: {{hostname: 10.9.0.2, groups: [harbor]}}\n")
    groups = site / GROUPS
    groups.write_text(f"{groups.read_text()}\nharbor: {{}}\n")
    defaults = site / DEFAULTS
    (site / "word").touch(0o600)
    (site / "word").write_text("long-enough-word")
    defaults.write_text(defaults.read_text().replace("ca: ca.crt", "passphrase: file:word"))
    done = moor_here(site, "node", "config", "node1", "--format", "cloud-init")
    assert done.returncode == 1
    assert "trust-bundle:moor-registry-ca: not made yet: the CA's certificate" in done.stderr
    assert "run moor apply for the registry's host first, which makes it" in done.stderr
