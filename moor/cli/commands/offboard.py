"""The action of offboard: take a node out, step by step, and prove that it no longer gets in.

Each step looks whether it is done, so that the same command goes on after an interruption. The node is taken out of
hosts.yaml only after everything on it is done, since it is reached by that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.cli.commands import fleet
from moor.cli.commands.hosts import is_guarded, nodes_of, pairing
from moor.cli.commands.offboard_drain import leave_cluster, refuse_drain
from moor.cli.commands.offboard_options import NODES, Leaving
from moor.cli.commands.offboard_proof import proved, replace_logins, robots_of_nodes
from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_safely,
    print_warning,
    progress_printer,
    remember,
    run_and_report,
)
from moor.cli.options import DIFFERS, Options
from moor.connections.names import NETMIKO, SHELL, connection_of
from moor.context import RetirementOrder, change_context, context_of, site_of
from moor.errors import ErrorKind, InputError, MoorError
from moor.inventory.joining import HostsFileDraft, remove_host
from moor.inventory.leaving import (
    LeavingHost,
    forget_leaving,
    keep_leaving,
    login_of,
    read_leaving,
)
from moor.output import text
from moor.run.beginning import refuse_input
from moor.run.retirement import RETIREMENT
from moor.settings.config import read_config
from moor.suggestions import did_you_mean

AWAY = (ErrorKind.UNREACHABLE, ErrorKind.NAME, ErrorKind.TIMEOUT, ErrorKind.LOST)
CONTROL_PLANE, HARBOR = "control_plane", "harbor"


def offboard(options: Options, name: str, leaving: Leaving, dry_run: bool) -> int:
    """Take a node out, or plan it: 0 it no longer gets in, 2 planned or it still does, 1 an error."""
    known = _look(options, name, leaving)
    if dry_run:
        return _plan(options, known, leaving)
    progress = progress_printer(options)
    if known.is_device:
        return _without_device(options, name, leaving)
    if leaving.drain and known.present:
        progress(f"offboard: evicts the pods of {name}, and takes it out of the cluster")
        if leave_cluster(options, name, dry_run=False) == 1:
            print_warning(f"{name} is as it was otherwise; mend what failed, and the same command goes on")
            return 1
    elif known.in_cluster:
        raise InputError(f"offboard: {_in_cluster(name)}")
    if known.present:
        _keep(options, known.host)
        if not leaving.gone:
            progress(f"offboard: takes away on {name} what moor wrote there")
            if _retire(options, name, dry_run=False):
                print_warning(f"{name} is still in the inventory; mend what failed, and the same command goes on")
                return 1
        progress(f"offboard: takes {name} out of the inventory")
        _take_out(options, name)
    return _without(options, known.host, leaving, progress)


class Known:
    """A host that leaves, and whether the inventory has it still."""

    def __init__(self, host: LeavingHost, present: bool, in_cluster: bool, is_device: bool = False) -> None:
        self.host, self.present, self.in_cluster, self.is_device = host, present, in_cluster, is_device


def _look(options: Options, name: str, leaving: Leaving) -> Known:
    """Return what is known of a host that leaves.

    Raises:
        InputError: there is no such host, or it cannot leave
    """
    with open_fleet(options, dry_run=True) as nr:
        recorded = read_leaving(site_of(nr), name)
        host = nr.inventory.hosts.get(name)
        if host is None and recorded is None:
            raise InputError(_unknown(nr, name))
        if host is None and recorded is not None:
            return Known(recorded, present=False, in_cluster=False)
        assert host is not None  # noqa: S101  # the two cases above have returned
        _refuse_needed(nr, host)
        if leaving.drain:
            refuse_drain(nr, host, leaving)
        if connection_of(host) == NETMIKO:
            leaver = LeavingHost(name, {}, {}, leaving.gone)
            return Known(leaver, present=True, in_cluster=False, is_device=True)
        robots = {} if leaving.keep_robots or not host.has_parent_group(NODES) else robots_of_nodes(nr)
        found = LeavingHost(name, login_of(host), robots, leaving.gone)
        in_cluster = name in context_of(nr).joined or _is_in_cluster(nr, name)
        return Known(found, present=True, in_cluster=in_cluster)


def _unknown(nr: Nornir, name: str) -> str:
    return f"offboard: no host of the inventory is called {name}{did_you_mean(name, nr.inventory.hosts)}"


def _refuse_needed(nr: Nornir, host: Host) -> None:
    """Raise InputError for a host that the fleet cannot be without."""
    if connection_of(host) not in (SHELL, NETMIKO):
        raise InputError(f"offboard: {host.name} is no node, and moor wrote no files on it; take it out of hosts.yaml")
    if host.has_parent_group(HARBOR):
        raise InputError(
            f"offboard: {host.name} serves the registry, and its data is not given up by this command; "
            "move the registry "
            "first (docs/backup.md), then take the host out of hosts.yaml"
        )
    others = [one for one in nr.inventory.hosts.values() if one.has_parent_group(CONTROL_PLANE) and one != host]
    if host.has_parent_group(CONTROL_PLANE) and not others:
        raise InputError(
            f"offboard: {host.name} stands for the cluster; put another host into the group {CONTROL_PLANE} first"
        )


def _is_in_cluster(nr: Nornir, name: str) -> bool:
    try:
        nodes = nodes_of(nr)
        return bool(nodes) and name in pairing(nr, nodes or ()).nodes
    except MoorError:
        return False  # the cluster may be away too; nothing depends on it


def refuse(options: Options, name: str) -> None:
    """Raise InputError for a host that cannot leave; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        if (host := nr.inventory.hosts.get(name)) is None and read_leaving(site_of(nr), name) is None:
            raise InputError(_unknown(nr, name))
        if host:
            _refuse_needed(nr, host)
            _order(nr)
            refuse_input(nr, RETIREMENT, "offboard")


def _plan(options: Options, known: Known, leaving: Leaving) -> int:
    code = 0
    if known.present and leaving.drain:
        code = leave_cluster(options, known.host.name, dry_run=True)
    if known.present and not leaving.gone:
        code = max(code, _retire(options, known.host.name, dry_run=True), key=(0, DIFFERS, 1).index)
    print_safely("\n".join(["then:", *(f"  {step}" for step in _steps(options, known, leaving))]))
    if known.in_cluster and not leaving.drain:
        print_warning(_in_cluster(known.host.name))
    return 1 if code == 1 else DIFFERS


def _in_cluster(name: str) -> str:
    return (
        f"{name} is a node of the cluster still, which would go on placing pods there; say --drain, or first run: "
        f"kubectl drain {name} --ignore-daemonsets; kubectl delete node {name}"
    )


def _steps(options: Options, known: Known, leaving: Leaving) -> Iterator[str]:
    name = known.host.name
    if known.present:
        yield f"inventory: {name} goes out of hosts.yaml"
    if known.is_device:
        return
    if is_guarded(options):
        yield "firewall: the registry's hosts and devices no longer admit it"
    for robot in known.host.robots:
        when = "at once" if leaving.now else "after its grace period (--now: at once)"
        yield f"robot: {robot} gets another login, every node proves it, and the former one is revoked {when}"
    where = "by the revoked logins, since it is gone" if leaving.gone else "from it"
    yield f"proof: it no longer gets in, tried {where}"


def _retire(options: Options, name: str, dry_run: bool) -> int:
    """Take away what moor wrote on a host, or plan it."""
    with open_fleet(replace(options, limit=name), dry_run=dry_run) as nr:
        _order(nr)
        report = run_and_report(nr, RETIREMENT, replace(options, limit=None), "offboard")
        if not dry_run:
            remember(nr, report)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    if report.failed and dry_run and report.hosts[name].error_kind in AWAY:
        print_warning(f"where {name} is not reached any more, say --gone")
    return 1 if report.failed else DIFFERS if report.differs else 0


def _order(nr: Nornir) -> None:
    change_context(nr, retirement=RetirementOrder(leaves=True))


def _keep(options: Options, host: LeavingHost) -> None:
    with open_fleet(replace(options, quiet=True), dry_run=True) as nr:
        keep_leaving(site_of(nr), host)  # over one of an earlier leave: it may have learned other logins since


def _take_out(options: Options, name: str) -> None:
    with open_fleet(replace(options, quiet=True), dry_run=True) as nr:
        site = site_of(nr)
    files = read_config(site.directory).inventory.options.model_dump(exclude={"netbox"})
    with HostsFileDraft(site, files, partial(remove_host, name=name)) as draft:
        draft.inventory()
        draft.keep()
    with open_fleet(replace(options, quiet=True), dry_run=True) as nr:
        if name in nr.inventory.hosts:
            raise InputError(
                f"offboard: {name} is in the inventory still, and no file has it; take it out of NetBox, and the same "
                "command goes on"
            )


def _without_device(options: Options, name: str, leaving: Leaving) -> int:
    """Take a network device out: its access list, and its entry; it knows no login, and nothing is to be proved."""
    if not leaving.gone and _retire(options, name, dry_run=False):
        print_warning(f"{name} is still in the inventory; mend what failed, and the same command goes on")
        return 1
    _take_out(options, name)
    print_safely(f"{name}: it is out of the inventory{'' if leaving.gone else ', and moor has no access list on it'}")
    return 0


def _without(options: Options, host: LeavingHost, leaving: Leaving, progress: Callable[[str], None]) -> int:
    """Shut the node out of the registry, replace the logins that it knew, and prove that it is out."""
    if is_guarded(options) and fleet.apply(options, "firewall"):
        print_warning("the firewall could not be closed to it; mend what failed, and the same command goes on")
        return 1
    with open_fleet(replace(options, quiet=True), dry_run=True) as nr:
        site = site_of(nr)
        host = read_leaving(site, host.name) or host
    if host.robots and not leaving.keep_robots:
        progress(f"offboard: replaces the logins of {', '.join(host.robots)}")
        if replace_logins(options, host, leaving):
            print_warning("its logins could not be replaced; mend what failed, and the same command goes on")
            return 1
    out, words = proved(options, host, leaving)
    print_safely(f"{host.name}: {words}")
    if out:
        forget_leaving(site, host.name)
    return 0 if out else DIFFERS
