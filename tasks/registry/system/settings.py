"""What the inventory says of Harbor's whole system."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from moor.errors import FieldErrors
from moor.settings import Section
from moor.suggestions import did_you_mean
from moor.tasks.registry.replication.endpoint import Endpoint, EndpointName
from moor.tasks.registry.replication.names import is_own
from moor.tasks.registry.replication.rule import Rule

Prunable = Literal["projects", "with_content", "registries", "replications"]


class HarborSystem(Section):
    """The settings of Harbor's whole system; what is not written is left as it is.

    Attributes:
        registries: other registries that Harbor replicates to or from, or caches, by name
        replications: what Harbor copies to or from them, and when, by name
        prune: the kinds of things that are removed if the inventory does not list them; with_content, projects that
            have images too
    """

    section: ClassVar[str] = "harbor_system"

    prune: tuple[Prunable, ...] = ()
    registries: dict[EndpointName, Endpoint] = Field(default_factory=dict)
    replications: dict[EndpointName, Rule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ends_of_rules(self) -> HarborSystem:
        """Check that rules name endpoints that are listed, and nothing the standby's own ones."""
        found: list[tuple[tuple[str, ...], str]] = [
            (("replications", name, key), f"no endpoint is called {end}{did_you_mean(end, self.registries)}")
            for name, rule in self.replications.items()
            for key, end in (("push_to", rule.push_to), ("pull_from", rule.pull_from))
            if end and end not in self.registries
        ]
        for key, names in (("registries", self.registries), ("replications", self.replications)):
            found += [
                ((key, name), "moor's own name, for the standby; write another") for name in names if is_own(name)
            ]
        if found:
            raise FieldErrors(found)
        return self
