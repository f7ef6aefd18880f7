"""Watch: the checks of a drift check beside the plans of all runbooks; change nothing.

Groups    all; nodes, harbor, control_plane, outsiders
Run       moor drift
Undo      nothing to undo
"""

from moor.run.runbook import INSIDERS, Runbook, Stage, members
from moor.tasks.cluster.members import compare_members
from moor.tasks.diagnosis.environment import look_around
from moor.tasks.diagnosis.reachability import OUTSIDERS, HasIpv6Registry, prove_access
from moor.tasks.diagnosis.registry_path import look_at_way
from moor.tasks.expiry.dates import look_ahead

RUNBOOK = Runbook("watch", "What expires, and what no single host shows.", (
    Stage(look_around, on=INSIDERS),
    Stage(look_at_way, on=members("nodes")),
    Stage(prove_access, on=members(OUTSIDERS)),
    Stage(prove_access, on=HasIpv6Registry(has_parent_group="nodes")),
    Stage(look_ahead, on=members("harbor")),
    Stage(compare_members, on=members("control_plane")),
), looks=True)  # fmt: skip
