"""Watch: what only a drift check asks, beside the plan of every runbook; nothing is changed.

Groups    all; nodes, harbor, control_plane, outsiders
Run       moor drift
Undo      nothing to undo
"""

from moor.runbook import INSIDERS, Runbook, Stage, members
from tasks.lasting import look_ahead
from tasks.membership import compare_members
from tasks.reach import OUTSIDERS, ByIpv6, prove_access
from tasks.surroundings import look_around
from tasks.way import look_at_way

RUNBOOK = Runbook("watch", "What ends by itself, and what no single host shows.", (
    Stage(look_around, on=INSIDERS),
    Stage(look_at_way, on=members("nodes")),
    Stage(prove_access, on=members(OUTSIDERS)),
    Stage(prove_access, on=ByIpv6(has_parent_group="nodes")),
    Stage(look_ahead, on=members("harbor")),
    Stage(compare_members, on=members("control_plane")),
), looks=True)  # fmt: skip
