"""The drift check of the path from a node to the registry: clock, name, route, TLS and proxy.

It finds what breaks pulls without changing a file of moor's: a firewall rule, a stale name, an unexpected certificate.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.asked_once import ask_once
from moor.engine.converge import read_missing
from moor.engine.desired import desired_of
from moor.engine.observation import observation_of
from moor.errors import MoorError
from moor.resources.base import Resource
from moor.tasks.diagnosis.controller_facts import issued_fingerprint
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts
from moor.tasks.diagnosis.evidence.probes import probes
from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from moor.tasks.diagnosis.scope import probe_request_of
from moor.tasks.harbor.api import harbor_of

LAYERS = ("clock", "name", "hosts", "route", "tls", "proxy")
ASKED = ("probe:clock", "probe:name", "probe:wire", "probe:proxy")


def desired(host: Host) -> Sequence[Resource]:
    """Return the probes; their answers are never a difference."""
    return [probe for probe in probes(probe_request_of(host, "")) if probe.id in ASKED]


def check_registry_path(task: Task) -> Result:
    """Check clock, name, route, certificate and proxy of the registry from a node.

    Raises:
        HostError: something is at fault; with every cause.
    """
    seen, resources = observation_of(task.host), desired_of(task, desired)
    read_missing(task, resources, seen)
    answers = {probe.id.partition(":")[2]: str((seen.states[probe.id] or {}).get("answer", "")) for probe in resources}
    known = ControllerFacts(
        ask_once(task, ("registry answers",), lambda: _answers(task)), fingerprint=issued_fingerprint(task.host)
    )
    evidence = evidence_of(answers, probe_request_of(task.host, ""), known, task.host.name, time.time())
    evidence["hosts"] = evidence["name"]  # contradictions that break no pull yet, so that only drift reports them
    return report_layers(task, judge({layer: evidence[layer] for layer in LAYERS}, RULES))


def _answers(task: Task) -> str:
    """Ask the registry from the controller: a node that is cut off differs by that from a registry that is down."""
    try:
        harbor_of(task).ask("GET", "/api/v2.0/ping" if runs_registry(task.host) else "/v2/")
    except MoorError as error:
        return str(error)
    return "answers"
