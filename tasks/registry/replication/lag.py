"""How far the standby is behind: the artifacts that the serving registry has and the standby has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import Digest, HarborObject, Shape
from moor.connections.apis.harbor_paths import repository_path
from moor.tasks.registry.answers import API, AT_ONCE, BY_NAME
from moor.tasks.registry.project.number import PROJECTS

SHOWN = 5  # artifacts that a finding names


class RepositoryAnswer(HarborObject):
    """A repository; its name begins with its project's."""

    name: str


class TagAnswer(HarborObject):
    """A tag of an artifact."""

    name: str
    push_time: str = ""


class ArtifactAnswer(HarborObject):
    """An artifact and its tags."""

    digest: Digest
    push_time: str = ""
    tags: list[TagAnswer] | None = None


REPOSITORIES = Shape(list[RepositoryAnswer])
ARTIFACTS = Shape(Annotated[list[ArtifactAnswer], Field()])


@dataclass(frozen=True)
class Held:
    """What a registry holds: the digest and the time of the push for each REPOSITORY:TAG and REPOSITORY@DIGEST."""

    digests: Mapping[str, str]
    pushed: Mapping[str, str]


@dataclass(frozen=True)
class Lag:
    """What one registry holds and the other does not, the oldest push first.

    Attributes:
        missing: REPOSITORY:TAG, or REPOSITORY@DIGEST of an artifact without a tag
        since: when the oldest of them was pushed; None if nothing is missing or the time is unknown
    """

    missing: tuple[str, ...] = ()
    since: datetime | None = None

    def minutes(self, now: datetime | None = None) -> int:
        """Return for how many minutes the other registry has lacked something."""
        return int(((now or datetime.now(UTC)) - self.since).total_seconds() // 60) if self.since else 0

    @property
    def names(self) -> str:
        """Return the first of what is missing, and how many there are more."""
        more = len(self.missing) - SHOWN
        return ", ".join(self.missing[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def read_held(harbor: Harbor) -> Held:
    """Return what a registry holds, without the projects that are caches of another one."""
    projects = [one["name"] for one in PROJECTS.ask(harbor) if not one.get("registry_id")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = [name for found in pool.map(partial(_repositories, harbor), projects) for name in found]
        artifacts = list(pool.map(partial(_artifacts, harbor), names))
    entries = [entry for name, found in zip(names, artifacts, strict=True) for entry in _entries(name, found)]
    return Held({name: digest for name, digest, _ in entries}, {name: pushed for name, _, pushed in entries})


def _repositories(harbor: Harbor, project: str) -> list[str]:
    path = f"{API}/projects/{project}/repositories"
    return [one["name"] for one in harbor.every(path, REPOSITORIES, headers=BY_NAME)]


def _artifacts(harbor: Harbor, repository: str) -> list[dict[str, Any]]:
    return harbor.every(f"{API}{repository_path(repository)}/artifacts", ARTIFACTS, headers=BY_NAME)


def _entries(repository: str, artifacts: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for one in artifacts:
        for tag in one.get("tags") or ():
            yield f"{repository}:{tag['name']}", one["digest"], tag.get("push_time") or one.get("push_time", "")
        if not one.get("tags"):
            yield f"{repository}@{one['digest']}", one["digest"], one.get("push_time", "")


def lag_between(source: Held, sink: Held) -> Lag:
    """Return what ``source`` holds and ``sink`` does not, or holds otherwise."""
    missing = [name for name, digest in source.digests.items() if sink.digests.get(name) != digest]
    timed = sorted((time, name) for name in missing for time in (_time(source.pushed.get(name, "")),))
    return Lag(tuple(name for _, name in timed), next((time for time, _ in timed if time != _UNKNOWN), None))


_UNKNOWN = datetime.max.replace(tzinfo=UTC)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _UNKNOWN
    return found if found.tzinfo else found.replace(tzinfo=UTC)
