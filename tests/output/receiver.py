"""A local HTTP server that takes notices as apprise's json:// sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.servers import LOOPBACK, Handler, serving


@dataclass
class Received:
    """The notices received so far; ``status`` is the server's next answer."""

    url: str = ""
    notices: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    elsewhere: str = ""  # where a status of redirection points to

    @property
    def bodies(self) -> list[str]:
        return [notice["message"] for notice in self.notices]


@contextmanager
def receiver(address: str = LOOPBACK) -> Iterator[Received]:
    received = Received()

    class Noting(Handler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.status == 200:
                received.notices.append(json.loads(body))
            self.reply(received.status, headers={"Location": received.elsewhere} if received.elsewhere else {})

    with serving(Noting, address=address) as port:
        received.url = f"json://{address}:{port}/hook"
        yield received
