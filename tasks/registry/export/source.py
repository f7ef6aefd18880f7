"""What an export is made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moor.settings import SecretRef
from moor.tasks.harbor.keys import Release
from moor.tasks.registry.answers import Answers
from moor.tasks.registry.export.document import Notes

Entry = Mapping[str, Any]  # a project, as Harbor's list of projects has it


@dataclass(frozen=True)
class Source:
    """Harbor's answers, and what is noted on the way.

    Attributes:
        release: of Harbor; None if it does not say one
        site: the directory to which the inventory's paths are relative
        state: the directory of moor's own state, which has the passwords that it made
    """

    answers: Answers
    release: Release | None
    site: Path
    state: Path
    notes: Notes

    def leave_out(self, entry: Entry, key: str, why: str) -> None:
        """Note a part of a project that the inventory cannot say."""
        self.leave_out_of(f"data.projects.{entry['name']}.{key}", why)

    def leave_out_of(self, place: str, why: str) -> None:
        """Note what the inventory cannot say, by its place there."""
        self.notes.left_out.append(f"{place}: {why}")

    def fill_in(self, place: str, what: str) -> SecretRef:
        """Return a new reference to a secret, and note what a person has to write there.

        Args:
            place: below the site's directory of secrets, such as ``projects/shop/robot-ci``
            what: the secret, in words
        """
        path = "/".join(re.sub(r"[^A-Za-z0-9._-]", "-", part) for part in place.split("/"))
        reference = f"file:secrets/{path}"
        while reference in self.notes.secrets:
            reference += "-2"
        self.notes.secrets[reference] = what
        return _AsWritten(reference)


class _AsWritten(SecretRef):
    """A reference that stays relative to the site, as a person writes it."""

    __slots__ = ()

    def __init__(self, reference: str) -> None:
        self.reference = reference
