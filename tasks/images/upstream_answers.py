"""What registries upstream have under the tags that are brought, asked once a run, by the host that copies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.context import context_of
from moor.engine.asking import shell_of
from moor.errors import ErrorKind, HostError
from moor.secrets.secret import Secret
from moor.settings import optional_settings_of, prefix_errors, settings_of
from moor.tasks.docker.install import docker_unit
from moor.tasks.images.ask_script import ASK_S, Side, ask_digests, prepare
from moor.tasks.images.origin import DIGEST, HUB, Origin
from moor.tasks.images.settings import Images, Upstream, Upstreams

LINE = re.compile(r"^moor: (\d+) (\d{3}) ?(.*)$", re.MULTILINE)
KEY = "digests upstream"  # in the run's answers, with the host's name
NO_CURL = "its digest, once curl is installed"


@dataclass(frozen=True)
class Answer:
    """What a registry answered about an image.

    Attributes:
        status: of HTTP; 0 if it did not answer, or could not be asked yet
        digest: empty unless the status is 200
        words: why it did not answer; empty if it could not be asked yet
    """

    status: int
    digest: str = ""
    words: str = ""

    @property
    def is_gone(self) -> bool:
        return self.status == 404

    @property
    def was_asked(self) -> bool:
        return bool(self.status or self.words)

    def trouble(self, origin: Origin, host: str) -> tuple[str, ErrorKind]:
        """Return why the digest is not known, with the remedy, and the kind of that; empty if it is known."""
        place, login = origin.place, f"data.upstreams.{origin.place}.login"
        if self.digest or not self.was_asked:
            return "", ErrorKind.ANSWER
        if not self.status:
            return f"{place} does not answer {host}: {self.words}", ErrorKind.UNREACHABLE
        if self.is_gone:
            return f"{place} has no {origin.repository}:{origin.tag}", ErrorKind.UNMET
        if self.status in (401, 403):
            words = f"{place} refuses to show {origin} ({self.status}); is {login} right, and may it read there?"
            return words, ErrorKind.AUTHENTICATION
        if self.status == 429:
            return f"{place} answers no more for now (429); wait, or give {login} a login with more pulls", (
                ErrorKind.REFUSED
            )
        return f"{place} answers {self.status} about {origin}; run again", ErrorKind.ANSWER


def parse_answers(text: str, origins: Iterable[Origin]) -> dict[Origin, Answer]:
    """Return what was answered about each origin; about those without a line nothing was."""
    asked, found = list(origins), dict[Origin, Answer]()
    for number, status, rest in LINE.findall(text):
        if int(number) < len(asked):
            digest = rest.strip() if status == "200" and DIGEST.fullmatch(rest.strip()) else ""
            words = rest.strip() if status == "000" else ""
            found[asked[int(number)]] = Answer(int(status), digest, words or ("no reason" if status == "000" else ""))
    return {origin: found.get(origin, Answer(0)) for origin in asked}


def answer_about(task: Task, origin: Origin) -> Answer:
    """Return what upstream has under an origin's tag; the first call asks about all images of the host."""
    answers, key = context_of(task).answers, (KEY, task.host.name)
    if key not in answers or not answers[key][origin].was_asked:
        wanted = _tagged_origins(task.host)
        sides = {f"up{n}": place for n, place in enumerate(dict.fromkeys(one.place for one in wanted))}
        made = {name: side_of(task.host, place) for name, place in sides.items()}
        script = prepare(made, proxy_lines(task.host))
        names = {place: name for name, place in sides.items()}
        said = shell_of(task).run(f"{script}\n{ask_digests(names, wanted)}\n", 3 * ASK_S * len(wanted) + 60)
        if said.code:
            raise HostError(f"cannot ask upstream: {said.stderr.decode('utf-8', 'replace').strip()[-500:]}")
        answers[key] = parse_answers(said.stdout.decode("utf-8", "replace"), wanted)
    found: Mapping[Origin, Answer] = answers[key]
    return found[origin]


def _tagged_origins(host: Host) -> list[Origin]:
    """Return the images of registries that are named by a tag, each once."""
    return list(dict.fromkeys(origin for origin in origins_of(host).values() if origin.tag and not origin.is_archive))


def origins_of(host: Host) -> dict[str, Origin]:
    """Return where the images come from that others made, by PROJECT/REPOSITORY:TAG."""
    found = dict[str, Origin]()
    for name, source in settings_of(host, Images).by_name.items():
        if origin := source.parsed_origin:
            tag = name.rpartition(":")[2] if source.tags else origin.tag
            found[name] = Origin(origin.transport, origin.place, origin.repository, tag, origin.digest)
    return found


def upstream_of(host: Host, place: str) -> Upstream:
    """Return the settings of a registry from which images are brought."""
    settings = optional_settings_of(host, Upstreams)
    known = settings.by_name if settings else {}
    if place == HUB:
        place = next((name for name in (HUB, "index.docker.io", "registry-1.docker.io") if name in known), HUB)
    return known.get(place) or Upstream()


def side_of(host: Host, place: str) -> Side:
    """Return a registry upstream as the host that copies sees it; raise InputError if its login cannot be read."""
    upstream = upstream_of(host, place)
    with prefix_errors(f"data.upstreams.{place}.login.password"):
        login = (upstream.login.user, upstream.login.password.resolve()) if upstream.login else None
    return Side(place, login, upstream.ca.read_text() if upstream.ca else "")


def proxy_lines(host: Host) -> list[str]:
    """Return the environment by which the host reaches registries upstream: the proxy of its Docker."""
    unit = docker_unit(host)
    if unit is None:
        return []
    from moor.tasks.proxies.runtimes import environment_lines

    with prefix_errors(f"{unit.place}.login"):
        content = environment_lines(unit.proxy, unit.no_proxy)
    return (content.reveal() if isinstance(content, Secret) else content).splitlines()
