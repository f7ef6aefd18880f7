"""The order of a roll-out of the shipped runbook: what others need first, the cluster as a whole last."""

from __future__ import annotations

from moor.run.rolling.roll_out import comes_first, split_stages
from moor.run.selection import find_runbook
from moor.settings.modules import SHIPPED
from moor.sites.site import open_site


def test_the_registry_comes_before_the_nodes_and_the_workload_after_them() -> None:
    hosts = open_site(SHIPPED, dry_run=True).inventory.hosts
    stages = find_runbook(SHIPPED, "site").stages
    assert [name for name, host in hosts.items() if comes_first(host, stages)] == ["harbor1"]
    head, tail = split_stages(stages)
    assert {"install_harbor", "trust_ca", "configure_containerd"} <= {stage.name for stage in head}
    assert [stage.name for stage in tail] == ["write_pull_secrets", "deploy_workload", "prove_pulls"]
