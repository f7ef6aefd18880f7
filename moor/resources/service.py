"""Services of systemd, which run, are enabled, and were started after the files that they read at start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import quote

from moor.errors import HostError
from moor.resources.base import Scripted, State

# In hundredths of a second: a file is newer if it changed later than this after the main process began, since the two
# clocks are not read at the same moment.
TOLERANCE_CS = 5

CHECK_S = 10  # the bound of one run of a check, which may hang if the service does

# Source: systemctl(1), is-enabled. Other units start such a unit, and systemctl can neither enable nor disable it.
UNCHANGEABLE = frozenset({"static", "generated", "alias", "indirect", "transient"})

# systemd prints the start of the main process in microseconds since boot; stat prints a file's change since 1970.
_SINCE_CS = """\
started=$(systemctl show -p WHICH --value "$u" 2>/dev/null)
up=$(cut -d' ' -f1 /proc/uptime | tr -d .); now=$(date +%s%N)
started=$(( ${now%???????} - up + ${started:-0} / 10000 ))"""
STARTED_CS = _SINCE_CS.replace("WHICH", "ExecMainStartTimestampMonotonic")
RELOADED_CS = _SINCE_CS.replace("WHICH", "StateChangeTimestampMonotonic")  # a reload is a change of state too


@dataclass(frozen=True)
class Service(Scripted):
    """A unit of systemd that runs and is enabled.

    Attributes:
        newer_than: files that the service reads at start; if one has changed since, the service is stale and restarted.
        reads: sh that prints further such files, one a line, that other programs write.
        check: sh that succeeds once the service works; tried for ``settle_s`` after a start.
        put_back: if the service does not come up, restore the former content of the ``newer_than`` files and start it
            again, before the error is raised.
        reload: reload the service instead of restarting it, since it reads the files at a reload too.
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
        return f"""\
{self._unit()}
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

    def _unit(self) -> str:
        """Return sh that sets ``$u``, the unit's name."""
        return f"u={quote(self.name)}"

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
            raise HostError(
                f"{self.id}: the host does not run systemd, by which moor starts services; take it out "
                "of the groups that need them"
            )
        right = actual["enabled"] == _word(self.enabled)
        enabling = ":" if right else f'systemctl -q {"enable" if self.enabled else "disable"} "$u" || exit 1'
        starting = self._start() if self.running else 'systemctl stop "$u"'
        return f"{self._unit()}\nsystemctl daemon-reload\n{enabling}\n{starting}"

    def first_mend(self) -> str:
        """Return sh that starts the unit unless it runs with its present files; see ``Scripted``.

        A unit that is not installed yet reads its files at its first start. Without systemd, as where an image is made,
        it starts with the machine.
        """
        changing = "enable" if self.enabled else "disable"
        right = "|".join(sorted(UNCHANGEABLE | {"enabled"})) if self.enabled else "disabled|static|masked"
        stopped = 'systemctl stop "$u"'
        return f"""\
{self._unit()}
[ -d /run/systemd/system ] || {{ systemctl -q {changing} "$u" 2>/dev/null; exit 0; }}
systemctl daemon-reload
systemctl cat "$u" >/dev/null 2>&1 || exit 0
case $(systemctl is-enabled "$u" 2>/dev/null) in {right}) ;; *) systemctl -q {changing} "$u" || exit 1 ;; esac
moor_seen() {{ (
{self.probe()}
) }}
{self._start_if_stale() if self.running else stopped}"""

    def _start_if_stale(self) -> str:
        return f"""\
seen=$(moor_seen)
case $seen in active*newer*) ;; active*) exit 0 ;; esac
{self._start()}"""

    def _start(self) -> str:
        paths = " ".join(map(quote, self.newer_than))
        return f"""\
now=$(date +%s)
for f in {paths or "''"}; do # a time in the future, of a clock that was ahead, would stay newer for ever
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
        """Return sh that records that the service came up with its present files."""
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
