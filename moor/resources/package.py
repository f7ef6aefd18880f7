"""Packages, by whichever package manager the host has."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State

# By the check for a package manager: the command that lists the installed ones of NAMES, one a line. dpkg may be
# installed on other systems too, hence the check for Debian's version.
LIST_COMMANDS = {
    "[ -e /etc/debian_version ]": "dpkg-query -W -f='${db:Status-Status} ${Package}\\n' -- NAMES 2>/dev/null"
    " | sed -n 's/^installed //p'",
    "command -v rpm": "rpm -q --qf '%{NAME}\\n' -- NAMES 2>/dev/null | grep -v ' '",
    "command -v apk": "apk info -e NAMES 2>/dev/null",
    "command -v pacman": "pacman -Qq -- NAMES 2>/dev/null",
}
ZYPPER = "zypper -q -n install -- NAMES >&2"
# The install command of each manager. apt-get waits for a lock that an automatic upgrade holds, and goes on with an old
# index if a new one cannot be fetched. A dpkg that was killed has left a journal, which must be worked off first.
# SUSE's own manager is zypper, though dnf may be installed there too, often without repositories.
# No package is removed (another Docker, say) and no whole Arch is upgraded, as a new index would require: a person
# decides that.
INSTALL_COMMANDS = {
    "[ -e /etc/debian_version ]": '[ -z "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || '
    "DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a >&2 || exit 1\n"
    "  apt-get -q update >&2 || :\n"
    "  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "
    "-o Dpkg::Options::=--force-confold install -- NAMES >&2",
    "grep -qs 'suse\\|sles' /etc/os-release && command -v zypper": ZYPPER,
    "command -v dnf": "dnf -q -y install -- NAMES >&2",
    "command -v yum": "yum -q -y install -- NAMES >&2",
    "command -v zypper": ZYPPER,
    "command -v apk": "apk add -q NAMES >&2",
    "command -v pacman": "pacman -S -q --noconfirm --needed -- NAMES >&2",
}
NO_MANAGER = (
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
    """Packages that are installed, in one transaction; configuration files that the user changed stay.

    Attributes:
        brings: commands that the packages are needed for; if the host has one of them already, nothing is installed.
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
        any_present = "".join(f"command -v {quote(command)} >/dev/null 2>&1 || " for command in self.brings)
        listing = f"{_by_manager(LIST_COMMANDS, self.names, ':')}\n:"
        if not any_present:
            return listing
        return f"if {any_present}false; then printf '%s\\n' {' '.join(map(quote, self.names))}; exit 0; fi\n{listing}"

    def actual(self, output: str) -> State:
        listed = set(output.split())
        return {name: "installed" if name in listed else "absent" for name in self.names}

    def mend(self, actual: State | None) -> str:
        return _by_manager(INSTALL_COMMANDS, self.names, f"moor_fail {quote(NO_MANAGER)}")

    def first_mend(self) -> str:
        return f"""\
moor_there=$( (
{self.probe()}
) )
moor_lacks=
for n in {" ".join(map(quote, self.names))}; do
  printf '%s\\n' "$moor_there" | grep -qxF -e "$n" || moor_lacks=yes
done
[ -n "$moor_lacks" ] || exit 0
{self.mend(None)}"""
