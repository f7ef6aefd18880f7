"""Harbor's stand-in over TLS in this process, and a site whose registry it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from moor_lab.harbor.core.application import application
from moor_lab.harbor.local import Asked, LocalHarbor, serve_locally
from moor_lab.harbor.loopback import OnLoopback
from moor_lab.harbor.release import SHOWN_VERSION
from tests.harness.commands import Done, moor_here
from tests.harness.hosts import replaced_plugin
from tests.harness.sites import Content, write_site
from tests.lab_harbor.standin import ADMIN_PASSWORD

NAME = "registry.corp.test"
ADDRESS = "192.0.2.5"  # in the inventory alone; connections lead to loopback


@dataclass
class HarborSite:
    """A site, the stand-in that is its registry, and what was asked of that and printed by commands.

    Attributes:
        api: a client of the stand-in's API as its administrator, for what somebody does by hand
        asked: method and path of each request over TLS
        hosts: of the inventory, the group of each by its name
        listeners: are called with each request, in the thread that answers it
    """

    folder: Path
    harbor: LocalHarbor
    api: httpx.Client
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    hosts: Mapping[str, str] = field(default_factory=lambda: {"ws1": "workstations"})
    listeners: list[Callable[[str], None]] = field(default_factory=list)

    def write(self, **data: Any) -> HarborSite:
        """Write the inventory with these sections beside those about the registry."""
        account, hosts = {"user": "admin", "password": "file:secrets/admin"}, list(self.hosts.items())
        known: Mapping[str, Any] = {
            "registry": {"name": NAME, "address": ADDRESS, "port": self.harbor.port},
            "pki": {"ca": "ca.crt"},
            "harbor": {"managed": False, "account": account},
        }
        files: dict[str, Content] = {
            "inventory/hosts.yaml": {
                name: {"hostname": f"192.0.2.{at}", "groups": [group]} for at, (name, group) in enumerate(hosts, 30)
            },
            "inventory/groups.yaml": {group: {} for _, group in hosts},
            "inventory/defaults.yaml": {"data": {**known, **data}},
        }
        write_site(self.folder, files, {"secrets/admin": ADMIN_PASSWORD})
        return self

    def secret(self, name: str, content: str) -> str:
        """Write a secret's file, and return the reference to it."""
        write_site(self.folder, {}, {f"secrets/{name}": content})
        return f"file:secrets/{name}"

    def __call__(self, *words: str, code: int | None = 0) -> Done:
        """Run a command on the site, and check how it ended."""
        done = moor_here(self.folder, *words)
        self.said.append(done.said)
        assert code is None or done.returncode == code, done.said
        return done

    def planned(self) -> dict[str, str]:
        """Return the diff of everything that a plan of the registry would change, by id."""
        done = self("plan", "registry", "--output", "json", code=None)
        report = done.report
        found = [resource for host in report["hosts"].values() for resource in host["resources"]]
        errors = [host["error"] for host in report["hosts"].values() if host.get("error")]
        assert not errors, errors
        return {one["id"]: one["diff"] for one in found if one["status"] == "drift"}

    def applied(self) -> None:
        """Apply the registry's configuration, and check that a plan then finds nothing."""
        self("apply", "registry", "--yes")
        assert self.planned() == {}

    def get(self, path: str, **query: str) -> Any:
        """Ask the stand-in, as somebody does who looks for themselves."""
        answer = self.api.get(f"/api/v2.0{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, method: str, path: str, body: object = None) -> None:
        """Change something by hand."""
        answer = self.api.request(method, f"/api/v2.0{path}", json=body)
        assert answer.is_success, answer.text


@contextmanager
def harbor_site(folder: Path, version: str = SHOWN_VERSION) -> Iterator[HarborSite]:
    """Yield a site with an empty stand-in as its registry; ``write`` writes its inventory."""
    asked: list[str] = []
    listeners: list[Callable[[str], None]] = [asked.append]

    def note(one: Asked) -> None:
        for listener in listeners:
            listener(f"{one.method} {one.target}")

    with serve_locally(folder, NAME, ADMIN_PASSWORD, note) as harbor:
        harbor.core.version = version
        write_site(folder / "site", {"ca.crt": harbor.ca.read_text()})
        # Not noted; and by plain HTTP, whose clients do not send Harbor's cookie back.
        transport = httpx.WSGITransport(application(harbor.core))
        with (
            httpx.Client(base_url=f"http://{NAME}", auth=("admin", ADMIN_PASSWORD), transport=transport) as api,
            replaced_plugin("harbor", OnLoopback),
        ):
            yield HarborSite(folder / "site", harbor, api, asked, listeners=listeners)
