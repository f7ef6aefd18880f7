"""Packages, by whichever package manager the host has."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State

# One line a package that is installed; a manager that is not there lists nothing.
LISTED = {
    "dpkg-query": "dpkg-query -W -f='${db:Status-Status} ${Package}\\n' -- NAMES 2>/dev/null"
    " | sed -n 's/^installed //p'",
    "rpm": "rpm -q --qf '%{NAME}\\n' -- NAMES 2>/dev/null | grep -v ' '",
    "apk": "apk info -e NAMES 2>/dev/null",
}
# A lock held by an automatic upgrade is waited for; an index that cannot be fetched may still be good enough.
# A dpkg that somebody pulled the plug on has left its journal behind, and apt-get goes no further until that is done.
# What would have to give way (another Docker, say) is a person's decision.
INSTALLED = {
    "apt-get": '[ -z "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || '
    "DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a >&2 || exit 1\n"
    "  apt-get -q update >&2 || :\n"
    "  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "
    "-o Dpkg::Options::=--force-confold install -- NAMES >&2",
    "dnf": "dnf -q -y install -- NAMES >&2",
    "zypper": "zypper -q -n install -- NAMES >&2",
    "apk": "apk add -q NAMES >&2",
}


def _by_tool(commands: dict[str, str], names: tuple[str, ...], otherwise: str) -> str:
    words = " ".join(map(quote, names))
    branches = (
        f"if command -v {tool} >/dev/null 2>&1; then\n  {text.replace('NAMES', words)}\n"
        for tool, text in commands.items()
    )
    return f"{'el'.join(branches)}else {otherwise}; fi"


@dataclass(frozen=True)
class Package(Scripted):
    """Hold packages installed, in one transaction; their configuration files stay as people left them."""

    names: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"package:{'+'.join(self.names)}"

    @property
    def bound_s(self) -> float:
        return 900

    def desired(self, actual: State | None) -> State:
        return dict.fromkeys(self.names, "installed")

    def probe(self) -> str:
        return f"{_by_tool(LISTED, self.names, ':')}\n:"

    def actual(self, output: str) -> State:
        listed = set(output.split())
        return {name: "installed" if name in listed else "absent" for name in self.names}

    def mend(self, actual: State | None) -> str:
        return _by_tool(INSTALLED, self.names, "moor_fail 'no package manager that moor knows: apt-get dnf zypper apk'")
