"""docs/settings.md: every key below ``data``, and of config.yaml, from the models that check them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moor.settings import SiteSettings, collect_sections
from moor.settings.config import InventoryConfig, LoggingConfig, SSHConfig
from moor.settings.modules import SHIPPED, load_tasks
from moor.settings.runner import RunnerConfig
from moor_docs.docstrings import about, anchor, meanings, stale
from moor_docs.layout import wrapped
from moor_docs.types import inner_models, type_words

CONFIG: Mapping[str, type[BaseModel]] = {
    "inventory": InventoryConfig,
    "runner": RunnerConfig,
    "logging": LoggingConfig,
    "ssh": SSHConfig,
    "user_defined.moor": SiteSettings,
}
HEAD = """# Settings

Every key that an inventory may have below `data`, and after these, from `inventory` on, those of config.yaml. [Write
down your fleet](write-down-your-fleet.md) explains how they are written and merged. Paths are on the machine that runs
moor, relative to the site, unless a line says otherwise; a secret is written as [a reference](secrets.md). In a
heading, `NAME` stands for a name of your own.

This page is made from the code by `make reference`.
"""


@dataclass(frozen=True)
class Part:
    """One table of the page: what is written below ``name``."""

    name: str
    model: type[BaseModel]


def parts() -> Iterator[Part]:
    """Yield every section by its name, each followed by what is inside of it; then that of config.yaml."""
    sections: Mapping[str, type[BaseModel]] = collect_sections(load_tasks(SHIPPED))
    for name in sorted(sections):
        yield from _below(name, sections[name])
    for name, model in CONFIG.items():
        yield from _below(name, model)


def _below(name: str, model: type[BaseModel]) -> Iterator[Part]:
    yield Part(name, model)
    if model.model_config.get("extra") == "allow":  # free names, each with a value of one model
        yield from _below(f"{name}.NAME", get_type_hints(model)["__pydantic_extra__"].__args__[1])
    for key, field in model.model_fields.items():
        for inner in inner_models(field.annotation):
            yield from _below(_inner_name(name, key, field), inner)


def _inner_name(name: str, key: str, field: FieldInfo) -> str:
    """Return the heading of what is inside of a key; ``NAME`` stands for a free name."""
    return f"{name}.{field.alias or key}" + (".NAME" if get_origin(field.annotation) is dict else "")


def default(field: FieldInfo) -> str:
    """Return a key's default as an inventory would have it, or "required"."""
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel):
        return ""
    words = f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
    return f"`{words.lower() if isinstance(value, bool) else words}`"


def faults() -> list[str]:
    """Return what the docstrings lack, or tell of that is not there, each with its model."""
    found = dict[str, None]()
    for part in parts():
        told, place = meanings(part.model), f"{part.model.__module__}: {part.model.__name__}"
        lacking = [name for name in part.model.model_fields if not told.get(name)]
        found |= dict.fromkeys(f"{place}.{name} has no line below Attributes:" for name in lacking)
        found |= dict.fromkeys(f"{place} tells of {name}, which it does not have" for name in stale(part.model))
    return list(found)


def page() -> str:
    """Return the whole page."""
    found = list(parts())
    sections = ", ".join(f"[`{part.name}`](#{anchor(part.name)})" for part in found if _is_section(part))
    return "\n".join([HEAD, wrapped(f"{sections}."), "", *(_table(part) for part in found)])


def _is_section(part: Part) -> bool:
    return part.name in CONFIG or "." not in part.name


def _table(part: Part) -> str:
    heading = f"{'##' if _is_section(part) else '###'} `{part.name}`"
    told = meanings(part.model)
    rows = [
        f"| `{field.alias or name}` | {_value(part, name, field)} | {default(field)} | {told.get(name, '')} |"
        for name, field in part.model.model_fields.items()
    ]
    table = ["| key | value | default | meaning |", "|---|---|---|---|", *rows, ""] if rows else []
    return "\n".join([heading, "", *(f"{wrapped(words)}\n" for words in about(part.model)), *table])


def _value(part: Part, name: str, field: FieldInfo) -> str:
    """Return what a key's value may be; keys inside of it are a link to their own table."""
    place = anchor(_inner_name(part.name, name, field))
    return (
        re.sub(r"\bkeys\b", f"[keys](#{place})", type_words(field))
        if any(inner_models(field.annotation))
        else (type_words(field))
    )
