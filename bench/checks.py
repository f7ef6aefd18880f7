"""The eight checks that every contender makes on every host, and the drifts that they have to find."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import Any

# Four files of typical sizes of configuration files.
FILES = {
    f"/etc/bench/{name}.conf": "".join(f"# {name}: line {number} of what a service reads\n" for number in range(lines))
    for name, lines in (("registry", 12), ("runtime", 60), ("limits", 5), ("bundle", 200))
}
OWNER, MODE = "root:root", "0644"
HOSTS_LINE = "192.0.2.10 registry.bench.test"
SERVICE = "ssh"  # sshd's script in /etc/init.d: light hosts have no systemd
PIDFILE = "/run/sshd.pid"
RULESET = """\
table inet bench {
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		tcp dport 22 accept
		tcp dport 443 ip saddr 192.0.2.0/24 accept
		tcp dport 443 drop
	}
}
"""
ROOM, ROOM_KB = "/dev/shm", 32 * 1024  # noqa: S108 - the one file system of a light host that is its own


def facts() -> dict[str, Any]:
    """Return the checks as data, for tools that read them from a file."""
    return {
        "files": FILES,
        "hosts_line": HOSTS_LINE,
        "service": SERVICE,
        "ruleset": RULESET,
        "room": ROOM,
        "room_kb": ROOM_KB,
    }


_first, _second, _third, _ = FILES


@dataclass(frozen=True)
class Plant:
    """A drift of one kind: sh that causes it and sh that mends it, run as root."""

    kind: str
    plant: str
    mend: str


ADD_LINE = f"grep -qxF {quote(HOSTS_LINE)} /etc/hosts || echo {quote(HOSTS_LINE)} >>/etc/hosts"
LOAD_RULES = f"nft flush ruleset; printf %s {quote(RULESET)} | nft -f -"
PLANTS = (
    Plant("content", f"echo planted >>{_first}", f"sed -i /planted/d {_first}"),
    Plant("mode", f"chmod 0600 {_second}", f"chmod {MODE} {_second}"),
    Plant("owner", f"chown daemon:root {_third}", f"chown {OWNER} {_third}"),
    Plant("hosts line", "sed -i /bench.test/d /etc/hosts", ADD_LINE),
    Plant("service", f"mv {PIDFILE} {PIDFILE}.kept", f"mv {PIDFILE}.kept {PIDFILE}"),
    Plant("ruleset", "nft add rule inet bench input tcp dport 80 drop", LOAD_RULES),
    Plant("free disk", f"head -c 40000000 /dev/zero >{ROOM}/fill", f"rm {ROOM}/fill"),
)
