"""What a host's programs use as proxy, as settings of the inventory; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from moor.tasks.proxies.no_proxy import LOCAL
from moor.tasks.proxies.settings import Program, Url, Word
from moor.tasks.proxies.unset import drop_in_path
from moor.tasks.survey.script import HostView
from moor.tasks.survey.setting import Setting

PROXY = ("data", "proxy")
LOGIN, DOCKER_LOGIN = "file:secrets/proxy-login", "file:secrets/docker-proxy"
PROGRAMS = get_args(Program)
URL, WORD = TypeAdapter(Url), TypeAdapter(Word)


@dataclass(frozen=True)
class Proxied:
    """A program of a host, and the proxy that it uses.

    Attributes:
        program: of ``data.proxy.programs``
        unit: the runtime's unit, or the name of the program
        source: the file that sets the proxy, as far as that is known
        login: whether the proxy gets a login
        url: without a login; empty where the program goes without a proxy
    """

    program: str
    unit: str
    source: str
    login: bool
    url: str
    no_proxy: str

    @property
    def fits(self) -> bool:
        """Return whether the inventory can say this proxy."""
        return _is(URL, self.url)

    def exclusions(self, own: Sequence[str]) -> list[str]:
        """Return what is reached without the proxy, but for what moor leaves out by itself."""
        words = [word for word in re.split(r"[,\s]+", self.no_proxy) if word]
        return list(dict.fromkeys(word for word in words if word not in own and _is(WORD, word)))


def proxied_in(view: HostView) -> list[Proxied]:
    """Return the programs of a host, with the proxy of each."""
    found = list[Proxied]()
    for line in view.facts.get("proxied", ()):
        program, unit, source, login, url, no_proxy = (*line.split("|", 5), *[""] * 5)[:6]
        found.append(Proxied(program, unit, source or f"the environment of {unit}", bool(login), bare(url), no_proxy))
    return found


def bare(url: str) -> str:
    """Return a proxy's URL as moor writes it: with a scheme, and without a slash at its end."""
    word = url.strip().rstrip("/")
    return word if not word or "://" in word else f"http://{word}"


def general_proxy(view: HostView) -> Proxied | None:
    """Return the proxy of most of a host's programs, that of its runtime first; None where Docker alone has one."""
    every = [one for one in proxied_in(view) if one.fits]
    by_moor = "from data.proxy." in view.files.get(drop_in_path("docker"), "")
    return next((one for one in every if one.unit != "docker" or by_moor), None)


def proxy_settings(view: HostView, own: Sequence[str]) -> Iterator[Setting]:
    """Yield ``data.proxy`` of a host whose programs have one proxy.

    Args:
        own: the registry's names and addresses, which go without the proxy anyway
    """
    general = general_proxy(view)
    if general is None:
        return
    every = proxied_in(view)
    same = [one for one in every if one.url == general.url]
    yield Setting((*PROXY, "url"), general.url, general.source, shared=True)
    if secret := next((one for one in same if one.login), None):
        yield Setting((*PROXY, "login"), LOGIN, secret.source, shared=True)
    if around := general.exclusions((*LOCAL, *own)):
        yield Setting((*PROXY, "no_proxy"), around, general.source, shared=True)
    without = {one.program for one in every} - {one.program for one in same}
    if without:
        programs = [name for name in PROGRAMS if name not in without]
        yield Setting((*PROXY, "programs"), programs, "what has the proxy", shared=True)


def docker_settings(view: HostView, own: Sequence[str]) -> Iterator[Setting]:
    """Yield ``data.docker.proxy`` where Docker's proxy is not the one of the host's other programs."""
    general, key = general_proxy(view), ("data", "docker", "proxy")
    docker = next((one for one in proxied_in(view) if one.unit == "docker" and one.fits), None)
    if docker is None or (general and (general.url, general.login) == (docker.url, docker.login)):
        return
    yield Setting((*key, "url"), docker.url, docker.source)
    if docker.login:
        yield Setting((*key, "login"), DOCKER_LOGIN, docker.source)
    if around := docker.exclusions((*LOCAL, *own)):
        yield Setting((*key, "no_proxy"), around, docker.source)


def proxy_questions(view: HostView) -> Iterator[str]:
    """Yield what a host's proxies are that the inventory does not say."""
    general = general_proxy(view)
    for one in proxied_in(view):
        if one.url and not one.fits:
            yield (
                f"{view.name}: {one.source}: the proxy of {one.unit} is no http:// or https:// NAME:PORT; moor leaves "
                "it as it is"
            )
        elif general and one.url and one.url != general.url and one.unit != "docker":
            yield (
                f"{view.name}: {one.source}: {one.unit} has another proxy, {one.url}, than {general.url}; data.proxy "
                "has one for all, so moor leaves that one as it is"
            )


def _is(kind: TypeAdapter[str], word: str) -> bool:
    try:
        kind.validate_python(word)
    except ValidationError:
        return False
    return True
