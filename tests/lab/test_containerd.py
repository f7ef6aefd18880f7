"""containerd on real nodes of two releases: absent, wrong, right, refused, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.errors import MoorError
from moor.tasks.containerd.config import PLUGIN
from moor.tasks.containerd.configure import configure_containerd
from moor.tasks.containerd.settings import CONFIG
from moor.tasks.names.hosts import write_hosts
from moor_lab.lab import Lab
from tests.lab.answering import PORT, answering
from tests.lab.sites import NAME, Site, changed

pytestmark = pytest.mark.lab

CERTS = f"/etc/containerd/certs.d/{NAME}:{PORT}"
CA, HOSTS, EDIT, SERVICE = (
    f"file:{CERTS}/ca.crt",
    f"file:{CERTS}/hosts.toml",
    f"edit:{CONFIG}#registry",
    "service:containerd",
)
PULL = f"ctr -n k8s.io images pull --hosts-dir /etc/containerd/certs.d {NAME}:{PORT}/demo/none:1 2>&1 || :"
REGISTRY = 'plugins."io.containerd.grpc.v1.cri".registry'


@pytest.fixture(params=["node1", "node2"])
def name(request: pytest.FixtureRequest, lab: Lab) -> str:
    """Return a node of either release, bare."""
    lab.reset(request.param)
    lab.exec(request.param, ["systemctl", "is-system-running", "--wait"])
    return str(request.param)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    """Return a site whose registry is this machine, on a port of its own."""
    return new_site(lab, tmp_path / "site")


def new_site(lab: Lab, folder: Path) -> Site:
    site = Site(lab, folder).write(registry={"name": NAME, "address": str(lab.fleet.machine), "port": PORT})
    site.certify()
    return site


def started(lab: Lab, name: str) -> str:
    return lab.exec(name, ["systemctl", "show", "-p", "MainPID", "--value", "containerd"]).strip()


def config(lab: Lab, name: str) -> str:
    return lab.exec(name, ["cat", CONFIG])


def append(lab: Lab, name: str, text: str, path: str = CONFIG) -> None:
    lab.exec(name, ["sh", "-c", 'mkdir -p "${1%/*}"; cat >> "$1"', "sh", path], stdin=text)


def cri(lab: Lab, name: str) -> Iterator[str]:
    for line in lab.exec(name, ["ctr", "plugins", "ls"]).splitlines():
        if line.split()[1] == "cri":
            yield line.split()[-1]


def test_a_bare_node_comes_to_trust_the_registry_and_stays_so(lab: Lab, site: Site, name: str) -> None:
    site.apply(write_hosts, name)
    with answering(site):
        assert "x509" in lab.exec(name, ["sh", "-c", PULL])
        assert changed(site.plan(configure_containerd, name)[name]) == [CA, HOSTS, EDIT, SERVICE]
        assert changed(site.apply(configure_containerd, name)[name]) == [CA, HOSTS, EDIT, SERVICE]
        assert "not found" in lab.exec(name, ["sh", "-c", PULL])
    assert list(cri(lab, name)) == ["ok"]
    pid = started(lab, name)
    assert changed(site.plan(configure_containerd, name)[name]) == []
    assert changed(site.apply(configure_containerd, name)[name]) == []
    assert started(lab, name) == pid


def test_a_new_ca_reaches_the_node_without_a_restart(lab: Lab, site: Site, name: str, tmp_path: Path) -> None:
    site.apply(write_hosts, name)
    site.apply(configure_containerd, name)
    pid, renewed = started(lab, name), new_site(lab, tmp_path / "renewed")
    assert changed(renewed.apply(configure_containerd, name)[name]) == [CA]
    assert started(lab, name) == pid
    with answering(renewed):
        assert "not found" in lab.exec(name, ["sh", "-c", PULL])


def test_what_was_bent_by_hand_is_straightened(lab: Lab, site: Site, name: str) -> None:
    site.apply(configure_containerd, name)
    bent = config(lab, name).replace("/certs.d", "/certs.d:/etc/docker/certs.d")
    lab.exec(
        name,
        ["sh", "-c", f"cat > {CONFIG}; echo 'server = 3' > {CERTS}/hosts.toml"],
        stdin=f'disabled_plugins = ["{PLUGIN[2]}"]\n{bent}',
    )
    lab.exec(name, ["systemctl", "restart", "containerd"])
    assert list(cri(lab, name)) == []
    assert changed(site.apply(configure_containerd, name)[name]) == [HOSTS, EDIT, SERVICE]
    assert list(cri(lab, name)) == ["ok"]
    assert changed(site.plan(configure_containerd, name)[name]) == []


def test_a_containerd_that_is_older_than_its_configuration_is_drift(lab: Lab, site: Site, name: str) -> None:
    site.apply(configure_containerd, name)
    append(lab, name, "# touched\n")
    pid = started(lab, name)
    assert changed(site.plan(configure_containerd, name)[name]) == [SERVICE]
    assert changed(site.apply(configure_containerd, name)[name]) == [SERVICE]
    assert started(lab, name) != pid
    assert "# touched" in config(lab, name)
    assert changed(site.plan(configure_containerd, name)[name]) == []


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        ({"grpc": {"address": "/proc/nowhere/containerd.sock"}}, "/proc/nowhere"),
        ({"plugins": {PLUGIN[2]: {"containerd": {"default_runtime_name": "none"}}}}, "no corresponding runtime"),
    ],
)
def test_a_configuration_that_does_not_come_up_is_put_back(
    lab: Lab, site: Site, name: str, breaks: dict[str, object], words: str
) -> None:
    former = config(lab, name)
    site.write(**_registry(lab), containerd={"extra": breaks, "settle_s": 5})
    report = site.apply(configure_containerd, name)[name]
    assert words in report.error
    assert "the former ones are back and it runs; mend what they are made of, then apply again" in report.error
    assert config(lab, name) == former
    assert list(cri(lab, name)) == ["ok"]


def test_leftovers_about_other_registries_stop_the_host_before_anything_is_written(
    lab: Lab, site: Site, name: str
) -> None:
    append(lab, name, f'[{REGISTRY}.mirrors."quay.io"]\nendpoint = ["https://q"]\n')
    report = site.apply(configure_containerd, name)[name]
    assert "mirrors.'quay.io' keeps containerd from loading beside config_path" in report.error
    with pytest.raises(MoorError):
        lab.exec(name, ["ls", CERTS])


@pytest.mark.parametrize("table", [f'[{REGISTRY}]\nconfig_path = "/srv"\n', f'[{REGISTRY}.mirrors."quay.io"]\n'])
def test_a_table_in_an_imported_file_that_takes_ours_out_of_effect_is_noticed_before(
    lab: Lab, site: Site, name: str, table: str
) -> None:
    append(lab, name, f"version = 2\n{table}", "/etc/containerd/more/a.toml")
    lab.exec(name, ["sed", "-i", '1i imports = ["/etc/containerd/more/*.toml"]', CONFIG])
    former, pid = config(lab, name), started(lab, name)
    report = site.apply(configure_containerd, name)[name]
    assert f"/etc/containerd/more/a.toml replaces the whole table plugins.'{PLUGIN[2]}' of {CONFIG}" in report.error
    assert (config(lab, name), started(lab, name)) == (former, pid)


def test_a_host_without_containerd_is_told_so(lab: Lab, site: Site) -> None:
    lab.reset("ws1")
    assert "there is no containerd" in site.plan(configure_containerd, "ws1")["ws1"].error


def _registry(lab: Lab) -> dict[str, object]:
    return {"registry": {"name": NAME, "address": str(lab.fleet.machine), "port": PORT}}
