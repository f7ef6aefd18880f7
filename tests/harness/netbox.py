"""A stand-in of NetBox on loopback: its tokens, filters, pages, versions and branches as the real one answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from moor.pki.pem import plain_key
from tests.harness.servers import Handler, serving, tls
from tests.harness.sites import write_site

TOKEN = "0123456789abcdef"
SECOND = "nbt_4F9DAouzURLb.zjebxBPzICiPbWz0Wtx0fTL7bCKXKGTYhNzkgC2S"
ANSWERS = Path(__file__).parent.parent / "sites" / "netbox"
LISTS = {"/api/dcim/devices/": "devices.json", "/api/virtualization/virtual-machines/": "virtual-machines.json"}
BRANCHES = "/api/plugins/branching/branches/"
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
GROUPS = """\
nodes: {}
harbor: {}
device_role__kubernetes-node: {groups: [nodes]}
device_role__registry: {groups: [harbor]}
"""

Reply = tuple[int, bytes, Mapping[str, str]]


@dataclass
class NetBox:
    """A server that answers whoever has the token.

    Attributes:
        site: the directory of the site that asks it
        known: the Authorization header that it takes
        answer: what it answers a path, if it is not to answer as NetBox does
        replies: statuses, contents and headers by path, in place of its own
        elsewhere: where it redirects whoever asks
        version: of its API; empty where a proxy takes the header away
        page: the most objects of one answer, NetBox's MAX_PAGE_SIZE
        branches: name and status by schema ID; None without the plug-in
        renamed: names of devices that the branches have in place of main's
    """

    site: Path
    port: int = 0
    scheme: str = "https"
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    known: str = f"Token {TOKEN}"
    answer: Callable[[str], bytes] | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    elsewhere: str = ""
    version: str = "4.6"
    page: int = 1000
    branches: dict[str, tuple[str, str]] | None = None
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def write(self, hosts: str = "", token: str = TOKEN, more: str = "") -> None:
        """Write the site; ``more`` are further lines of the options."""
        where = f"url: '{self.url}', token: 'file:token'" + (", ca: ca.crt" if self.scheme == "https" else "")
        files = {
            "config.yaml": f"inventory:\n  plugin: NetBoxInventory\n  options:\n    netbox: {{{where}{more}}}\n",
            "inventory/groups.yaml": GROUPS,
        }
        write_site(self.site, files | ({"inventory/hosts.yaml": hosts} if hosts else {}), {"token": token})

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Return status, content and headers of the answer to one request."""
        place, query = urlsplit(path).path, parse_qs(urlsplit(path).query)
        self.asked.append(query)
        if self.elsewhere:
            return 302, b"", {"Location": self.elsewhere}
        if place in self.replies:
            return self.replies[place]
        branch = headers.get("X-NetBox-Branch")
        if self.branches is not None and branch and branch not in self.branches:
            return 400, b"Invalid branch identifier", HTML
        if headers.get("Authorization") != self.known:
            kind = "v2 token" if str(headers.get("Authorization")).startswith("Bearer") else "v1 token"
            return 403, said(f"Invalid {kind if self.version >= '4.5' else 'token'}"), JSON
        if self.answer:
            return 200, self.answer(path), JSON
        if place == BRANCHES and self.branches is not None:
            return 200, self._listed(place, query, [*map(_branch, self.branches.items())]), JSON
        if place not in LISTS:
            return 404, b"<html><title>Page Not Found</title></html>", HTML
        found = json.loads((ANSWERS / LISTS[place]).read_text())["results"]
        if self.branches and branch:
            found = [{**one, "name": self.renamed.get(one["name"], one["name"])} for one in found]
        return 200, self._listed(place, query, [one for one in found if _matches(one, query)]), JSON

    def _listed(self, place: str, query: dict[str, list[str]], found: list[dict[str, Any]]) -> bytes:
        start = int(query.get("offset", ["0"])[-1])
        end = start + self.page
        further = urlencode({**query, "limit": [self.page], "offset": [end]}, doseq=True)
        following = f"{self.url}{place}?{further}" if end < len(found) else None
        return json.dumps({"count": len(found), "next": following, "results": found[start:end]}).encode()


def said(detail: str) -> bytes:
    """Return the content of a refusal."""
    return json.dumps({"detail": detail}).encode()


def _branch(one: tuple[str, tuple[str, str]]) -> dict[str, Any]:
    schema, (name, status) = one
    return {"name": name, "schema_id": schema, "status": {"value": status, "label": status.title()}}


def _matches(one: dict[str, Any], query: dict[str, list[str]]) -> bool:
    """Check an object as NetBox does: all of several tags, any of several other values, unknown filters ignored."""
    tags = {tag["slug"] for tag in one["tags"]}
    fields = {"site": "slug", "role": "slug", "platform": "slug", "status": "value"}
    return set(query.get("tag", [])) <= tags and all(
        (one[name] or {}).get(key) in query[name] for name, key in fields.items() if name in query
    )


@pytest.fixture
def netbox(tmp_path: Path) -> Iterator[NetBox]:
    """Serve the stand-in by TLS; its CA is ``ca.crt`` of the site."""
    box = NetBox(tmp_path)
    names = CertificateNames(("netbox.moor.test",), (ip_address("127.0.0.1"),))
    authority = make_authority(names, 9, utc_now())
    pair = issue(authority, names, 5, utc_now())
    (tmp_path / "ca.crt").write_text(authority.pem)
    (tmp_path / "served.pem").write_text(pair.pem + plain_key(pair.key).reveal())
    with serving(handler_of(box), tls(tmp_path / "served.pem")) as box.port:
        yield box


@pytest.fixture
def plain_netbox(tmp_path: Path) -> Iterator[NetBox]:
    """Serve the stand-in without TLS."""
    box = NetBox(tmp_path, scheme="http")
    with serving(handler_of(box)) as box.port:
        yield box


def handler_of(box: NetBox) -> type[Handler]:
    """Return the handler of a server's requests."""

    class Asked(Handler):
        def do_GET(self) -> None:
            status, content, headers = box.reply(self.path, dict(self.headers.items()))
            self.reply(status, content, {**headers, **({"API-Version": box.version} if box.version else {})})

    return Asked
