"""Harbor's system configuration, for /configurations."""

import socket
from typing import Any

from moor_lab.harbor.core.errors import bad_request, check_type
from moor_lab.harbor.core.store import Conflict, Store
from moor_lab.harbor.release import RELEASE

EMPTY = [
    "audit_log_forward_endpoint",
    "http_authproxy_admin_groups",
    "http_authproxy_admin_usernames",
    "http_authproxy_endpoint",
    "http_authproxy_server_certificate",
    "http_authproxy_tokenreview_endpoint",
    "ldap_base_dn",
    "ldap_filter",
    "ldap_group_admin_dn",
    "ldap_group_attribute_name",
    "ldap_group_base_dn",
    "ldap_group_search_filter",
    "ldap_search_dn",
    "ldap_url",
    "oidc_admin_group",
    "oidc_client_id",
    "oidc_endpoint",
    "oidc_group_filter",
    "oidc_groups_claim",
    "oidc_name",
    "oidc_scope",
    "oidc_user_claim",
    "uaa_client_id",
    "uaa_client_secret",
    "uaa_endpoint",
]
OFF = [
    "http_authproxy_skip_search",
    "oidc_auto_onboard",
    "primary_auth_mode",
    "read_only",
    "scanner_skip_update_pulltime",
    "self_registration",
    "skip_audit_log_database",
    "uaa_verify_cert",
]
ON = [
    "http_authproxy_verify_cert",
    "ldap_verify_cert",
    "notification_enable",
    "oidc_verify_cert",
    "quota_per_project_enable",
]
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(EMPTY, ""),
    **dict.fromkeys(OFF, False),
    **dict.fromkeys(ON, True),
    "auth_mode": "db_auth",
    "ldap_group_membership_attribute": "memberof",
    "ldap_group_search_scope": 2,
    "ldap_scope": 2,
    "ldap_timeout": 5,
    "ldap_uid": "cn",
    "oidc_extra_redirect_parms": "{}",
    "project_creation_restriction": "everyone",
    "robot_name_prefix": "robot$",
    "robot_token_duration": 30,
    "session_timeout": 60,
    "storage_per_project": -1,
    "token_expiration": 30,
}
LATER: dict[str, tuple[tuple[int, int], Any]] = {  # since which release, and the default
    "banner_message": ((2, 9), ""),
    "disabled_audit_log_event_types": ((2, 13), ""),
    "ldap_group_attach_parallel": ((2, 12), False),
    "oidc_logout": ((2, 13), False),
}
LATEST = {name: value for name, (_, value) in LATER.items()}
WRITE_ONLY = {"ldap_search_password": "", "oidc_client_secret": ""}  # no answer has them
AUTH_MODES = ("db_auth", "ldap_auth", "uaa_auth", "http_auth", "oidc_auth")
LARGEST = 9_999_999_999
POSITIVE = ("token_expiration", "robot_token_duration", "session_timeout")
FILLED = ("ldap_base_dn", "ldap_uid", "ldap_url")


def minor_release(release: str) -> tuple[int, int]:
    """Return a release such as v2.15.2 as (2, 15)."""
    major, minor = release.removeprefix("v").split(".")[:2]
    return int(major), int(minor)


def defaults(release: str = RELEASE) -> dict[str, Any]:
    """Return the settings that the release shows, with their defaults."""
    return DEFAULTS | {name: value for name, (since, value) in LATER.items() if minor_release(release) >= since}


def setting(store: Store, name: str) -> Any:
    """Return the value of a setting, or its default."""
    record = store.find("setting", name)
    return record.body["value"] if record else (DEFAULTS | WRITE_ONLY | LATEST)[name]


def configurations(store: Store, release: str = RELEASE) -> dict[str, Any]:
    """Return all settings in the format of GET /configurations."""
    written = {record.name: record.body["value"] for record in store.all("setting")}
    values = {name: written.get(name, default) for name, default in defaults(release).items()}
    changeable = not has_users(store)
    shown = {name: {"editable": name != "auth_mode" or changeable, "value": value} for name, value in values.items()}
    return shown | {"scan_all_policy": {}}


def has_users(store: Store) -> bool:
    """Return whether there are users beside the first administrator; the auth mode is fixed from then on."""
    return len(store.all("user")) > 1


def check_configurations(store: Store, wanted: dict[str, Any], release: str = RELEASE) -> None:
    """Raise Refusal for a value of a wrong JSON type or one that Harbor does not accept."""
    known = defaults(release) | WRITE_ONLY
    for name, value in wanted.items():
        check_type("configurations", f"Configurations.{name}", value, type(known.get(name, value)))
    if wanted.get("auth_mode", setting(store, "auth_mode")) != setting(store, "auth_mode") and has_users(store):
        raise bad_request("the auth mode cannot be modified as new users have been inserted into database")
    for name, value in wanted.items():
        if words := _objection(name, value):
            raise bad_request(f"bad request: item name {name}: {words}")
    _check_audit(store, wanted)
    for name in POSITIVE:
        if wanted.get(name, 1) <= 0:
            raise bad_request(f"the {name} value must be positive")
        if wanted.get(name, 1) > LARGEST:
            raise bad_request(f"the {name} value is over the limit value: {LARGEST}")


def _objection(name: str, value: Any) -> str:
    """Return what Harbor says against one value; empty if it takes it."""
    if name == "auth_mode" and value not in AUTH_MODES:
        return "invalid auth_mode, shoud be one of db_auth, ldap_auth, uaa_auth, http_auth, oidc_auth"
    if name == "project_creation_restriction" and value not in ("everyone", "adminonly"):
        return "invalid project_creation_restriction, should be adminonly or everyone"
    if name in ("ldap_scope", "ldap_group_search_scope") and value not in (0, 1, 2):
        return "invalid scope, should be 0, 1 or 2"
    if name == "storage_per_project" and value <= 0 and value != -1:
        return "quota value should be -1 or great than zero"
    if name in FILLED and not value.strip():
        return "the configure value can not be empty"
    return ""


def _check_audit(store: Store, wanted: dict[str, Any]) -> None:
    names = ("audit_log_forward_endpoint", "skip_audit_log_database")
    endpoint, skips = (wanted.get(name, setting(store, name)) for name in names)
    if skips and not endpoint and any(name in wanted for name in names):
        raise bad_request(
            "bad request: audit log forward endpoint should be configured before enable skip audit log in database"
        )


def write_configurations(store: Store, wanted: dict[str, Any], release: str = RELEASE) -> None:
    """Store the known keys of ``wanted``, then raise Refusal if nothing listens where audit logs are to go."""
    for name, value in wanted.items():
        if name in defaults(release) | WRITE_ONLY:
            _write(store, name, value)
    endpoint = wanted.get("audit_log_forward_endpoint")
    if endpoint and not is_listening(endpoint):
        raise bad_request(f"bad request: could not connect to the audit endpoint: {endpoint}")


def _write(store: Store, name: str, value: Any) -> None:
    try:
        store.add("setting", name, {"value": value})
    except Conflict:
        record = store.find("setting", name)
        if record:
            record.body["value"] = value
            store.put(record)


def is_listening(place: str) -> bool:
    """Return whether something takes connections at HOST:PORT."""
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except (OSError, ValueError):
        return False
    return True
