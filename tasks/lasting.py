"""What ends by itself, and what a reboot would end: the registry's certificates and robots, the mount of its data."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from cryptography import x509
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.harbor import Harbor
from moor.engine.converge import converge, distinct, read
from moor.engine.observation import observation_of
from moor.engine.results import Found
from moor.errors import HostError
from moor.findings import Expiry
from moor.resources.base import Later, Probed, Required, Resource, State
from moor.settings import settings_of
from tasks.facts import Registry
from tasks.harbor import CERTIFICATE, HarborSettings, harbor_of
from tasks.pki import ca_pem
from tasks.registry import BY_NAME, Projects

TIMEOUT_S = 10
PAGE = 100  # robots; as many as Harbor gives at once
RENEW = "moor apply"
LONGER = "write a longer duration_days for it in data.projects, then moor apply registry"
PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class CertificatesOnDisk(Probed):
    """Reads the certificates below some places of a host; whatever they are, they are as they should be.

    places  files, or directories whose files end in .crt
    """

    places: tuple[str, ...]

    @property
    def id(self) -> str:
        return "certificates:disk"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        # a private key in the same file stays where it is
        return f"""\
for p in {" ".join(map(quote, self.places))}; do
  for f in "$p" "$p"/*.crt; do
    [ -f "$f" ] || continue
    printf 'file %s\\n' "$f"
    sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$f"
  done
done"""

    def actual(self, output: str) -> State | None:
        parts = [part.partition("\n") for part in re.split(r"^file ", output, flags=re.MULTILINE)[1:]]
        return {name: content for name, _, content in parts}


@dataclass(frozen=True)
class MountedAtBoot(Required):
    """Asks that what is mounted at ``path``, if anything is, comes back after a reboot: fstab or a unit names it."""

    path: str

    @property
    def id(self) -> str:
        return f"mount:{self.path}"

    def desired(self, actual: State | None) -> State:
        return {"at boot": "yes"}

    def probe(self) -> str:
        return f"""\
command -v findmnt >/dev/null || {{ echo yes; exit 0; }}
m=$(findmnt -n -o TARGET --target {quote(self.path)} 2>/dev/null | tail -n 1)
case "$m" in ''|/) echo yes; exit 0;; esac
if findmnt --fstab -n -o TARGET --target "$m" 2>/dev/null | grep -qxF "$m"; then echo yes; exit 0; fi
u=$(systemd-escape -p --suffix=mount "$m" 2>/dev/null)
case $(systemctl show -p FragmentPath --value "$u" 2>/dev/null) in
/etc/*|/usr/*|/lib/*) echo yes;;
*) echo "no, $m";;
esac"""

    def actual(self, output: str) -> State | None:
        return {"at boot": output.strip() or "yes"}

    def remedy(self, actual: State | None) -> str:
        mount = str((actual or {}).get("at boot", "")).removeprefix("no, ")
        return f"{mount} is mounted by hand and will not be there after a reboot; write it into /etc/fstab"


def desired(host: Host) -> Sequence[Resource]:
    """What the registry's host is asked, in the same script as everything else."""
    harbor = settings_of(host, HarborSettings)
    secret = f"{harbor.data_volume}/secret"
    places = (CERTIFICATE, f"{secret}/registry/root.crt", *_internal(harbor))
    return [CertificatesOnDisk(places), MountedAtBoot(harbor.data_volume)]


def _internal(harbor: HarborSettings) -> tuple[str, ...]:
    """Name the directory of the certificates by which Harbor's parts speak to one another, where they do by TLS."""
    internal = harbor.options.get("internal_tls")
    if not isinstance(internal, dict) or not internal.get("enabled"):
        return ()
    return (str(internal.get("dir") or "/etc/harbor/tls/internal"),)


def look_ahead(task: Task) -> Result:
    """Tell what of the registry ends by itself, and whether its data are there after a reboot; nothing is changed."""
    resources, seen = desired(task.host), observation_of(task.host)
    distinct(resources)
    read(task, resources, seen)
    on_disk = seen.states.get("certificates:disk") or {}
    for expiry in _expiries(task, {name: str(text) for name, text in on_disk.items()}):
        task.results.append(Found(task.host, expiry))
    return converge(task, resources)


def _expiries(task: Task, on_disk: dict[str, str]) -> Iterator[Expiry]:
    """Give every end; raises HostError where one cannot be found out, after all that can."""
    name, troubles = task.host.name, []
    for path, text in on_disk.items():
        yield from certificate_ends(f"certificate:{path}", f"{path} of {name}", text, name, RENEW)
    ca = ca_pem(task.host)
    yield from certificate_ends("certificate:ca", "the CA", "" if isinstance(ca, Later) else ca, "", RENEW)
    for ask in (_served, _robots):
        try:
            yield from ask(task)
        except HostError as error:
            troubles.append(str(error))
    if troubles:
        raise HostError("\n".join(troubles))


def certificate_ends(name: str, what: str, text: str, host: str, remedy: str) -> list[Expiry]:
    """Give the first end among the certificates of a PEM text; none where it holds none that can be read."""
    ends = []
    for block in PEM.findall(text):
        try:
            ends.append(x509.load_pem_x509_certificate(block.encode()).not_valid_after_utc)
        except ValueError:
            continue
    return [Expiry(name, min(ends).isoformat(), what, host, remedy)] if ends else []


def _served(task: Task) -> Iterator[Expiry]:
    """Ask the registry itself: what counts is what clients are shown."""
    registry = settings_of(task.host, Registry)
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((str(registry.address), registry.port), TIMEOUT_S) as plain,
            unchecked.wrap_socket(plain, server_hostname=registry.name) as secured,
        ):
            shown = secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise HostError(f"certificate:served: {registry.address}:{registry.port} shows none: {error}") from error
    text = ssl.DER_cert_to_PEM_cert(shown)
    yield from certificate_ends("certificate:served", f"the certificate of {registry.name}", text, "", RENEW)


def _robots(task: Task) -> Iterator[Expiry]:
    harbor = harbor_of(task)
    for robot in _all_robots(harbor, settings_of(task.host, Projects).by_name):
        ends = int(robot.get("expires_at") or -1)
        if ends > 0 and not robot.get("disable"):
            name = str(robot["name"]).partition("$")[2] or str(robot["name"])
            when = datetime.fromtimestamp(ends, UTC).isoformat()
            yield Expiry(f"robot-expiry:{name}", when, f"the robot {robot['name']}", "", LONGER)


def _all_robots(harbor: Harbor, projects: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Give the registry's own robots, and those of the projects."""
    yield from _paged(harbor, {})
    for name in projects:
        about = harbor.get(f"/api/v2.0/projects/{name}", headers=BY_NAME)
        if about is not None:
            yield from _paged(harbor, {"q": f"Level=project,ProjectID={about['project_id']}"})


def _paged(harbor: Harbor, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    number, full = 1, True
    while full:
        found: list[dict[str, Any]] = (
            harbor.get("/api/v2.0/robots", {**query, "page": str(number), "page_size": str(PAGE)}) or []
        )
        yield from found
        number, full = number + 1, len(found) == PAGE
