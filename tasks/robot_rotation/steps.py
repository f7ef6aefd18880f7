"""The steps of a rotation in Harbor and on the controller; each can be cut off anywhere and is then gone on with."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.names import CLUSTERS
from moor.context import context_of, fleet_of
from moor.errors import HostError
from moor.resources.base import Remote, State
from moor.run.runbook import INSIDERS
from moor.tasks.harbor.api import harbor_of
from moor.tasks.registry.answers import API, answers_of
from moor.tasks.registry.generations import Account, Generations
from moor.tasks.registry.projects import find_account, login_in_generation
from moor.tasks.robot_rotation.proof import proof_image, refuse_unable
from moor.tasks.robot_rotation.rotated import PROVED, RotatedRobot

NONE = "(none)"
CLUSTER, NODES = "control_plane", "nodes"
AGAIN = "then run moor apply robot_rotation, without --limit"


@dataclass(frozen=True)
class RotationStep(Remote):
    """One step of the rotation of a robot.

    Attributes:
        due: a rotation should begin
    """

    robot: RotatedRobot
    due: bool = False

    @property
    def account(self) -> Account:
        return self.robot.account

    def read(self, task: Task) -> State:
        found = self.account.generations
        return {"login": self._name(found.present), "next": self._name(found.next), "former": self._name(found.former)}

    def _name(self, generation: int) -> str:
        return self.account.name_of(generation) if generation else NONE


@dataclass(frozen=True)
class NextRobot(RotationStep):
    """The decision for a next robot, which is made in Harbor after that."""

    @property
    def id(self) -> str:
        return f"next-robot:{self.robot.id}"

    def desired(self, actual: State | None) -> State:
        return {"next": self._name(self.account.generations.following)} if self.due else {}

    def write(self, task: Task, actual: State | None) -> None:
        with self.account.lock():
            found = self.account.generations
            if not found.rotating:
                self.account.keep(replace(found, next=found.following))


@dataclass(frozen=True)
class RobotInTurn(RotationStep):
    """The next robot in the place of the present one, once every registry takes its login and it may pull."""

    @property
    def id(self) -> str:
        return f"robot-in-turn:{self.robot.id}"

    def desired(self, actual: State | None) -> State:
        found = self.account.generations
        begins = self.due and not found.rotating
        return {"login": self._name(found.following), "next": NONE} if begins or found.next else {}

    def write(self, task: Task, actual: State | None) -> None:
        found = self.account.generations
        if not found.next:
            return
        if sick := sorted(set(context_of(task).registry_pair) & task.nornir.data.failed_hosts):
            raise HostError(
                f"{self.id}: {', '.join(sick)} failed, and has to have the next robot first; mend it, {AGAIN}"
            )
        harbor = harbor_of(task)
        self._refuse_unable(task, harbor, found)
        former = find_account(harbor, self.account, found.present) or {}
        with self.account.lock():
            shutil.rmtree(self.account.folder / PROVED, ignore_errors=True)
            since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}"
            user = str(former.get("name", ""))
            self.account.keep(Generations(found.next, former=found.present, since=since, former_user=user))

    def _refuse_unable(self, task: Task, harbor: Harbor, found: Generations) -> None:
        """Raise HostError unless the next robot logs in and may pull what the present one is for."""
        login = login_in_generation(harbor, self.account, found.next)
        if login is None or not harbor.logs_in(login[0], login[1].reveal()):
            name = self.account.name_of(found.next)
            raise HostError(
                f"{self.id}: Harbor does not take the login of {name} yet, so the present one stays; run again"
            )
        refuse_unable(harbor, self.id, proof_image(task, self.account), login)


@dataclass(frozen=True)
class FormerRobot(RotationStep):
    """The absence of the former robot, once the grace period is over and every node has pulled by the present login."""

    @property
    def id(self) -> str:
        return f"former-robot:{self.robot.id}"

    def desired(self, actual: State | None) -> State:
        over = self.account.generations.former and datetime.now(UTC) >= self.robot.revocable_at()
        return {"in Harbor": NONE} if over else {}

    def read(self, task: Task) -> State:
        former = self.account.generations.former
        found = find_account(harbor_of(task), self.account, former) if former else None
        return {"in Harbor": str(found["name"]) if found else NONE}

    def write(self, task: Task, actual: State | None) -> None:
        former = self.account.generations.former
        if why := "; ".join(why_not_yet(task, self.robot)):
            raise HostError(f"{self.id}: the former login stays valid, since {why}; mend it, {AGAIN}")
        harbor = harbor_of(task)
        found: dict[str, Any] | None = find_account(harbor, self.account, former)
        if former and found:
            harbor.change("DELETE", f"{API}/robots/{found['id']}", None)
            answers_of(task).forget()


@dataclass(frozen=True)
class EndedRotation(RotationStep):
    """The end of a rotation on the controller, once no registry takes the former login."""

    @property
    def id(self) -> str:
        return f"rotation-ended:{self.robot.id}"

    def desired(self, actual: State | None) -> State:
        over = self.account.generations.former and datetime.now(UTC) >= self.robot.revocable_at()
        return {"former": NONE} if over else {}

    def write(self, task: Task, actual: State | None) -> None:
        found, harbor = self.account.generations, harbor_of(task)
        if not found.former:
            return
        kept = self.account.secret_of(found.former)
        if find_account(harbor, self.account, found.former) is not None:
            raise HostError(f"{self.id}: Harbor has {self.account.name_of(found.former)} still; run again")
        secret = kept.existing()
        if secret and found.former_user and harbor.logs_in(found.former_user, secret.reveal()):
            raise HostError(f"{self.id}: Harbor takes the login of {found.former_user} still; look at its robots")
        with self.account.lock():
            self.account.keep(replace(found, former=0, former_user=""))
            shutil.rmtree(self.account.folder / PROVED, ignore_errors=True)
            kept.path.unlink(missing_ok=True)


def why_not_yet(task: Task, robot: RotatedRobot) -> list[str]:
    """Return why the former login may be needed still: hosts that this run did not see, or that have proved nothing."""
    context, failed = context_of(task), task.nornir.data.failed_hosts
    asked = [
        name
        for name, host in fleet_of(task).hosts.items()
        if INSIDERS(host) or any(map(host.has_parent_group, (CLUSTER, CLUSTERS, "harbor")))
    ]
    words = []
    if unseen := sorted(name for name in asked if name not in context.taking_part or name in failed):
        words.append(f"{', '.join(unseen)} failed or took no part")
    nodes = [name for name, host in fleet_of(task).hosts.items() if host.has_parent_group(NODES)]
    if unproved := sorted(name for name in nodes if name not in unseen and not robot.proof(name).exists()):
        words.append(f"{', '.join(unproved)} did not pull by the present login yet")
    return words
