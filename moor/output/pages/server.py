"""The page served live and read-only. There is no login, so that the default address is loopback."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_loopback(address: str) -> bool:
    """Check whether only this machine can reach an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def application(render: Callable[[], str], policy: str, loopback: bool) -> WSGIApplication:
    """Return the WSGI application.

    Args:
        render: Returns the current page.
        loopback: Answer only requests whose Host header names this machine. Otherwise a website could read the page
            through a name of its own that resolves to 127.0.0.1.
    """

    @Request.application
    def answer(request: Request) -> Response:
        if loopback and not is_loopback(_name(request.host)):
            return _plain(403, "this page is served to this machine only")
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "read-only", {"Allow": "GET, HEAD"})
        if request.path != "/":
            return _plain(404, "there is one page, at /")
        headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'", **HEADERS}
        return Response(render(), headers=headers, content_type="text/html; charset=utf-8")

    return answer


def _name(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _plain(code: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{words}\n", code, {**HEADERS, **(headers or {})}, content_type="text/plain; charset=utf-8")
