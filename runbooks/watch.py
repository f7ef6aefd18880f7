"""Watch: the checks of a drift check beside the plans of all runbooks; change nothing.

Groups    all; nodes, harbor, control_plane, clusters, outsiders
Run       moor drift
Undo      nothing to undo
"""

from moor.run.runbook import INSIDERS, REGISTRY, Runbook, Stage, members
from moor.tasks.cluster.members import compare_members
from moor.tasks.diagnosis.environment import check_environment
from moor.tasks.diagnosis.reachability import OUTSIDERS, HasIpv6Registry, prove_access
from moor.tasks.diagnosis.registry_path import check_registry_path
from moor.tasks.expiry.dates import check_expiry_dates
from moor.tasks.images_in_use.examine import examine_images
from moor.tasks.registry.replication.pair import HAS_STANDBY
from moor.tasks.registry.replication.watch import watch_standby
from moor.tasks.watched.registry import watch_registry

RUNBOOK = Runbook("watch", "What expires, runs full or fails, and what no single host shows.", (
    Stage(check_environment, on=INSIDERS),
    Stage(check_registry_path, on=members("nodes")),
    Stage(prove_access, on=members(OUTSIDERS)),
    Stage(prove_access, on=HasIpv6Registry(has_parent_group="nodes")),
    Stage(check_expiry_dates, on=REGISTRY),
    Stage(watch_standby, on=HAS_STANDBY, by_api=True),
    Stage(watch_registry, on=REGISTRY),
    Stage(compare_members, on=members("control_plane", "clusters"), by_api=True),
    Stage(examine_images, on=members("control_plane", "clusters"), by_api=True),
), looks=True)  # fmt: skip
