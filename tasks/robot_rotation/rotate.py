"""The tasks of a rotation in their order; a stage that has nothing to do asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import change_context
from moor.engine.converge import converge
from moor.errors import MoorError, merge_errors
from moor.resources.base import Resource
from moor.settings import optional_settings_of
from moor.tasks.cluster.api import open_cluster
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.harbor.api import api_login_of
from moor.tasks.pull_secrets.settings import PullSecrets
from moor.tasks.registry.answers import begin_reading
from moor.tasks.registry.projects import given_login, project_of
from moor.tasks.robot_rotation.proof import ProvedPull
from moor.tasks.robot_rotation.rotated import (
    RotatedRobot,
    find_requests,
    is_due,
    replaced,
    robots_of_site,
    rotating,
)
from moor.tasks.robot_rotation.steps import EndedRotation, FormerRobot, NextRobot, RobotInTurn
from moor.tasks.workload.deploy import parts, read_objects
from moor.tasks.workload.pull_secret import PullSecret
from moor.tasks.workload.settings import Workloads


class RotationOfRobots:
    """The part of the runbook ``robot_rotation`` that ``moor rotate robot`` calls."""

    def request(self, nr: Nornir, host: Host, names: Sequence[str]) -> None:
        """Have the run's stages rotate the robots of these names; raise InputError if moor cannot."""
        change_context(nr, replaced=find_requests(host, names))

    def known_to_nodes(self, host: Host) -> Mapping[str, int]:
        """Return the robots whose logins reach nodes by pull secrets, with the generation of each login."""
        wanted = set(_pulling(host)) if api_login_of(host) else set()
        return {
            robot.id: robot.account.generations.present
            for robot in robots_of_site(host)
            if not robot.account.reference and (robot.account.project, robot.account.robot) in wanted
        }

    def valid_still(self, host: Host) -> Sequence[str]:
        """Return a sentence for each former login that is valid still."""
        return [
            f"{robot.account.generations.former_user} stays valid, at least until "
            f"{robot.revocable_at():%Y-%m-%d %H:%M} UTC; then moor apply robot_rotation revokes it if nobody needs it"
            for robot in replaced(host)
        ]


def _pulling(host: Host) -> Iterator[tuple[str, str]]:
    """Yield project and robot of each pull secret."""
    workloads, placed = optional_settings_of(host, Workloads), optional_settings_of(host, PullSecrets)
    for workload in workloads.by_name.values() if workloads else ():
        if workload.image and workload.robot:
            yield project_of(workload.image), workload.robot
    for placement in placed.by_name.values() if placed else ():
        yield placement.project, placement.robot_name


def make_next_robots(task: Task) -> Result:
    """Make the next robot in Harbor for those that are due, with rights and validity of the present one."""
    begin_reading(task)
    return converge(task, list(_making(task)))


def _making(task: Task) -> Iterator[Resource]:
    for robot in robots_of_site(task.host) if api_login_of(task.host) else ():
        due = is_due(task, robot)
        if due or robot.account.generations.next:
            yield NextRobot(robot, due)
            yield robot.thing(robot.account.generations.following)


def promote_robots(task: Task) -> Result:
    """Have moor log in as the next robots, once every registry takes them."""
    robots = list(robots_of_site(task.host)) if api_login_of(task.host) else []
    due = {robot.id for robot in robots if is_due(task, robot)}
    begun = [robot for robot in robots if robot.id in due or robot.account.generations.next]
    return converge(task, [RobotInTurn(robot, robot.id in due) for robot in begun])


def switch_workload_secrets(task: Task) -> Result:
    """Put the present logins into the pull secrets of workloads, one after the other; nothing else is changed."""
    accounts = {(robot.account.project, robot.account.robot) for robot in rotating(task.host)}
    if not accounts or optional_settings_of(task.host, ClusterSettings) is None:
        return Result(host=task.host, result="no pull secret to switch")
    open_cluster(task)
    errors = list[MoorError]()
    objects, _ = read_objects(task, errors)
    if errors:  # a workload whose objects are not known may have a pull secret
        raise merge_errors(errors)
    known = (resource for part in parts(task.host, objects) for resource in part.resources)
    every = [resource for resource in known if isinstance(resource, PullSecret)]
    wanted = [
        one
        for one in dict.fromkeys(every)
        if (one.project, one.robot) in accounts and not given_login(task.host, one.project, one.robot)
    ]
    return converge(task, [one for one in wanted if one.fetch(task) is not None])


def prove_present_logins(task: Task) -> Result:
    """Have the node pull by each login that has taken the place of a former one, unless it has done so before."""
    return converge(task, [ProvedPull(robot, task.host.name) for robot in replaced(task.host)])


def revoke_former_robots(task: Task) -> Result:
    """Delete the former robots in Harbor once nobody needs them."""
    return converge(task, [FormerRobot(robot) for robot in _revocable(task.host)])


def end_rotations(task: Task) -> Result:
    """Note that a rotation has ended, once no registry takes the former login."""
    return converge(task, [EndedRotation(robot) for robot in _revocable(task.host)])


def _revocable(host: Host) -> list[RotatedRobot]:
    return replaced(host) if api_login_of(host) else []
