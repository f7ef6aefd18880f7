"""Real name servers on one host of a lab: BIND and Knot hold the same zone on ports of their own."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import dns.update

from moor.connections.apis.nameserver import NameServer, TsigKey
from moor.secrets.secret import Secret
from moor_lab.lab import Lab

ZONE, KEY = "moor.test", "moor."
TSIG = base64.b64encode(b"a secret of the test, no other").decode()
WRONG = base64.b64encode(b"a secret of nobody whatsoever").decode()
START = f"""\
$ORIGIN {ZONE}.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 10.9.9.53
*.wild 60 IN A 10.9.9.1
"""
BIND = f"""\
key "{KEY}" {{ algorithm hmac-sha256; secret "{TSIG}"; }};
key "reader." {{ algorithm hmac-sha256; secret "{TSIG}"; }};
options {{ directory "/var/cache/bind"; recursion no; listen-on port 1053 {{ any; }}; listen-on-v6 {{ none; }}; }};
zone "{ZONE}" {{ type primary; file "/var/lib/bind/{ZONE}"; allow-update {{ key "{KEY}"; }}; }};
"""
KNOT = f"""\
server:
    listen: 0.0.0.0@2053
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {TSIG}
  - id: reader.
    algorithm: hmac-sha256
    secret: {TSIG}
acl:
  - id: update
    key: {KEY}
    action: update
template:
  - id: default
    storage: /var/lib/knot
zone:
  - domain: {ZONE}
    file: {ZONE}
    acl: update
"""


@dataclass(frozen=True)
class Served:
    """One server: its unit, its port, its configuration, and where that and its zone are written to."""

    lab: Lab
    unit: str
    port: int
    text: str
    config: str
    zone: str

    @property
    def address(self) -> str:
        return str(self.lab.machine("dns1").host.address)

    def start(self) -> None:
        """Begin with the zone as it was at first."""
        script = f"""\
systemctl stop {self.unit}; rm -f {self.zone}* /var/lib/knot/*/*.mdb
printf %s "$1" > {self.config}; printf %s "$2" > {self.zone}; chmod a+r {self.config}; chmod a+rw {self.zone}
systemctl start {self.unit}"""
        self.lab.exec("dns1", ["sh", "-c", script, "sh", self.text, START])

    def by_hand(self, name: str, *records: tuple[str, str], gone: tuple[str, ...] = ()) -> None:
        """Change the zone as somebody else would."""
        update = dns.update.UpdateMessage(f"{ZONE}.")
        for kind in gone:
            update.delete(f"{name}.", kind)
        for kind, value in records:
            update.add(f"{name}.", 60, kind, value)
        self.server().exchange(update, name)

    def server(self, key: str = KEY, secret: str = TSIG) -> NameServer:
        return NameServer(ZONE, self.address, self.port, TsigKey(key, "hmac-sha256", Secret(secret)))

    def addresses(self, name: str, kind: str = "A") -> tuple[str, ...]:
        return self.server().records(name, kind).values


def bind_on(lab: Lab) -> Served:
    return Served(lab, "named", 1053, BIND, "/etc/bind/named.conf", f"/var/lib/bind/{ZONE}")


def knot_on(lab: Lab) -> Served:
    return Served(lab, "knot", 2053, KNOT, "/etc/knot/knot.conf", f"/var/lib/knot/{ZONE}")
