"""Harbor's system configuration, for /configurations."""

from typing import Any

from moor_lab.harbor.core.errors import bad_request, check_type
from moor_lab.harbor.core.store import Conflict, Store

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


def setting(store: Store, name: str) -> Any:
    """Return the value of a setting, or its default."""
    record = store.find("setting", name)
    return record.body["value"] if record else DEFAULTS[name]


def configurations(store: Store) -> dict[str, Any]:
    """Return all settings in the format of GET /configurations."""
    written = {record.name: record.body["value"] for record in store.all("setting")}
    values = DEFAULTS | written
    shown = {name: {"editable": name != "auth_mode", "value": value} for name, value in values.items()}
    return shown | {"scan_all_policy": {}}


def check_configurations(wanted: dict[str, Any], users: int) -> None:
    """Raise Refusal for a value of a wrong JSON type or one that Harbor does not accept."""
    for name, value in wanted.items():
        check_type("configurations", f"Configurations.{name}", value, type(DEFAULTS.get(name, value)))
    restriction = wanted.get("project_creation_restriction", "everyone")
    if restriction not in ("everyone", "adminonly"):
        raise bad_request(
            "bad request: item name project_creation_restriction: invalid project_creation_restriction,"
            " should be adminonly or everyone"
        )
    if wanted.get("auth_mode", "db_auth") != "db_auth" and users > 1:
        raise bad_request("the auth mode cannot be modified as new users have been inserted into database")


def write_configurations(store: Store, wanted: dict[str, Any]) -> None:
    """Store the known keys of ``wanted``; like Harbor, ignore unknown ones."""
    for name, value in wanted.items():
        if name not in DEFAULTS:
            continue
        try:
            store.add("setting", name, {"value": value})
        except Conflict:
            record = store.find("setting", name)
            if record:
                record.body["value"] = value
                store.put(record)
