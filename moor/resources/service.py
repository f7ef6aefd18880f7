"""Services of systemd: running, enabled, and started after the files that they read at start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import quote

from moor.errors import HostError
from moor.resources.base import Scripted, State

# A file counts as newer when it changed more than this after the main process began: two clocks are read in turn.
TOLERANCE_CS = 5

CHECK_S = 10  # the bound of one try of a check: it may hang with the service that it asks

# Source: systemctl(1), is-enabled; such a unit is started by others, and systemctl can make it neither.
UNCHANGEABLE = frozenset({"static", "generated", "alias", "indirect", "transient"})

# systemd tells the start of the main process in microseconds since boot; a file tells its change in seconds since 1970.
_SINCE_CS = """\
started=$(systemctl show -p WHICH --value "$u" 2>/dev/null)
up=$(cut -d' ' -f1 /proc/uptime | tr -d .); now=$(date +%s%N)
started=$(( ${now%???????} - up + ${started:-0} / 10000 ))"""
STARTED_CS = _SINCE_CS.replace("WHICH", "ExecMainStartTimestampMonotonic")
RELOADED_CS = _SINCE_CS.replace("WHICH", "StateChangeTimestampMonotonic")  # a reload is a change of state too


@dataclass(frozen=True)
class Service(Scripted):
    """Hold a unit of systemd running and enabled.

    Attributes:
        newer_than: files that the service reads at start: one that changed later makes it stale, hence drift
        reads: sh that prints further files, one a line, that the service reads at start and others write
        check: sh that succeeds once the service works, tried for ``settle_s`` after a start
        put_back: where the service does not come up, its files of ``newer_than`` get their former content and it is
            started again, before the failure is told
        reload: the files are read at a reload too, which then takes the place of a restart
    """

    name: str
    running: bool = True
    enabled: bool = True
    newer_than: tuple[str, ...] = ()
    reads: str = ":"
    check: str = ":"
    settle_s: int = 30
    put_back: bool = False
    reload: bool = False

    @property
    def id(self) -> str:
        return f"service:{self.name}"

    @property
    def bound_s(self) -> float:
        return 210 + 2 * self.settle_s

    def desired(self, actual: State | None) -> State:
        wanted = {"running": _word(self.running), "enabled": _word(self.enabled)}
        return wanted | ({"stale": "no"} if self.running and self.newer_than else {})

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        newer = [path for path in self.newer_than if path in paths]
        if not newer or actual is None or actual["running"] == "no":
            return actual
        return {**actual, "stale": f"older than {' '.join(newer)}"}

    def follows(self, paths: frozenset[str]) -> Service | None:
        stale = self.running and not paths.isdisjoint(self.newer_than)
        return replace(self, put_back=False) if stale else None

    def probe(self) -> str:
        unit = quote(self.name)
        return f"""\
u={unit}
[ -d /run/systemd/system ] || exit 0
systemctl is-active "$u" 2>/dev/null || :
systemctl is-enabled "$u" 2>/dev/null || :
[ "$(systemctl is-active "$u" 2>/dev/null)" = active ] || exit 0
{RELOADED_CS if self.reload else STARTED_CS}
{{ printf '%s\\n' {" ".join(map(quote, self.newer_than)) or "''"}; ( {self.reads} ); }} |
while IFS= read -r f; do
  [ -e "$f" ] || continue
  changed=$(stat -L -c %y "$f") && changed=$(date -d "$changed" +%s%N) || continue
  [ "${{changed%???????}}" -le $(( started + {TOLERANCE_CS} )) ] || printf 'newer %s\\n' "$f"
done"""

    def actual(self, output: str) -> State | None:
        lines = output.splitlines()
        if not lines:
            return None
        newer = dict.fromkeys(line.removeprefix("newer ") for line in lines if line.startswith("newer "))
        words = [line for line in lines if not line.startswith("newer ")]
        return {
            "running": _word(words[0] == "active"),
            "enabled": _word("enabled" in words[1:] or (self.enabled and not UNCHANGEABLE.isdisjoint(words[1:]))),
            "stale": f"older than {' '.join(newer)}" if newer else "no",
        }

    def mend(self, actual: State | None) -> str:
        if actual is None:
            raise HostError(f"{self.id}: the host does not run systemd")
        right = actual["enabled"] == _word(self.enabled)
        enabling = ":" if right else f'systemctl -q {"enable" if self.enabled else "disable"} "$u" || exit 1'
        starting = self._start() if self.running else 'systemctl stop "$u"'
        return f"u={quote(self.name)}\nsystemctl daemon-reload\n{enabling}\n{starting}"

    def _start(self) -> str:
        paths = " ".join(map(quote, self.newer_than))
        return f"""\
now=$(date +%s)
for f in {paths or "''"}; do # of a time when the clock was ahead: no restart would ever come after it
  [ ! -e "$f" ] || [ "$(stat -L -c %Y "$f")" -le "$now" ] || touch "$f" || exit 1
done
moor_up() {{ cut -d. -f1 /proc/uptime; }}
moor_check() {{ timeout {max(1, min(CHECK_S, self.settle_s))} sh -c {quote(self.check)}; }}
moor_begin() {{
  systemctl reset-failed "$u" 2>/dev/null
  systemctl {"reload-or-restart" if self.reload else "restart"} "$u" >&2 || return 1
  end=$(( $(moor_up) + {self.settle_s} ))
  until systemctl is-active -q "$u" && moor_check >/dev/null 2>&1; do
    [ "$(moor_up)" -lt "$end" ] && ! systemctl is-failed -q "$u" || return 1
    sleep 1
  done
}}
if moor_begin; then {self._settled()} exit 0; fi
moor_check >&2; systemctl is-active "$u" >&2
journalctl -q --no-pager -o cat -n 60 -u "$u" 2>/dev/null | grep -v level=info | tail -n 10 | cut -c 1-400 >&2
{self._back(paths) if self.put_back and paths else "exit 1"}"""

    def _settled(self) -> str:
        """Return sh that remembers that the service came up with its files as they are."""
        paths = self.newer_than if self.put_back else ()
        return "".join(f"moor_settled {quote(path)}; " for path in paths)

    def _back(self, paths: str) -> str:
        return f"""\
back=; for f in {paths}; do ! moor_put_back "$f" || back=yes; done
[ -n "$back" ] || moor_fail "$u did not come up; moor has not changed its files since it last did"
if moor_begin; then
  {self._settled()}
  what='the former ones are back and it runs; mend what they are made of, then apply again'
  moor_fail "$u did not come up with the new files; $what"
fi
moor_fail "$u did not come up with the new files, nor with the former ones, which are back\""""


def _word(truth: bool) -> str:
    return "yes" if truth else "no"
