"""Robot rotation: replace the login of robots without a failed pull, on request or by age.

Changes   robots in Harbor, two for each that is rotated for a while; the pull secrets that have their login
Groups    harbor, control_plane, nodes
Run       moor rotate robot PROJECT+ROBOT; moor apply robot_rotation continues, and begins those that are too old
Undo      moor rotate robot once more; the former login stays valid until every node has pulled by the new one
"""

from moor.run.runbook import EVERY_REGISTRY, INSIDERS, REGISTRY, Runbook, Stage, members
from moor.tasks.pull_secrets.place import write_pull_secrets
from moor.tasks.robot_rotation.former_in_cluster import find_former_in_cluster
from moor.tasks.robot_rotation.former_logins import find_former_logins
from moor.tasks.robot_rotation.rotate import (
    RotationOfRobots,
    end_rotations,
    make_next_robots,
    promote_robots,
    prove_present_logins,
    revoke_former_robots,
    switch_workload_secrets,
)

CLUSTER = members("control_plane", "clusters")

RUNBOOK = Runbook(
    "robot_rotation",
    "Replace the login of robots without a failed pull, on request or by age.",
    (
        Stage(make_next_robots, on=EVERY_REGISTRY),
        Stage(promote_robots, on=REGISTRY, needs=EVERY_REGISTRY),
        Stage(switch_workload_secrets, on=CLUSTER, needs=REGISTRY),
        Stage(write_pull_secrets, on=CLUSTER, needs=REGISTRY, by_api=True),
        Stage(prove_present_logins, on=members("nodes"), needs=REGISTRY),
        Stage(find_former_in_cluster, on=CLUSTER, needs=REGISTRY),
        Stage(find_former_logins, on=INSIDERS, needs=REGISTRY),
        Stage(revoke_former_robots, on=EVERY_REGISTRY),
        Stage(end_rotations, on=REGISTRY, needs=EVERY_REGISTRY),
    ),
    looks=True,  # a rotation happens only on request, or by moor apply robot_rotation
    command=RotationOfRobots(),
)
