"""What only a person can decide of a proposed inventory; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from moor.connections.names import OUTSIDERS
from moor.formats.nesting import parse_object
from moor.run.protocols.proposing import SurveyRequest
from moor.tasks.containerd.loaded_config import subtable
from moor.tasks.proxies.running import judge_proxy
from moor.tasks.survey.agreement import Agreed, lacking
from moor.tasks.survey.host_proxy import proxy_questions
from moor.tasks.survey.host_routes import route_questions
from moor.tasks.survey.host_settings import addresses_in, groups_of
from moor.tasks.survey.reading import toml_of, ways_of
from moor.tasks.survey.registry import DAEMON, Candidate
from moor.tasks.survey.script import HostView
from moor.tasks.survey.site_files import SiteFiles
from moor.tasks.survey.trusted import FoundCa, other_anchors


@dataclass(frozen=True)
class Findings:
    """What a survey found.

    Attributes:
        candidates: every private registry that hosts are set up for
        registry: the one that is proposed
        groups: of each host, each with what says so
    """

    views: Sequence[HostView]
    candidates: Sequence[Candidate]
    registry: Candidate
    cas: Sequence[FoundCa]
    groups: Mapping[str, Mapping[str, str]]
    agreed: Agreed
    present: SiteFiles


def questions(found: Findings, request: SurveyRequest) -> Iterator[str]:
    """Yield each question, with what to write or to type."""
    yield from _about_registries(found)
    yield from lacking(found.agreed, [name for name, its in found.groups.items() if "nodes" in its])
    for view in found.views:
        yield from _about_host(view, found, request)
    if not request.account and "harbor" not in found.present.sections:
        yield "projects and robots were not read; give an account of Harbor by --account USER=file:PATH"
        if not any(view.fact("harbor") for view in found.views):
            yield f"data.registry.api: {found.registry.name} is taken for a Harbor; if it is none, write distribution"


def _about_registries(found: Findings) -> Iterator[str]:
    name = found.registry.name
    for one in found.candidates:
        if one.name != name:
            yield f"{one.name} is another private registry ({one.words}); moor leaves that as it is"
    for ca in found.cas[1:]:
        where = ", ".join(f"{host}: {path}" for host, path in ca.hosts.items())
        yield f"data.pki.ca: another CA is trusted for {name} ({where}); moor apply would replace it"
    if not found.cas:
        for path, hosts in other_anchors(found.views).items():
            trusted = f"{' '.join(hosts)}: {path} is trusted"
            yield f"data.pki.ca: {trusted}; if it is the registry's CA, name a copy of it there"


def _about_host(view: HostView, found: Findings, request: SurveyRequest) -> Iterator[str]:
    registry = found.registry.name
    if not found.groups[view.name] and view.name not in found.present.grouped:
        yield f"{view.name}: nothing of the registry was found; if it shall pull, write another group than {OUTSIDERS}"
    if view.fact("firewall") and "firewall" not in found.present.sections:
        yield f"{view.name}: moor's firewall rules are there; write data.access and data.firewall to keep them so"
    insecure = parse_object(view.files.get(DAEMON, "")).get("insecure-registries")
    if isinstance(insecure, list) and registry in map(str, insecure):
        yield f"{view.name}: {DAEMON}: insecure-registries has {registry}; moor refuses that until it is taken out"
    for path in dict.fromkeys(_unchecked(view, registry)):
        yield f"{view.name}: {path}: the certificate of {registry} is not checked there; moor apply has it checked"
    if found.groups[view.name] or view.name in found.present.grouped:
        yield from proxy_questions(view)
        if ("data", "routes", "") not in found.present.held.get(view.name, ()):
            yield from route_questions(view, addresses_in(view, registry))
    for words in view.facts.get("proxy", ()):
        yield from _about_proxy(view.name, words, registry)
    has_cluster = request.kubeconfig or "cluster" in found.present.sections
    if not has_cluster and "control_plane" in groups_of(view, registry):
        yield f"{view.name}: it runs the cluster's API; name its kubeconfig by --kubeconfig FILE for pull secrets"


def _unchecked(view: HostView, registry: str) -> Iterator[str]:
    """Yield the files by which a runtime asks the registry without TLS, or without a look at its certificate."""
    for way in ways_of(view):
        if registry not in (way.name, way.place):
            continue
        tables = subtable(toml_of(view.files.get(way.source, "")), "host").values()
        if way.url.startswith("http:") or any(isinstance(one, dict) and one.get("skip_verify") for one in tables):
            yield way.source


def _about_proxy(host: str, words: str, registry: str) -> Iterator[str]:
    """Yield that a runtime asks the registry through a proxy, and the remedy."""
    unit, _, no_proxy = words.partition(" ")
    name, _, port = registry.partition(":")
    if fault := judge_proxy(f"proxy=set\nno_proxy={no_proxy}", name, int(port or 443), unit):
        yield f"{host}: {fault}"
