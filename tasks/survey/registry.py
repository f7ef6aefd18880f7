"""Which registry a fleet pulls from: the name that most hosts are set up for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from moor.errors import InputError
from moor.tasks.survey.reading import PUBLIC, json_of, place_of, ways_of
from moor.tasks.survey.script import HostView

DAEMON = "/etc/docker/daemon.json"


@dataclass(frozen=True)
class Candidate:
    """A registry that hosts are set up for.

    Attributes:
        hosts: by name, the file that says it
    """

    name: str
    hosts: Mapping[str, str]

    @property
    def words(self) -> str:
        """Return where it was read."""
        return f"{' '.join(self.hosts)}: {', '.join(sorted(set(self.hosts.values())))}"


def candidates(views: Iterable[HostView]) -> list[Candidate]:
    """Return every private registry that some host is set up for, the one of most hosts first."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for view in views:
        for name, source in _named(view):
            if name.partition(":")[0] not in PUBLIC and "." in name:
                found[name].setdefault(view.name, source)
    every = [Candidate(name, hosts) for name, hosts in found.items()]
    return sorted(every, key=lambda one: (-len(one.hosts), one.name))


def _named(view: HostView) -> Iterator[tuple[str, str]]:
    if name := harbor_name(view):
        yield name, view.fact("harbor")
    for way in ways_of(view):
        yield way.place, way.source
    listed = json_of(view.files.get(DAEMON, "")).get("insecure-registries")
    for one in listed if isinstance(listed, list) else ():
        if "/" not in str(one):
            yield str(one).lower(), DAEMON


def harbor_name(view: HostView) -> str:
    """Return the name of the Harbor that is installed on a host; empty if there is none."""
    if url := view.fact("harbor_url"):
        return place_of(url)
    name, port = view.fact("harbor_name"), view.fact("harbor_port") or "443"
    return f"{name}:{port}" if name and port != "443" else name


def chosen(found: Sequence[Candidate], wanted: str, unread: Sequence[str] = ()) -> Candidate:
    """Return the registry to propose.

    Args:
        wanted: the name that the user gave; empty for the one of most hosts
        unread: hosts that could not be read

    Raises:
        InputError: there is none, or several have the same number of hosts
    """
    if wanted:
        name = place_of(wanted)
        return next((one for one in found if one.name == name), Candidate(name, {}))
    if not found:
        beside = f" ({' '.join(unread)} could not be read)" if unread else ""
        raise InputError(f"import: no host is set up for a private registry{beside}; name it by --registry NAME")
    best = [one for one in found if len(one.hosts) == len(found[0].hosts)]
    if len(best) > 1:
        listed = "\n".join(f"{one.name}  ({one.words})" for one in best)
        raise InputError(f"import: hosts are set up for several registries; name one by --registry NAME:\n{listed}")
    return best[0]
