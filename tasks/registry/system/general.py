"""Harbor's settings that are not about logins: who makes projects, how long things last, audit logs, quotas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from nornir.core.task import Task
from pydantic import AfterValidator, Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.errors import HostError
from moor.resources.base import State, Value
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import Answers, Question
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.project.quota import Quota, amount
from moor.tasks.registry.releases import Since
from moor.tasks.registry.system.banner import Banner, decode_banner, encode_banner
from moor.tasks.registry.system.configuration import CONFIGURATION, values_of, write_values
from moor.tasks.registry.thing import Thing

LARGEST = 9_999_999_999
Count = Annotated[int, Field(ge=1, le=LARGEST)]
AuditEvent = Literal[
    "create_artifact",
    "delete_artifact",
    "pull_artifact",
    "create_project",
    "delete_project",
    "delete_repository",
    "login_user",
    "logout_user",
    "create_user",
    "delete_user",
    "update_user",
    "create_robot",
    "delete_robot",
    "update_configuration",
]
PREFIX = r"^[A-Za-z0-9$@._+-]{1,64}$"
BREAKS_LOGINS = "every robot has another login name then: pull secrets and logins that moor does not write stop working"


def check_endpoint(place: str) -> str:
    """Return HOST:PORT of a log server; raise ValueError for anything else, empty for none."""
    host, colon, port = place.rpartition(":")
    if place and not (colon and host and port.isdecimal() and 0 < int(port) < 65536 and "/" not in host):
        raise ValueError("write HOST:PORT of a log server that takes syslog over TCP, or nothing for none")
    return place


def in_order(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return words sorted, each once."""
    return None if words is None else tuple(sorted(set(words)))


class General(StrictModel):
    """Settings of Harbor; one that is not written stays as it is.

    Attributes:
        project_creation: who makes projects: ``everyone`` or ``adminonly``
        session_timeout_minutes: of a login to Harbor's pages
        token_minutes: of the tokens by which clients pull and push
        robot_days: of a robot that is made without days
        robot_prefix: what every robot's login name begins with; another one breaks logins that moor does not write
        webhooks: whether webhooks are called
        project_quotas: whether quotas count
        default_quota: of a new project, such as ``50 GiB``; ``unlimited``
        audit_forward_to: HOST:PORT of a log server, syslog over TCP; empty for none
        audit_skip_database: whether audit logs go to the log server alone
        audit_disabled_events: list of what is not logged; since 2.13
        scans_keep_pull_time: whether the pull of a scan does not count as one
        banner: a text on every page; since 2.9
    """

    project_creation: Literal["everyone", "adminonly"] | None = None
    session_timeout_minutes: Count | None = None
    token_minutes: Count | None = None
    robot_days: Count | None = None
    robot_prefix: Annotated[str, Field(pattern=PREFIX)] | None = None
    webhooks: bool | None = None
    project_quotas: bool | None = None
    default_quota: Quota | None = None
    audit_forward_to: Annotated[str, AfterValidator(check_endpoint)] | None = None
    audit_skip_database: bool | None = None
    audit_disabled_events: Annotated[tuple[AuditEvent, ...] | None, AfterValidator(in_order), Since(2, 13)] = None
    scans_keep_pull_time: bool | None = None
    banner: Annotated[Banner | None, Since(2, 9)] = None

    @model_validator(mode="after")
    def _audit_logs_go_somewhere(self) -> General:
        if self.audit_skip_database and self.audit_forward_to == "":
            raise ValueError("audit_skip_database: audit logs would go nowhere; write audit_forward_to")
        return self


NAMES = {  # field to Harbor's name
    "project_creation": "project_creation_restriction",
    "session_timeout_minutes": "session_timeout",
    "token_minutes": "token_expiration",
    "robot_days": "robot_token_duration",
    "robot_prefix": "robot_name_prefix",
    "webhooks": "notification_enable",
    "project_quotas": "quota_per_project_enable",
    "default_quota": "storage_per_project",
    "audit_forward_to": "audit_log_forward_endpoint",
    "audit_skip_database": "skip_audit_log_database",
    "audit_disabled_events": "disabled_audit_log_event_types",
    "scans_keep_pull_time": "scanner_skip_update_pulltime",
    "banner": "banner_message",
}


def payload_of(settings: General) -> dict[str, Any]:
    """Return what Harbor is sent for the settings that are written."""
    written = {name: getattr(settings, field) for field, name in NAMES.items() if getattr(settings, field) is not None}
    return {name: _encoded(value) for name, value in written.items()}


def _encoded(value: Any) -> Any:
    if isinstance(value, Banner):
        return encode_banner(value)
    return ",".join(sorted(value)) if isinstance(value, tuple) else value


def general_of(values: Mapping[str, Any]) -> General:
    """Return the settings of Harbor's answer; a setting that its release does not have is not written."""
    found = {field: values[name] for field, name in NAMES.items() if values.get(name) is not None}
    if "banner" in found:
        found["banner"] = decode_banner(found["banner"])
    if "audit_disabled_events" in found:
        words = str(found["audit_disabled_events"]).split(",")
        found["audit_disabled_events"] = tuple(sorted(word for word in words if word in get_args(AuditEvent)))
    return General.model_construct(**found)


@dataclass(frozen=True)
class GeneralSettings(Thing):
    """Harbor's settings, field by field."""

    settings: General

    @property
    def id(self) -> str:
        return "setting:general"

    def desired(self, actual: State | None) -> State:
        fields = fields_of(self.settings)
        prefix, before = self.settings.robot_prefix, (actual or {}).get("robot_prefix")
        if prefix and before is not None and before != prefix:
            fields["robot_prefix"] = f"{prefix} ({BREAKS_LOGINS})"
        return fields

    def refusal(self, actual: State | None, desired: State | None) -> str:
        endpoint = self.settings.audit_forward_to or (actual or {}).get("audit_forward_to")
        if actual is None or not self.settings.audit_skip_database or endpoint:
            return ""
        return f"{self.id}: audit_skip_database: audit logs would go nowhere; write audit_forward_to"

    def first_questions(self) -> Iterable[Question]:
        return (CONFIGURATION,)

    def found(self, answers: Answers, task: Task) -> State | None:
        return fields_of(general_of(values_of(answers)))

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        try:
            write_values(harbor, payload_of(self.settings))
        except HostError as error:
            if "audit endpoint" not in str(error):
                raise
            # Harbor stores everything first, and then tries the log server.
            raise HostError(
                f"{error}; Harbor has stored the address all the same: does a log server take TCP there?", error.kind
            ) from None


def fields_of(settings: General) -> dict[str, Value]:
    """Return the settings as text by field."""
    fields = {name: text for name, text in flatten(settings).items() if not name.startswith("banner.")}
    if settings.default_quota is not None:
        fields["default_quota"] = amount(settings.default_quota)
    if settings.banner is not None:
        shown = {"from_date": "", "to_date": ""} | flatten(settings.banner)
        whole = shown if settings.banner.message else {"message": ""}
        fields |= {f"banner.{name}": text for name, text in whole.items()}
    return fields
