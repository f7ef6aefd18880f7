"""Which of two registry hosts serves the registry's name: one small file of the site, changed by ``moor failover``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from moor.secrets.private_files import write
from moor.settings.document import InputFaults, Source, Tree, load_yaml
from moor.settings.section import StrictModel
from moor.settings.validation import validate

HEAD = "# Which host serves the registry's name. Written by moor failover; keep it with the inventory.\n"
MODE = 0o644  # it is part of the inventory, which colleagues read


class ActiveRegistry(StrictModel):
    """What the file says.

    Attributes:
        serving: the host that serves the registry's name; empty for the first, which has no ``standby``.
        moving_to: the host that a failover, which has not ended yet, moves the name to; empty if there is none.
    """

    serving: str = ""
    moving_to: str = ""


@dataclass(frozen=True)
class ActiveFile:
    """The file ``active.yaml`` of a site."""

    path: Path
    shown: str

    @classmethod
    def of(cls, path: Path, site: Path) -> ActiveFile:
        """Return the file of a site; messages name it relative to the site's directory."""
        return cls(path, str(path.relative_to(site) if path.is_relative_to(site) else path))

    def read(self, faults: InputFaults) -> tuple[ActiveRegistry, Tree]:
        """Return what it says, and where each key is written; a missing file says nothing."""
        if not self.path.exists():
            return ActiveRegistry(), Tree(Source(self.shown, 1), {})
        tree = load_yaml(self.path, self.shown, faults)
        if tree.value is None:
            return ActiveRegistry(), tree
        return validate(ActiveRegistry, tree, self.path.parent, faults) or ActiveRegistry(), tree

    def replace(self, active: ActiveRegistry) -> None:
        """Write the file as a whole, so that a run that is killed leaves the old or the new one."""
        lines = [f"{key}: {value}\n" for key, value in active.model_dump().items() if value]
        write(self.path, "".join([HEAD, *lines]).encode(), MODE)
