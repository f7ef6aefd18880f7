"""Edits of chrony.conf: moor's servers, in place of those that distributions ship; pure.

A distribution's own pool is nobody's decision, so moor's marked comment takes its place; it comes back when moor's
servers go. Servers that somebody wrote stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from moor.formats.marked_block import with_block, without_block

PATHS = ("/etc/chrony/chrony.conf", "/etc/chrony.conf")  # Debian's and Alpine's, the others'
# What Debian's package brings, without comments: of chrony 4.1 to 4.5, and of 4.6, which reads leap seconds elsewhere.
DEBIANS = tuple(
    f"""\
confdir /etc/chrony/conf.d
pool 2.debian.pool.ntp.org iburst
sourcedir /run/chrony-dhcp
sourcedir /etc/chrony/sources.d
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
{leap_seconds}
"""
    for leap_seconds in ("leapsectz right/UTC", "leapseclist /usr/share/zoneinfo/leap-seconds.list")
)
BLOCK, OUT = "time", "# moor, data.time: "
SOURCE = re.compile(r"\s*(?:server|pool|peer)\s+(\S+)", re.IGNORECASE)
SHIPPED = re.compile(r"(^|\.)(pool\.ntp\.org|ntp\.ubuntu\.com|time\.cloudflare\.com|time\.google\.com)$", re.IGNORECASE)


def with_servers(content: str, servers: Sequence[str]) -> str:
    """Return chrony.conf with these servers, and without those that the distribution ships."""
    lines = [
        f"{OUT}{line}" if (name := source_of(line)) and SHIPPED.search(name) else line
        for line in without_servers(content).splitlines(keepends=True)
    ]
    return with_block("".join(lines), BLOCK, [f"server {name} iburst" for name in servers])


def without_servers(content: str) -> str:
    """Return chrony.conf as it was before moor."""
    lines = without_block(content, BLOCK).splitlines(keepends=True)
    return "".join(line.removeprefix(OUT) for line in lines)


def source_of(line: str) -> str:
    """Return the server, pool or peer that a line names; empty if it names none."""
    found = SOURCE.match(line)
    return found[1] if found else ""
