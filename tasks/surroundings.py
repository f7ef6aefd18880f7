"""What surrounds a host, and no file of moor's mends: what keeps its clock, and how large packets on its way may be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import read
from moor.engine.desired import desired_of
from moor.engine.observation import observation_of
from moor.engine.results import Found
from moor.findings import Finding
from moor.resources.base import Resource
from tasks import rancher
from tasks.layers import RULES
from tasks.layers.chain import judge
from tasks.layers.door import Known
from tasks.layers.hosts_toml import made_by
from tasks.layers.mtu import mtu_of
from tasks.layers.probes import Probe
from tasks.layers.proxies import lines
from tasks.layers.rule import Evidence
from tasks.layers.seen import evidence_of
from tasks.looking import asked_of, door_of
from tasks.reachability import told
from tasks.users_podman import ASKED as USERS
from tasks.users_podman import ByPodman, users_causes

CLOCK = "clock:kept"

# A container has the clock of its machine, and may not set it. Processes are looked for by name, whatever started them.
KEEPING = """\
if systemd-detect-virt --container --quiet 2>/dev/null || [ -e /run/systemd/container ]; then echo container=yes
else
  echo "keeper=$(cat /proc/[0-9]*/comm 2>/dev/null |
    grep -xE 'chronyd|ntpd|openntpd|systemd-timesyn|phc2sys|ptp4l' | sort -u | tr '\\n' ' ')"
  x=$(timeout 5 chronyc -n tracking 2>/dev/null | sed -n 's/^Leap status *: *//p')
  case $x in
    'Not synchronised') echo synchronised=no ;;
    ?*) echo synchronised=yes ;;
    *) echo "synchronised=$(timeout 5 timedatectl show -p NTPSynchronized --value 2>/dev/null)" ;;
  esac
fi"""


def desired(host: Host) -> Sequence[Resource]:
    """The questions; whatever is answered is no difference."""
    keeping = [Probe("timekeeping", KEEPING)]
    if ByPodman()(host):
        keeping.append(USERS)
    if not host.has_parent_group("nodes"):
        return keeping
    if (own := asked_of(host, "").own) in rancher.DIRECTORY:
        keeping.append(Probe("containerd", made_by(own, door_of(host).host_port)))
    return [*keeping, Probe("mtu", mtu_of(door_of(host).addresses))]


def look_around(task: Task) -> Result:
    """Tell of a clock that nothing keeps, of checks left out; raises HostError where large packets are lost."""
    seen, resources = observation_of(task.host), desired_of(task, desired)
    read(task, resources, seen)
    answers = {probe.id.partition(":")[2]: str((seen.states[probe.id] or {}).get("answer", "")) for probe in resources}
    if finding := clock_finding(lines(answers["timekeeping"]), task.host.name):
        task.results.append(Found(task.host, finding))
    for hidden in users_causes(answers.get("registries", ""), task.host):
        task.results.append(Found(task.host, Finding(hidden.rule, hidden.cause, hidden.mend, task.host.name)))
    evidence = evidence_of(answers, asked_of(task.host, ""), Known(), task.host.name, time.time())
    if "containerd" in answers:
        found = unchecked_findings(evidence["containerd"], task.host.name)
        task.results.extend(Found(task.host, finding) for finding in found)
    return told(task, judge({layer: evidence[layer] for layer in ("mtu",) if layer in evidence}, RULES))


def unchecked_findings(evidence: Evidence, host: str) -> Iterator[Finding]:
    """Yield what has k3s or RKE2 check no certificate of the registry."""
    (layer,) = judge({"containerd": evidence}, RULES)
    for verdict in layer.verdicts:
        yield Finding(f"runtime:{verdict.rule}", verdict.cause, verdict.mend, host)


def clock_finding(seen: dict[str, str], host: str) -> Finding | None:
    """Judge who keeps a clock; None where it is synchronised, or nobody can tell that it is not."""
    keeper, synchronised = " and ".join(seen.get("keeper", "").split()), seen.get("synchronised", "")
    if seen.get("container") or synchronised == "yes" or (keeper and not synchronised):
        return None
    if not keeper:
        what = "nothing keeps its clock (neither chrony nor timesyncd nor another NTP service runs)"
        return Finding(CLOCK, what, f"run on {host}: apt-get install systemd-timesyncd; timedatectl set-ntp true", host)
    what = f"{keeper} runs, and its clock is not synchronised"
    return Finding(
        CLOCK, what, f"run on {host}: timedatectl timesync-status, or chronyc sources; is UDP 123 open?", host
    )
