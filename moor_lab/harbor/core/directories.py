"""The API that tries a directory of users: LDAP and OIDC. The stand-in lets nobody log in by either.

It tries whether an LDAP server takes connections, and whether an OIDC issuer describes itself; it does not bind, and
neither finds nor imports users.
"""

from typing import Any
from urllib.parse import urlsplit

import httpx
from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import bad_request
from moor_lab.harbor.core.inner import inner_client
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import is_listening, setting


def ping_ldap(call: Call) -> Response:
    """Try the LDAP server of the request, or without one that of the configuration; a failure is told with 200."""
    call.need_system("configuration", "read")
    url = _sent(call).get("ldap_url") or setting(call.store, "ldap_url")
    if is_listening(ldap_place(url)):
        return reply({"success": True})
    return reply({"message": "error: ldap server network timeout", "success": False})


def _sent(call: Call) -> dict[str, Any]:
    return call.body("ldapconf") if call.request.get_data() else {}


def ldap_place(url: str) -> str:
    """Return HOST:PORT of an LDAP URL, with the port that its scheme means."""
    parts = urlsplit(url if "://" in url else f"ldap://{url}")
    return f"{parts.hostname}:{parts.port or (636 if parts.scheme == 'ldaps' else 389)}"


def ping_oidc(call: Call) -> Response:
    """Try whether the issuer of the request describes itself by the same URL."""
    call.need_system("configuration", "update")
    sent = call.body("endpoint")
    url = str(sent.get("url", ""))
    try:
        found = inner_client(timeout_s=5).get(f"{url.rstrip('/')}/.well-known/openid-configuration").raise_for_status()
        same = found.json()["issuer"] == url
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        same = False
    if not same:
        raise bad_request("failed to verify connection")
    return done()


ROUTES: list[Route] = [
    ("POST", f"{API}/ldap/ping", ping_ldap),
    ("POST", f"{API}/system/oidc/ping", ping_oidc),
]
