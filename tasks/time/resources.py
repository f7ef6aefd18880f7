"""The program that keeps a host's clock as a service, and a clock that it has set."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State
from moor.resources.edit import Edit
from moor.resources.service import STARTED_CS, Service
from moor.tasks.time.chrony_conf import PATHS
from moor.tasks.time.keeper import READ_STATE, ClockState, find_keeper, find_unit, within

DROP_IN_DIRECTORY = "/etc/systemd/timesyncd.conf.d"  # it changes with a file that is taken out
WAIT_S = 60  # chrony sets the clock some seconds after its start, timesyncd at the first answer


@dataclass(frozen=True)
class PackagedEdit(Edit):
    """An edit of a file that a package may have brought since it was read."""

    @property
    def late(self) -> bool:
        return True


@dataclass(frozen=True)
class Timekeeper(Service):
    """The service that keeps the clock, whose unit depends on the host."""

    keeper: str | None = None

    def _unit(self) -> str:
        return find_unit(self.keeper)


@dataclass(frozen=True)
class SetClock(Scripted):
    """A clock that is synchronised, and not further off than allowed; to mend it is to wait.

    Attributes:
        keeper: by the inventory; None for the one that the host has
        servers: by the inventory, for the message
        allowed_s: how far it may be off
    """

    keeper: str | None
    servers: tuple[str, ...]
    allowed_s: float

    @property
    def id(self) -> str:
        return "time:clock"

    @property
    def late(self) -> bool:
        return True

    @property
    def bound_s(self) -> float:
        return WAIT_S + 30

    def desired(self, actual: State | None) -> State:
        return {"synchronised": "yes", "offset": within(self.allowed_s)}

    def probe(self) -> str:
        return f"{find_keeper(self.keeper)}\n{READ_STATE}\n:"

    def actual(self, output: str) -> State | None:
        state = ClockState.parse(output)
        return {**state.judge(self.allowed_s), "others": ", ".join(state.others(self.servers))}

    def mend(self, actual: State | None) -> str:
        servers = quote(", ".join(self.servers))
        return f"""\
{find_keeper(self.keeper)}
moor_up() {{ cut -d. -f1 /proc/uptime; }}
moor_clock() {{ {READ_STATE}
}}
end=$(( $(moor_up) + {WAIT_S} ))
until moor_clock | grep -qx synchronised=yes; do
  if [ "$(moor_up)" -ge "$end" ]; then
    [ "$k" = timesyncd ] || chronyc -n sources >&2
    moor_fail "$k has not set the clock within {WAIT_S} s; is UDP 123 open to "{servers}"?"
  fi
  sleep 1
done
off=$(moor_clock | sed -n 's/^offset=//p')
case $k in
  timesyncd) exit 0 ;; # it sets a clock that is far off at once
esac
far=$(printf '%s' "$off" | awk '{{ x = $1 < 0 ? -$1 : $1; print (x > {self.allowed_s} ? "yes" : "no") }}')
[ "$far" = no ] || moor_fail "the clock is $off s off its servers' time, and chrony sets it slowly; \
chronyc makestep sets it at once, and programs see it jump\""""

    def first_mend(self) -> str:
        """Return nothing: the program sets the clock once it has started."""
        return ""


@dataclass(frozen=True)
class Reread(Scripted):
    """A program that does not run with servers that its files name no more, once moor's are taken out of them."""

    @property
    def id(self) -> str:
        return "time:reread"

    @property
    def late(self) -> bool:
        return True

    def desired(self, actual: State | None) -> None:
        return None

    def follows(self, paths: frozenset[str]) -> Reread | None:
        return self if any(path in PATHS or path.startswith(f"{DROP_IN_DIRECTORY}/") for path in paths) else None

    def probe(self) -> str:
        files = " ".join((*PATHS, DROP_IN_DIRECTORY))
        return f"""\
{find_unit(None)}
[ "$(systemctl is-active "$u" 2>/dev/null)" = active ] || exit 0
{STARTED_CS}
for f in {files}; do
  [ -e "$f" ] || continue
  changed=$(date -d "$(stat -L -c %y "$f")" +%s%N) || continue
  [ "${{changed%???????}}" -le $(( started + 5 )) ] || echo older
done"""

    def actual(self, output: str) -> State | None:
        return {"servers": "of its last start"} if output.strip() else None

    def mend(self, actual: State | None) -> str:
        return f'{find_unit(None)}\nsystemctl restart "$u" >&2'
