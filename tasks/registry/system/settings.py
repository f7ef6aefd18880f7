"""What the inventory says of Harbor's whole system."""

from __future__ import annotations

from typing import ClassVar, Literal

from moor.settings import Section

Prunable = Literal["projects", "with_content"]


class HarborSystem(Section):
    """The settings of Harbor's whole system; what is not written is left as it is.

    Attributes:
        prune: the kinds of things that are removed if the inventory does not list them; with_content, projects that
            have images too
    """

    section: ClassVar[str] = "harbor_system"

    prune: tuple[Prunable, ...] = ()
