"""Which registry a fleet pulls from: the name that most hosts are set up for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from moor.errors import InputError
from moor.folding import fold
from moor.formats.nesting import parse_object
from moor.tasks.facts import check_full_name
from moor.tasks.survey.reading import PUBLIC, place_of, ways_of
from moor.tasks.survey.script import HostView

DAEMON = "/etc/docker/daemon.json"


@dataclass(frozen=True)
class Candidate:
    """A registry that hosts are set up for.

    Attributes:
        hosts: by name, the file that says it
        is_sure: it is asked for its own images, or by a project; else it may be a mirror of others alone
    """

    name: str
    hosts: Mapping[str, str]
    is_sure: bool = True

    @property
    def words(self) -> str:
        """Return where it was read."""
        return f"{fold(self.hosts)}: {', '.join(sorted(set(self.hosts.values())))}"

    @property
    def fault(self) -> str:
        """Return why no inventory can name it so; empty if one can."""
        try:
            check_full_name(self.name.partition(":")[0])
        except ValueError as error:
            return str(error)
        return ""

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Return what candidates are compared by; the least is the best."""
        return bool(self.fault), not self.is_sure, -len(self.hosts)


def candidates(views: Iterable[HostView]) -> list[Candidate]:
    """Return every private registry that some host is set up for, the best first."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    sure = set[str]()
    for view in views:
        for name, source, is_sure in _named(view):
            if name and name.partition(":")[0] not in PUBLIC:
                found[name].setdefault(view.name, source)
                sure |= {name} if is_sure else set()
    every = [Candidate(name, hosts, name in sure) for name, hosts in found.items()]
    return sorted(every, key=lambda one: (*one.rank, one.name))


def _named(view: HostView) -> Iterator[tuple[str, str, bool]]:
    if name := harbor_name(view):
        yield name, view.fact("harbor"), True
    for way in ways_of(view):
        yield way.place, way.source, way.name == way.place or bool(way.project)
    listed = parse_object(view.files.get(DAEMON, "")).get("insecure-registries")
    for one in listed if isinstance(listed, list) else ():
        if "/" not in str(one):
            yield str(one).lower(), DAEMON, True


def harbor_name(view: HostView) -> str:
    """Return the name of the Harbor that is installed on a host; empty if there is none."""
    if url := view.fact("harbor_url"):
        return place_of(url)
    name, port = view.fact("harbor_name"), view.fact("harbor_port") or "443"
    return f"{name}:{port}" if name and port != "443" else name


def chosen(found: Sequence[Candidate], wanted: str) -> Candidate:
    """Return the registry to propose.

    Args:
        found: every candidate, the best first
        wanted: the name that the user gave; empty for the best one

    Raises:
        InputError: there is none, several are as good, or it has no name that an inventory takes
    """
    if wanted:
        if not (name := place_of(wanted)):
            raise InputError(f"import: --registry {wanted} is no name; write such as registry.corp.test")
        return next((one for one in found if one.name == name), Candidate(name, {}))
    if not found:
        raise InputError("import: no host is set up for a private registry; name it by --registry NAME")
    best = [one for one in found if one.rank == found[0].rank]
    if len(best) > 1:
        listed = "\n".join(f"{one.name}  ({one.words})" for one in best)
        raise InputError(f"import: hosts are set up for several registries; name one by --registry NAME:\n{listed}")
    if best[0].fault:
        raise InputError(f"import: hosts are set up for {best[0].name} ({best[0].words}): {best[0].fault}")
    return best[0]
