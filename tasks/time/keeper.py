"""Which program keeps a host's clock, what it says of it, and whether that is right; pure but for the sh.

References:
    chronyc(1), tracking and sources with -c; timedatectl(1), timesync-status; systemd-timesyncd.service(8), Files
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

CHRONY, TIMESYNCD = "chrony", "timesyncd"
TIMESYNCD_PROGRAMS = ("/usr/lib/systemd/systemd-timesyncd", "/lib/systemd/systemd-timesyncd")
UNITS = {CHRONY: ("chrony", "chronyd"), TIMESYNCD: ("systemd-timesyncd",)}  # Debian's name, the others'
COMMANDS = {CHRONY: "chronyd", TIMESYNCD: "systemd-timesyn"}  # as the kernel cuts them
DAEMONS = ("chronyd", "ntpd", "openntpd", "systemd-timesyn", "phc2sys", "ptp4l")
UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def find_keeper(service: str | None) -> str:
    """Return sh that sets ``$k`` to the program that is to keep the host's clock.

    Args:
        service: by the inventory; None for the one that the host has
    """
    if service:
        return f"k={service}"
    there = " || ".join(f"[ -x {path} ]" for path in TIMESYNCD_PROGRAMS)
    return f"""\
k={CHRONY}
command -v chronyd >/dev/null 2>&1 || {{ ! {{ {there}; }} || k={TIMESYNCD}; }}"""


def find_unit(service: str | None) -> str:
    """Return sh that sets ``$u`` to the unit of the program that is to keep the host's clock."""
    return f"""\
{find_keeper(service)}
case $k in
  {TIMESYNCD}) u={UNITS[TIMESYNCD][0]} ;;
  *) u={UNITS[CHRONY][0]}; systemctl cat {UNITS[CHRONY][0]}.service >/dev/null 2>&1 ||
    ! systemctl cat {UNITS[CHRONY][1]}.service >/dev/null 2>&1 || u={UNITS[CHRONY][1]} ;;
esac"""


# Prints what the program $k says: synchronised=, offset= (seconds, or with a unit), and a line for each of its servers.
READ_STATE = """\
case $k in
  timesyncd)
    # timedatectl would have D-Bus start a service that is stopped.
    x=; ! systemctl is-active -q systemd-timesyncd 2>/dev/null || x=$(timeout 5 timedatectl timesync-status 2>/dev/null)
    printf '%s\\n' "$x" | sed -n -e 's/^ *Server: .*(\\(.*\\)).*/server=\\1/p' -e 's/^ *Offset: */offset=/p'
    [ -e /run/systemd/timesync/synchronized ] && printf '%s\\n' "$x" | grep -q 'Offset:' && echo synchronised=yes ;;
  *)
    timeout 5 chronyc -n -c tracking 2>/dev/null | { IFS=, read -r a b c d offset rest || :
      echo "offset=$offset"
      case $rest in ''|*'Not synchronised') ;; *) echo synchronised=yes ;; esac; }
    timeout 5 chronyc -N -c sources 2>/dev/null | while IFS=, read -r kind state name stratum poll reach rest; do
      echo "server=$name"; [ "$reach" != 0 ] || echo "silent=$name"
    done ;;
esac"""


@dataclass(frozen=True)
class ClockState:
    """What the program that keeps a clock says of it.

    Attributes:
        offset_s: how far the clock is ahead (or behind, below 0) of its servers' time; None if unknown
        servers: those that it asks
        silent: those that have not answered
    """

    synchronised: bool
    offset_s: float | None
    servers: tuple[str, ...]
    silent: tuple[str, ...]

    @classmethod
    def parse(cls, output: str) -> ClockState:
        """Read what ``READ_STATE`` printed."""
        pairs = [line.split("=", 1) for line in output.splitlines() if "=" in line]
        found = {key: tuple(value for name, value in pairs if name == key) for key in ("server", "silent")}
        first = {key: value for key, value in reversed(pairs)}
        offset = parse_offset(first.get("offset", ""))
        return cls(first.get("synchronised") == "yes", offset, found["server"], found["silent"])

    def judge(self, allowed_s: float) -> dict[str, str]:
        """Return the state as a plan shows it."""
        if not self.synchronised:
            silent = f"no answer of {', '.join(self.silent)}" if self.silent else "no"
            return {"synchronised": silent, "offset": within(allowed_s)}
        off = self.offset_s or 0.0
        return {"synchronised": "yes", "offset": within(allowed_s) if abs(off) <= allowed_s else f"{off:+.3f} s"}

    def others(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Return the servers that it asks beside those of the inventory."""
        return tuple(dict.fromkeys(name for name in self.servers if name not in wanted))


def within(allowed_s: float) -> str:
    """Return the words for an offset that is small enough."""
    return f"within {allowed_s * 1000:.0f} ms"


def parse_offset(text: str) -> float | None:
    """Return seconds of a number, or of systemd's numbers with units such as ``+1min 2.5s``; None for other text."""
    words = text.strip()
    sign = -1.0 if words.startswith("-") else 1.0
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(us|ms|min|s|h|d)?", words.lstrip("+-"))
    if not parts or re.sub(r"[0-9.eE+\-\s]|us|ms|min|s|h|d", "", words):
        return None
    return sign * sum(float(number) * UNITS_S[unit or "s"] for number, unit in parts)
