"""The registries, asked about every image: each image and login once, several registries and images at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from moor.connections.apis.registry_api import AT_ONCE, RegistryApi
from moor.errors import HostError
from moor.tasks.image_reference import ImageReference
from moor.tasks.images_in_use.answers import (
    Asked,
    ImageAnswers,
    Wanted,
    architecture_in,
    classify,
    config_digest,
)
from moor.tasks.images_in_use.logins import Login, LoginChoice

REGISTRIES_AT_ONCE = 8
NO_HEAD = (400, 405, 501)


@dataclass(frozen=True)
class Question:
    """One image, and everything that is to be asked about it.

    Attributes:
        repository: in the registry that is asked, which may be a mirror
        choices: the logins of each namespace that uses it
    """

    image: ImageReference
    repository: str
    wanted: Wanted
    choices: frozenset[LoginChoice]


@dataclass(frozen=True)
class RegistryQuestions:
    """The questions to one registry.

    Attributes:
        own_view: asks by moor's own account, which may see what no pull secret may; None without one
    """

    api: RegistryApi
    questions: Sequence[Question]
    own_view: Callable[[Question], Asked | None] = lambda _: None


def ask_registries(asked: Iterable[RegistryQuestions]) -> dict[ImageReference, ImageAnswers]:
    """Ask all registries; one that does not answer leaves its images unknown, and does not hold up the others."""
    found: dict[ImageReference, ImageAnswers] = {}
    with ThreadPoolExecutor(REGISTRIES_AT_ONCE) as pool:
        for answers in pool.map(ask_registry, asked):
            found |= answers
    return found


def ask_registry(asked: RegistryQuestions) -> Mapping[ImageReference, ImageAnswers]:
    """Ask one registry about all its images."""

    def ask(question: Question) -> ImageAnswers:
        return ask_image(asked.api, question, asked.own_view)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(ask, asked.questions)
        return {question.image: one for question, one in zip(asked.questions, answers, strict=True)}


def ask_image(api: RegistryApi, question: Question, own_view: Callable[[Question], Asked | None]) -> ImageAnswers:
    """Ask a registry about an image by the logins of each namespace, until one of them may pull it."""
    found = ImageAnswers()
    for choice in sorted(question.choices, key=lambda one: not one.logins):
        for login in () if choice.unreadable else choice.tries:
            if login not in found.by_login:
                found.by_login[login] = _asked(api, question, login, detailed=found.best.state != "there")
            if found.by_login[login].state in ("there", "missing"):
                break
    if found.best.state == "denied" or not found.by_login:
        found.by_moor = own_view(question)
    return found


def _asked(api: RegistryApi, question: Question, login: Login | None, *, detailed: bool) -> Asked:
    """Return what the registry answers to one login.

    Args:
        detailed: nothing more is known of the image yet than that it should be there
    """
    repository, reference, wanted = question.repository, question.image.reference, question.wanted
    method = "GET" if detailed and not wanted.is_proven else "HEAD"
    try:
        answer = api.manifest(method, repository, reference, login)
        found = classify(answer)
        lacks_digest = found.state == "there" and not found.digest
        if method == "HEAD" and (
            answer.status in NO_HEAD or lacks_digest or (detailed and wanted.lacks_manifest(found))
        ):
            answer = api.manifest("GET", repository, found.digest or reference, login)
            found = classify(answer)
        if detailed and answer.body and wanted.lacks_manifest(found):
            found = _with_config(api, repository, found, answer.body, login)
        return found
    except HostError as error:
        return Asked("unknown", why=str(error))


def _with_config(api: RegistryApi, repository: str, found: Asked, body: bytes, login: Login | None) -> Asked:
    """Return the answer with the architecture of an image for one platform, which its configuration has.

    It stays unknown if the configuration is kept elsewhere, out of the controller's reach.
    """
    digest = config_digest(body)
    try:
        config = api.blob(repository, digest, login) if digest else None
    except HostError:
        return found
    return replace(found, architectures=architecture_in(config.body)) if config and config.status == 200 else found
