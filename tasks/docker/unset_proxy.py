"""A Docker that still runs with a proxy that nothing sets any more."""

from __future__ import annotations

from dataclasses import dataclass

from moor.resources.base import Scripted, State


@dataclass(frozen=True)
class UnsetProxy(Scripted):
    """The absence of a proxy in the environment of the running Docker, once no file of its unit sets one.

    A removed file makes no service older than its files, so the process itself is read.
    """

    @property
    def id(self) -> str:
        return "docker-proxy:running"

    @property
    def late(self) -> bool:
        return True

    @property
    def bound_s(self) -> float:
        return 120

    def desired(self, actual: State | None) -> None:
        return None

    def probe(self) -> str:
        return """\
pid=$(systemctl show -p MainPID --value docker 2>/dev/null)
set=$(systemctl show -p Environment -p EnvironmentFiles docker 2>/dev/null | tr ' ' '\\n')
files=$(printf '%s\\n' "$set" | sed -n 's/^EnvironmentFiles=//p')
case "$set" in *HTTPS_PROXY=*|*https_proxy=*|*HTTP_PROXY=*|*http_proxy=*) exit 0 ;; esac
[ -z "$files" ] || [ ! -e "$files" ] || exit 0
! cat "/proc/${pid:-0}/environ" 2>/dev/null | tr '\\0' '\\n' | grep -qE '^(HTTPS?_PROXY|https?_proxy)=.' || echo set"""

    def actual(self, output: str) -> State | None:
        return {"proxy": "of its last start"} if output.strip() else None

    def mend(self, actual: State | None) -> str:
        return "systemctl daemon-reload >&2 && systemctl restart docker >&2"
