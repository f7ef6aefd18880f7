"""The inventory of a running Harbor: read from its API, with references in place of secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import StringIO

from ruamel.yaml import YAML

from moor.tasks.registry.export.document import Document, Notes

SCHEMA = 1


@dataclass(frozen=True)
class Exported:
    """An inventory that says what a Harbor holds.

    Attributes:
        registry: the name of the registry
        version: of Harbor, as it says it
        data: the sections, as they stand below ``data``
    """

    registry: str
    version: str
    data: Document
    notes: Notes = field(default_factory=Notes)

    @property
    def secrets(self) -> dict[str, str]:
        """Return the references that are to be filled in, and with what."""
        return self.notes.secrets

    @property
    def left_out(self) -> list[str]:
        """Return what Harbor holds and the inventory cannot say."""
        return self.notes.left_out

    def text(self) -> str:
        """Return the inventory as YAML."""
        yaml, out = YAML(typ="rt", pure=True), StringIO()
        yaml.width = 10_000  # a long text stays on its line
        yaml.dump({"data": self.data}, out)
        return f"# What {self.registry} (Harbor {self.version}) holds.\n{out.getvalue().rstrip()}"

    def json(self) -> str:
        """Return the inventory and the notes as JSON."""
        shown = {
            "schema": SCHEMA,
            "registry": self.registry,
            "harbor": self.version,
            "data": self.data,
            "secrets": self.notes.secrets,
            "left_out": self.notes.left_out,
        }
        return json.dumps(shown, indent=2)

    @property
    def words(self) -> list[str]:
        """Return a line for each secret that is to be filled in and each thing that was left out."""
        fill_in = [f"fill in {reference}: {what}" for reference, what in self.notes.secrets.items()]
        return [*fill_in, *(f"left out: {words}" for words in self.notes.left_out)]
