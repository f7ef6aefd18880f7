"""Verify: prove from every node that pulls work, and that the workload runs; a pulled image is removed again."""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.diagnosis.managed_cluster import prove_cluster
from moor.tasks.diagnosis.mirrors import prove_mirrors
from moor.tasks.diagnosis.node import prove_node
from moor.tasks.diagnosis.reachability import OUTSIDERS, HasIpv6Registry, prove_access
from moor.tasks.diagnosis.standby import prove_standby
from moor.tasks.mirrors.configure import HAS_MIRRORS
from moor.tasks.registry.replication.pair import HAS_STANDBY

RUNBOOK = Runbook(
    "verify",
    "Prove from every node: name, route, TLS, login, pull, and the workload.",
    (
        Stage(prove_node, on=members("nodes")),
        Stage(prove_cluster, on=members("clusters"), by_api=True),
        Stage(prove_mirrors, on=HAS_MIRRORS),
        Stage(prove_standby, on=HAS_STANDBY),
        Stage(prove_access, on=members(OUTSIDERS)),
        Stage(prove_access, on=HasIpv6Registry(has_parent_group="nodes")),
    ),
    proves=True,
)
