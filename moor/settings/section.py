"""The base class of every concern's settings, and field types for settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from moor.errors import InputError
from moor.secrets.command import command_of
from moor.secrets.secret import REMEDY, Secret, absolute_reference, is_reference, resolve
from moor.settings.modules import name_in_site

COMMAND = "cmd"  # the key above the words of a command that prints a secret
MISSING = "is missing"  # how the message about a missing key begins


class StrictModel(BaseModel):
    """A frozen model that refuses unknown keys; the base of sections and of their parts.

    Attributes:
        renamed: the current name of each key that had another one.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    # Built at first use: most fleets use few of the sections.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class Section(StrictModel):
    """The settings of one concern, written below ``data.<section>`` of a host, a group or the defaults.

    Attributes:
        done_on: the groups of which one needs a host if the section is used, such as ``harbor``; empty for none
        of_own_registry: the keys that only count where moor runs the registry
    """

    section: ClassVar[str]
    done_on: ClassVar[tuple[str, ...]] = ()
    of_own_registry: ClassVar[tuple[str, ...]] = ()


class SecretRef:
    """A secret reference, ``env:NAME``, ``file:PATH`` or ``cmd:WORDS``; the secret is read when a task needs it."""

    __slots__ = ("reference",)

    def __init__(self, reference: str, site: Path = Path()) -> None:
        self.reference = absolute_reference(reference, site)

    def resolve(self) -> Secret:
        """Read the secret; raise InputError if that fails."""
        return resolve(self.reference)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretRef) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __repr__(self) -> str:
        return f"SecretRef({self.reference!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.to_string_ser_schema()
        return core_schema.with_info_plain_validator_function(cls._validated, serialization=text)

    def __str__(self) -> str:
        return self.reference

    @staticmethod
    def is_written(value: object) -> bool:
        """Return whether an inventory's value is a reference: a text, or ``cmd`` with a list of words."""
        return isinstance(value, SecretRef) or is_reference(value) or _is_command(value)

    @classmethod
    def of(cls, value: object, site: Path) -> SecretRef:
        """Return the reference that an inventory's value is; raise InputError if it is none."""
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping) and _is_command(value):
            return cls(command_of(value[COMMAND], site).reference)
        if not isinstance(value, str):
            raise InputError(f"a secret is not written here; {REMEDY}")
        return cls(value, site)

    @classmethod
    def _validated(cls, value: object, info: core_schema.ValidationInfo) -> SecretRef:
        try:
            return cls.of(value, site_from(info.context))
        except InputError as error:
            raise ValueError(str(error)) from None


def _is_command(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {COMMAND}


def site_from(context: Any) -> Path:
    """Return the site's directory, to which paths are relative, from a validation's context."""
    return Path(context["site"]) if context else Path()


def _below_site(path: Path, info: ValidationInfo) -> Path:
    return (site_from(info.context) / path.expanduser()).absolute()


SitePath = Annotated[Path, AfterValidator(_below_site)]
"""A path on the controller, relative to the directory of config.yaml."""


def collect_sections(modules: Iterable[ModuleType]) -> dict[str, type[Section]]:
    """Return the sections that ``modules`` define, by name; raise InputError if two have one name."""
    found: dict[str, type[Section]] = {}
    for module in modules:
        for model in _defined_in(module):
            other = found.setdefault(model.section, model)
            if other is not model:
                owners = " and ".join(sorted(map(name_in_site, (other.__module__, model.__module__))))
                raise InputError(f"{owners} both own the section {model.section!r}; give one of them another name")
    return found


def _defined_in(module: ModuleType) -> Iterator[type[Section]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Section) and "section" in vars(value):
            # A package brings the sections of the modules inside it.
            inside = f"{value.__module__}.".startswith(f"{module.__name__}.")
            yield from [value] if inside else []
