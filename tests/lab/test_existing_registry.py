"""Two nodes with real containerds, moored to a registry that another team runs: applied, drifted, its CA replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from moor_lab.lab import Lab
from tests.harness.commands import Done, moor_here
from tests.harness.sites import write_site
from tests.lab.central_registry import NAME, PASSWORD, PORT, REPOSITORY, TAG, USER, CentralRegistry

pytestmark = pytest.mark.lab

NODES = ("node1", "node2")
CERTS = f"/etc/containerd/certs.d/{NAME}:{PORT}"
TRUST, CA = "trust-bundle:moor-registry-ca", f"file:{CERTS}/ca.crt"
LAYERS = ["clock", "name", "route", "mtu", "tls", "challenge", "login", "containerd", "proxy"]
FIRST, NEXT = "Central CA one", "Central CA two"
IMAGE = f"{NAME}:{PORT}/{REPOSITORY}:{TAG}"
PULL = f"""\
ctr images pull -u '{USER}:{PASSWORD}' --hosts-dir /etc/containerd/certs.d {IMAGE} >&2 && ctr images rm {IMAGE}"""


@dataclass
class Command:
    """The command line on a site; everything that it printed is in ``said``."""

    site: Path
    said: list[str] = field(default_factory=list)

    def __call__(self, *words: str, code: int = 0) -> Done:
        done = moor_here(self.site, *words)
        self.said.append(done.said)
        assert done.returncode == code, done.said
        return done

    def planned(self, code: int = 2) -> set[str]:
        """Return the ids that a plan would change."""
        report = self("plan", "--output", "json", code=code).report
        return {r["id"] for host in report["hosts"].values() for r in host["resources"] if r["status"] == "drift"}


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
def command(lab: Lab, central: CentralRegistry, tmp_path: Path) -> Command:
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
    return Command(site)


def test_nodes_are_moored_to_a_registry_of_others(lab: Lab, central: CentralRegistry, command: Command) -> None:
    command("check")
    assert command.planned() >= {"edit:/etc/hosts#names", TRUST, CA, f"file:{CERTS}/hosts.toml"}
    command("apply", "--yes")
    assert command.planned(code=0) == set()
    for name in NODES:
        assert IMAGE in lab.exec(name, ["sh", "-c", PULL])
    verified = command("verify").stdout.splitlines()
    assert verified[0].split() == ["host", *LAYERS]
    assert [line.split() for line in verified[1:3]] == [[name, *["ok"] * len(LAYERS)] for name in NODES]

    lab.exec("node2", ["rm", f"{CERTS}/ca.crt"])
    assert CA in command("drift", code=2).stdout
    command("drift", "--apply", "file")
    assert IMAGE in lab.exec("node2", ["sh", "-c", PULL])
    shown = command("cert", "show").stdout
    assert f"the CA CN={FIRST} in" in shown
    assert f"the certificate of {NAME}, which somebody else runs" in shown

    central.certify(NEXT)
    central.reload()
    told = command("check", code=1).stdout
    assert f"issued by CN={NEXT}; clients would trust" in told
    assert f"CN={FIRST}, which did not issue it" in told
    (command.site / "central-ca.crt").write_text(central.ca.read_text())
    assert command.planned() == {TRUST, CA}
    command("apply", "--yes")
    command("verify")
    for name in NODES:
        assert IMAGE in lab.exec(name, ["sh", "-c", PULL])
    assert PASSWORD not in "".join(command.said)
