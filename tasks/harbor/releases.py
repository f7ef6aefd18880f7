"""Which release of Harbor may follow which, and what each does to the data: a table with its sources.

Source  goharbor/harbor at the tags v2.8.6 to v2.15.2 and at main of August 2026 (VERSION v2.16.0): make/photon/db for
        PostgreSQL, make/photon/redis for Valkey, make/install.sh for the flags
        Harbor's documentation, Administration, Upgrade Harbor: an upgrade starts from the two minor releases before
        goharbor/harbor-helm 1.19.4, its notes: 2.15.3 is to be left out
        goharbor/harbor, pull request 22311: images for arm64
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Minor = tuple[int, int]
MINORS_AT_ONCE = 2
ARM64_SINCE: Minor = (2, 16)


@dataclass(frozen=True, order=True)
class Version:
    """The version of a release."""

    major: int
    minor: int
    patch: int

    @property
    def line(self) -> Minor:
        """Return major and minor number, which all patches of a release share."""
        return self.major, self.minor

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class Database:
    """The PostgreSQL of a release.

    Attributes:
        major: the major version; its data are in data_volume/database/pgNN.
        takes_over: the one older major version whose data its image converts; 0 for none that moor knows.
    """

    major: int
    takes_over: int


DATABASES: dict[Minor, Database] = {
    (2, 8): Database(13, 0),
    **dict.fromkeys(((2, 9), (2, 10)), Database(14, 13)),
    **dict.fromkeys(((2, 11), (2, 12), (2, 13), (2, 14)), Database(15, 14)),
    **dict.fromkeys(((2, 15), (2, 16)), Database(18, 15)),
}
LEFT_OUT = {Version(2, 15, 3): "v2.15.4"}
VALKEY_SINCE = Version(2, 15, 2)  # the container, its service and its paths are still named redis
FLAGS_UNTIL: dict[str, Minor] = {"--with-chartmuseum": (2, 7), "--with-notary": (2, 8)}


def release_of(package: str) -> str:
    """Return the release in an installer's file name, such as v2.8.3, or a build's own name for it."""
    return (
        package.removesuffix(".tgz").removeprefix("harbor-offline-installer-").removeprefix("harbor-online-installer-")
    )


def version_of(package: str) -> Version | None:
    """Return the version in an installer's file name; None if there is none."""
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", package)
    return Version(*map(int, found.groups())) if found else None


def path_between(old: Minor, new: Minor) -> list[Minor]:
    """Return the minor releases from ``old`` to ``new`` that an upgrade goes through, with both, in as few steps."""
    known = sorted(DATABASES)
    if old not in known or new not in known or new < old:
        return []
    way = [old]
    while way[-1] != new:
        way.append(known[min(known.index(way[-1]) + MINORS_AT_ONCE, known.index(new))])
    return way


def judge_step(old: str, new: str) -> str:
    """Return why the release of one installer may not follow that of another, and the remedy; empty if it may.

    Args:
        old: the installed installer's file name.
        new: that of the inventory.
    """
    before, after = version_of(old), version_of(new)
    if before is None or after is None:
        unnamed = old if before is None else new
        return f"the name of {unnamed} does not say which release it is; name it as its release does, with vX.Y.Z"
    if after in LEFT_OUT:
        return f"{after} is to be left out, by Harbor's own notes; name {LEFT_OUT[after]} or later"
    if after < before:
        return (
            f"{after} is older than {before}, which is installed, and cannot read its database; name {before} again, "
            f"or restore a backup that was taken with {after}"
        )
    if after.line not in DATABASES or before.line not in DATABASES:
        oldest, newest = min(DATABASES), max(DATABASES)
        strange = after if after.line not in DATABASES else before
        return (
            f"moor does not know what {strange} does to the data; it knows {_text(oldest)} to {_text(newest)}: upgrade "
            "by Harbor's own guide (docs/upgrade.md)"
        )
    way = path_between(before.line, after.line)
    if len(way) > 2:
        steps = " -> ".join([str(before), *map(_text, way[1:-1]), str(after)])
        return (
            f"{after} does not follow {before}: Harbor's database would be made anew, empty; the way is {steps}: name "
            f"an installer of {_text(way[1])} first"
        )
    return ""


def machines_of(package: str) -> tuple[str, ...]:
    """Return the machines, by the name that uname gives them, for which the release of an installer is made."""
    version = version_of(package)
    return ("x86_64", "aarch64") if version and version.line >= ARM64_SINCE else ("x86_64",)


def judge_machine(machine: str, new: str) -> str:
    """Return why a release does not run on a machine; empty if it does."""
    if not machine or machine in machines_of(new):
        return ""
    known = " or ".join(machines_of(new))
    return (
        f"{version_of(new)} is made for {known}, and this machine is {machine}; arm64 comes with {_text(ARM64_SINCE)}"
    )


def judge_database(found: Sequence[str], old: str, new: str) -> str:
    """Return why a release would not take over the database that lies in data_volume/database; empty if it does.

    Args:
        found: the names of the directories there that hold a database, such as pg13.
        old: the installed installer's file name.
        new: that of the inventory.
    """
    before, after = version_of(old), version_of(new)
    if before is None or after is None or after.line not in DATABASES:
        return ""  # judge_step says so
    database = DATABASES[after.line]
    own, former = f"pg{database.major}", f"pg{database.takes_over}"
    runs = f"pg{DATABASES[before.line].major}" if before.line in DATABASES else ""
    if own in found and runs not in ("", own):
        return (
            f"{own} lies beside {runs}, which is in use: {after} would run on {own} and leave {runs} alone; move {own} "
            "out of data_volume/database, if it is what an earlier attempt left"
        )
    if own in found or former in found:
        return ""
    held = f"it holds {', '.join(found)}" if found else "there is none in it"
    return (
        f"{after} takes over a database {own} or {former} in data_volume/database, and {held}: Harbor would come up "
        "with an empty one; is data_volume the place of the data?"
    )


def find_lost_flags(flags: Sequence[str], package: str) -> Iterator[str]:
    """Yield for each flag that a release does not know any more when it was dropped, and the remedy."""
    version = version_of(package)
    for flag in flags:
        last = FLAGS_UNTIL.get(flag)
        if version and last and version.line > last:
            yield f"{flag}: Harbor {_text(version.line)} does not have it, it was in {_text(last)} last; leave it out"


def describe_step(old: str, new: str) -> dict[str, tuple[str, str]]:
    """Return what a permitted upgrade changes below Harbor, each as before and after; for the plan."""
    before, after = version_of(old), version_of(new)
    if before is None or after is None or not {before.line, after.line} <= set(DATABASES):
        return {}
    majors = DATABASES[before.line].major, DATABASES[after.line].major
    found = {"postgresql": (str(majors[0]), str(majors[1]))} if majors[0] != majors[1] else {}
    if before < VALKEY_SINCE <= after:
        found["redis"] = ("Redis", "Valkey")
    return found


def _text(line: Minor) -> str:
    return f"{line[0]}.{line[1]}"
