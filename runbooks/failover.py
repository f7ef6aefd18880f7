"""Failover: the other of two registry hosts serves the registry's name.

Changes   active.yaml of the site; names in hosts files and DNS; which of the two registries copies to the other
Groups    harbor, dns, all hosts
Run       moor failover [HOST] [--back]; the same command continues where a run ended
Undo      moor failover --back
"""

from moor.run.runbook import (
    EVERY_REGISTRY,
    INSIDERS,
    REGISTRY,
    SERVING_REGISTRY,
    Runbook,
    Stage,
    members,
)
from moor.tasks.names.dnsmasq import serve_names
from moor.tasks.names.hosts import write_hosts
from moor.tasks.names.records import write_records
from moor.tasks.registry.configure import configure_registry
from moor.tasks.registry.mirror import replicate_to_standby
from moor.tasks.registry.replication.fence import fence_registries
from moor.tasks.registry.replication.pair import PAIRED
from moor.tasks.registry.replication.takeover import Takeover, take_over

RUNBOOK = Runbook(
    "failover",
    "The other of two registry hosts serves the registry's name.",
    (
        # The new one has every project and robot before a node asks it for an image.
        Stage(configure_registry, on=EVERY_REGISTRY),
        Stage(take_over, on=SERVING_REGISTRY),
        Stage(serve_names, on=members("dns"), needs=SERVING_REGISTRY),
        Stage(write_records, on=REGISTRY, needs=SERVING_REGISTRY),
        Stage(write_hosts, on=INSIDERS, needs=SERVING_REGISTRY),
        # Only now may the former one be written to: until here, some host still pushes there.
        Stage(fence_registries, on=PAIRED, needs=SERVING_REGISTRY),
        Stage(replicate_to_standby, on=SERVING_REGISTRY, needs=SERVING_REGISTRY),
    ),
    proves=True,  # no drift check moves a name
    command=Takeover(),
)
