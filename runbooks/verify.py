"""Verify: proof from every node, and of the workload itself; nothing is changed, a pulled image is removed again."""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.diagnosis.node import prove_node
from moor.tasks.diagnosis.reachability import OUTSIDERS, HasIpv6Registry, prove_access

RUNBOOK = Runbook(
    "verify",
    "Proof from every node: name, route, TLS, login, pull, and the workload.",
    (
        Stage(prove_node, on=members("nodes")),
        Stage(prove_access, on=members(OUTSIDERS)),
        Stage(prove_access, on=HasIpv6Registry(has_parent_group="nodes")),
    ),
    proves=True,
)
