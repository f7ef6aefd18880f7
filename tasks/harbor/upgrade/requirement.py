"""What an upgrade needs, judged before anything is changed: the release, the database, the machine and the room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from moor.resources.base import Required, State
from moor.tasks.harbor.installer import IS_MET, NOTE
from moor.tasks.harbor.releases import judge_database, judge_machine, judge_step, release_of, version_of
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.harbor.upgrade.state import BY_HAND, Found, Place, look_fragment, parse_found

SLACK_KB = 256 * 1024
IMAGES_KB = 2 * 1024 * 1024  # a release's images, unpacked, when the installer's size is not known
UNPACKED = 4  # the images of a release take as much room as its installer, times this


@dataclass(frozen=True)
class UpgradeRequirement(Required):
    """Requires that the installed Harbor is of the inventory's release, or of one that it may follow without loss.

    Attributes:
        package: the installer's file name.
        package_kb: its size; 0 where it is not on the controller.
        external_database: the database is not Harbor's own.
    """

    place: Place
    package: str
    package_kb: int = 0
    external_database: bool = False

    @property
    def id(self) -> str:
        return "requirement:harbor-upgrade"

    def desired(self, actual: State | None) -> State:
        return {"met": IS_MET}

    def probe(self) -> str:
        return look_fragment(self.place, self.package)

    def actual(self, output: str) -> State | None:
        return {"met": "\n".join(self.faults(parse_found(output))) or IS_MET}

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("met", "not known"))

    def faults(self, found: Found) -> list[str]:
        """Return everything that keeps the host from being brought to the inventory's release."""
        if found.begun:
            return list(self._other_upgrade(found))
        if not found.installed or release_of(found.installed) == release_of(self.package):
            return []
        if found.installed == BY_HAND:
            where = self.place.directory
            return [
                f"{where} is there and was not unpacked by moor; name another data.harbor.directory, move it away if "
                f"nothing of Harbor runs from it, or hand it over: write {self.package}, if that is its release, into "
                f"{where}/{NOTE} (docs/harbor.md)"
            ]
        if wrong := judge_step(found.installed, self.package):
            return [wrong]
        return list(self._unfit(found))

    def _other_upgrade(self, found: Found) -> Iterator[str]:
        old, new = release_of(found.journal["from"]), release_of(found.journal["to"])
        if release_of(self.package) not in (old, new):
            yield (
                f"an upgrade from {old} to {new} was interrupted; name {found.journal['to']} to go on with it, or "
                f"{found.journal['from']} to go back, before {release_of(self.package)}"
            )

    def _unfit(self, found: Found) -> Iterator[str]:
        if self.external_database:
            yield (
                "the database is an external one, of which moor keeps no copy to go back to: take a snapshot of it, "
                "upgrade by Harbor's own guide, and write the installer's name into "
                f"{self.place.directory}/{NOTE} (docs/upgrade.md)"
            )
        elif wrong := judge_database(found.databases, found.installed, self.package):
            yield wrong
        if wrong := judge_machine(found.machine, self.package):
            yield wrong
        yield from self._room(found)

    def _room(self, found: Found) -> Iterator[str]:
        """Yield what there is no room for: the copy of the data, the database that is converted, and the images."""
        need = 2 * found.sizes.get("used", 0) + SLACK_KB
        if found.sizes.get("free", need) < need:
            yield (
                f"{self.place.data_volume} has {found.sizes['free'] // 1024} MB free, {need // 1024} MB are needed for "
                "a copy of the database and its conversion; make room"
            )
        images = UNPACKED * self.package_kb or IMAGES_KB
        if found.sizes.get("docker", images) < images:
            yield (
                f"/var/lib/docker has {found.sizes['docker'] // 1024} MB free, {images // 1024} MB are needed for the "
                f"images of {version_of(self.package)}; make room, such as by docker image prune"
            )


def upgrade_requirement(harbor: HarborSettings) -> UpgradeRequirement:
    """Return the requirement of the inventory's release."""
    package = harbor.package
    size_kb = package.stat().st_size // 1024 if package.is_file() else 0
    external = bool(harbor.options.get("external_database"))
    return UpgradeRequirement(Place(harbor.directory, harbor.data_volume), package.name, size_kb, external)
