"""A client of the API server that needs only http.client."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .. import VERSION
from ..kinds import Kind
from ..objects import Object

TIMEOUT_S = 15.0
WATCH_S = 60
MERGE = "application/merge-patch+json"
GONE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError)


class Failure(Exception):
    """A refusal of the server, with HTTP's ``code`` and the ``reason`` of the Status."""

    def __init__(self, code: int, status: Object) -> None:
        super().__init__(status.get("message", f"HTTP {code}"))
        self.code = code
        self.reason = str(status.get("reason", ""))


@dataclass(frozen=True)
class Client:
    """A client of one API server for one user; ``authority`` is a PEM file."""

    server: str
    token: str
    authority: Path | None = None
    _kept: threading.local = field(default_factory=threading.local, compare=False, repr=False)

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        url = urlsplit(self.server)
        host, port = url.hostname or "", url.port or 443
        if url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        context = ssl.create_default_context(cafile=str(self.authority) if self.authority else None)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)

    def _headers(self, media: str) -> dict[str, str]:
        agent = f"moor-lab-kubelet/{VERSION}"
        return {"Authorization": f"Bearer {self.token}", "Content-Type": media, "User-Agent": agent}

    def request(self, method: str, path: str, body: Any = None, media: str = "application/json") -> Object:
        """Return the answer's document. Raises Failure, OSError, http.client.HTTPException."""
        text = None if body is None else json.dumps(body)
        try:
            response = self._ask(method, path, text, media)
        except GONE:  # the server closed the idle connection; retry over a new one
            response = self._ask(method, path, text, media)
        document: Object = json.loads(response[1] or b"{}")
        if response[0] >= 400:
            raise Failure(response[0], document)
        return document

    def _ask(self, method: str, path: str, text: str | None, media: str) -> tuple[int, bytes]:
        """Return status and body; keep this thread's connection, since a handshake costs more than an answer."""
        connection = getattr(self._kept, "connection", None) or self._connection(TIMEOUT_S)
        self._kept.connection = None
        try:
            connection.request(method, path, text, self._headers(media))
            response = connection.getresponse()
            answer = response.status, response.read()
        except BaseException:
            connection.close()
            raise
        self._kept.connection = connection
        return answer

    def close(self) -> None:
        """Close this thread's connection; another request opens a new one."""
        connection, self._kept.connection = getattr(self._kept, "connection", None), None
        if connection:
            connection.close()

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return one object."""
        return self.request("GET", path_of(kind, namespace, name))

    def create(self, kind: Kind, namespace: str, obj: Object) -> Object:
        """Create an object."""
        return self.request("POST", path_of(kind, namespace), obj)

    def patch(self, kind: Kind, namespace: str, name: str, patch: Object, subresource: str = "") -> Object:
        """Merge a patch into an object, or into its status."""
        return self.request("PATCH", path_of(kind, namespace, name, subresource), patch, MERGE)

    def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> Object:
        """Delete exactly this object without a grace period."""
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        return self.request("DELETE", path_of(kind, namespace, name), body)

    def list(self, kind: Kind, fields: str) -> tuple[list[Object], str]:
        """Return the objects that match a field selector, and the resource version of the list."""
        document = self.request("GET", f"{path_of(kind)}?{urlencode({'fieldSelector': fields})}")
        return document["items"], document["metadata"]["resourceVersion"]

    def watch(self, kind: Kind, fields: str, version: str) -> Iterator[Object]:
        """Yield the watch events since ``version``, for at most a minute."""
        query = {"fieldSelector": fields, "resourceVersion": version, "watch": "1", "timeoutSeconds": WATCH_S}
        connection = self._connection(WATCH_S + TIMEOUT_S)
        try:
            connection.request("GET", f"{path_of(kind)}?{urlencode(query)}", headers=self._headers("application/json"))
            response = connection.getresponse()
            if response.status >= 400:
                raise Failure(response.status, json.loads(response.read()))
            while line := response.readline():
                yield json.loads(line)
        finally:
            connection.close()


def path_of(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Return the path of an object or, without a name, of its collection."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = f"/namespaces/{quote(namespace)}" if namespace else ""
    rest = "".join(f"/{quote(part)}" for part in (name, subresource) if part)
    return f"{root}{scope}/{kind.plural}{rest}"
