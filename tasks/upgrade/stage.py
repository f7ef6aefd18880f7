"""The stage that upgrades Harbor, before the one that installs and configures it."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.settings import prefix_errors
from moor.tasks.harbor.config import configured
from moor.tasks.harbor.data import SameDataLocation
from moor.tasks.harbor.install import check_installer, ways_to_images
from moor.tasks.harbor.settings import with_installer
from moor.tasks.harbor.upgrade.requirement import upgrade_requirement
from moor.tasks.harbor.upgrade.state import Found, Place
from moor.tasks.upgrade.release import HarborRelease


def desired(host: Host) -> Sequence[Resource]:
    """Return what an upgrade needs, and the release that Harbor is brought to; none if others run Harbor."""
    if not runs_registry(host):
        return []
    harbor = with_installer(host)
    with prefix_errors("data.harbor.installer"):
        check_installer(harbor)
    required = upgrade_requirement(harbor)
    return [
        required,
        SameDataLocation(configured(host, harbor)),
        *ways_to_images(host, harbor),
        HarborRelease(required.place, harbor.package.name, harbor.wait_s, _upgrade),
    ]


def _upgrade(task: Task, place: Place, found: Found) -> None:
    from moor.tasks.upgrade.change import upgrade  # imported late: hardly any run upgrades Harbor
    from moor.tasks.upgrade.session import session_of

    upgrade(session_of(task, place), found)


def upgrade_harbor(task: Task) -> Result:
    """Upgrade an installed Harbor to the release of the inventory's installer."""
    return converge(task, desired)
