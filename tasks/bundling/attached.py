"""What is attached to an image upstream, asked by the machine that makes a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from moor.connections.apis.registry_address import RegistryAddress
from moor.connections.apis.registry_api import AT_ONCE, RegistryApi
from moor.lazy_imports import ssl
from moor.tasks.attached import Answer, Attachments, joined, questions, read_answers
from moor.tasks.bundling.image_needs import ImageNeed
from moor.tasks.images.upstream_answers import side_of


def attached_to(need: ImageNeed, subjects: Sequence[str]) -> Attachments:
    """Return what upstream has attached to some manifests of an image's repository.

    Raises:
        HostError: upstream does not answer
        InputError: its login cannot be read
    """
    side, origin = side_of(need.host, need.origin.place), need.origin
    trust = ssl.create_default_context()
    if side.ca:
        trust.load_verify_locations(cadata=side.ca)
    login = (side.login[0], side.login[1].reveal()) if side.login else None
    api = RegistryApi(RegistryAddress(origin.place, f"https://{origin.host}", trust=trust, by_environment=True))

    def ask(path: str) -> Answer:
        kind, _, reference = path.partition("/")
        if kind == "referrers":
            return api.referrers(origin.repository, reference, login)
        answer = api.manifest("HEAD", origin.repository, reference, login)  # which Docker Hub does not count as a pull
        if answer.status == 200:
            answer = api.manifest("GET", origin.repository, reference, login)
        return answer.status, [answer.body]

    paths = [path for subject in subjects for path in questions(subject)]
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = dict(zip(paths, pool.map(ask, paths), strict=True))
    finally:
        api.close()
    found = joined(read_answers(subject, answers) for subject in subjects)
    return Attachments(found.marks, f"{origin.place}: {found.unknown}" if found.unknown else "")
