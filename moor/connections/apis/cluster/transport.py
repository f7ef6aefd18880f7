"""The HTTP transport beneath lightkube's client, which supports less of a kubeconfig than kubectl does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable

import httpx2
from httpx2 import BaseTransport, HTTPTransport, Request, Response

from moor.connections.apis.cluster.answers import explain_no_answer, judge_answer, to_one_line
from moor.connections.apis.cluster.kubeconfig import KubeconfigContext
from moor.connections.apis.cluster.login import ClusterLogin, Credential
from moor.connections.apis.cluster.tls import make_context

DESCRIPTION = "moor_cluster"  # in a request's extensions: address, kubeconfig and user, for errors
UNPARSED = "moor_unparsed"  # in a request's extensions: a good answer is passed on as it came, and parsed by the caller
OK, UNAUTHORIZED = 200, 401
DROPPED_HEADERS = ("content-encoding", "content-length", "transfer-encoding", "content-type")


class ClusterTransport(BaseTransport):
    """A transport with the login, the TLS names and the proxy of a kubeconfig; safe to share by threads."""

    def __init__(self, chosen: KubeconfigContext) -> None:
        self.chosen, self.login = chosen, ClusterLogin(chosen)
        self._lock = threading.Lock()
        self._open: tuple[bytes, HTTPTransport] | None = None  # with its client certificate
        if not chosen.user.exec:
            make_context(chosen, self.login.current())  # raises an InputError before any connection

    def handle_request(self, request: Request) -> Response:
        """Send a request; return an object, or a Status that explains in one sentence why there is none."""
        request.extensions[DESCRIPTION] = self.chosen.description
        request.read()
        credential = self.login.current()
        answer = self._send(request, credential)
        if answer.status_code == UNAUTHORIZED and (renewed := self.login.renewed(credential)):
            answer = self._send(request, renewed)
        return self._checked(request, answer)

    def _checked(self, request: Request, answer: Response) -> Response:
        if request.extensions.get(UNPARSED) and answer.status_code == OK:
            return Response(OK, content=answer.content, request=request)
        code, tree = judge_answer(answer.status_code, answer.content)
        if code == UNAUTHORIZED:
            over = self.login.expiry_notice() or "it does not know this login, or no longer"
            tree["message"] = f"{to_one_line(tree['message'])}: {over}; log in anew, or get a new kubeconfig"
        kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in DROPPED_HEADERS]
        headers = [*kept, ("Content-Type", "application/json")]
        return Response(code, headers=headers, content=json.dumps(tree).encode(), request=request)

    def _send(self, request: Request, credential: Credential) -> Response:
        _set_headers(request, self.login.headers)
        if credential.authorization:
            _set_headers(request, [("Authorization", credential.authorization)])
        if self.chosen.cluster.disable_compression:
            _set_headers(request, [("Accept-Encoding", "identity")])
        try:
            answer = self._transport(credential).handle_request(request)
            try:
                answer.read()
            finally:
                answer.close()
        except httpx2.RequestError as error:
            over = self.login.expiry_notice()
            words = f"{explain_no_answer(error)}{f'; {over}: get a new kubeconfig' if over else ''}{self._proxy_hint()}"
            raise type(error)(words, request=request) from error
        return answer

    def _proxy_hint(self) -> str:
        if self.chosen.cluster.proxy_url:
            proxy = httpx2.URL(self.chosen.cluster.proxy_url)
            return f"; it was asked through {proxy.scheme}://{proxy.netloc.decode()}, the kubeconfig's proxy-url"
        given = next((name for name in ("HTTPS_PROXY", "https_proxy") if os.environ.get(name)), "")
        if given:
            return f"; {given} is not used for it: a proxy that leads there is named as proxy-url in the kubeconfig"
        return ""

    def _transport(self, credential: Credential) -> HTTPTransport:
        """Return the open transport for a client certificate; open a new one if the certificate has changed."""
        with self._lock:
            if self._open and self._open[0] == credential.certificate:
                return self._open[1]
            if self._open:
                self._open[1].close()
            # The proxy of the operator's environment need not lead to the cluster; the kubeconfig's does.
            proxy, trust = self.chosen.cluster.proxy_url or None, make_context(self.chosen, credential)
            self._open = credential.certificate, HTTPTransport(verify=trust, trust_env=False, proxy=proxy)
            return self._open[1]

    def close(self) -> None:
        """Close the open connections."""
        with self._lock:
            if self._open:
                self._open[1].close()
            self._open = None


def _set_headers(request: Request, headers: Iterable[tuple[str, str]]) -> None:
    """Replace headers of a request; their values may be any UTF-8, as names of users and groups are."""
    wanted = [(name.encode(), value.encode()) for name, value in headers]
    names = {name.lower() for name, _ in wanted}
    kept = [(name, value) for name, value in request.headers.raw if name.lower() not in names]
    request.headers = httpx2.Headers([*kept, *wanted])
