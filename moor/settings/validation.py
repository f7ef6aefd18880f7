"""Validation of trees by pydantic models, with messages that name the file, line and key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from moor.errors import FieldErrors
from moor.settings.document import InputFaults, Tree
from moor.settings.section import MISSING, StrictModel
from moor.suggestions import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

KEY = "[key]"  # pydantic's last step to a key of a mapping that is wrong itself
OURS = "Value error, "  # what pydantic puts before the message of a validator of moor's

WORDS = {
    "missing": MISSING,
    "string_type": "must be text; put in quotes what looks like something else",
    "model_type": "must be a mapping: keys with values below it",
    "dict_type": "must be a mapping: keys with values below it",
    "list_type": "must be a list: lines that begin with '-'",
    "tuple_type": "must be a list: lines that begin with '-'",
}


def validate(model: type[Model], tree: Tree, site: Path, faults: InputFaults, *, partly: bool = False) -> Model | None:
    """Return ``tree`` as a model, or None after adding its faults to ``faults``.

    Args:
        partly: other files complete the tree, so a missing key is no fault
    """
    try:
        return model.model_validate(tree.plain(), context={"site": site})
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            if isinstance(several := detail.get("ctx", {}).get("error"), FieldErrors):
                for below, words in several.found:
                    if not (partly and words.startswith(MISSING)):
                        faults.add(tree.place((*detail["loc"], *below)), words)
            elif not (partly and detail["type"] == "missing"):
                words = describe_error(model, detail)
                keys = detail["loc"]
                if keys[-1:] == (KEY,):
                    keys, words = keys[:-1], f"this key {words}"
                faults.add(tree.place(keys), words)
    return None


def describe_error(model: type[BaseModel], detail: ErrorDetails) -> str:
    """Return a message for one of pydantic's errors."""
    if detail["type"] == "extra_forbidden":
        *above, key = (str(part) for part in detail["loc"])
        models = _models_at(model, above)
        now = next((m.renamed[key] for m in models if issubclass(m, StrictModel) and key in m.renamed), "")
        return f"its name is {now} now; rename it" if now else unknown_name(key, _keys_of(models))
    if detail["msg"].startswith(OURS):
        return detail["msg"].removeprefix(OURS)  # it may begin with a value of the user's
    if detail["type"] == "too_short":
        least = detail.get("ctx", {}).get("min_length", 1)
        return f"must have at least {least} {'entry' if least == 1 else 'entries'}"
    return WORDS.get(detail["type"], _lowered(detail["msg"]))


def _lowered(text: str) -> str:
    """Return a message of pydantic's in the words of moor's own."""
    text = text.replace("Input should be", "must be").replace("String should", "must")
    return text[:1].lower() + text[1:]


def unknown_name(key: str, known: Iterable[str], noun: str = "key") -> str:
    """Return a message that ``key`` does not exist, with the closest known name, or else all of them."""
    names = sorted(known)
    listed = f"; known here: {', '.join(names) or 'none'}"
    return f"no such {noun}{did_you_mean(key, names) or listed}"


def known_keys(model: type[BaseModel], above: Iterable[str]) -> list[str]:
    """List the keys that ``model`` accepts below the path ``above``."""
    return _keys_of(_models_at(model, above))


def _keys_of(models: Iterable[type[BaseModel]]) -> list[str]:
    return [field.alias or name for m in models for name, field in m.model_fields.items()]


def _models_at(model: type[BaseModel], above: Iterable[str]) -> list[type[BaseModel]]:
    """Return the models of the value at the path ``above`` of ``model``."""
    models = [model]
    for key in above:
        annotations = [annotation for m in models for annotation in _below(m, key)]
        if annotations:  # else an index of a list, a key of a plain mapping or a union's tag
            models = [inner for annotation in annotations for inner in _models_in(annotation)]
    return models


def _below(model: type[BaseModel], key: str) -> Iterator[Any]:
    """Yield the type of a model's field, or the type of its extra keys if it has no such field."""
    known = [field.annotation for name, field in model.model_fields.items() if key in (name, field.alias)]
    if not known and model.model_config.get("extra") == "allow":
        known = [get_type_hints(model).get("__pydantic_extra__")]
    yield from known


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
