"""Small fleets written as a user would write them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from moor.settings import SecretRef, Section
from moor.settings.document import InputFaults, load_yaml
from moor.settings.fleet import Fleet
from moor.settings.section import StrictModel


class Mirror(StrictModel):
    """Part of a section."""

    host: str
    skip_verify: bool = False


def _lower(name: str) -> str:
    if name != name.lower():
        raise ValueError(f"{name}: not in lower case")
    return name


class Runtime(Section):
    """A section as a task would own it."""

    section: ClassVar[str] = "runtime"

    config_path: str = "/etc/certs.d"
    level: Literal["info", "debug"] = "info"
    retries: Annotated[int, Field(ge=0)] = 3
    mirrors: tuple[Mirror, ...] = ()
    by_name: dict[str, Mirror] = Field(default_factory=dict)
    by_port: dict[Annotated[int, Field(le=65535)], Mirror] = Field(default_factory=dict)
    host: Annotated[str, AfterValidator(_lower)] = "a"


class Login(Section):
    """A section with a key that nobody can leave out."""

    section: ClassVar[str] = "login"

    user: str
    password: SecretRef


class Mirrors(Section):
    """A section whose keys are free names."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "mirrors"
    __pydantic_extra__: dict[str, Mirror]


MODELS: dict[str, type[Section]] = {"runtime": Runtime, "login": Login, "mirrors": Mirrors}


def read(folder: Path, hosts: str, groups: str = "", defaults: str = "") -> tuple[Fleet, list[str]]:
    """Write three files, read them, and give the fleet with every finding."""
    faults = InputFaults()
    trees = []
    for name, text in (("hosts", hosts), ("groups", groups), ("defaults", defaults)):
        (folder / f"{name}.yaml").write_text(dedent(text))
        trees.append(load_yaml(folder / f"{name}.yaml", f"{name}.yaml", faults))
    hosts_tree, groups_tree, defaults_tree = trees
    fleet = Fleet.of(hosts_tree, groups_tree, defaults_tree, MODELS, folder, faults)
    for name in fleet.hosts:
        fleet.facts(name)
    return fleet, faults.lines()
