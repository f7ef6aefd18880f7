"""The absence of a runtime's proxy: of its files, and of the environment of a process that still runs with it."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Resource, Scripted, State
from moor.resources.file import Absent
from moor.resources.leftover import Leftover

MARK = "# Written by moor"  # how the first line of the drop-in begins

# Whether the process of unit $1 was started with the addresses that the file $3 has now, a login in them included.
READ_LOGIN = """\
moor_login() { # UNIT OWN FILE [VARIABLE]
  p=$(systemctl show -p MainPID --value "$1" 2>/dev/null)
  case $2 in k3s|rke2)
    p=
    for d in /proc/[0-9]*; do
      read -r c < "$d/comm" && [ "$c" = containerd ] || continue
      ! tr '\\0' ' ' < "$d/cmdline" 2>/dev/null | grep -q "/rancher/$2/" || p=${d#/proc/}
    done 2>/dev/null ;;
  esac
  [ -r "/proc/${p:-0}/environ" ] && [ -r "$3" ] || return 0
  n=${4:-HTTPS_PROXY}
  x=$(sed -n "s/^\\(CONTAINERD_\\)*$n=//p" "$3")
  tr '\\0' '\\n' < "/proc/$p/environ" | sed -n "s/^$n=//p" | grep -qFx -e "$x" || echo login=other
}"""


def environment_path(unit: str) -> str:
    """Return the file of a unit's variables."""
    return f"/etc/moor/{unit}-proxy.env"


def drop_in_path(unit: str) -> str:
    """Return the drop-in that has systemd read them."""
    return f"/etc/systemd/system/{unit}.service.d/moor-proxy.conf"


def unset_proxy(unit: str) -> list[Resource]:
    """Return the absence of what moor wrote for a unit's proxy, and of a process that still runs with it."""
    return [Leftover(drop_in_path(unit), MARK), Absent(environment_path(unit)), UnsetProxy(unit)]


@dataclass(frozen=True)
class UnsetProxy(Scripted):
    """The absence of a proxy in the environment of a running unit, once no file of it sets one.

    A removed file makes no service older than its files, so the process itself is read.
    """

    unit: str = "docker"

    @property
    def id(self) -> str:
        return f"{self.unit}-proxy:running"

    @property
    def late(self) -> bool:
        return True

    @property
    def bound_s(self) -> float:
        return 120

    def desired(self, actual: State | None) -> None:
        return None

    def follows(self, paths: frozenset[str]) -> FormerProxy | None:
        written = {environment_path(self.unit), drop_in_path(self.unit)}
        return None if paths.isdisjoint(written) else FormerProxy(self.unit)

    def probe(self) -> str:
        unit = quote(self.unit)
        return f"""\
pid=$(systemctl show -p MainPID --value {unit} 2>/dev/null)
set=$(systemctl show -p Environment {unit} 2>/dev/null)
case "$set" in *HTTPS_PROXY=*|*https_proxy=*|*HTTP_PROXY=*|*http_proxy=*) exit 0 ;; esac
# systemctl knows the files of the unit's last loading, so that a removed one may be among them.
set=$(systemctl show -p EnvironmentFiles --value {unit} 2>/dev/null | sed 's/ (ignore_errors=.*//' |
  while IFS= read -r f; do ! grep -qsiE 'https?_proxy=.' "$f" || echo yes; done)
[ -z "$set" ] || exit 0
! cat "/proc/${{pid:-0}}/environ" 2>/dev/null | tr '\\0' '\\n' |
  grep -qE '^(CONTAINERD_)?(HTTPS?_PROXY|https?_proxy)=.' || echo set"""

    def actual(self, output: str) -> State | None:
        return {"proxy": "of its last start"} if output.strip() else None

    def mend(self, actual: State | None) -> str:
        return f"systemctl daemon-reload >&2 && systemctl restart {quote(self.unit)} >&2"


@dataclass(frozen=True)
class FormerProxy(UnsetProxy):
    """A unit that runs with the proxy of its files after these were put back, or without one where they have none."""

    own: str = ""

    def probe(self) -> str:
        known = " ".join(map(quote, (self.unit, self.own, environment_path(self.unit))))
        login, around = f"moor_login {known}", f"moor_login {known} NO_PROXY"
        return f"( {super().probe()}\n)\n{READ_LOGIN}\n{login}\n{around}"
