"""A node that is right when it boots for the first time, by cloud-init itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import Moored
from tests.lab.joining import one_more

pytestmark = pytest.mark.lab

NODE, USER, LAST = "node5", "mooring", 35
UNITS = "cloud-init-main cloud-init-local cloud-init-network cloud-config cloud-final"
# The network is the lab's, and nothing but the seed on the disk is asked.
ALONE = "datasource_list: [NoCloud, None]\nnetwork: {config: disabled}\nmanage_etc_hosts: true\n"


@pytest.fixture
def written(moored: Moored) -> Iterator[Path]:
    """Yield the user-data of a node that no host has seen, of a site that pins keys in a file of its own."""
    site, lab = moored.moor.site, moored.lab
    files = [site / "inventory/hosts.yaml", site / "inventory/defaults.yaml"]
    kept = {path: path.read_text() for path in files}
    known, address = site / "known_hosts", lab.fleet.network[LAST]
    known.write_text(lab.known_hosts.read_text())
    files[0].write_text(f"{kept[files[0]]}\n{NODE}: {{hostname: {address}, groups: [nodes], username: {USER}}}\n")
    files[1].write_text(kept[files[1]].replace(str(lab.known_hosts), str(known)))
    try:
        moored.moor.applied("firewall", "--limit", "harbor1")  # the registry admits the node
        made = moored.moor("node", "config", NODE, "--format", "cloud-init", "--with-secrets", "--out", str(site / "u"))
        assert made.returncode == 0, made.said
        yield site / "u"
    finally:
        for path, content in kept.items():
            path.write_text(content)
        moored.moor.applied("firewall", "--limit", "harbor1")


def test_a_node_that_cloud_init_configures_needs_no_apply(moored: Moored, written: Path) -> None:
    moor, lab = moored.moor, moored.lab
    with one_more(lab, NODE, LAST, "trixie", role=True, packages=("cloud-init",)):
        lab.exec(NODE, ["sh", "-c", f"systemctl -q enable {UNITS}"])
        machine = lab.machine(NODE)
        machine.kill()
        seed = machine.upper / "var/lib/cloud/seed/nocloud"
        seed.mkdir(parents=True)
        (seed / "user-data").write_text(written.read_text())
        (seed / "meta-data").write_text(json.dumps({"instance-id": "born", "local-hostname": NODE}))
        settings = machine.upper / "etc/cloud/cloud.cfg.d"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "99-lab.cfg").write_text(ALONE)
        lab.up([NODE])
        lab.exec(NODE, ["sh", "-c", "cloud-init status --wait >/dev/null; :"], timeout_s=120)
        told = lab.exec(NODE, ["sh", "-c", "cat /var/log/cloud-init-output.log; cloud-init status --long; :"])

        found = moor("drift", "--limit", NODE)
        assert found.returncode == 0, f"{found.said}\n{told[-6000:]}"
        like = moor("node", "config", NODE, "--format", "script", "--like", "node2")
        assert lab.exec("node2", ["cat", "/etc/containerd/config.toml"]) in like.stdout
        proved = moor("verify", "--limit", NODE)
        assert proved.returncode == 0, proved.said
