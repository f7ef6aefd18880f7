"""The proposed inventory: what the hosts say, put into the files that a site has; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moor.connections.names import OUTSIDERS
from moor.run.protocols.proposing import SurveyRequest
from moor.tasks.survey import document
from moor.tasks.survey.agreement import Agreed, Line, agree
from moor.tasks.survey.host_settings import groups_of, settings_in
from moor.tasks.survey.questions import Findings, questions
from moor.tasks.survey.registry import Candidate, candidates, chosen
from moor.tasks.survey.script import HostView
from moor.tasks.survey.setting import Setting
from moor.tasks.survey.site_files import SiteFiles
from moor.tasks.survey.trusted import trusted

SECRETS = "file:secrets/"


@dataclass
class Proposal:
    """An inventory that says what a running fleet is.

    Attributes:
        files: content by path in the site
        questions: what only a person can decide
        secrets: the references that are to be filled in, and with what
    """

    files: dict[str, str]
    questions: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)


def propose(views: Sequence[HostView], present: SiteFiles, request: SurveyRequest) -> Proposal:
    """Return the inventory that says what hosts said.

    Raises:
        InputError: it is not clear which registry they pull from
    """
    every = candidates(views)
    registry = chosen(every, request.registry)
    groups = {view.name: _groups(view, registry.name, request) for view in views}
    said = {view.name: list(settings_in(view, registry.name)) for view in views}
    agreed = agree({name: _unsaid(name, its, groups, present) for name, its in said.items()}, groups)
    found = Findings(views, every, registry, trusted(views, registry.name), groups, agreed, present)
    agreed.defaults[:0] = _about_registry(registry, agreed, request)
    agreed.defaults += _of_cluster_and_account(request)
    for name, its in groups.items():
        if not its and name not in present.grouped:
            agreed.hosts[name].insert(0, Line(("groups",), [OUTSIDERS], {name: "nothing of the registry was found"}))
    differing = [words for name, its in said.items() for words in _differing(name, its, present)]
    proposal = Proposal({}, [*agreed.questions, *differing, *questions(found, request)])
    if found.cas and "pki" not in present.sections:
        path = f"certificates/{registry.name.partition(':')[0]}-ca.crt"
        proposal.files[path] = found.cas[0].pem
        agreed.defaults.append(Line(("data", "pki", "ca"), path, found.cas[0].hosts))
    _write(proposal, agreed, present, request)
    return proposal


def _groups(view: HostView, registry: str, request: SurveyRequest) -> dict[str, str]:
    found = groups_of(view, registry)
    if not request.kubeconfig:
        found.pop("control_plane", None)
    return found


def _unsaid(
    name: str, said: Sequence[Setting], groups: Mapping[str, Mapping[str, str]], present: SiteFiles
) -> list[Setting]:
    """Return what a host says but for the shared sections that the inventory has for it, or that outsiders have."""
    if not groups[name] and name not in present.grouped:
        return [one for one in said if not one.shared]
    held = {key[:2] for key in present.held.get(name, ())}
    return [one for one in said if not (one.shared and one.key[:2] in held)]


def _differing(name: str, said: Sequence[Setting], present: SiteFiles) -> Iterator[str]:
    """Yield how a host differs from a shared section that the inventory has for it already."""
    held = present.held.get(name, {})
    for one in said:
        if one.shared and one.key in held and held[one.key] != one.value:
            yield document.differs(Line(one.key, one.value, {name: one.source}), held[one.key])


def _about_registry(registry: Candidate, agreed: Agreed, request: SurveyRequest) -> Iterator[Line]:
    name, _, port = registry.name.partition(":")
    yield Line(("data", "registry", "name"), name, registry.hosts)
    if port:
        yield Line(("data", "registry", "port"), int(port), registry.hosts)
    if request.address:
        agreed.defaults[:] = [line for line in agreed.defaults if line.key[:3] != ("data", "registry", "address")]
        yield Line(("data", "registry", "address"), request.address, {})


def _of_cluster_and_account(request: SurveyRequest) -> Iterator[Line]:
    if request.kubeconfig:
        yield Line(("data", "cluster", "kubeconfig"), request.kubeconfig, {})
    if request.account:
        user, reference = request.account
        yield Line(("data", "harbor", "managed"), False, {})
        yield Line(("data", "harbor", "account"), {"user": user, "password": reference}, {})


def _write(proposal: Proposal, agreed: Agreed, present: SiteFiles, request: SurveyRequest) -> None:
    """Put all lines into the files."""
    hosts, groups, defaults = (
        present.tree(path) for path in (present.host_file, present.group_file, present.defaults_file)
    )
    for line in sorted(agreed.defaults, key=_order):
        if line.key[:2] == ("data", "harbor") and "harbor" in present.sections:
            continue
        _note(proposal, document.put(defaults, line, request.fold), line)
    for tree, entries in ((groups, agreed.groups), (hosts, agreed.hosts)):
        for name, lines in entries.items():
            for line in lines:
                below = Line((name, *line.key), line.value, line.hosts)
                _note(proposal, document.put(tree, below, request.fold), line)
    for group in _groups_of(agreed):
        if group not in groups:
            document.put(groups, Line((group,), {}, {}), request.fold)
    proposal.files[present.host_file] = document.dump(hosts)
    proposal.files[present.group_file] = document.dump(groups)
    proposal.files[present.defaults_file] = document.dump(defaults)


def _groups_of(agreed: Agreed) -> list[str]:
    """Return the groups that hosts are put into."""
    lines = (line for its in agreed.hosts.values() for line in its if line.key == ("groups",))
    return list(dict.fromkeys(str(group) for line in lines for group in line.value))


ORDER = ("registry", "pki", "harbor", "names", "mirrors", "cluster")


def _order(line: Line) -> int:
    return ORDER.index(line.key[1]) if len(line.key) > 1 and line.key[1] in ORDER else len(ORDER)


def _note(proposal: Proposal, differs: str, line: Line) -> None:
    if differs:
        proposal.questions.append(differs)
    elif isinstance(line.value, str) and line.value.startswith(SECRETS):
        what = f"what {'.'.join(line.key)} needs; moor does not read it from {', '.join(line.hosts)}"
        proposal.secrets[line.value] = what


def with_sections(
    proposal: Proposal, path: str, sections: Mapping[str, Any], source: str, request: SurveyRequest
) -> None:
    """Add sections that the registry's own API says."""
    defaults = document.load(proposal.files[path])
    for name, section in sections.items():
        for key, value in section.items():
            line = Line(("data", name, key), value, {source: "its API"})
            if differs := document.put(defaults, line, request.fold):
                proposal.questions.append(differs)
    proposal.files[path] = document.dump(defaults)
