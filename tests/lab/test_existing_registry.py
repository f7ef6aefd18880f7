"""Two nodes with real containerds, moored to a registry that another team runs: applied, drifted, its CA replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor_lab.lab import Lab
from tests.harness.sites import write_site
from tests.lab.central_registry import NAME, PASSWORD, PORT, REPOSITORY, TAG, USER, CentralRegistry
from tests.lab.moored import Moor

pytestmark = pytest.mark.lab

NODES = ("node1", "node2")
CERTS = f"/etc/containerd/certs.d/{NAME}:{PORT}"
TRUST, CA = "trust-bundle:moor-registry-ca", f"file:{CERTS}/ca.crt"
FIRST, NEXT = "Central CA one", "Central CA two"
IMAGE = f"{NAME}:{PORT}/{REPOSITORY}:{TAG}"
PULL = f"""\
ctr images pull -u '{USER}:{PASSWORD}' --hosts-dir /etc/containerd/certs.d {IMAGE} >&2 && ctr images rm {IMAGE}"""


@pytest.fixture
def central(lab: Lab, tmp_path: Path) -> Iterator[CentralRegistry]:
    """Yield another team's registry, which serves."""
    folder = tmp_path / "central"
    folder.mkdir()
    registry = CentralRegistry(folder, str(lab.fleet.machine))
    registry.certify(FIRST)
    with registry.serving():
        yield registry


@pytest.fixture
def moor(lab: Lab, central: CentralRegistry, tmp_path: Path) -> Moor:
    """Return the command line on a site of two bare nodes that is to use the registry."""
    for name in NODES:
        lab.reset(name)
    extras = {"key_file": str(lab.key), "known_hosts": str(lab.known_hosts)}
    site = write_site(
        tmp_path / "site",
        {
            "inventory/hosts.yaml": {
                name: {"hostname": str(lab.machine(name).host.address), "groups": ["nodes"]} for name in NODES
            },
            "inventory/groups.yaml": {"nodes": {}},
            "inventory/defaults.yaml": {
                "username": "ops",
                "connection_options": {"shell": {"extras": extras}},
                "data": {
                    "registry": {"name": NAME, "address": central.address, "port": PORT, "api": "distribution"},
                    "pki": {"ca": "central-ca.crt"},
                    "logins": {"puller": {"user": USER, "password": "file:secrets/puller"}},
                },
            },
            "central-ca.crt": central.ca.read_text(),
        },
        {"secrets/puller": PASSWORD},
    )
    return Moor(lab, site)


def test_nodes_are_moored_to_a_registry_of_others(lab: Lab, central: CentralRegistry, moor: Moor) -> None:
    assert moor("check").returncode == 0
    assert set(moor.planned()) >= {"edit:/etc/hosts#names", TRUST, CA, f"file:{CERTS}/hosts.toml"}
    moor.applied()
    assert moor.planned() == []
    for name in NODES:
        assert IMAGE in lab.exec(name, ["sh", "-c", PULL])
    verified = moor("verify")
    assert verified.returncode == 0, verified.said
    assert verified.stdout.split("\n")[1].split()[:8] == ["node1", *["ok"] * 7], verified.stdout

    lab.exec("node2", ["rm", f"{CERTS}/ca.crt"])
    found = moor("drift")
    assert found.returncode == 2
    assert CA in found.stdout
    assert moor("drift", "--apply", "file").returncode == 0, moor.said[-1]
    assert IMAGE in lab.exec("node2", ["sh", "-c", PULL])

    shown = moor("cert", "show")
    assert f"CN={FIRST}" in shown.stdout
    assert "served" in shown.stdout
    refused = moor("cert", "renew", "--yes")
    assert refused.returncode == 1
    assert "somebody else runs" in refused.stderr

    a_new_ca_of_the_other_team_is_told_and_brought(central, moor)
    for name in NODES:
        assert IMAGE in lab.exec(name, ["sh", "-c", PULL])
    assert PASSWORD not in "".join(moor.said)


def a_new_ca_of_the_other_team_is_told_and_brought(central: CentralRegistry, moor: Moor) -> None:
    central.certify(NEXT)
    central.reload()
    told = moor("check")
    assert told.returncode == 1
    assert f"CN={FIRST}" in told.stdout
    assert f"CN={NEXT}" in told.stdout
    faulty = moor("verify")
    assert faulty.returncode == 2
    assert "ask the team that runs" in faulty.stdout
    (moor.site / "central-ca.crt").write_text(central.ca.read_text())
    assert moor("check").returncode == 0, moor.said[-1]
    assert set(moor.planned()) == {TRUST, CA}
    moor.applied()
    assert moor.planned() == []
    assert moor("verify").returncode == 0
