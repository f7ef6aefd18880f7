"""What a node answers about the layers of a pull, read in one round trip."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nornir.core.task import Task

from moor.engine.probing import probe
from moor.errors import HostError
from moor.inventory.identity import FRAGMENT, HostIdentity, identity_of, node_name_in
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probes import Probe, probes, registry_probe
from moor.tasks.diagnosis.evidence.pull_records import CachedImage, parse_pull_records, pull_records_fragment
from moor.tasks.diagnosis.image_requests import ImageRequest
from moor.tasks.diagnosis.rules.layers import LayerEvidence
from moor.tasks.diagnosis.rules.rule import Evidence

IDENTITY = "identity"  # the probe that reads the host's identity
RECORDS = "records"  # the probe that reads kubelet's records of pulls
PER_IMAGE_LAYERS = ("login", "rights", "manifest")


@dataclass
class NodeEvidence:
    """What a node answered.

    Attributes:
        identity: from the inventory alone if the node was not reached
        evidence: by layer, for the first image
        beside: for each further image, the layers in which it differs
        records: kubelet's records of the images, by their whole names
        unreached: why the node was not reached
    """

    identity: HostIdentity
    evidence: dict[str, LayerEvidence] = field(default_factory=dict)
    beside: list[Mapping[str, Evidence]] = field(default_factory=list)
    records: Mapping[str, CachedImage] = field(default_factory=dict)
    unreached: HostError | None = None


def read_node(task: Task, requests: Sequence[ImageRequest]) -> NodeEvidence:
    """Ask a node about all layers of the first image, and about the layers in which further images differ."""
    first, *further = requests
    found = NodeEvidence(identity_of("", node_name_in(task.host.data)))
    more = [registry_probe(one.request, f"registry{n}") for n, one in enumerate(further)]
    try:
        kept = Probe(RECORDS, pull_records_fragment([_whole_name(one) for one in requests], first.request.own))
        states = probe(task, [*probes(first.request), *more, kept, Probe(IDENTITY, FRAGMENT)])
    except HostError as error:
        found.unreached = error
        return found
    answers = {name.partition(":")[2]: str((state or {}).get("answer", "")) for name, state in states.items()}
    found.identity = identity_of(answers.pop(IDENTITY), found.identity.node)
    found.records = parse_pull_records(answers.pop(RECORDS, ""))
    now, name = time.time(), task.host.name
    found.evidence.update(evidence_of(answers, first.request, first.facts, name, now))
    for n, one in enumerate(further):
        own = evidence_of({**answers, "registry": answers[f"registry{n}"]}, one.request, one.facts, name, now)
        found.beside.append({layer: own[layer] for layer in PER_IMAGE_LAYERS})
    return found


def _whole_name(one: ImageRequest) -> str:
    return f"{one.request.endpoint.host_port}/{one.request.image}"
