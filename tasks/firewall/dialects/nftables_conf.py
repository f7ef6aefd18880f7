"""The line in nftables.conf that loads moor's table, since that file usually begins with a flush of all rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from moor.resources.edit import Edit
from moor.tasks.firewall.dialects.guards import Guards
from moor.tasks.firewall.dialects.host_firewall import FACTS, choose_dialects
from moor.tasks.firewall.dialects.nftables import FILE

CONFS = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")  # Debian's and Red Hat's
INCLUDE = f'include "{FILE}" # moor: who may reach the ports of this host'
# At boot the file is loaded into a kernel without rules, so a file that only an empty network namespace accepts is
# right too. A file that names an interface is accepted only where that interface exists.
CHECK = """\
command -v nft >/dev/null || exit 0
w=$(nft -c -f "$t" 2>&1) || unshare -n nft -c -f "$t" >/dev/null 2>&1 || { printf '%s\\n' "$w"; exit 1; }"""


def nftables_conf_edits(guards: Guards, tool: str) -> Sequence[Edit]:
    """Return an edit of each file from which a host may load its rules; a missing file stays missing.

    Args:
        tool: a dialect's name, or ``auto``
    """
    facts = {path: f"[ ! -f {path} ] || {{ {FACTS}\n}}" for path in CONFS}
    return [
        Edit(path, "firewall", partial(edit_nftables_conf, guards=guards, tool=tool), asks=facts[path], check=CHECK)
        for path in CONFS
    ]


def edit_nftables_conf(content: str, facts: str, guards: Guards, tool: str) -> str:
    """Return nftables.conf with moor's line at its end if the host uses nftables, else without the line.

    Args:
        facts: the output of FACTS; empty if the file does not exist

    Raises:
        HostError: two managers are active, or another one than the inventory says
    """
    if not facts:
        return content
    return with_include(content, bool(guards.ports) and "nftables" in choose_dialects(facts.splitlines(), tool))


def with_include(content: str, wanted: bool) -> str:
    """Return ``content`` with moor's line once, on a line of its own, or without it; other lines stay.

    Former versions of moor appended their line to a last line without a newline; such lines are split.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", _parted(content))
    others = [line for line in lines if line.strip() != INCLUDE]
    if not wanted:
        return "".join(others)
    if len(lines) - len(others) == 1:
        return "".join(lines)
    gap = "\n" if others and not others[-1].endswith("\n") else ""
    return "".join([*others, f"{gap}{INCLUDE}\n"])


def _parted(content: str) -> str:
    """Split off moor's line where it is appended to another line, unless that line comments it out."""
    glued = re.compile(rf"^(?![#\s]*{re.escape(INCLUDE)})(.+){re.escape(INCLUDE)}$", re.MULTILINE)
    return glued.sub(lambda found: f"{found[1]}\n{INCLUDE}", content)
