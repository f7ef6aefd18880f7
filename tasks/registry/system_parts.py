"""The parts of Harbor's configuration that ``data.harbor_system`` has."""

from moor.tasks.registry.listed_replication import replication_things, unlisted_replication
from moor.tasks.registry.part import Part
from moor.tasks.registry.system.settings import HarborSystem
from moor.tasks.registry.system.things import (
    last_things,
    marks_of_system,
    system_robots,
    system_things,
    unlisted_in_system,
    unlisted_robots_of_system,
    weak_secrets,
)

SYSTEM = Part(system_things, unlisted_in_system, HarborSystem, marks_of_system, weak_secrets)
REPLICATION = Part(replication_things, unlisted_replication)
ROBOTS = Part(system_robots, unlisted_robots_of_system)
LAST = Part(last_things)
