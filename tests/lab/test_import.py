"""A site that is lost is made again from the fleet itself: moor import, then an empty plan."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.commands import moor_here

if TYPE_CHECKING:
    from tests.lab.conftest import Moored

pytestmark = pytest.mark.lab


def test_what_moor_set_up_is_imported_and_planned_without_a_change(moored: Moored, tmp_path: Path) -> None:
    lab, state = moored.lab.fleet.directory, moored.moor.site / ".moor/secrets"
    password, site = lab / "secrets/harbor-admin", tmp_path / "imported"
    hosts = [f"{host.name}={host.address}" for host in moored.lab.fleet.hosts.values()]
    login = ["--user", "ops", "--key", str(lab / "id_ed25519"), "--known-hosts", str(lab / "known_hosts")]
    wanted = ["--account", f"admin=file:{password}", "--kubeconfig", str(lab / "kubeconfig"), "--write", str(site)]
    (tmp_path / "empty").mkdir()
    done = moor_here(tmp_path / "empty", "import", *hosts, *login, *wanted)
    assert done.returncode == 0, done.said
    defaults = (site / "inventory/defaults.yaml").read_text()
    assert "node1 node2 node3: /etc/containerd/certs.d/registry.moor.test/hosts.toml\n" in defaults
    assert "groups: [control_plane, nodes]" in (site / "inventory/hosts.yaml").read_text()
    assert "outsider: nothing of the registry was found" in done.stderr
    assert password.read_text().strip() not in done.said + defaults

    for reference in ("puller", "pusher"):
        place = f"secrets/projects/demo/robot-{reference}"
        assert f"fill in file:{place}: the password of robot$demo+{reference}" in done.stderr
        (site / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(state / f"robot-demo-{reference}", site / place)
    planned = moor_here(site, "plan", "--quiet")
    assert planned.returncode == 0, planned.said
    assert "no changes" in planned.stdout

    again = moor_here(site, "import", "--quiet")  # the site says it all already
    assert again.returncode == 0, again.said
    assert again.stdout.strip() == "the inventory says all of it already"
