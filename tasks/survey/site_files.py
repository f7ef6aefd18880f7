"""The files of a site as they are before a survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.comments import CommentedMap

from moor.tasks.survey import document


@dataclass(frozen=True)
class SiteFiles:
    """The files of a site as they are, and their paths in it.

    Attributes:
        sections: those that some host has already, wherever they are written
        grouped: the hosts that are in a group already
        held: by host, the first value of each shared section that the inventory has for it
    """

    host_file: str
    group_file: str
    defaults_file: str
    texts: Mapping[str, str]
    sections: frozenset[str] = frozenset()
    grouped: frozenset[str] = frozenset()
    held: Mapping[str, Mapping[tuple[str, ...], Any]] = field(default_factory=dict)

    def tree(self, path: str) -> CommentedMap:
        """Return one of the files with its comments; an empty one if it is not there."""
        return document.load(self.texts.get(path, ""))
