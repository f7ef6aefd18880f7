"""What the inventory says of Harbor's whole system."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from moor.errors import FieldErrors
from moor.settings import Section
from moor.suggestions import did_you_mean
from moor.tasks.registry.replication.endpoint import Endpoint, EndpointName
from moor.tasks.registry.replication.names import is_own
from moor.tasks.registry.replication.rule import Rule
from moor.tasks.registry.system.allowlist import SystemAllowlist
from moor.tasks.registry.system.auth import Auth
from moor.tasks.registry.system.general import General
from moor.tasks.registry.system.robots import RobotName, SystemRobot
from moor.tasks.registry.system.scanners import Scanner, ScannerName
from moor.tasks.registry.system.schedules import GarbageCollection, PurgeAudit, ScanAll
from moor.tasks.registry.system.users import User, UserName

Prunable = Literal["projects", "with_content", "registries", "replications", "robots", "users", "scanners"]
Wrong = list[tuple[tuple[str, ...], str]]


class HarborSystem(Section):
    """What Harbor holds as a whole: docs/harbor-configuration.md.

    What is not written is left as it is.

    Attributes:
        auth: who may log in
        settings: who makes projects, how long things last, audit logs, quotas, the banner
        read_only: whether Harbor refuses every change; ``true`` is set after everything else, ``false`` before
        users: Harbor's own users by name, with auth mode ``database``
        scanners: what finds vulnerabilities, by name
        default_scanner: name of the scanner of projects that have none of their own
        gc: when garbage is collected
        scan_all: when everything is scanned
        purge_audit: when old entries of the audit log are removed
        cve_allowlist: vulnerabilities that projects without a list of their own let pass
        robots: robots of the system by name
        prune: list of kinds: what the inventory does not list of them is removed. ``projects``; ``with_content``, those
            with images too; ``registries``; ``replications``; ``robots`` (of the system); ``users``; ``scanners``
        registries: other registries that Harbor replicates to or from, or caches, by name
        replications: what Harbor copies to or from them, and when, by name
    """

    section: ClassVar[str] = "harbor_system"

    auth: Auth | None = None
    settings: General | None = None
    read_only: bool | None = None
    users: dict[UserName, User] = Field(default_factory=dict)
    scanners: dict[ScannerName, Scanner] = Field(default_factory=dict)
    default_scanner: str | None = None
    gc: GarbageCollection | None = None
    scan_all: ScanAll | None = None
    purge_audit: PurgeAudit | None = None
    cve_allowlist: SystemAllowlist | None = None
    robots: dict[RobotName, SystemRobot] = Field(default_factory=dict)
    prune: tuple[Prunable, ...] = ()
    registries: dict[EndpointName, Endpoint] = Field(default_factory=dict)
    replications: dict[EndpointName, Rule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> HarborSystem:
        if wrong := [*self._wrong_replications(), *self._wrong_users(), *self._wrong_scanners()]:
            raise FieldErrors(wrong)
        return self

    def _wrong_replications(self) -> Wrong:
        """Return rules that name endpoints that are not listed, and what has a name of the standby's own."""
        found: Wrong = [
            (("replications", name, key), f"no endpoint is called {end}{did_you_mean(end, self.registries)}")
            for name, rule in self.replications.items()
            for key, end in (("push_to", rule.push_to), ("pull_from", rule.pull_from))
            if end and end not in self.registries
        ]
        for key, names in (("registries", self.registries), ("replications", self.replications)):
            found += [
                ((key, name), "moor's own name, for the standby; write another") for name in names if is_own(name)
            ]
        return found

    def _wrong_users(self) -> Wrong:
        wrong: Wrong = []
        if self.auth and self.auth.mode != "database" and self.users:
            wrong.append((("users",), f"they are of auth mode database, and mode is {self.auth.mode}; drop them"))
        by_email: dict[str, str] = {}
        for name, user in self.users.items():
            other = by_email.setdefault(user.email.lower(), name)
            if other != name:
                wrong.append((("users", name, "email"), f"{other} has it too, and Harbor wants one for each user"))
        return wrong

    def _wrong_scanners(self) -> Wrong:
        wrong: Wrong = []
        by_url: dict[str, str] = {}
        for name, scanner in self.scanners.items():
            other = by_url.setdefault(scanner.url, name)
            if other != name:
                wrong.append((("scanners", name, "url"), f"{other} has it too, and Harbor takes an adapter once"))
        default = self.scanners.get(self.default_scanner or "")
        if default and not default.enabled:
            wrong.append((("default_scanner",), f"{self.default_scanner} is not enabled; choose another"))
        return wrong
