"""Who may log in to Harbor: its own users, those of LDAP, of an OIDC provider, or of a proxy in front of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from moor.errors import FieldErrors
from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.releases import Since

Mode = Literal["database", "ldap", "oidc", "http_proxy", "uaa"]
Scope = Literal["base", "onelevel", "subtree"]
NAME = re.compile(r"([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)*) *=.*")  # the first part of a distinguished name


def check_url(text: str, *schemes: str) -> str:
    """Return a URL with one of the schemes and no login in it; raise ValueError for any other text."""
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"write a URL, {' or '.join(f'{scheme}://HOST' for scheme in schemes)}")
    if parts.username is not None:
        raise ValueError("a URL with a login in it; a login is written beside it, as a reference")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port of this URL is no number from 1 to 65535") from None
    return text


def check_web(text: str) -> str:
    """Return a URL of the web."""
    return check_url(text, "https", "http")


def check_ldap(text: str) -> str:
    """Return a URL of an LDAP server, without a path, which Harbor would take for a part of the name."""
    parts = urlsplit(check_url(text, "ldap", "ldaps"))
    if parts.path.strip("/") or parts.query:
        raise ValueError("write the server alone, ldaps://HOST or ldaps://HOST:PORT; base_dn says where it looks")
    return text.rstrip("/")


def check_dn(text: str) -> str:
    """Return a distinguished name; raise ValueError for a text that is none."""
    if not NAME.fullmatch(text):
        raise ValueError("write a distinguished name, such as ou=people,dc=fleet,dc=test")
    return text


def check_filter(text: str) -> str:
    """Return a filter of LDAP; raise ValueError if its parentheses do not match."""
    depth = 0
    for sign in re.sub(r"\\.", "", text):
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            break
    if depth or (text and not (text.startswith("(") and text.endswith(")"))):
        raise ValueError("write a filter in parentheses, such as (objectClass=person)")
    return text


Web = Annotated[str, AfterValidator(check_web)]
LdapUrl = Annotated[str, AfterValidator(check_ldap)]
Dn = Annotated[str, AfterValidator(check_dn)]
Filter = Annotated[str, AfterValidator(check_filter)]
Text = Annotated[str, Field(min_length=1, max_length=255)]


class LdapGroups(StrictModel):
    """How Harbor finds the groups of LDAP.

    Attributes:
        base_dn: where groups are looked for
        filter: of groups, in parentheses
        name_attribute: the attribute that is a group's name
        admin_dn: the group whose members are administrators
        membership_attribute: the attribute of a user that names its groups
        scope: how deep below ``base_dn``, as for users
        attach_parallel: look for several groups at once; since 2.12
    """

    base_dn: Dn | None = None
    filter: Filter | None = None
    name_attribute: Text | None = None
    admin_dn: Dn | None = None
    membership_attribute: Text | None = None
    scope: Scope | None = None
    attach_parallel: Annotated[bool | None, Since(2, 12)] = None


class Ldap(StrictModel):
    """An LDAP server, and how Harbor finds users there.

    Attributes:
        url: ``ldaps://HOST``, ``ldap://HOST:PORT``
        base_dn: where users are looked for
        search_dn: the account by which Harbor searches; without it, it searches anonymously
        search_password: of the account ``search_dn``
        filter: of users, in parentheses
        uid: the attribute that is the login name
        scope: ``base``, ``onelevel`` or ``subtree``
        timeout_s: of a connection
        verify_certificate: whether the server's certificate is checked
        groups: how groups are found
    """

    url: LdapUrl
    base_dn: Dn
    search_dn: Dn | None = None
    search_password: SecretRef | None = None
    filter: Filter | None = None
    uid: Text = "cn"
    scope: Scope = "subtree"
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 5
    verify_certificate: bool = True
    groups: LdapGroups | None = None

    @model_validator(mode="after")
    def _whole(self) -> Ldap:
        if (self.search_dn is None) != (self.search_password is None):
            raise ValueError("search_dn and search_password belong together; write both, or neither")
        return self


class Oidc(StrictModel):
    """An OIDC provider, and what Harbor takes from its tokens.

    Attributes:
        name: shown on the login page
        endpoint: the issuer, exactly as the provider names itself
        client_id: of Harbor at the provider
        client_secret: that of ``client_id``
        scope: list; ``openid`` is in it
        user_claim: the claim that is the login name; without it, a user chooses one
        groups_claim: the claim that names groups
        admin_group: the group whose members are administrators
        group_filter: regular expression of the groups that Harbor takes over
        verify_certificate: whether the provider's certificate is checked
        auto_onboard: take a user over at the first login
        extra_redirect: more parameters of the request to the provider
        logout: end the session at the provider too; since 2.13
    """

    name: Text
    endpoint: Web
    client_id: Text
    client_secret: SecretRef
    scope: Annotated[tuple[Annotated[str, Field(pattern=r"^[^\s,]+$")], ...], Field(min_length=1)] = ("openid",)
    user_claim: Text | None = None
    groups_claim: Text | None = None
    admin_group: Text | None = None
    group_filter: Text | None = None
    verify_certificate: bool = True
    auto_onboard: bool = False
    extra_redirect: dict[str, str] | None = None
    logout: Annotated[bool | None, Since(2, 13)] = None

    @model_validator(mode="after")
    def _usable(self) -> Oidc:
        if "openid" not in self.scope:
            raise ValueError("scope: Harbor needs openid in it")
        try:
            re.compile(self.group_filter or "")
        except re.error as error:
            raise ValueError(f"group_filter: no regular expression: {error}") from None
        return self


class HttpProxy(StrictModel):
    """A proxy that checks logins for Harbor.

    Attributes:
        endpoint: URL of the proxy
        tokenreview_endpoint: URL where it reviews tokens
        admin_groups: list of groups whose members are administrators
        admin_users: list of administrators
        skip_search: take a user over without looking for it
        verify_certificate: whether the proxy's certificate is checked
        server_certificate: the proxy's certificate, PEM
    """

    endpoint: Web
    tokenreview_endpoint: Web
    admin_groups: tuple[Text, ...] | None = None
    admin_users: tuple[Text, ...] | None = None
    skip_search: bool = False
    verify_certificate: bool = True
    server_certificate: str | None = None


class Uaa(StrictModel):
    """The user service of Cloud Foundry.

    Attributes:
        endpoint: URL of the service
        client_id: of Harbor there
        client_secret: that of ``client_id``
        verify_certificate: whether its certificate is checked
    """

    endpoint: Web
    client_id: Text
    client_secret: SecretRef
    verify_certificate: bool = True


class Auth(StrictModel):
    """Who may log in.

    Attributes:
        mode: ``database``, ``ldap``, ``oidc``, ``http_proxy`` or ``uaa``; Harbor fixes it once it has users of its own
        primary: whether the login page offers this mode before Harbor's own users
        self_registration: whether visitors may make themselves users; with ``database``
        ldap: with mode ``ldap``
        oidc: with mode ``oidc``
        http_proxy: with mode ``http_proxy``
        uaa: with mode ``uaa``
    """

    mode: Mode
    primary: bool | None = None
    self_registration: bool | None = None
    ldap: Ldap | None = None
    oidc: Oidc | None = None
    http_proxy: HttpProxy | None = None
    uaa: Uaa | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Auth:
        wrong = [
            ((name,), f"it is for mode {name}, and mode is {self.mode}; drop one of them")
            for name in MODES
            if name not in ("database", self.mode) and getattr(self, name) is not None
        ]
        if self.mode != "database" and getattr(self, self.mode) is None:
            wrong.append(((self.mode,), f"is missing; mode {self.mode} needs it"))
        if self.mode != "database" and self.self_registration:
            wrong.append((("self_registration",), "it is for mode database"))
        if wrong:
            raise FieldErrors(wrong)
        return self


MODES = {  # mode to Harbor's name
    "database": "db_auth",
    "ldap": "ldap_auth",
    "oidc": "oidc_auth",
    "http_proxy": "http_auth",
    "uaa": "uaa_auth",
}
