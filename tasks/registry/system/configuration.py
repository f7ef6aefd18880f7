"""What Harbor keeps under /configurations: the request that reads all of it, and how its values are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from nornir.core.task import Task
from pydantic import AfterValidator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.tasks.registry.answers import API, Answers, Question, Single
from moor.tasks.registry.flat import text_of
from moor.tasks.registry.thing import Thing

READ_ONLY = "read_only"


class ConfigurationItem(HarborObject):
    """One setting of Harbor's, and whether it may be changed."""

    value: bool | int | str | None = None
    editable: bool = True


NUMBERS = {
    "ldap_group_search_scope",
    "ldap_scope",
    "ldap_timeout",
    "robot_token_duration",
    "session_timeout",
    "storage_per_project",
    "token_expiration",
}
FLAGS = {
    "http_authproxy_skip_search",
    "http_authproxy_verify_cert",
    "ldap_group_attach_parallel",
    "ldap_verify_cert",
    "notification_enable",
    "oidc_auto_onboard",
    "oidc_logout",
    "oidc_verify_cert",
    "primary_auth_mode",
    "quota_per_project_enable",
    "read_only",
    "scanner_skip_update_pulltime",
    "self_registration",
    "skip_audit_log_database",
    "uaa_verify_cert",
}


def check_kinds(items: dict[str, ConfigurationItem]) -> dict[str, ConfigurationItem]:
    """Return Harbor's settings; raise ValueError if one has a value of another kind than Harbor's."""
    for name, item in items.items():
        kind = int if name in NUMBERS else bool if name in FLAGS else str
        if item.value is not None and type(item.value) is not kind:
            raise ValueError(f"{name}: no {'number' if kind is int else 'truth value' if kind is bool else 'text'}")
    return items


Settings = Annotated[dict[str, ConfigurationItem], AfterValidator(check_kinds)]
CONFIGURATION = Single("/configurations", Shape(Settings))


def values_of(answers: Answers) -> dict[str, Any]:
    """Return Harbor's settings by name, without the passwords, which Harbor gives to nobody."""
    return {name: item.get("value") for name, item in (answers.one(CONFIGURATION) or {}).items()}


def is_editable(answers: Answers, name: str) -> bool:
    """Return whether Harbor lets a setting be changed now."""
    return bool((answers.one(CONFIGURATION) or {}).get(name, {}).get("editable", True))


def write_values(harbor: Harbor, values: Mapping[str, Any]) -> None:
    """Write settings, and check that Harbor kept them: it ignores names that it does not know, and answers 200.

    Raises:
        HostError: Harbor refused a value, or ignored it
    """
    harbor.change("PUT", f"{API}/configurations", values)
    kept = CONFIGURATION.ask(harbor) or {}
    if ignored := sorted(
        name for name in values if name not in kept and "password" not in name and name[-6:] != "secret"
    ):
        raise HostError(f"Harbor ignores {', '.join(ignored)}; its release has no such setting", ErrorKind.ANSWER)


@dataclass(frozen=True)
class ReadOnly(Thing):
    """Whether Harbor refuses every change of what it holds.

    It is set after everything else, and lifted before, since Harbor refuses the other changes too.
    """

    read_only: bool

    @property
    def id(self) -> str:
        return "setting:read-only"

    @property
    def closes(self) -> bool:
        return self.read_only

    def desired(self, actual: State | None) -> State:
        return {READ_ONLY: text_of(self.read_only)}

    def first_questions(self) -> Iterable[Question]:
        return (CONFIGURATION,)

    def found(self, answers: Answers, task: Task) -> State | None:
        return {READ_ONLY: text_of(bool(values_of(answers).get(READ_ONLY)))}

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        write_values(harbor, {READ_ONLY: self.read_only})
