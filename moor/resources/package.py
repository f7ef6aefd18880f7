"""Packages, by whichever package manager the host has."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State

# One line a package that is installed; a manager that is not there lists nothing. Debian's tools exist elsewhere too.
LISTED = {
    "[ -e /etc/debian_version ]": "dpkg-query -W -f='${db:Status-Status} ${Package}\\n' -- NAMES 2>/dev/null"
    " | sed -n 's/^installed //p'",
    "command -v rpm": "rpm -q --qf '%{NAME}\\n' -- NAMES 2>/dev/null | grep -v ' '",
    "command -v apk": "apk info -e NAMES 2>/dev/null",
    "command -v pacman": "pacman -Qq -- NAMES 2>/dev/null",
}
# A lock held by an automatic upgrade is waited for; an index that cannot be fetched may still be good enough.
# A dpkg that somebody pulled the plug on has left its journal behind, and apt-get goes no further until that is done.
# What would have to give way (another Docker, say) is a person's decision; so is an upgrade of a whole Arch, which a
# newer index asks for.
INSTALLED = {
    "[ -e /etc/debian_version ]": '[ -z "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || '
    "DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a >&2 || exit 1\n"
    "  apt-get -q update >&2 || :\n"
    "  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "
    "-o Dpkg::Options::=--force-confold install -- NAMES >&2",
    "command -v dnf": "dnf -q -y install -- NAMES >&2",
    "command -v yum": "yum -q -y install -- NAMES >&2",
    "command -v zypper": "zypper -q -n install -- NAMES >&2",
    "command -v apk": "apk add -q NAMES >&2",
    "command -v pacman": "pacman -S -q --noconfirm --needed -- NAMES >&2",
}
UNKNOWN = (
    "no package manager that moor knows (apt-get dnf yum zypper apk pacman); where the system comes as one image, it "
    "must have this already"
)


def _by_manager(commands: dict[str, str], names: tuple[str, ...], otherwise: str) -> str:
    words = " ".join(map(quote, names))
    branches = (
        f"if {here} >/dev/null 2>&1; then\n  {text.replace('NAMES', words)}\n" for here, text in commands.items()
    )
    return f"{'el'.join(branches)}else {otherwise}; fi"


@dataclass(frozen=True)
class Package(Scripted):
    """Hold packages installed, in one transaction; their configuration files stay as people left them.

    Attributes:
        brings: commands that the packages are wanted for: where one is there, however it came, nothing is installed
    """

    names: tuple[str, ...]
    brings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"package:{'+'.join(self.names)}"

    @property
    def bound_s(self) -> float:
        return 900

    def desired(self, actual: State | None) -> State:
        return dict.fromkeys(self.names, "installed")

    def probe(self) -> str:
        there = "".join(f"command -v {quote(command)} >/dev/null 2>&1 || " for command in self.brings)
        listing = f"{_by_manager(LISTED, self.names, ':')}\n:"
        if not there:
            return listing
        return f"if {there}false; then printf '%s\\n' {' '.join(map(quote, self.names))}; exit 0; fi\n{listing}"

    def actual(self, output: str) -> State:
        listed = set(output.split())
        return {name: "installed" if name in listed else "absent" for name in self.names}

    def mend(self, actual: State | None) -> str:
        return _by_manager(INSTALLED, self.names, f"moor_fail {quote(UNKNOWN)}")
