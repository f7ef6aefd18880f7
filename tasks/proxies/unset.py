"""The absence of a runtime's proxy: of its files, and of the environment of a process that still runs with it."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Resource, Scripted, State
from moor.resources.file import Absent
from moor.resources.leftover import Leftover
from moor.tasks.proxies.runtimes import MARK, drop_in_path, environment_path


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
