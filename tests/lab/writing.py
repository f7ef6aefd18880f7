"""Changes to a site's inventory for one test, and commands on the registry's host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ruamel.yaml import YAML

from tests.lab.conftest import Moored


def run(moored: Moored, script: str) -> str:
    """Run a script on the registry's host and return what it printed."""
    return moored.lab.exec("harbor1", ["sh", "-ec", script], timeout_s=120).strip()


def written(moored: Moored, **changes: Any) -> AbstractContextManager[None]:
    """Lay ``changes`` over a section of the site's defaults, by ``section__key``, and take them out again."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        section, _, key = name.partition("__")
        sections.setdefault(section, {})[key] = value
    return sections_laid_over(moored, sections)


@contextmanager
def sections_laid_over(moored: Moored, sections: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Lay keys over sections of the site's defaults, and put the file back at the end."""
    path = moored.moor.site / "inventory" / "defaults.yaml"
    former = path.read_text()
    tree = YAML(typ="safe").load(former)
    for section, keys in sections.items():
        tree["data"][section] = {**tree["data"].get(section, {}), **keys}
    with path.open("w") as file:
        YAML(typ="safe").dump(tree, file)
    try:
        yield
    finally:
        path.write_text(former)
