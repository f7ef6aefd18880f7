"""A node joins the cluster: the next check sees it, one command takes it in, and it pulls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.harness.commands import started
from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.drifting import clean, drifted
from tests.lab.joining import one_more

pytestmark = pytest.mark.lab

NODE = "node4"


@pytest.fixture
def joined(moored: Moored) -> Iterator[Moored]:
    """Yield the fleet with one more node, whose host key no file of the site knows."""
    site, lab = moored.moor.site, moored.lab
    files = [site / "config.yaml", site / "inventory/hosts.yaml", site / "inventory/defaults.yaml"]
    kept = {path: path.read_text() for path in files}
    address = str(lab.fleet.network[34])
    known = [line for line in lab.known_hosts.read_text().splitlines() if address not in line]
    (site / "known_hosts").write_text("\n".join([*known, ""]))
    files[2].write_text(kept[files[2]].replace(str(lab.known_hosts), str(site / "known_hosts")))
    try:
        with one_more(lab, NODE, 34, "trixie", role=True):
            assert eventually(lambda: NODE in moored.moor("hosts").stdout, 30)
            yield moored
    finally:
        for path, content in kept.items():
            path.write_text(content)


def test_a_node_that_joins_is_found_taken_in_and_pulls(joined: Moored) -> None:
    moor, site = joined.moor, joined.moor.site
    hosts, known = site / "inventory/hosts.yaml", site / "known_hosts"
    before, address = hosts.read_text(), str(joined.lab.machine(NODE).host.address)
    found = drifted(joined)
    assert (found.code, set(found.open)) == (2, {("", f"node:{NODE}")})
    listed = moor("hosts")
    assert listed.returncode == 2
    (row,) = (line.split() for line in listed.stdout.splitlines() if line.startswith(NODE))
    assert row[1:4] == [address, "no", "yes"]

    unsaid = moor("hosts", "adopt", NODE)
    assert (unsaid.returncode, hosts.read_text()) == (1, before)
    wrong = moor("hosts", "adopt", "node1", "node9", "--yes")
    assert wrong.returncode == 1
    assert "node1: it is in the inventory already" in wrong.stderr
    assert "node9: no node of the cluster is called so" in wrong.stderr

    taken = moor("onboard", NODE, "--yes")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert f"{NODE} at {address}: shows ssh-ed25519 SHA256:" in taken.stdout
    assert f"{NODE}: pulls from the registry" in taken.stdout
    assert hosts.read_text() == f"{before}\n{NODE}:\n  hostname: {address}\n  groups: [nodes]\n"
    assert f"{address} ssh-ed25519 {joined.lab.machine(NODE).public_key.split()[1]}" in known.read_text()
    assert moor("hosts").returncode == 0
    clean(joined)

    leave(joined)
    assert hosts.read_text().strip() == before.strip()
    assert not (site / f".moor/leaving/{NODE}.json").exists()
    clean(joined)


def leave(joined: Moored) -> None:
    """Offboard the node, killed as soon as the inventory has it no more, and gone on with."""
    moor, site, lab = joined.moor, joined.moor.site, joined.lab
    early = moor("offboard", NODE, "--yes")
    assert early.returncode == 1
    assert f"{NODE} is a node of the cluster still" in early.stderr
    lab.exec(NODE, ["systemctl", "stop", "moor-lab-kubelet"])
    planned = moor("offboard", NODE, "--plan", "--keep-robots", "--drain")
    assert (planned.returncode, planned.stderr.count("still")) == (2, 0)
    assert f"node:{NODE}" in planned.stdout
    assert "leftover:/etc/containerd/certs.d/*/hosts.toml" in planned.stdout
    with started(site, "offboard", NODE, "--yes", "--keep-robots", "--drain"):  # killed at the end of the block
        assert eventually(lambda: NODE not in (site / "inventory/hosts.yaml").read_text(), 60)
    there = "ls /etc/containerd/certs.d/registry.moor.test/hosts.toml; grep registry.moor.test /etc/hosts; :"
    assert lab.exec(NODE, ["sh", "-c", f"({there}) 2>/dev/null"]) == ""
    done = moor("offboard", NODE, "--yes", "--keep-robots")
    assert done.returncode == 0, done.said
    assert f"{NODE}: it no longer reaches the registry" in done.stdout
    assert moor("offboard", NODE, "--yes").returncode == 1  # nobody is called so any more


def test_with_the_clusters_own_list_a_node_is_in_the_fleet_before_anybody_wrote_it_down(joined: Moored) -> None:
    config = joined.moor.site / "config.yaml"
    config.write_text(config.read_text().replace("plugin: FleetInventory", "plugin: ClusterInventory"))
    strange = joined.moor("plan", "trust", "--limit", "nodes")
    assert strange.returncode == 1
    assert f"! {NODE}: " in strange.stdout
    assert "host key" in strange.stdout
    shutil.copy(joined.lab.known_hosts, joined.moor.site / "known_hosts")
    assert joined.moor.planned("trust", "--limit", NODE) == ["trust-bundle:moor-registry-ca"]
    found = drifted(joined)
    assert ("", f"node:{NODE}") in found.open  # nobody has written it down yet
    assert (NODE, "trust-bundle:moor-registry-ca") in found.open
    joined.lab.exec("cp1", ["systemctl", "stop", "moor-lab-kubernetes"])
    try:
        silent = joined.moor("drift")
        assert silent.returncode == 1
        assert "the inventory's files alone count" in silent.stderr
        assert "cp1: not examined" in silent.stdout
        assert "the cluster's nodes are not known" in silent.stdout
    finally:
        joined.lab.exec("cp1", ["systemctl", "start", "moor-lab-kubernetes"])
        assert eventually(lambda: joined.moor("hosts").returncode != 1, 30)
