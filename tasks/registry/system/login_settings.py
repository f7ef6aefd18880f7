"""Harbor's login settings as one thing: refused where they cannot change, tried by Harbor itself before they count."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.errors import ErrorKind, HostError
from moor.resources.base import State, Value
from moor.secrets.secret import Secret
from moor.settings import SecretRef
from moor.tasks.registry.answers import API, Answers, Question
from moor.tasks.registry.fingerprints import fingerprints_of
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.system.auth import Auth, Ldap, Oidc
from moor.tasks.registry.system.auth_values import SCOPES, SECRETS, auth_of, block_of, payload_of
from moor.tasks.registry.system.configuration import CONFIGURATION, is_editable, values_of, write_values
from moor.tasks.registry.system.user_list import user_names
from moor.tasks.registry.thing import Thing

SHOWN_USERS = 5


@dataclass(frozen=True)
class LoginSettings(Thing):
    """Who may log in to Harbor."""

    auth: Auth

    @property
    def id(self) -> str:
        return "setting:auth"

    def desired(self, actual: State | None) -> State:
        return fields_of(self.auth)

    def refusal(self, actual: State | None, desired: State | None) -> str:
        users = str((actual or {}).get("users", ""))
        if actual is None or actual["mode"] == self.auth.mode or not users:
            return ""
        return (
            f"{self.id}: auth.mode: Harbor keeps {actual['mode']} once it has users ({users}); remove them there, or "
            f"write mode: {actual['mode']}"
        )

    def first_questions(self) -> Iterable[Question]:
        return (CONFIGURATION,)

    def found(self, answers: Answers, task: Task) -> State | None:
        present = auth_of(values_of(answers))
        fields: dict[str, Value] = {name: "" for name in fields_of(self.auth)} | fields_of(present)
        kept = fingerprints_of(task.host)
        for field, secret in secrets_of(self.auth).items():
            fields[field] = kept.shown(self.id, field, secret)
        if present.mode != self.auth.mode and not is_editable(answers, "auth_mode"):
            fields["users"] = shown_users(user_names(answers))
        return fields

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        try_directory(harbor, self.auth)
        write_values(harbor, payload_of(self.auth))
        for field, secret in secrets_of(self.auth).items():
            fingerprints_of(task.host).keep(self.id, field, secret)


def fields_of(auth: Auth) -> dict[str, Value]:
    """Return the settings as text by dotted field."""
    fields = flatten(auth)
    if auth.oidc and auth.oidc.extra_redirect is not None:
        fields = {name: text for name, text in fields.items() if not name.startswith("oidc.extra_redirect.")}
        fields["oidc.extra_redirect"] = json.dumps(auth.oidc.extra_redirect, sort_keys=True)
    return fields


def secrets_of(auth: Auth) -> dict[str, Secret]:
    """Return the secrets by dotted field."""
    found = {}
    for name in SECRETS:
        block, _, field = name.rpartition(".")
        reference = getattr(block_of(auth, block), field, None)
        if isinstance(reference, SecretRef):
            found[name] = reference.resolve()
    return found


def shown_users(names: list[str]) -> str:
    """Return users for an error: the first few by name, and how many there are."""
    more = f" and {len(names) - SHOWN_USERS} more" if len(names) > SHOWN_USERS else ""
    return ", ".join(names[:SHOWN_USERS]) + more or "some that are not listed"


def try_directory(harbor: Harbor, auth: Auth) -> None:
    """Have Harbor try the directory of users before it counts.

    Raises:
        HostError: Harbor cannot use it; nothing was written
    """
    if auth.ldap:
        _try_ldap(harbor, auth.ldap)
    if auth.oidc:
        _try_oidc(harbor, auth.oidc)


def _try_ldap(harbor: Harbor, ldap: Ldap) -> None:
    tried = {
        "ldap_url": ldap.url,
        "ldap_base_dn": ldap.base_dn,
        "ldap_search_dn": ldap.search_dn or "",
        "ldap_search_password": ldap.search_password.resolve().reveal() if ldap.search_password else "",
        "ldap_filter": ldap.filter or "",
        "ldap_uid": ldap.uid,
        "ldap_scope": SCOPES.index(ldap.scope),
        "ldap_connection_timeout": ldap.timeout_s,
        "ldap_verify_cert": ldap.verify_certificate,
    }
    answer = harbor.change("POST", f"{API}/ldap/ping", tried)
    try:
        found = answer.json()
        works, why = found.get("success") is True, str(found.get("message") or "no reason given")
    except (ValueError, AttributeError):
        works, why = False, "its answer cannot be read"
    if not works:
        raise HostError(f"Harbor cannot use {ldap.url}: {why}; nothing was written", ErrorKind.UNMET)


def _try_oidc(harbor: Harbor, oidc: Oidc) -> None:
    try:
        tried = {"url": oidc.endpoint, "verify_cert": oidc.verify_certificate}
        harbor.change("POST", f"{API}/system/oidc/ping", tried)
    except HostError as error:
        raise HostError(
            f"Harbor cannot use {oidc.endpoint}: {error}; it must be the issuer exactly as the provider names itself, "
            "and reached from Harbor's host; nothing was written",
            error.kind,
        ) from None
