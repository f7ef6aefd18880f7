"""Patterns of repositories and tags, which rules of retention and of immutable tags choose by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from moor.connections.apis.harbor_answers import HarborObject
from moor.settings.section import StrictModel

EVERYTHING = "**"


def _balanced(pattern: str) -> str:
    """Return a pattern; raise ValueError for braces or brackets that do not close, which match nothing in Harbor."""
    for opening, closing in ("{}", "[]"):
        depth = 0
        for letter in pattern:
            depth += (letter == opening) - (letter == closing)
            if depth < 0:
                break
        if depth:
            raise ValueError(f"{pattern!r}: {opening} and {closing} do not match, so that no name would")
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\S+$"), AfterValidator(_balanced)]


def _something(pattern: str) -> str | None:
    """Return a pattern, None for the one that means everything, as saying nothing does."""
    return None if pattern == EVERYTHING else pattern


def _not_everything(pattern: str) -> str:
    if pattern == EVERYTHING:
        raise ValueError("all but everything is nothing; drop the rule")
    return pattern


Meant = Annotated[Pattern, AfterValidator(_something)]
Others = Annotated[Pattern, AfterValidator(_not_everything)]


class SelectorAnswer(HarborObject):
    """A pattern, and whether names that match it are meant or all others."""

    decoration: str
    pattern: str
    kind: str = "doublestar"
    extras: str = ""


class ScopeAnswer(HarborObject):
    """The repositories of a rule."""

    repository: list[SelectorAnswer] | None = None


class Selection(StrictModel):
    """What a rule chooses by names: ``**`` is any text, ``*`` any within a path's part, ``{a,b}`` one of both.

    Attributes:
        repositories: pattern of their names below the project; without it all
        except_repositories: pattern; all repositories but these, in place of ``repositories``
        tags: pattern of their names; without it all
        except_tags: pattern; all tags but these, in place of ``tags``
    """

    repositories: Meant | None = None
    except_repositories: Others | None = None
    tags: Meant | None = None
    except_tags: Others | None = None

    @property
    def chosen(self) -> str:
        """Return in words what it chooses."""
        return f"repositories {self._of('repositories')}, tags {self._of('tags')}"

    def _of(self, kind: str) -> str:
        wrong = getattr(self, f"except_{kind}")
        return f"except {wrong}" if wrong else getattr(self, kind) or EVERYTHING


def both_given(selection: Selection) -> Iterable[tuple[tuple[str, ...], str]]:
    """Yield the errors of a selection that names both what it means and what it does not."""
    for kind in ("repositories", "tags"):
        if getattr(selection, kind) and getattr(selection, f"except_{kind}"):
            yield (f"except_{kind}",), f"{kind} is there too; a rule has one of both"


def selectors_of(selection: Selection, extras: str = "") -> dict[str, Any]:
    """Return a rule's selectors as Harbor is sent them."""
    tags = _selector(selection.tags, selection.except_tags, ("matches", "excludes"))
    repositories = _selector(selection.repositories, selection.except_repositories, ("repoMatches", "repoExcludes"))
    return {
        "tag_selectors": [{**tags, **({"extras": extras} if extras else {})}],
        "scope_selectors": {"repository": [repositories]},
    }


def _selector(meant: str | None, others: str | None, decorations: tuple[str, str]) -> dict[str, str]:
    return {"kind": "doublestar", "decoration": decorations[bool(others)], "pattern": others or meant or EVERYTHING}


def selection_in(rule: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a selection by Harbor's answer; what chooses everything says nothing."""
    tags = (rule.get("tag_selectors") or [{}])[0]
    repositories = ((rule.get("scope_selectors") or {}).get("repository") or [{}])[0]
    found: dict[str, str] = {}
    for kind, selector in (("repositories", repositories), ("tags", tags)):
        pattern = str(selector.get("pattern", EVERYTHING))
        if str(selector.get("decoration", "")).lower().endswith("excludes"):
            found[f"except_{kind}"] = pattern
        elif pattern != EVERYTHING:
            found[kind] = pattern
    return found
