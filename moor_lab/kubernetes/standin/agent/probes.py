"""Probes of containers: startup, readiness and liveness."""

import http.client
import math
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..objects import Object


@dataclass
class Probe:
    """One probe of a running container; it runs in its pod's thread, so a slow one delays others."""

    spec: Object | None
    started: datetime
    initial: bool
    good: int = 0
    bad: int = 0
    last: datetime | None = None
    passing: bool = False

    def __post_init__(self) -> None:
        self.passing = self.initial if self.spec else True

    def due_in_s(self, now: datetime) -> float:
        """Return the seconds until the next try; infinite without a probe."""
        if not self.spec:
            return math.inf
        since = (now - (self.last or self.started)).total_seconds()
        return float(self.spec["periodSeconds"] if self.last else self.spec.get("initialDelaySeconds", 0)) - since

    def note(self, now: datetime, error: str | None) -> None:
        """Count a result; the probe's state changes after enough equal results in a row."""
        self.last = now
        self.good, self.bad = (0, self.bad + 1) if error else (self.good + 1, 0)
        spec = self.spec or {}
        if self.good >= spec.get("successThreshold", 1):
            self.passing = True
        elif self.bad >= spec.get("failureThreshold", 3):
            self.passing = False


Run = Callable[[list[str], float], str | None]
"""A function that runs a program in the container and returns None or the error."""


def ask(spec: Object, container: Object, address: str, run: Run) -> str | None:
    """Try a probe once; return None if it succeeds, else the error in the kubelet's words."""
    timeout_s = float(spec.get("timeoutSeconds", 1))
    try:
        if "httpGet" in spec:
            return _http(spec["httpGet"], container, address, timeout_s)
        if "tcpSocket" in spec:
            return _tcp(spec["tcpSocket"], container, address, timeout_s)
        if "exec" in spec:
            return run(spec["exec"]["command"], timeout_s)
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    return "moor's stand-in knows httpGet, tcpSocket and exec probes"


def port_of(port: int | str, container: Object) -> int:
    """Return a port by number or by the name that the container gives it."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    return next((int(one["containerPort"]) for one in container.get("ports", []) if one.get("name") == port), 0)


def _dial(host: str, port: int, timeout_s: float) -> socket.socket | str:
    try:
        return socket.create_connection((host, port), timeout_s)
    except TimeoutError:
        return f"dial tcp {host}:{port}: i/o timeout"
    except OSError as error:
        return f"dial tcp {host}:{port}: connect: {(error.strerror or str(error)).lower()}"


def _tcp(spec: Object, container: Object, address: str, timeout_s: float) -> str | None:
    dialled = _dial(spec.get("host") or address, port_of(spec["port"], container), timeout_s)
    if isinstance(dialled, str):
        return dialled
    dialled.close()
    return None


def _http(spec: Object, container: Object, address: str, timeout_s: float) -> str | None:
    host, port = spec.get("host") or address, port_of(spec["port"], container)
    url = f"{spec.get('scheme', 'HTTP').lower()}://{host}:{port}{spec.get('path', '/')}"
    dialled = _dial(host, port, timeout_s)
    if isinstance(dialled, str):
        return f'Get "{url}": {dialled}'
    with dialled:
        code = _status(dialled, spec, host, port)
    return None if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"


def _status(dialled: socket.socket, spec: Object, host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port)
    connection.sock = dialled
    if spec.get("scheme") == "HTTPS":
        context = ssl._create_unverified_context()  # noqa: S323  # the kubelet does not verify certificates in probes either
        connection.sock = context.wrap_socket(dialled)
    headers = {header["name"]: header["value"] for header in spec.get("httpHeaders", [])}
    connection.request("GET", spec.get("path", "/"), headers={"User-Agent": "kube-probe/moor-lab"} | headers)
    return connection.getresponse().status
