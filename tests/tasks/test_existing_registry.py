"""A site whose registry somebody else runs: what it may say, and what its hosts then hold."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moor.context import context_of
from moor.engine.plan import plan
from moor.errors import InputError, UnfitInput
from moor.formats.toml import parse_toml
from moor.pki.authority import CertificateNames, make_authority
from moor.run.runbook import OWN_REGISTRY, REGISTRY
from moor.runbooks import site as site_book
from moor.sites.site import open_site
from moor.tasks import trust
from moor.tasks.certs_d import OnlyCa
from moor.tasks.containerd import configure as containerd
from moor.tasks.containerd.rancher import edit_registries_yaml
from moor.tasks.docker import install as docker
from moor.tasks.facts import Registry
from moor.tasks.pki import issue
from moor.tasks.pki.given_ca import given_ca_pem
from moor.tasks.registry import configure
from moor.tasks.workload.deploy import known_parts
from moor.tasks.workload.objects import manifests
from moor.tasks.workload.pull_secret import PullSecret
from tests.docs.pages import ROOT, blocks
from tests.harness.commands import moor
from tests.harness.shells import SHELLS, sh, text
from tests.harness.sites import write_site

NAME = "registry.corp.test"
DATA: Mapping[str, Any] = {
    "registry": {"name": NAME, "address": "192.0.2.5"},
    "pki": {"ca": "ca.crt"},
    "logins": {"puller": {"user": "robot$shop+puller", "password": "file:secrets/puller"}},
}
WORKLOAD = {"namespace": "shop", "image": "shop/web:1", "robot": "puller"}
CLUSTER = {"cluster": {"kubeconfig": "kubeconfig"}}


def new_ca(folder: Path, name: str = "Corp CA") -> str:
    """Return a CA's certificate of that name; its key goes into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}.crt".replace(" ", "-")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    out = ["-keyout", str(made.with_suffix(".key")), "-out", str(made)]
    words = ["openssl", "req", "-x509", *kind, "-subj", f"/CN={name}", "-days", "30", *out]
    subprocess.run(words, check=True, capture_output=True)
    return made.read_text()


def site(tmp_path: Path, data: Mapping[str, Any] = DATA, harbor: Mapping[str, Any] | None = None, ca: str = "") -> Path:
    """Write a site of a control plane, a node and a workstation; ``harbor`` is the data of a host of that group."""
    hosts: dict[str, Any] = {
        "ws1": {"hostname": "192.0.2.30", "groups": ["workstations"]},
        "node1": {"hostname": "192.0.2.21", "groups": ["nodes"]},
        "cp1": {"hostname": "192.0.2.20", "groups": ["control_plane", "nodes"]},
    }
    if harbor is not None:
        hosts["harbor1"] = {"hostname": "192.0.2.5", "groups": ["harbor"], "data": harbor}
    files: dict[str, Any] = {
        "inventory/hosts.yaml": hosts,
        "inventory/groups.yaml": {name: {} for name in ("harbor", "nodes", "control_plane", "workstations")},
        "inventory/defaults.yaml": {"data": dict(data)},
        "ca.crt": ca or new_ca(tmp_path / "made"),
    }
    return write_site(tmp_path / "site", files, {"secrets/puller": "pull-me\n"})


def host_of(folder: Path, name: str = "node1") -> Any:
    return open_site(folder, dry_run=True).inventory.hosts[name]


@pytest.mark.parametrize("harbor", [None, {"harbor": {"managed": False}}], ids=["no host", "a host left alone"])
def test_somebody_elses_registry_needs_its_ca_alone(tmp_path: Path, harbor: Mapping[str, Any] | None) -> None:
    nr = open_site(site(tmp_path, harbor=harbor), dry_run=True)
    node, hosts = nr.inventory.hosts["node1"], nr.inventory.hosts
    assert not context_of(node).runs_registry
    assert issue.ca_pem(node) == (tmp_path / "site/ca.crt").read_text()
    assert not any(OWN_REGISTRY(host) for host in hosts.values())
    assert [name for name, host in hosts.items() if REGISTRY(host)] == ["harbor1" if harbor else "cp1"]
    ran = {stage.name: [n for n, h in hosts.items() if stage.runs_on(h)] for stage in site_book.RUNBOOK.stages}
    assert ran["install_harbor"] == ran["issue_certificates"] == []
    assert ran["install_docker"] == ["ws1"]
    assert set(ran["trust_ca"]) == set(hosts)


def test_a_harbor_host_makes_the_registry_moors_own(tmp_path: Path) -> None:
    own = {"harbor": {"installer": "h.tgz", "admin_password": "env:NONE"}, "pki": {"passphrase": "env:NONE"}}
    data = {**DATA, "pki": {"passphrase": "env:NONE"}}
    nr = open_site(site(tmp_path, data, own), dry_run=True)
    assert context_of(nr).runs_registry
    assert [name for name, host in nr.inventory.hosts.items() if OWN_REGISTRY(host)] == ["harbor1"]


def test_the_ca_alone_is_too_little_where_moor_runs_the_registry(tmp_path: Path) -> None:
    own = {"harbor": {"installer": "h.tgz", "admin_password": "env:NONE"}}
    with pytest.raises(InputError, match=r"certificate, key is missing; or write data\.harbor\.managed: false"):
        issue.ca_pem(host_of(site(tmp_path, harbor=own)))


def test_every_key_of_a_registry_of_ones_own_is_refused_with_its_place(tmp_path: Path) -> None:
    data = {
        **DATA,
        "pki": {"ca": "ca.crt", "certificate": "x.crt", "key": "env:KEY", "days": 3},
        "harbor": {"managed": False, "installer": "x.tgz", "admin_password": "env:ADMIN"},
    }
    done = moor(site(tmp_path, data), "plan")
    assert done.returncode == 1
    for key in ("pki.certificate", "pki.key", "pki.days", "harbor.installer", "harbor.admin_password"):
        (line,) = (line for line in done.stderr.splitlines() if f": data.{key}: " in line)
        assert "inventory/defaults.yaml:" in line
        assert "docs/existing-registry.md" in line


def test_wrong_values_are_told_together_with_misplaced_keys(tmp_path: Path) -> None:
    data = {**DATA, "harbor": {"managed": False, "installer": "x.tgz", "acount": {}}, "registry": {"name": "x"}}
    done = moor(site(tmp_path, data), "check")
    assert done.returncode == 1
    for words in (
        "acount: no such key; did you mean account",
        "registry.name: not a full name",
        "harbor.installer: it",
    ):
        assert words in done.stderr


@pytest.mark.parametrize(
    ("ca", "words"),
    [("", "No such file"), ("not a certificate", "not a whole certificate"), ("expired", "is valid from")],
)
def test_a_ca_that_no_client_could_use_is_refused_before_any_connection(tmp_path: Path, ca: str, words: str) -> None:
    folder = site(tmp_path, ca=expired_ca() if ca == "expired" else ca or "x")
    if not ca:
        (folder / "ca.crt").unlink()
    done = moor(folder, "plan", "trust")
    assert done.returncode == 1
    assert words in done.stderr
    assert "ca.crt" in done.stderr
    assert done.stderr.count("\n") <= 2, done.stderr


def expired_ca() -> str:
    return make_authority(CertificateNames((NAME,), ()), 365, datetime(2020, 1, 1, tzinfo=UTC)).pem


def test_a_servers_certificate_is_no_ca(tmp_path: Path) -> None:
    new_ca(tmp_path, "Root")
    leaf, root = tmp_path / "leaf.crt", tmp_path / "Root.crt"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=leaf"]
    signed = ["-CA", str(root), "-CAkey", str(root.with_suffix(".key")), "-addext", "basicConstraints=CA:FALSE"]
    words = ["openssl", "req", "-x509", *kind, *signed, "-keyout", str(tmp_path / "leaf.key"), "-out", str(leaf)]
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(UnfitInput, match="a server's certificate, and no CA's"):
        trust.judge(host_of(site(tmp_path, ca=leaf.read_text())))


def test_two_cas_in_the_file_are_both_trusted_while_one_replaces_the_other(tmp_path: Path) -> None:
    both = new_ca(tmp_path / "made", "One") + new_ca(tmp_path / "made", "Two")
    host = host_of(site(tmp_path, ca=f"# the present one, then the next\n{both}{both}"))
    trust.judge(host)
    assert given_ca_pem(host) == both
    anchors = trust.desired(host)[1]
    assert isinstance(anchors, trust.TrustedCa)
    assert list(anchors.anchors) == ["anchor", "anchor-2"]


def test_a_public_certificate_leaves_trust_alone(tmp_path: Path) -> None:
    data = {key: section for key, section in DATA.items() if key != "pki"}
    nr = open_site(site(tmp_path, data), dry_run=True)
    node, ws = nr.inventory.hosts["node1"], nr.inventory.hosts["ws1"]
    trust.judge(node)
    assert issue.ca_pem(node) == ""
    store = trust.desired(node)[1]
    assert plan([store], {store.id: None}) == []
    (hosts_toml,) = (r for r in containerd.desired(node) if r.id.endswith("hosts.toml"))
    assert "ca" not in parse_toml(str((hosts_toml.desired(None) or {})["content"]))
    ids = [resource.id for resource in (*containerd.desired(node), *docker.desired(ws))]
    assert not [name for name in ids if name.endswith("ca.crt")]
    registry = Registry.model_validate(data["registry"])
    yaml = edit_registries_yaml("", "", registry, "", "registries.yaml")
    assert "ca_file" not in yaml
    assert NAME in yaml


def test_a_former_anchor_goes_when_the_certificate_becomes_a_public_one() -> None:
    store = trust.TrustedCa(trust.ANCHOR_NAME, "")
    former = {"anchor": "PEM", "mode": "644", "bundle": "holds it"}
    (change,) = plan([store], {store.id: former})
    assert change.desired is None
    assert "rm -f" in store.mend(former)


def test_what_a_client_would_trust_beside_moors_files_goes(tmp_path: Path) -> None:
    for name in ("ca.crt", "other.crt", "client.cert", "hosts.toml"):
        (tmp_path / name).write_text("x")
    for shell in SHELLS:
        assert text(sh(shell, OnlyCa(str(tmp_path)).probe()).stdout) == "other.crt\nclient.cert\n"
        public = OnlyCa(str(tmp_path), with_ca=False)
        assert text(sh(shell, public.probe()).stdout) == "ca.crt\nother.crt\nclient.cert\n"


def test_projects_need_an_account(tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"projects": {"shop": {"robots": {"puller": {}}}}}
    with pytest.raises(InputError, match=r"moor has no account of the registry.*data\.harbor\.account.*data\.logins"):
        configure.desired(host_of(site(tmp_path, {**DATA, **wanted}), "cp1"))
    account = {"harbor": {"managed": False, "account": {"user": "ci", "password": "file:secrets/puller"}}}
    made = configure.desired(host_of(site(tmp_path, {**DATA, **wanted, **account}), "cp1"))
    assert [resource.id for resource in made] == ["project:shop", "robot:shop+puller"]


def test_the_password_of_an_account_shows_nowhere(tmp_path: Path) -> None:
    account = {"harbor": {"managed": False, "account": {"user": "ci", "password": "file:secrets/puller"}}}
    folder = site(tmp_path, {**DATA, **account, "projects": {"shop": {}}})
    for words in (("check",), ("plan", "registry"), ("drift",)):
        assert "pull-me" not in moor(folder, *words, "-v").said


def test_an_account_is_for_a_harbor_of_others(tmp_path: Path) -> None:
    own = {
        "installer": "h.tgz",
        "admin_password": "env:NONE",
        "account": {"password": "env:NONE"},
    }
    with pytest.raises(InputError, match=r"harbor\.account: it is for a Harbor that somebody else runs"):
        open_site(site(tmp_path, harbor={"harbor": own}))


def test_a_given_login_goes_into_the_pull_secret(tmp_path: Path) -> None:
    data = {**DATA, **CLUSTER, "workloads": {"web": WORKLOAD}}
    (secret,) = (
        r for part in known_parts(host_of(site(tmp_path, data), "cp1")) for r in part.resources if is_secret(r)
    )
    assert isinstance(secret, PullSecret)
    assert (secret.host_port, secret.robot) == (NAME, "puller")


def is_secret(resource: object) -> bool:
    return isinstance(resource, PullSecret)


@pytest.mark.parametrize(
    ("image", "api", "words"),
    [
        ("shop/web:1", "harbor", "data.logins has no stranger"),
        ("web:1", "harbor", "Harbor's are PROJECT/REPOSITORY:TAG"),
        ("web:1", "distribution", "data.logins has no stranger"),
    ],
)
def test_a_workload_whose_login_nobody_gave_is_refused(tmp_path: Path, image: str, api: str, words: str) -> None:
    workload = {**WORKLOAD, "image": image, "robot": "stranger"}
    data = {**DATA, **CLUSTER, "registry": {**DATA["registry"], "api": api}, "workloads": {"web": workload}}
    with pytest.raises(InputError, match=words):
        known_parts(host_of(site(tmp_path, data), "cp1"))


def test_an_image_for_anybody_needs_no_pull_secret(tmp_path: Path) -> None:
    workload = {"namespace": "shop", "image": "deep/er/web:1"}
    data = {**DATA, **CLUSTER, "registry": {**DATA["registry"], "api": "distribution"}, "workloads": {"web": workload}}
    host = host_of(site(tmp_path, data), "cp1")
    assert not [r for part in known_parts(host) for r in part.resources if is_secret(r)]
    ((_, found),) = ((name, manifests(host, name, w)) for name, w in [("web", workload_of(host))])
    assert "imagePullSecrets" not in found[0]["spec"]["template"]["spec"]
    assert found[0]["spec"]["template"]["spec"]["containers"][0]["image"] == f"{NAME}/deep/er/web:1"


def workload_of(host: Any) -> Any:
    return host.data["workloads"].by_name["web"]


def test_renewal_is_for_the_team_that_runs_the_registry(tmp_path: Path) -> None:
    done = moor(site(tmp_path), "cert", "renew", "--yes")
    assert done.returncode == 1
    assert f"cert renew: somebody else runs {NAME}" in done.stderr
    assert "ask that team" in done.stderr


def test_the_example_site_is_valid_and_is_what_the_page_shows(tmp_path: Path) -> None:
    example = ROOT / "examples/existing-registry"
    files = {str(p.relative_to(example)): p.read_text() for p in example.rglob("*.yaml")}
    folder = write_site(
        tmp_path, {**files, "certificates/corp-ca.crt": new_ca(tmp_path / "made")}, {"secrets/puller": "pull-me"}
    )
    host = host_of(folder, "cp1")
    assert [r.robot for part in known_parts(host) for r in part.resources if isinstance(r, PullSecret)] == ["puller"]
    (shown,) = (b.content for b in blocks(ROOT / "docs/existing-registry.md") if b.language == "yaml")
    (folder / "inventory/defaults.yaml").write_text(shown)
    assert host_of(folder, "cp1").data["logins"].by_name["puller"].user == "robot$shop+puller"
