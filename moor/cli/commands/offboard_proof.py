"""The last steps of offboard: the logins that a host knew are replaced, and it is proved that it no longer gets in."""

from __future__ import annotations

from dataclasses import replace

from nornir.core import Nornir

from moor.cli.commands import rotate
from moor.cli.commands.offboard_options import Leaving
from moor.cli.commands.running import open_fleet, remember, run_and_report, runbook_of
from moor.cli.options import Options
from moor.context import fleet_of, site_of
from moor.inventory.leaving import LeavingHost, files_with_outsider
from moor.run.protocols.rotating import robot_rotation_of
from moor.run.runbook import REGISTRY
from moor.settings.config import read_config


def robots_of_nodes(nr: Nornir) -> dict[str, int]:
    """Return the robots whose logins reach nodes, with the generation of each."""
    host = next((one for one in nr.inventory.hosts.values() if REGISTRY(one)), None)
    book = runbook_of(nr, rotate.RUNBOOK)
    return dict(robot_rotation_of(book).known_to_nodes(host)) if host else {}


def replace_logins(options: Options, host: LeavingHost, leaving: Leaving) -> int:
    """Begin the rotation of the robots that have the login still which the host knew, or go on with it."""
    begun, valid = _logins(options, host)
    if not valid:
        return 0
    names = tuple(name for name in host.robots if name not in begun)
    return rotate.rotate(replace(options, limit=None), names, dry_run=False, at_once=leaving.now)


def _logins(options: Options, host: LeavingHost) -> tuple[list[str], list[str]]:
    """Return the robots with another present login than the host knew, and those whose former one is valid still."""
    with open_fleet(replace(options, quiet=True), dry_run=True) as nr:
        now = robots_of_nodes(nr)
        registry = next((one for one in fleet_of(nr).hosts.values() if REGISTRY(one)), None)
        rotation = robot_rotation_of(runbook_of(nr, rotate.RUNBOOK))
        sentences = rotation.valid_still(registry) if registry else ()
    begun = [name for name, generation in host.robots.items() if now.get(name, 0) != generation]
    still = [name for name in begun if any(name in sentence for sentence in sentences)]
    return begun, [*still, *(name for name in host.robots if name not in begun)]


def proved(options: Options, host: LeavingHost, leaving: Leaving) -> tuple[bool, str]:
    """Return whether the host no longer gets in, and the words for that."""
    _, valid = _logins(options, host)
    revoked = bool(host.robots) and not valid
    if host.gone or leaving.gone:
        if revoked:
            return True, "it is gone, and the registry refuses the logins that it knew"
        return False, f"it is gone, and nothing proves that it is out: {_logins_words(valid)}"
    shut = _is_shut(options, host)
    if shut is None:
        return False, "it could not be asked whether it still gets in; run the same command again, or say --gone"
    if shut:
        return True, f"it no longer reaches the registry{', whose logins that it knew are refused' * revoked}"
    if revoked:
        return True, "the registry refuses the logins that it knew; its port is open to it, as data.access says"
    return False, (
        f"it still reaches the registry, and {_logins_words(valid)}; take it out of data.access, or have a firewall "
        "managed, then run the same command again"
    )


def _logins_words(valid: list[str]) -> str:
    if not valid:
        return "it knew no login that moor replaces"
    return f"the login of {', '.join(valid)} that it knew is valid still (--now revokes it at once)"


def _is_shut(options: Options, host: LeavingHost) -> bool | None:
    """Return whether the registry's port is closed to the host, tried from there; None if it could not be tried."""
    with open_fleet(replace(options, quiet=True), dry_run=True) as nr:
        site = site_of(nr)
    files = read_config(site.directory).inventory.options.model_dump(exclude={"netbox"})
    with files_with_outsider(site, files, host) as written:
        alone = replace(options, limit=host.name)
        with open_fleet(alone, dry_run=True, files=written) as nr:
            report = run_and_report(nr, runbook_of(nr, "verify"), replace(alone, limit=None), "offboard")
            remember(nr, report)
    found = report.hosts[host.name]
    proofs = [one for one in found.resources if one.id.startswith("proof:access")]
    return all(one.status == "ok" for one in proofs) if proofs else None
