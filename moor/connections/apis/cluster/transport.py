"""Requests as the user of a kubeconfig, beneath lightkube's client, which knows less of kubeconfigs than kubectl."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable

import httpx2
from httpx2 import BaseTransport, HTTPTransport, Request, Response

from moor.connections.apis.cluster.answers import clean, judged, unreachable
from moor.connections.apis.cluster.kubeconfig import Chosen
from moor.connections.apis.cluster.login import ClusterLogin, Credential
from moor.connections.apis.cluster.tls import context_for

SHOWN = "moor_cluster"  # in a request's extensions: address, kubeconfig and user, for errors
UNKNOWN_LOGIN = 401
NOT_KEPT = ("content-encoding", "content-length", "transfer-encoding", "content-type")


class ClusterTransport(BaseTransport):
    """Sends requests with the login, the names and the proxy that a kubeconfig says; threads may share it."""

    def __init__(self, chosen: Chosen) -> None:
        self.chosen, self.login = chosen, ClusterLogin(chosen)
        self._lock = threading.Lock()
        self._open: tuple[bytes, HTTPTransport] | None = None  # by the certificate that it shows
        if not chosen.user.exec:
            context_for(chosen, self.login.current())  # what cannot be used is told before any connection

    def handle_request(self, request: Request) -> Response:
        """Send a request; what answers is an object, or a Status that says in one sentence why not."""
        request.extensions[SHOWN] = self.chosen.shown
        request.read()
        credential = self.login.current()
        answer = self._sent(request, credential)
        if answer.status_code == UNKNOWN_LOGIN and (renewed := self.login.renewed(credential)):
            answer = self._sent(request, renewed)
        return self._understood(request, answer)

    def _understood(self, request: Request, answer: Response) -> Response:
        code, tree = judged(answer.status_code, answer.content)
        if code == UNKNOWN_LOGIN:
            over = self.login.ended() or "it does not know this login, or no longer"
            tree["message"] = f"{clean(tree['message'])}: {over}; log in anew, or get a new kubeconfig"
        kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in NOT_KEPT]
        headers = [*kept, ("Content-Type", "application/json")]
        return Response(code, headers=headers, content=json.dumps(tree).encode(), request=request)

    def _sent(self, request: Request, credential: Credential) -> Response:
        _set(request, self.login.headers)
        if credential.authorization:
            _set(request, [("Authorization", credential.authorization)])
        if self.chosen.cluster.disable_compression:
            _set(request, [("Accept-Encoding", "identity")])
        try:
            answer = self._transport(credential).handle_request(request)
            try:
                answer.read()
            finally:
                answer.close()
        except httpx2.RequestError as error:
            over = self.login.ended()
            words = f"{unreachable(error)}{f'; {over}: get a new kubeconfig' if over else ''}{self._proxy()}"
            raise type(error)(words, request=request) from error
        return answer

    def _proxy(self) -> str:
        if self.chosen.cluster.proxy_url:
            proxy = httpx2.URL(self.chosen.cluster.proxy_url)
            return f"; it was asked through {proxy.scheme}://{proxy.netloc.decode()}, the kubeconfig's proxy-url"
        given = next((name for name in ("HTTPS_PROXY", "https_proxy") if os.environ.get(name)), "")
        if given:
            return f"; {given} is not used for it: a proxy that leads there is named as proxy-url in the kubeconfig"
        return ""

    def _transport(self, credential: Credential) -> HTTPTransport:
        """Return the open transport for a certificate; a new one where the certificate is another."""
        with self._lock:
            if self._open and self._open[0] == credential.certificate:
                return self._open[1]
            if self._open:
                self._open[1].close()
            # A proxy of the operator's desk is no way to the cluster; one that the kubeconfig names is.
            proxy, trust = self.chosen.cluster.proxy_url or None, context_for(self.chosen, credential)
            self._open = credential.certificate, HTTPTransport(verify=trust, trust_env=False, proxy=proxy)
            return self._open[1]

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            if self._open:
                self._open[1].close()
            self._open = None


def _set(request: Request, headers: Iterable[tuple[str, str]]) -> None:
    """Set headers of a request, whatever it had of these names; a name or group may hold any letter of UTF-8."""
    wanted = [(name.encode(), value.encode()) for name, value in headers]
    names = {name.lower() for name, _ in wanted}
    kept = [(name, value) for name, value in request.headers.raw if name.lower() not in names]
    request.headers = httpx2.Headers([*kept, *wanted])
