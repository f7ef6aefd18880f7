"""Validated models, of which hosts with equal settings share one."""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from moor.settings.document import InputFaults, Tree, merge
from moor.settings.validation import validate

Model = TypeVar("Model", bound=BaseModel)

PLAIN = 2  # the version of marshal in which equal values are equal bytes


class SharedModels:
    """The models of one site; what is wrong in a tree is added to ``faults``, at its own place."""

    def __init__(self, site: Path, faults: InputFaults) -> None:
        self._site, self._faults = site, faults
        self._by_trees: dict[tuple[object, ...], BaseModel | None] = {}
        self._by_content: dict[tuple[type[BaseModel], bytes], BaseModel] = {}
        self._kept: list[Sequence[Tree]] = []  # so that no other tree has the id of one that was merged

    def of(self, model: type[Model], trees: Sequence[Tree]) -> Model | None:
        """Return the model of some trees, the nearest first, or None after adding what is wrong in them."""
        made_of = (model, *map(id, trees))
        if made_of not in self._by_trees:
            self._by_trees[made_of] = self._validated(model, reduce(merge, reversed(trees)))
            self._kept.append(trees)
        return self._by_trees[made_of]  # type: ignore[return-value]  # the key has the model's class

    def _validated(self, model: type[Model], tree: Tree) -> Model | None:
        content = content_of(tree.plain())
        if content is None:
            return validate(model, tree, self._site, self._faults)
        known = self._by_content.get((model, content)) or validate(model, tree, self._site, self._faults)
        if known is not None:
            self._by_content[model, content] = known
        return known  # type: ignore[return-value]  # as above


def content_of(value: Any) -> bytes | None:
    """Return bytes that are equal for equal plain values alone; None for a value that is not plain, such as a date."""
    try:
        return marshal.dumps(value, PLAIN)
    except ValueError:
        return None
