"""Everything that the inventory says of Harbor as a whole, in working order, and what of it is not listed."""

from __future__ import annotations

from collections.abc import Iterator

from nornir.core.inventory import Host

from moor.context import site_of
from moor.errors import InputError
from moor.resources.base import Resource
from moor.secrets.secret import Secret
from moor.settings import SecretRef, optional_settings_of
from moor.tasks.harbor.admin_password import WEAK, is_strong
from moor.tasks.harbor.api import api_login_of
from moor.tasks.registry.answers import Answers
from moor.tasks.registry.generations import Account
from moor.tasks.registry.releases import MarkedField
from moor.tasks.registry.system.allowlist import SystemAllowlistThing
from moor.tasks.registry.system.auth import MODES
from moor.tasks.registry.system.configuration import ReadOnly, values_of
from moor.tasks.registry.system.general import GeneralSettings
from moor.tasks.registry.system.login_settings import LoginSettings
from moor.tasks.registry.system.robots import SystemRobotThing, robot_marks, unlisted_system_robots
from moor.tasks.registry.system.scanners import DefaultScanner, ScannerThing, unlisted_scanners
from moor.tasks.registry.system.schedules import ScheduleThing
from moor.tasks.registry.system.settings import HarborSystem
from moor.tasks.registry.system.users import UserThing, unlisted_users
from moor.tasks.registry.thing import Unlisted

KEY = "data.harbor_system"


def system_of(host: Host) -> HarborSystem:
    """Return what the inventory says of Harbor as a whole; nothing if it says nothing."""
    return optional_settings_of(host, HarborSystem) or HarborSystem()


def system_things(host: Host) -> Iterator[Resource]:
    """Yield what comes before projects: logins, settings, users, scanners and schedules."""
    system = system_of(host)
    if system.read_only is False:
        yield ReadOnly(read_only=False)
    if system.auth:
        yield LoginSettings(system.auth)
    if system.settings:
        yield GeneralSettings(system.settings)
    for name, user in system.users.items():
        yield UserThing(name, user)
    for name, scanner in system.scanners.items():
        yield ScannerThing(name, scanner)
    if system.default_scanner:
        yield DefaultScanner(system.default_scanner)
    for schedule in (system.gc, system.scan_all, system.purge_audit):
        if schedule:
            yield ScheduleThing(schedule, gets_scanner=bool(system.scanners))
    if system.cve_allowlist:
        yield SystemAllowlistThing(system.cve_allowlist)


def system_robots(host: Host) -> Iterator[Resource]:
    """Yield the robots of the system, which come after the projects that they have rights in."""
    for name, robot in system_of(host).robots.items():
        account = account_of_system(host, name)
        yield SystemRobotThing(account.present, robot, account.secret)


def last_things(host: Host) -> Iterator[Resource]:
    """Yield what comes after everything else, removals too: from then on Harbor refuses every change."""
    if system_of(host).read_only:
        yield ReadOnly(read_only=True)


def account_of_system(host: Host, name: str) -> Account:
    """Return a robot of the system."""
    return Account("", name, site_of(host).state, system_of(host).robots[name].secret)


def unlisted_in_system(host: Host, answers: Answers) -> Iterator[Unlisted]:
    """Yield the users and scanners that Harbor has and the inventory does not list, where ``prune`` says so.

    Users that come from a directory are not Harbor's own, and stay; so does the one by which moor logs in.
    """
    system = system_of(host)
    if "scanners" in system.prune:
        yield from unlisted_scanners(answers, system.scanners)
    if "users" in system.prune and values_of(answers).get("auth_mode") == MODES["database"]:
        login = api_login_of(host)
        yield from unlisted_users(answers, {*system.users, login[0] if login else ""})


def unlisted_robots_of_system(host: Host, answers: Answers) -> Iterator[Unlisted]:
    """Yield the robots of the system that the inventory does not list, where ``prune`` says so."""
    system = system_of(host)
    if "robots" in system.prune:
        accounts = (account_of_system(host, name) for name in system.robots)
        yield from unlisted_system_robots(answers, {known for account in accounts for known in account.names})


def marks_of_system(host: Host) -> tuple[MarkedField, ...]:
    """Return what only some releases have of the robots; their rights are no fields of a model."""
    return tuple(robot_marks(system_of(host).robots, f"{KEY}.robots"))


def weak_secrets(host: Host) -> list[str]:
    """Return an error for every password that Harbor would not take."""
    system = system_of(host)
    written: dict[str, SecretRef | None] = {
        **{f"users.{name}.password": user.password for name, user in system.users.items()},
        **{f"robots.{name}.secret": robot.secret for name, robot in system.robots.items()},
    }
    read = ((key, _readable(reference)) for key, reference in written.items())
    return [f"{KEY}.{key}: {WEAK}" for key, secret in read if secret is not None and not is_strong(secret)]


def _readable(reference: SecretRef | None) -> Secret | None:
    """Return a secret, None for one that is not written or cannot be read, which is an error of its own."""
    try:
        return reference.resolve() if reference else None
    except InputError:
        return None
