"""Harbor as a whole, kind by kind, as the inventory writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from moor.settings import SecretRef
from moor.tasks.registry.answers import Question
from moor.tasks.registry.export.document import Document, document_of, valid
from moor.tasks.registry.export.parts import why_expired
from moor.tasks.registry.export.source import Source
from moor.tasks.registry.generations import Account, account_in
from moor.tasks.registry.replication.endpoint import ENDPOINTS, Endpoint, endpoint_of
from moor.tasks.registry.replication.names import is_own
from moor.tasks.registry.replication.rule import Rule, rule_of
from moor.tasks.registry.replication.rule_answers import RULES
from moor.tasks.registry.system.allowlist import ALLOWLIST, SystemAllowlist, allowlist_of
from moor.tasks.registry.system.auth import MODES, Auth
from moor.tasks.registry.system.auth_values import SECRETS, auth_of, block_of
from moor.tasks.registry.system.configuration import CONFIGURATION, READ_ONLY, values_of
from moor.tasks.registry.system.general import General, general_of
from moor.tasks.registry.system.robots import SYSTEM_ROBOTS, SystemRobot, prefix_in, robot_of
from moor.tasks.registry.system.scanners import OWN, SCANNERS, Scanner, scanner_of
from moor.tasks.registry.system.schedules import (
    NEVER,
    PLACES,
    GarbageCollection,
    PurgeAudit,
    ScanAll,
    Schedule,
    ScheduleQuestion,
    schedule_from,
)
from moor.tasks.registry.system.settings import HarborSystem
from moor.tasks.registry.system.user_list import USERS
from moor.tasks.registry.system.users import User, user_of

KEY = "data.harbor_system"
WRITTEN_FILTERS = {"name", "tag"}  # of replication rules
OTHER_FILTERS = "it has a filter by labels or kinds of artifacts, which a rule of the inventory has not"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class SystemPart:
    """One key of ``harbor_system`` in the inventory.

    Attributes:
        questions: what it is read from
        read: returns its value, None or empty for nothing
    """

    key: str
    questions: Iterable[Question]
    read: Callable[[Source], Any]


def system_of(source: Source) -> Document:
    """Return the section about Harbor as a whole."""
    source.answers.fetch(question for part in PARTS for question in part.questions)
    held = {part.key: value for part in PARTS if (value := part.read(source))}
    written = document_of(HarborSystem.model_construct(**held), source.release)
    return valid(HarborSystem, written, KEY, source.site, source.notes)


def with_secret(model: Model, field: str, reference: SecretRef) -> Model:
    """Return a model with a reference in place of the secret that Harbor keeps."""
    return model.model_copy(update={field: reference})


def _auth(source: Source) -> Auth:
    auth = auth_of(values_of(source.answers))
    for name in SECRETS:
        place, _, field = name.rpartition(".")
        block = block_of(auth, place)
        if block is not None and (field != "search_password" or block.search_dn):
            filled = with_secret(block, field, source.fill_in(f"harbor/{name}", f"the {name} of Harbor's logins"))
            auth = auth.model_copy(update={place: filled})
    return auth


def _general(source: Source) -> General:
    return general_of(values_of(source.answers))


def _read_only(source: Source) -> bool:
    return bool(values_of(source.answers).get(READ_ONLY))


def _users(source: Source) -> dict[str, User]:
    """Return Harbor's own users; those of a directory are not Harbor's."""
    if values_of(source.answers).get("auth_mode") != MODES["database"]:
        return {}
    return {str(one["username"]): _user(source, one) for one in source.answers.every(USERS)}


def _user(source: Source, answer: Mapping[str, Any]) -> User:
    name = answer["username"]
    what = f"the password of the user {name}; it stays as it is in Harbor until it changes here"
    return with_secret(user_of(answer), "password", source.fill_in(f"harbor/user-{name}", what))


def _scanners(source: Source) -> dict[str, Scanner]:
    return {str(one["name"]): _scanner(source, one) for one in source.answers.every(SCANNERS) if one["name"] != OWN}


def _scanner(source: Source, answer: Mapping[str, Any]) -> Scanner:
    if not answer.get("auth"):
        return scanner_of(answer)
    what = f"the credential of the scanner {answer['name']}"
    return with_secret(scanner_of(answer), "credential", source.fill_in(f"harbor/scanner-{answer['name']}", what))


def _default_scanner(source: Source) -> str:
    return next((str(one["name"]) for one in source.answers.every(SCANNERS) if one.get("is_default")), "")


def _allowlist(source: Source) -> SystemAllowlist | None:
    found = allowlist_of(source.answers.one(ALLOWLIST) or {})
    return found if found.cves else None


def _robots(source: Source) -> dict[str, SystemRobot]:
    """Return the robots of the system but those that Harbor made for itself."""
    prefix, held = prefix_in(source.answers), {}
    for one in source.answers.every(SYSTEM_ROBOTS):
        account = account_in(source.state, "", str(one["name"]).removeprefix(prefix))
        name = account.robot
        if prefix + account.present != one["name"]:
            continue  # of a rotation that goes on
        if why := why_expired(one):
            source.leave_out_of(f"{KEY}.robots.{name}", why)
        elif one.get("editable", True):
            held[name] = _robot(source, account, one)
    return held


def _robot(source: Source, account: Account, answer: Mapping[str, Any]) -> SystemRobot:
    """Return a robot; a password that moor made is in the site's state, and any other is only known to people."""
    if account.secret.path.exists():
        return robot_of(answer)
    what = f"the password of {answer['name']}"
    return with_secret(robot_of(answer), "secret", source.fill_in(f"harbor/robot-{account.robot}", what))


def _registries(source: Source) -> dict[str, Endpoint]:
    found = (one for one in source.answers.every(ENDPOINTS) if not is_own(one["name"]))
    return {str(one["name"]): _endpoint(source, one) for one in found}


def _endpoint(source: Source, answer: Mapping[str, Any]) -> Endpoint:
    held = endpoint_of(answer)
    if held.user is None:
        return held
    what = f"the password of {held.user} at the registry {answer['name']}"
    return with_secret(held, "password", source.fill_in(f"harbor/registry-{answer['name']}", what))


def _replications(source: Source) -> dict[str, Rule]:
    held = {}
    for one in source.answers.every(RULES):
        kinds = {str(part.get("type")) for part in one.get("filters") or ()}
        if kinds - WRITTEN_FILTERS:
            source.leave_out_of(f"{KEY}.replications.{one['name']}", OTHER_FILTERS)
        elif not is_own(one["name"]):
            held[str(one["name"])] = rule_of(one)
    return held


def _scheduled(kind: type[Schedule]) -> SystemPart:
    """Return the part of one schedule; none is nothing."""
    key, path = PLACES[kind]
    question = ScheduleQuestion(path)

    def read(source: Source) -> Schedule | None:
        found = schedule_from(kind, source.answers.one(question))
        return found if found.schedule != NEVER else None

    return SystemPart(key, (question,), read)


PARTS = (
    SystemPart("auth", (CONFIGURATION,), _auth),
    SystemPart("settings", (CONFIGURATION,), _general),
    SystemPart("read_only", (CONFIGURATION,), _read_only),
    SystemPart("users", (USERS,), _users),
    SystemPart("scanners", (SCANNERS,), _scanners),
    SystemPart("default_scanner", (SCANNERS,), _default_scanner),
    _scheduled(GarbageCollection),
    _scheduled(ScanAll),
    _scheduled(PurgeAudit),
    SystemPart("cve_allowlist", (ALLOWLIST,), _allowlist),
    SystemPart("robots", (SYSTEM_ROBOTS,), _robots),
    SystemPart("registries", (ENDPOINTS,), _registries),
    SystemPart("replications", (RULES,), _replications),
)
