"""Whether anything keeps a host's clock, on every host: also on those of which the inventory says no time servers."""

from __future__ import annotations

from moor.engine.findings import Finding
from moor.tasks.time.keeper import DAEMONS

CLOCK = "clock:kept"

# A container uses its machine's clock and may not set it. Processes are found by name, whatever started them.
KEEPING = f"""\
if systemd-detect-virt --container --quiet 2>/dev/null || [ -e /run/systemd/container ]; then echo container=yes
else
  echo "keeper=$(cat /proc/[0-9]*/comm 2>/dev/null |
    grep -xE '{"|".join(DAEMONS)}' | sort -u | tr '\\n' ' ')"
  x=$(timeout 5 chronyc -n tracking 2>/dev/null | sed -n 's/^Leap status *: *//p')
  case $x in
    'Not synchronised') echo synchronised=no ;;
    ?*) echo synchronised=yes ;;
    *) echo "synchronised=$(timeout 5 timedatectl show -p NTPSynchronized --value 2>/dev/null)" ;;
  esac
fi"""
SET_BY_MOOR = "write your time servers into data.time, then run: moor apply time"


def clock_finding(seen: dict[str, str], host: str, set_by_moor: bool = False) -> Finding | None:
    """Return a finding if the clock is not synchronised; None if it is, or if that cannot be determined.

    Args:
        seen: what ``KEEPING`` printed
        host: its name
        set_by_moor: whether the inventory names time servers for it
    """
    keeper, synchronised = " and ".join(seen.get("keeper", "").split()), seen.get("synchronised", "")
    if seen.get("container") or synchronised == "yes" or (keeper and not synchronised):
        return None
    if not keeper:
        what = "nothing keeps its clock (neither chrony nor timesyncd nor another NTP service runs)"
        remedy = "moor apply time" if set_by_moor else SET_BY_MOOR
        return Finding(CLOCK, what, remedy, host)
    what = f"{keeper} runs, and its clock is not synchronised"
    looks = f"run on {host}: timedatectl timesync-status, or chronyc sources; is UDP 123 open?"
    return Finding(CLOCK, what, looks if set_by_moor else f"{looks} data.time sets other servers", host)
