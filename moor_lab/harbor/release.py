"""The releases of Harbor that the stand-in imitates, and the stand-in's name."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """What differs between two releases below Harbor's API.

    Attributes:
        database: the number of the directory pgNN that its database runs in.
        takes_over: the number of the one older directory that it converts; empty for none.
        schema: of the database; a core runs on none that is newer than its own.
        config: the ``_version`` of its harbor.yml.
    """

    database: str
    takes_over: str
    schema: int
    config: str


FIRST, NEXT = "v2.8.3", "v2.9.5"
RELEASES = {FIRST: Release("13", "", 111, "2.8.0"), NEXT: Release("14", "13", 120, "2.9.0")}
VARIABLE = "MOOR_STANDIN_RELEASE"  # in the environment of the containers
RELEASE = os.environ.get(VARIABLE, FIRST)


def shown_version(release: str) -> str:
    """Return a release as it is in systeminfo and in the tags of its images."""
    return f"{release}-moor-standin"


def notice(release: str) -> str:
    """Return what the stand-in says of itself."""
    return (
        "This is not Harbor. It is the stand-in that moor's lab uses in its place: real docker-registry, nginx, "
        f"PostgreSQL and Redis from Debian, and a small core that answers as Harbor {release} does."
    )


SHOWN_VERSION, NOTICE = shown_version(RELEASE), notice(RELEASE)
