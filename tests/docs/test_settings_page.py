"""The page of settings lists every key of every section, with its default, and none besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moor.settings import SiteSettings, collect_sections
from moor.settings.modules import SHIPPED, load_tasks
from tests.docs.pages import ROOT, tables

PAGE = ROOT / "docs/write-down-your-fleet.md"


def described(name: str, model: type[BaseModel]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what the page should say of a section and of the free names below it."""
    yield name, {field.alias or key: default(field) for key, field in model.model_fields.items()}
    if model.model_config.get("extra") == "allow":
        yield from described(f"{name}.NAME", get_type_hints(model)["__pydantic_extra__"].__args__[1])
    for key, field in model.model_fields.items():
        for inner in get_args(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                below = f"{name}.{key}.NAME" if get_origin(field.annotation) is dict else f"{name}.{key}"
                yield from described(below, inner)


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, tuple) and value:
        return " ".join(value)
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_the_page_has_a_table_of_every_section_with_all_keys_and_their_defaults() -> None:
    models: dict[str, type[BaseModel]] = {**collect_sections(load_tasks(SHIPPED)), "user_defined.moor": SiteSettings}
    wanted = {name: keys for section, model in models.items() for name, keys in described(section, model)}
    assert tables(PAGE) == wanted
