"""URLs that must answer as healthy; mending is waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nornir.core.task import Task

from moor.errors import ErrorKind, HostError
from moor.lazy_imports import ssl
from moor.resources.base import Remote, State

PAUSE_S = 1.0


def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True)
class Healthy(Remote):
    """A URL that answers as healthy to the controller; its mend waits for that, ``wait_s`` at most.

    Attributes:
        judge: a pure function from (HTTP status, body) to the problems by component; none means healthy.
        address: of the URL's host, so that the controller need not resolve its name.
        trust: returns the TLS trust; called at each request, since the CA may be made in the same run.
    """

    url: str
    judge: Callable[[int, bytes], dict[str, str]] = field(compare=False)
    address: str = ""
    trust: Callable[[], ssl.SSLContext] = field(default=_system_trust, compare=False)
    wait_s: float = 300

    @property
    def id(self) -> str:
        return f"healthy:{self.url}"

    @property
    def bound_s(self) -> float:
        return self.wait_s

    def desired(self, actual: State | None) -> State:
        return {"health": "healthy", **dict.fromkeys(set(actual or {}) - {"health"}, "healthy")}

    def read(self, task: Task) -> State:
        import httpx2  # only a fleet that waits for a URL needs it

        try:
            status, body = self._ask()
        except (httpx2.HTTPError, OSError) as error:
            return {"health": f"no answer: {error}"}
        wrong = self.judge(status, body)
        return {"health": "healthy" if not wrong else "unhealthy", **wrong}

    def write(self, task: Task, actual: State | None) -> None:
        end = time.monotonic() + self.wait_s
        while (state := self.read(task))["health"] != "healthy":
            if time.monotonic() > end:
                wrong = ", ".join(f"{name} is {value}" for name, value in state.items())
                raise HostError(f"{self.id}: not healthy after {self.wait_s:.0f} s: {wrong}", ErrorKind.UNHEALTHY)
            time.sleep(PAUSE_S)

    def _ask(self) -> tuple[int, bytes]:
        import httpx2

        url = httpx2.URL(self.url)
        target = url.copy_with(host=self.address) if self.address else url
        host = {"Host": url.netloc.decode()}
        no_trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # for plain HTTP, since the system's trust is slow to load
        trust = self.trust() if url.scheme == "https" else no_trust
        with httpx2.Client(verify=trust, timeout=10, trust_env=False) as client:
            answer = client.get(target, headers=host, extensions={"sni_hostname": url.host})
        return answer.status_code, answer.content
