"""The proof that hosts of the fleet reach each address of the registry, and that hosts of group outsiders do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.names import OUTSIDERS as OUTSIDERS
from moor.engine.converge import read_missing
from moor.engine.desired import desired_of
from moor.engine.observation import observation_of
from moor.resources.base import Resource
from moor.settings import optional_settings_of, settings_of
from moor.tasks.diagnosis.evidence.probes import CONNECT_S, Probe
from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.rules.layers import LayerResult
from moor.tasks.diagnosis.rules.rule import Verdict
from moor.tasks.facts import Registry

LAYER = "access"
# The errno of connect(2) for each kind of refusal. Source: errno(3) and RFC 1812, 5.2.7.1.
REFUSALS = {
    "111": "refused (a reset): nothing listens there, or a firewall rejects it",
    "113": "prohibited (by ICMP): a firewall or a router rejects it",
    "13": "prohibited (by ICMP): a firewall or a router rejects it",
    "101": "without a route",
}
DROPPED = "dropped: nothing answers"


class HasIpv6Registry(F):
    """A filter for hosts whose registry has an IPv6 address beside the IPv4 one."""

    def __call__(self, host: Host) -> bool:
        registry = optional_settings_of(host, Registry)
        return bool(super().__call__(host)) and registry is not None and registry.address6 is not None


@dataclass(frozen=True)
class Attempt:
    """A connection attempt from a host to one address.

    Attributes:
        how: how it failed; empty if it succeeded
        hop: the next hop on the way
    """

    address: str
    how: str
    hop: str


def desired(host: Host) -> Sequence[Resource]:
    """Return the probe that tries each address; its answer is never a difference."""
    registry = settings_of(host, Registry)
    return [Probe("access", "\n".join(_attempt(str(a), registry.port) for a in registry.addresses))]


def _attempt(address: str, port: int) -> str:
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"""\
echo "to {address}"
ip route get {address} 2>&1 | head -n 1
command -v openssl >/dev/null || echo 'no openssl'
timeout {CONNECT_S} openssl s_client -connect {place} 2>&1 | grep -e CONNECTED -e 'errno' | head -n 2"""


def parse_attempts(answer: str) -> Iterator[Attempt]:
    """Parse what the probe printed."""
    for part in re.split(r"^to ", answer, flags=re.MULTILINE)[1:]:
        address, _, rest = part.partition("\n")
        number, via = re.search(r"errno ?= ?(\d+)", rest), re.search(r"\bvia (\S+)", rest)
        how = "" if "CONNECTED" in rest else REFUSALS.get(number[1] if number else "", DROPPED)
        if "no openssl" in rest:
            how = "not tried, since openssl is missing"
        yield Attempt(address, how, f"{via[1]}, or what lies behind it" if via else "the registry's host itself")


def judge_access(tried: Sequence[Attempt], port: int, outside: bool) -> Iterator[Verdict]:
    """Yield a verdict for each attempt with the wrong outcome; a member may lack a route for one address family."""
    reached = any(not attempt.how for attempt in tried)
    for attempt in tried:
        if not outside and reached and attempt.how == REFUSALS["101"]:
            continue
        place = f"{attempt.address} port {port}"
        if outside and not attempt.how:
            yield Verdict(
                LAYER, "access-open", f"a host that the firewall should keep out reaches {place}",
                "moor apply firewall; if that changes nothing, a firewall rule that is not moor's lets it in",
            )  # fmt: skip
        elif outside and attempt.how.startswith("not tried"):
            yield Verdict(LAYER, "access-untried", f"{place} was {attempt.how}", "install openssl there")
        elif not outside and attempt.how:
            yield Verdict(
                LAYER, "access-shut",
                f"a member's connection to {place} is {attempt.how}; the next hop is {attempt.hop}",
                "check data.access; then moor apply firewall",
            )  # fmt: skip


def prove_access(task: Task) -> Result:
    """Prove that a member reaches the registry, or that an outsider does not.

    Raises:
        HostError: it is the other way round.
    """
    seen, (probe, *_) = observation_of(task.host), desired_of(task, desired)
    read_missing(task, [probe], seen)
    answer = str((seen.states[probe.id] or {}).get("answer", ""))
    port, outside = settings_of(task.host, Registry).port, task.host.has_parent_group(OUTSIDERS)
    found = tuple(judge_access(list(parse_attempts(answer)), port, outside))
    return report_layers(task, [LayerResult(LAYER, "fault" if found else "ok", found)])
