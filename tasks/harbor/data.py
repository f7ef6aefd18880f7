"""The location of Harbor's data, which moor never changes, since it does not move data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moor.errors import HostError
from moor.resources.base import Required, State
from moor.tasks.harbor.yml import HarborYml, Tree, load_harbor_yml

# The storage drivers in the order in which prepare looks for them, each with the settings that locate the images.
STORAGE_KEYS = {
    "filesystem": ("rootdirectory",),
    "azure": ("accountname", "container", "realm", "rootdirectory"),
    "gcs": ("bucket", "rootdirectory"),
    "s3": ("bucket", "regionendpoint", "rootdirectory"),
    "swift": ("authurl", "tenant", "container", "prefix"),
    "oss": ("endpoint", "bucket", "rootdirectory"),
}
IS_MET = "yes"


@dataclass(frozen=True)
class SameDataLocation(Required):
    """Requires that an installed Harbor keeps its data's location: at another one it would start without any data."""

    config: HarborYml

    @property
    def id(self) -> str:
        return "requirement:harbor-data"

    def desired(self, actual: State | None) -> State:
        return {"met": IS_MET}

    def probe(self) -> str:
        return self.config.probe()

    def actual(self, output: str) -> State | None:
        try:
            state = self.config.actual(output)
            return {"met": self._judged(state) if state and state.get("installed") else IS_MET}
        except HostError:
            return {"met": IS_MET}  # the resource HarborYml reports a malformed file

    def _judged(self, state: State) -> str:
        present = str(state["present"])
        if not present:
            return IS_MET
        before = data_places(load_harbor_yml(present, self.id))
        after = data_places(load_harbor_yml(self.config.after(state), self.id))
        moved = [f"{name}: {before[name]} -> {after[name]}" for name in before if before[name] != after[name]]
        return f"{'; '.join(moved)}: {REMEDY.format(self.config.path)}" if moved else IS_MET

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("met", "not known"))


REMEDY = (
    "Harbor would come up without its projects or images, since moor does not move data; write in the inventory what "
    "holds now, or move the data while Harbor is down and change {} by hand first (docs/harbor.md)"
)


def data_places(tree: Tree) -> dict[str, str]:
    """Return the locations of data volume, database and images in a harbor.yml, in words."""
    storage = _mapping(tree.get("storage_service"))
    driver = next((name for name in STORAGE_KEYS if storage.get(name)), "filesystem")
    settings = _mapping(storage.get(driver))
    where = [f"{key} {settings[key]}" for key in STORAGE_KEYS[driver] if settings.get(key) is not None]
    return {
        "data_volume": str(tree.get("data_volume")),
        "database": "external_database" if tree.get("external_database") else "Harbor's own",
        "images": ", ".join([driver, *where]),
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
