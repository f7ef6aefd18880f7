"""Checks of what a run does not mend on its own: time synchronisation, path MTU, users' own runtime files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import read_missing
from moor.engine.desired import desired_of
from moor.engine.findings import Finding
from moor.engine.observation import observation_of
from moor.engine.results import FindingResult
from moor.resources.base import Resource
from moor.tasks.containerd import rancher
from moor.tasks.containerd.hosts_toml import read_generated_hosts_toml
from moor.tasks.diagnosis.evidence.mtu import mtu_fragment
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts
from moor.tasks.diagnosis.evidence.probes import Probe
from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.podman_user_files import REGISTRIES_PROBE as USERS
from moor.tasks.diagnosis.podman_user_files import HasPodman, user_file_causes
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from moor.tasks.diagnosis.rules.rule import Evidence
from moor.tasks.diagnosis.scope import probe_request_of, registry_endpoint_of
from moor.tasks.proxies.running import parse_key_values
from moor.tasks.time.kept import KEEPING, clock_finding


def desired(host: Host) -> Sequence[Resource]:
    """Return the probes; their answers are never a difference."""
    keeping = [Probe("timekeeping", KEEPING)]
    if HasPodman()(host):
        keeping.append(USERS)
    if not host.has_parent_group("nodes"):
        return keeping
    if (own := probe_request_of(host, "").own) in rancher.DIRECTORY:
        keeping.append(Probe("containerd", read_generated_hosts_toml(own, registry_endpoint_of(host).host_port)))
    return [*keeping, Probe("mtu", mtu_fragment(registry_endpoint_of(host).addresses))]


def check_environment(task: Task) -> Result:
    """Report a clock that is not synchronised, and certificate checks that are turned off.

    Raises:
        HostError: large packets to the registry are lost.
    """
    seen, resources = observation_of(task.host), desired_of(task, desired)
    read_missing(task, resources, seen)
    answers = {probe.id.partition(":")[2]: str((seen.states[probe.id] or {}).get("answer", "")) for probe in resources}
    if finding := clock_finding(
        parse_key_values(answers["timekeeping"]), task.host.name, task.host.data.get("time") is not None
    ):
        task.results.append(FindingResult(task.host, finding))
    for hidden in user_file_causes(answers.get("registries", ""), task.host):
        task.results.append(FindingResult(task.host, Finding(hidden.rule, hidden.cause, hidden.mend, task.host.name)))
    evidence = evidence_of(answers, probe_request_of(task.host, ""), ControllerFacts(), task.host.name, time.time())
    if "containerd" in answers:
        found = unchecked_findings(evidence["containerd"], task.host.name)
        task.results.extend(FindingResult(task.host, finding) for finding in found)
    return report_layers(task, judge({layer: evidence[layer] for layer in ("mtu",) if layer in evidence}, RULES))


def unchecked_findings(evidence: Evidence, host: str) -> Iterator[Finding]:
    """Yield a finding for each setting by which k3s or RKE2 does not check the registry's certificate."""
    (layer,) = judge({"containerd": evidence}, RULES)
    for verdict in layer.verdicts:
        yield Finding(f"runtime:{verdict.rule}", verdict.cause, verdict.mend, host)
