"""The page served live and read-only; nobody logs in, so that it listens on loopback unless told otherwise."""

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
    """Return whether only this machine reaches an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def application(render: Callable[[], str], policy: str, loopback: bool) -> WSGIApplication:
    """Return the WSGI application.

    Args:
        render: makes the page of now
        loopback: only requests that name this machine count, or a page elsewhere could read this one under its own name
    """

    @Request.application
    def answer(request: Request) -> Response:
        if loopback and not is_loopback(_name(request.host)):
            return _said(403, "this page is served for this machine alone")
        if request.method not in ("GET", "HEAD"):
            return _said(405, "read-only", {"Allow": "GET, HEAD"})
        if request.path != "/":
            return _said(404, "there is one page, at /")
        headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'", **HEADERS}
        return Response(render(), headers=headers, content_type="text/html; charset=utf-8")

    return answer


def _name(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _said(code: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{words}\n", code, {**HEADERS, **(headers or {})}, content_type="text/plain; charset=utf-8")
