"""Leaving: the node that moor offboard --drain takes out gives its pods to other nodes, and leaves the cluster.

Changes   pods are evicted by the Eviction API, so that budgets hold; then the Node is deleted
Groups    nodes
Run       moor offboard NODE --drain; by itself this runbook changes nothing
Undo      uncordon and join the node again
"""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.maintenance.leaving import leave_cluster

RUNBOOK = Runbook(
    "leaving",
    "The node that moor offboard --drain takes out of the cluster.",
    (Stage(leave_cluster, on=members("nodes")),),
    proves=True,  # no drift check looks for a node that leaves
)
