"""Logins as Harbor keeps them: the way from the inventory's model to Harbor's settings, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moor.formats.nesting import parse_json
from moor.settings import SecretRef
from moor.tasks.registry.system.auth import MODES, Auth, HttpProxy, Ldap, LdapGroups, Oidc, Uaa

SCOPES = ("base", "onelevel", "subtree")  # by Harbor's number
NAMES: dict[str, dict[str, str]] = {  # the block of the model, its field, and Harbor's name
    "": {"primary": "primary_auth_mode", "self_registration": "self_registration"},
    "ldap": {
        "url": "ldap_url",
        "base_dn": "ldap_base_dn",
        "search_dn": "ldap_search_dn",
        "search_password": "ldap_search_password",
        "filter": "ldap_filter",
        "uid": "ldap_uid",
        "scope": "ldap_scope",
        "timeout_s": "ldap_timeout",
        "verify_certificate": "ldap_verify_cert",
    },
    "ldap.groups": {
        "base_dn": "ldap_group_base_dn",
        "filter": "ldap_group_search_filter",
        "name_attribute": "ldap_group_attribute_name",
        "admin_dn": "ldap_group_admin_dn",
        "membership_attribute": "ldap_group_membership_attribute",
        "scope": "ldap_group_search_scope",
        "attach_parallel": "ldap_group_attach_parallel",
    },
    "oidc": {
        "name": "oidc_name",
        "endpoint": "oidc_endpoint",
        "client_id": "oidc_client_id",
        "client_secret": "oidc_client_secret",
        "scope": "oidc_scope",
        "user_claim": "oidc_user_claim",
        "groups_claim": "oidc_groups_claim",
        "admin_group": "oidc_admin_group",
        "group_filter": "oidc_group_filter",
        "verify_certificate": "oidc_verify_cert",
        "auto_onboard": "oidc_auto_onboard",
        "extra_redirect": "oidc_extra_redirect_parms",
        "logout": "oidc_logout",
    },
    "http_proxy": {
        "endpoint": "http_authproxy_endpoint",
        "tokenreview_endpoint": "http_authproxy_tokenreview_endpoint",
        "admin_groups": "http_authproxy_admin_groups",
        "admin_users": "http_authproxy_admin_usernames",
        "skip_search": "http_authproxy_skip_search",
        "verify_certificate": "http_authproxy_verify_cert",
        "server_certificate": "http_authproxy_server_certificate",
    },
    "uaa": {
        "endpoint": "uaa_endpoint",
        "client_id": "uaa_client_id",
        "client_secret": "uaa_client_secret",
        "verify_certificate": "uaa_verify_cert",
    },
}
SECRETS = {"ldap.search_password", "oidc.client_secret", "uaa.client_secret"}
LISTS = {"oidc.scope", "http_proxy.admin_groups", "http_proxy.admin_users"}
NUMBERED = {"ldap.scope", "ldap.groups.scope"}
BLOCKS: dict[str, type[Any]] = {
    "ldap.groups": LdapGroups,
    "ldap": Ldap,
    "oidc": Oidc,
    "http_proxy": HttpProxy,
    "uaa": Uaa,
}


def payload_of(auth: Auth) -> dict[str, Any]:
    """Return what Harbor is sent; secrets in clear, since Harbor needs them so."""
    sent: dict[str, Any] = {"auth_mode": MODES[auth.mode]}
    for block, names in NAMES.items():
        model = block_of(auth, block)
        for field, name in names.items() if model is not None else ():
            if (value := getattr(model, field)) is not None:
                sent[name] = _encoded(f"{block}.{field}", value)
    return sent


def block_of(auth: Auth, block: str) -> Any:
    """Return a part of the model by its dotted name, None if it is not written."""
    found: Any = auth
    for name in block.split(".") if block else ():
        found = getattr(found, name) if found is not None else None
    return found


def _encoded(field: str, value: Any) -> Any:
    if isinstance(value, SecretRef):
        return value.resolve().reveal()
    if field in NUMBERED:
        return SCOPES.index(value)
    if field in LISTS:
        return ",".join(value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def auth_of(values: Mapping[str, Any]) -> Auth:
    """Return the model of Harbor's settings, without secrets, which Harbor does not give."""
    mode = next((mode for mode, name in MODES.items() if name == values.get("auth_mode")), "database")
    top = _fields("", values)
    if mode != "database":
        top.pop("self_registration", None)
        top[mode] = _block(mode, values)
    return Auth.model_construct(mode=mode, **top)


def _block(name: str, values: Mapping[str, Any]) -> Any:
    fields = _fields(name, values)
    if name == "ldap" and (groups := _fields("ldap.groups", values)):
        fields["groups"] = LdapGroups.model_construct(**groups)
    model = BLOCKS[name]
    unknown: dict[str, Any] = {field: None for field, about in model.model_fields.items() if about.is_required()}
    return model.model_construct(**unknown | fields)


def _fields(block: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a block that Harbor has a value of."""
    found = {}
    for field, name in NAMES[block].items():
        value = values.get(name)
        if value not in (None, "") and f"{block}.{field}" not in SECRETS:
            found[field] = _decoded(f"{block}.{field}", value)
    return found


def _decoded(field: str, value: Any) -> Any:
    if field in NUMBERED:
        return SCOPES[value] if value in range(len(SCOPES)) else None
    if field in LISTS:
        return tuple(word for word in str(value).split(",") if word)
    if field == "oidc.extra_redirect":
        return read_redirect(str(value))
    return value


def read_redirect(text: str) -> dict[str, str] | None:
    """Return the extra parameters that Harbor keeps as JSON; None if there are none."""
    try:
        found = parse_json(text)
    except ValueError:
        return None
    return {str(name): str(word) for name, word in found.items()} if found and isinstance(found, dict) else None
