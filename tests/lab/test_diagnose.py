"""A fleet that works is broken, one fault at a time: the cause is named, and so is what mends it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lightkube import Client, KubeConfig, codecs
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Pod
from lightkube.resources.core_v1 import Secret as KubeSecret

from lab import faults
from moor.connections.harbor import Harbor
from tasks.layers.pods import DOCKER_CONFIG
from tasks.registry import find_robot
from tests.lab.conftest import Moored
from tests.lab.moored import eventually

pytestmark = pytest.mark.lab

NAME = "registry.moor.test"
CERTS_D = f"/etc/containerd/certs.d/{NAME}"
CONFIG = "/etc/containerd/config.toml"
KEPT = "/run/moor-test-kept"
STALE = f"sed 's/^.* {NAME}/10.99.0.9 {NAME}/' /etc/hosts > /run/h; cat /run/h > /etc/hosts"
MIRROR = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\\nendpoint = ["https://m.test"]\\n'
TOMORROW = "/usr/local/bin/date"
DROP_IN = "/run/systemd/system/containerd.service.d"


def diagnosed(moored: Moored, *words: str) -> dict[str, list[str]]:
    """Give the rules that a diagnosis names, by host; a host that is well has none."""
    done = moored.moor("diagnose", "--quiet", "--output", "json", *words)
    report = json.loads(done.stdout)
    found = {
        name: [cause["rule"] for resource in host["resources"] for cause in resource["causes"]]
        for name, host in report["hosts"].items()
        if host["resources"] or host["error"]
    }
    assert done.returncode == (2 if any(found.values()) else 0), done.stdout + done.stderr
    return found


@contextmanager
def broken(moored: Moored, host: str, path: str, command: str, after: str = ":") -> Iterator[None]:
    """Run ``command`` on a host, with ``path`` kept and put back as it was; ``after`` runs behind each of the two."""
    keep = f"rm -rf {KEPT}; [ ! -e {path} ] || cp -a {path} {KEPT}"
    back = f"if [ -f {path} ] && [ -f {KEPT} ]; then cp -p {KEPT} {path}; else rm -rf {path}; "
    back += f"[ ! -e {KEPT} ] || cp -a {KEPT} {path}; fi"
    moored.lab.exec(host, ["sh", "-ec", f"{keep}\n{command}\n{after}"])
    try:
        yield
    finally:
        moored.lab.exec(host, ["sh", "-ec", f"{back}\n{after}"])


@contextmanager
def closed(moored: Moored, verdict: str) -> Iterator[None]:
    """Have node2's own nftables close the registry's port to it."""
    rule = f"ip daddr {address(moored, 'harbor1')} tcp dport 443 {verdict}"
    chain = "add chain inet closed out { type filter hook output priority 0; }"
    moored.lab.exec("node2", ["nft", f"add table inet closed; {chain}; add rule inet closed out {rule}"])
    try:
        yield
    finally:
        moored.lab.exec("node2", ["nft", "delete table inet closed"])


@contextmanager
def stopped(moored: Moored, container: str) -> Iterator[None]:
    moored.lab.exec("harbor1", ["docker", "stop", "--time", "1", container])
    try:
        yield
    finally:
        moored.lab.exec("harbor1", ["docker", "start", container])
        assert eventually(lambda: diagnosed(moored, "--limit", "node2") == {"node2": []}, 60)


def address(moored: Moored, name: str) -> str:
    return str(moored.lab.machine(name).host.address)


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
        found = diagnosed(moored, "--limit", "node2,node3")
    assert found["node3"] == []
    assert found["node2"] == rules or set(rules) <= set(found["node2"]) <= {*rules, "hosts-toml-elsewhere"}
    assert diagnosed(moored, "--limit", "node2") == {"node2": []}


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


def test_a_missing_route_is_told(moored: Moored) -> None:
    place = f"{address(moored, 'harbor1')}/32"
    moored.lab.exec("node2", ["ip", "route", "add", "throw", place])
    try:
        assert diagnosed(moored, "--limit", "node2") == {"node2": ["route-missing"]}
    finally:
        moored.lab.exec("node2", ["ip", "route", "del", "throw", place])


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


def self_signed(name: str, ended: bool) -> tuple[str, str]:
    """Make a certificate that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    begins = datetime.now(UTC) - timedelta(days=60)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(begins).not_valid_after(begins + timedelta(days=30 if ended else 90))
    )
    cert = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(key, hashes.SHA256())
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return cert.public_bytes(serialization.Encoding.PEM).decode(), plain.decode()


def test_a_hosts_file_that_is_older_than_dns_is_told(moored: Moored) -> None:
    gateway = str(next(moored.lab.fleet.network.hosts()))
    answered = f"{STALE}; cp -a /etc/resolv.conf /run/r; echo nameserver {gateway} > /etc/resolv.conf"
    with dns_that_answers(gateway, address(moored, "harbor1")), broken(moored, "node2", "/etc/hosts", answered):
        found = diagnosed(moored, "--limit", "node2")
        moored.lab.exec("node2", ["sh", "-c", "cat /run/r > /etc/resolv.conf"])
    assert found == {"node2": ["name-stale"]}


@contextmanager
def dns_that_answers(place: str, found: str) -> Iterator[None]:
    """Answer every question for an address with ``found``, and others with nothing, on the lab's own network."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((place, 53))
    thread = threading.Thread(target=answer_all, args=(server, socket.inet_aton(found)))
    thread.start()
    try:
        yield
    finally:
        server.sendto(b"", (place, 53))
        thread.join()
        server.close()


def answer_all(server: socket.socket, found: bytes) -> None:
    """Answer until an empty datagram comes. Source: RFC 1035, 4.1."""
    while True:
        asked, sender = server.recvfrom(512)
        if not asked:
            return
        end = asked.index(b"\0", 12) + 5
        wants_a = asked[end - 4 : end - 2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + found if wants_a else b""
        head = asked[:2] + b"\x81\x80\0\1" + (b"\0\1" if wants_a else b"\0\0") + b"\0\0\0\0"
        server.sendto(head + asked[12:end] + record, sender)


def test_a_proxy_that_takes_the_registry_too_is_told(moored: Moored) -> None:
    unit = "[Service]\\nEnvironment=HTTPS_PROXY=http://10.99.0.1:3128 NO_PROXY=localhost\\n"
    command = f"mkdir -p {DROP_IN}; printf '{unit}' > {DROP_IN}/proxy.conf"
    with broken(moored, "node2", DROP_IN, command, "systemctl daemon-reload; systemctl restart containerd"):
        assert diagnosed(moored, "--limit", "node2") == {"node2": ["proxy-between"]}


@pytest.fixture
def cluster(moored: Moored) -> Iterator[Client]:
    config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False) as client:
        yield client


def deployment(cluster: Client, name: str, image: str, secret: str) -> None:
    """Run one pod of an image on node2, in a namespace of the test's own."""
    content = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "trial"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": name}},
                "spec": {
                    "nodeName": "node2",
                    "imagePullSecrets": [{"name": secret}] if secret else [],
                    "containers": [{"name": "c", "image": f"{NAME}/{image}"}],
                },
            },
        },
    }
    cluster.apply(codecs.from_dict(content), field_manager="trial", force=True)


def pull_secret(name: str, registry: str, user: str, password: str, kind: str = DOCKER_CONFIG) -> KubeSecret:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    content = json.dumps({"auths": {registry: {"username": user, "password": password, "auth": auth}}})
    data = {".dockerconfigjson": base64.b64encode(content.encode()).decode()}
    return KubeSecret(metadata=ObjectMeta(name=name, namespace="trial"), type=kind, data=data)


@pytest.fixture
def trial(moored: Moored, cluster: Client) -> Iterator[tuple[str, str]]:
    """A namespace of the test's own; gives the puller's user and password."""
    found = cluster.get(KubeSecret, "registry", namespace="demo")
    auths = json.loads(base64.b64decode((found.data or {})[".dockerconfigjson"]))["auths"]
    cluster.apply(Namespace(metadata=ObjectMeta(name="trial")), field_manager="trial")
    yield auths[NAME]["username"], auths[NAME]["password"]
    for made in cluster.list(Deployment, namespace="trial"):
        cluster.delete(Deployment, named(made.metadata), namespace="trial")
    for held in cluster.list(KubeSecret, namespace="trial"):
        cluster.delete(KubeSecret, named(held.metadata), namespace="trial")
    assert eventually(lambda: not list(cluster.list(Pod, namespace="trial")), 60)


def named(metadata: ObjectMeta | None) -> str:
    assert metadata is not None
    return str(metadata.name)


@pytest.mark.parametrize(
    ("registry", "user", "word", "kind", "rule"),
    [
        ("harbor.example.net", "{user}", "{password}", DOCKER_CONFIG, "secret-registry"),
        (NAME, "robot+puller", "{password}", DOCKER_CONFIG, "secret-dollar"),
        (NAME, "somebody", "{password}", DOCKER_CONFIG, "secret-user"),
        (NAME, "{user}", "Wr0ngPassword", DOCKER_CONFIG, "secret-password"),
        (NAME, "{user}", "{password}", "Opaque", "secret-type"),
    ],
)
def test_a_pull_secret_that_does_not_fit_is_told_and_never_shown(
    moored: Moored,
    cluster: Client,
    trial: tuple[str, str],
    registry: str,
    user: str,
    word: str,
    kind: str,
    rule: str,
) -> None:
    known = {"user": trial[0], "password": trial[1]}
    word = word.format(**known)
    cluster.apply(pull_secret("registry", registry, user.format(**known), word, kind), field_manager="trial")
    deployment(cluster, "app", "demo/sqrt:1.0", "registry")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "--limit", "node2", "--output", "json")
    assert rule in rules_of(done), done.stdout
    assert word not in done.stdout + done.stderr
    assert base64.b64encode(f"{known['user']}:{word}".encode()).decode() not in done.stdout + done.stderr


def rules_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    hosts = json.loads(done.stdout)["hosts"].values()
    return [cause["rule"] for host in hosts for resource in host["resources"] for cause in resource["causes"]]


@pytest.mark.parametrize(
    ("image", "secret", "rule"),
    [
        ("demo/sqrt:1.0", "registry", "secret-elsewhere"),  # it is in the namespace demo
        ("demo/sqrt:1.0", "registri", "secret-missing"),
        ("demo/sqrt:1.0", "", "secret-unnamed"),
        ("demo/sqrt:9.9", "right", "tag-missing"),
        ("demo/nothing:1.0", "right", "image-missing"),
        ("nowhere/sqrt:1.0", "right", "project-missing"),
    ],
)
def test_a_pod_that_waits_is_explained(
    moored: Moored, cluster: Client, trial: tuple[str, str], image: str, secret: str, rule: str
) -> None:
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    deployment(cluster, "app", image, secret)
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "app", "--limit", "node2", "--output", "json")
    assert done.returncode == 2
    assert rule in rules_of(done), done.stdout


def administrator(moored: Moored) -> Harbor:
    trust = ssl.create_default_context(cafile=str(moored.moor.site / ".moor/pki/ca.crt"))
    login = ("admin", (moored.lab.directory / "secrets/harbor-admin").read_text().strip())
    return Harbor(NAME, address(moored, "harbor1"), 443, login, trust)


def disable(moored: Moored, harbor: Harbor, robot: dict[str, Any]) -> None:
    harbor.change("PUT", f"/api/v2.0/robots/{robot['id']}", {**robot, "disable": True})


def allow_only_pushing(moored: Moored, harbor: Harbor, robot: dict[str, Any]) -> None:
    access = [{"resource": "repository", "action": "push"}]
    permissions = [{**robot["permissions"][0], "access": access}]
    harbor.change("PUT", f"/api/v2.0/robots/{robot['id']}", {**robot, "permissions": permissions})


def expire(moored: Moored, harbor: Harbor, robot: dict[str, Any]) -> None:
    """Harbor takes no end in the past, so that its database has to be told."""
    ended = """regexp_replace(body, '"expires_at": *-1', '"expires_at": 1')"""
    body = f"""regexp_replace({ended}, '"duration": *-1', '"duration": 1')"""
    change = f"update record set body = {body} where kind = 'robot' and id = {robot['id']};"  # noqa: S608 - a number
    program = 'PGPASSWORD="$POSTGRES_PASSWORD" /usr/lib/postgresql/*/bin/psql -h 127.0.0.1 -U postgres registry'
    moored.lab.exec("harbor1", ["docker", "exec", "-i", "harbor-db", "sh", "-c", program], stdin=change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [(disable, "robot-disabled"), (allow_only_pushing, "rights-missing"), (expire, "robot-expired")],
)
def test_a_robot_that_may_not_pull_is_told_and_the_mend_mends_it(
    moored: Moored, change: Callable[[Moored, Harbor, dict[str, Any]], None], rule: str
) -> None:
    harbor = administrator(moored)
    change(moored, harbor, find_robot(harbor, "demo", "puller") or {})
    harbor.close()
    done = moored.moor("diagnose", "--quiet", "--limit", "node2")
    assert done.returncode == 2
    assert "mend: moor apply registry" in done.stdout
    assert diagnosed(moored, "--limit", "node2") == {"node2": [rule]}
    moored.moor.applied("registry")
    assert diagnosed(moored, "--limit", "node2") == {"node2": []}


def test_an_image_for_another_architecture_is_told(moored: Moored, cluster: Client, trial: tuple[str, str]) -> None:
    push_for_arm(moored)
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    deployment(cluster, "app", "demo/sqrt:arm", "right")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "app", "--limit", "node2", "--output", "json")
    assert "platform-wrong" in rules_of(done), done.stdout


def push_for_arm(moored: Moored) -> None:
    """Push the workload's image once more, its configuration saying that it is for arm64."""
    harbor = administrator(moored)
    _, manifest = harbor.manifest("demo/sqrt", "1.0") or ("", {})
    config = {**harbor.blob("demo/sqrt", manifest["config"]["digest"]), "architecture": "arm64"}
    harbor.close()
    body = json.dumps(config).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    manifest["config"] = {**manifest["config"], "digest": digest, "size": len(body)}
    login = ("admin", (moored.lab.directory / "secrets/harbor-admin").read_text().strip())
    trust = ssl.create_default_context(cafile=str(moored.moor.site / ".moor/pki/ca.crt"))
    base = f"https://{address(moored, 'harbor1')}"
    named = {"sni_hostname": NAME}
    with httpx.Client(auth=login, verify=trust, headers={"Host": NAME}, trust_env=False) as client:
        begun = client.post(f"{base}/v2/demo/sqrt/blobs/uploads/", extensions=named)
        place = httpx.URL(begun.headers["Location"])
        place = httpx.URL(base).join(place.raw_path.decode()).copy_merge_params({"digest": digest})
        assert client.put(place, content=body, extensions=named).status_code == 201
        kind = {"Content-Type": manifest["mediaType"]}
        put = client.put(
            f"{base}/v2/demo/sqrt/manifests/arm", content=json.dumps(manifest), headers=kind, extensions=named
        )
        assert put.status_code == 201, put.text


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


def test_nodes_are_examined_though_the_cluster_says_nothing(moored: Moored, tmp_path: Path) -> None:
    defaults = moored.moor.site / "inventory/defaults.yaml"
    former = defaults.read_text()
    kubeconfig = moored.lab.directory / "kubeconfig"
    dead = tmp_path / "kubeconfig"
    dead.write_text(re.sub(r"https://[^\"]*", "https://127.0.0.1:9", kubeconfig.read_text()))
    defaults.write_text(former.replace(str(kubeconfig), str(dead)))
    try:
        found = diagnosed(moored)
    finally:
        defaults.write_text(former)
    assert set(map(tuple, found.values())) == {("cluster-silent",)}


def test_a_node_that_is_cut_off_is_not_examined_and_the_others_are(moored: Moored) -> None:
    with faults.partition(moored.lab, "node3"):
        done = moored.moor("diagnose", "--quiet")
    assert done.returncode == 1
    assert "node3" in done.stdout
    assert "not examined" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("node2")]
    assert "FAULT" not in row
    assert row.count("ok") > 8
