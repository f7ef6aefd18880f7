"""The task that places pull secrets in namespaces, and withdraws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.engine.desired import Desired
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import InputError, MoorError, merge_errors
from moor.resources.base import Resource
from moor.settings import optional_settings_of, prefix_errors, settings_of
from moor.tasks.cluster.api import Tree, is_silent, open_cluster
from moor.tasks.cluster.objects import Namespace
from moor.tasks.facts import Registry
from moor.tasks.pull_secrets.cluster_view import ClusterView, begin_view
from moor.tasks.pull_secrets.placed import AccountPullSecret, PlacedPullSecret, WithdrawnPullSecret
from moor.tasks.pull_secrets.settings import Placement, PullSecrets
from moor.tasks.registry.projects import refuse_unknown_login
from moor.tasks.workload.pull_secret_content import PLACED_BY
from moor.tasks.workload.settings import Workload, Workloads

SHOWN = 5  # names in one sentence
SELECTED = "(selected)"  # stands for a namespace that only the cluster knows


@dataclass(frozen=True)
class Chosen:
    """What one namespace has: the entries that take it in, by the name of their secret."""

    namespace: str
    entries: Mapping[str, str]


def desired(host: Host) -> Sequence[Resource]:
    """Return a pull secret for each entry and namespace that is named; the cluster knows which others there are.

    Raises:
        InputError: an entry names no robot or login of the inventory; the error lists all
    """
    section = optional_settings_of(host, PullSecrets)
    wrong = list[str]()
    for entry, placement in section.by_name.items() if section else ():
        try:
            with prefix_errors(f"data.pull_secrets.{entry}.robot"):
                refuse_unknown_login(host, placement.project, placement.robot_name)
        except MoorError as error:
            alone = "; write PROJECT+ROBOT for a robot of a project, or name one of data.harbor_system.robots"
            wrong.append(f"{error}{'' if placement.project else alone}")
    if wrong:
        raise InputError("\n".join(wrong))
    if section is None:
        return []
    names = {entry: placement.named or (SELECTED,) for entry, placement in section.by_name.items()}
    return [
        resource
        for entry, namespaces in names.items()
        for namespace in namespaces
        for resource in _resources(host, section, namespace, entry)
    ]


def write_pull_secrets(task: Task) -> Result:
    """Place the pull secrets in their namespaces; go on with the others where a namespace refuses."""
    section = optional_settings_of(task.host, PullSecrets)
    if section is None or not section.by_name:
        return Result(host=task.host, result="the inventory places no pull secrets")
    desired(task.host)
    open_cluster(task)
    view = begin_view(task)
    accounts = [name for placement in section.by_name.values() for name in placement.service_accounts]
    view.read(task, map(section.secret_of, section.by_name), accounts)
    written = optional_settings_of(task.host, Workloads)
    workloads = written.by_name if written else {}
    chosen = list(choose(section, _namespaces(section, view, workloads)))
    left_over = _left_over(section, view, chosen)
    for finding in (*missing_namespaces(section, view, workloads), *leftovers(section, left_over)):
        finding.host = task.host.name
        task.results.append(FindingResult(task.host, finding))
    parts = [_part(task.host, section, one, view, workloads) for one in chosen]
    parts += [_withdrawn(task.host, section, one) for one in left_over if _prunes(section, one)]
    return _converge_all(task, parts, partial(former_resources, task, view))


def former_resources(task: Task, view: ClusterView, host: Host) -> Sequence[Resource]:
    """Return the pull secrets of all namespaces by the settings of ``host``, which has the former ones."""
    section, written = optional_settings_of(host, PullSecrets), optional_settings_of(host, Workloads)
    if section is None:
        return []
    workloads = written.by_name if written else {}
    parts = [
        _part(host, section, one, view, workloads) for one in choose(section, _namespaces(section, view, workloads))
    ]
    return [resource for part in parts if not isinstance(part, MoorError) for resource in part]


def _converge_all(task: Task, parts: Sequence[Sequence[Resource] | MoorError], former: Desired) -> Result:
    changed, errors = 0, list[MoorError]()
    for part in parts:
        try:
            if isinstance(part, MoorError):
                raise part
            changed += bool(converge(task, part, former).changed)
        except MoorError as error:
            errors.append(error)
            if is_silent(error):
                break
    if errors:
        raise merge_errors(errors)
    words = f"{changed} of {len(parts)} namespaces {'would change' if task.is_dry_run() else 'changed'}"
    return Result(host=task.host, result=words, changed=bool(changed))


def choose(section: PullSecrets, namespaces: Mapping[str, Mapping[str, str]]) -> Iterator[Chosen]:
    """Yield the namespaces that have a pull secret, each with the entries that take it in.

    Args:
        namespaces: the labels of each namespace
    """
    for namespace, labels in sorted(namespaces.items()):
        entries = {name: one.takes_in(namespace, labels) for name, one in section.by_name.items()}
        if taken := {name: section.secret_of(name) for name, takes in entries.items() if takes}:
            yield Chosen(namespace, taken)


def _namespaces(
    section: PullSecrets, view: ClusterView, workloads: Mapping[str, Workload]
) -> Mapping[str, Mapping[str, str]]:
    """Return the labels of the namespaces: of all, or of those that are named where the user may not list them."""
    named = dict.fromkeys(name for placement in section.by_name.values() for name in placement.named)
    if view.namespaces is None:
        return {name: {} for name in named}
    return view.namespaces | {name: {} for name in named if name in _made_by_moor(workloads)}


def _made_by_moor(workloads: Mapping[str, Workload]) -> set[str]:
    return {workload.namespace for workload in workloads.values() if workload.manage_namespace}


def _part(
    host: Host, section: PullSecrets, chosen: Chosen, view: ClusterView, workloads: Mapping[str, Workload]
) -> Sequence[Resource] | MoorError:
    """Return the resources of one namespace, or why it cannot have them all."""
    if words := "; ".join(conflicts(section, chosen, workloads)):
        return InputError(words)
    new = view.namespaces is not None and chosen.namespace not in view.namespaces
    found = [resource for entry in chosen.entries for resource in _resources(host, section, chosen.namespace, entry)]
    return [*([Namespace(chosen.namespace)] if new else ()), *found]


def _resources(host: Host, section: PullSecrets, namespace: str, entry: str) -> Iterator[Resource]:
    placement, secret = section.by_name[entry], section.secret_of(entry)
    port = settings_of(host, Registry).host_port
    yield PlacedPullSecret(namespace, secret, port, placement.project, placement.robot_name, entry)
    yield from (AccountPullSecret(namespace, account, secret) for account in placement.service_accounts)


def conflicts(section: PullSecrets, chosen: Chosen, workloads: Mapping[str, Workload]) -> Iterator[str]:
    """Yield why two of the inventory's sections want different logins in one secret of a namespace."""
    taken: dict[str, str] = {}
    for entry, secret in chosen.entries.items():
        place, other = f"secret:{chosen.namespace}/{secret}", taken.setdefault(secret, entry)
        if other != entry:
            yield (
                f"{place}: data.pull_secrets.{other} and data.pull_secrets.{entry} both take in {chosen.namespace}; "
                "write another name: for one of them, or exclude: the namespace"
            )
        for name, workload in workloads.items():
            if (workload.namespace, workload.pull_secret) == (chosen.namespace, secret) and _differs(
                section.by_name[entry], workload
            ):
                yield (
                    f"{place}: data.workloads.{name} has the robot {workload.robot} in it, and "
                    f"data.pull_secrets.{entry} {section.by_name[entry].robot}; write another pull_secret: or name:"
                )


def _differs(placement: Placement, workload: Workload) -> bool:
    return bool(workload.robot) and workload.robot != placement.robot_name


def missing_namespaces(section: PullSecrets, view: ClusterView, workloads: Mapping[str, Workload]) -> Iterator[Finding]:
    """Yield a finding for each namespace that is named and that the cluster does not have."""
    there = view.namespaces
    for entry, placement in section.by_name.items() if there is not None else ():
        for name in placement.named:
            if name not in (there or {}) and name not in _made_by_moor(workloads):
                words = f"data.pull_secrets.{entry} names the namespace {name}, which the cluster does not have"
                remedy = f"kubectl create namespace {name}; the next check or apply takes it in"
                yield Finding(f"namespace:{name}", words, remedy)


def _left_over(section: PullSecrets, view: ClusterView, chosen: Sequence[Chosen]) -> list[Tree]:
    """Return the secrets that moor placed and that no entry has in their namespace any more."""
    wanted = {(one.namespace, secret) for one in chosen for secret in one.entries.values()}
    every = ((one["metadata"]["namespace"], one["metadata"]["name"], one) for one in view.placed())
    return [one for namespace, name, one in every if (namespace, name) not in wanted]


def _entry_of(secret: Tree) -> str:
    return str(secret["metadata"]["labels"][PLACED_BY])


def _prunes(section: PullSecrets, secret: Tree) -> bool:
    placement = section.by_name.get(_entry_of(secret))
    return bool(placement and placement.prune)


def leftovers(section: PullSecrets, secrets: Sequence[Tree]) -> Iterator[Finding]:
    """Yield a finding for each entry with secrets in namespaces that have them no longer, if they are to stay."""
    by_entry: dict[str, list[str]] = {}
    for secret in secrets:
        if not _prunes(section, secret):
            place = f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"
            by_entry.setdefault(_entry_of(secret), []).append(place)
    for entry, places in by_entry.items():
        more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        what = f"data.pull_secrets.{entry} has no such namespace any more: {', '.join(places[:SHOWN])}{more}"
        known = entry in section.by_name
        remedy = f"{'' if known else 'write it again, for no namespace, with '}prune: true there removes them"
        yield Finding(f"pull-secret-left:{entry}", what, remedy)


def _withdrawn(host: Host, section: PullSecrets, secret: Tree) -> Sequence[Resource]:
    entry, metadata = _entry_of(secret), secret["metadata"]
    namespace, name = str(metadata["namespace"]), str(metadata["name"])
    accounts = section.by_name[entry].service_accounts
    port = settings_of(host, Registry).host_port
    return [
        *(AccountPullSecret(namespace, account, name, listed=False) for account in accounts),
        WithdrawnPullSecret(namespace, name, port, entry),
    ]
