"""What is attached to images that are brought: asked upstream by the host that copies, and in our registry by moor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nornir.core.task import Task

from moor.connections.apis.harbor import MANIFESTS, Harbor
from moor.context import context_of
from moor.engine.asking import shell_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ErrorKind, HostError
from moor.tasks.attached import (
    INDEX,
    Answer,
    Attached,
    Attachments,
    descriptor_of,
    joined,
    list_with,
    questions,
    read_answers,
    tag_of,
)
from moor.tasks.harbor.api import harbor_of
from moor.tasks.images.ask_script import ASK_S, prepare
from moor.tasks.images.attached_script import ask_paths, parse_bodies
from moor.tasks.images.origin import Origin
from moor.tasks.images.upstream_answers import proxy_lines, side_of

KEY = "attached upstream"  # in the run's answers, with repository and digest
Login = tuple[str, str] | None


def attached_upstream(task: Task, origin: Origin, subjects: Sequence[str]) -> Attachments:
    """Return what a registry upstream has attached to some manifests; each is asked about once a run."""
    answers = context_of(task).answers
    unread = [one for one in subjects if (KEY, task.host.name, origin.named, one) not in answers]
    if unread:
        paths = [path for subject in unread for path in questions(subject)]
        script = prepare({"theirs": side_of(task.host, origin.place)}, proxy_lines(task.host))
        asked = [(origin, paths)]
        said = shell_of(task).run(f"{script}\n{ask_paths({origin.place: 'theirs'}, asked)}\n", ASK_S * len(paths) + 60)
        if said.code:
            words = said.stderr.decode("utf-8", "replace").strip()[-500:]
            raise HostError(f"cannot ask {origin.place} for signatures: {words}")
        (bodies,) = parse_bodies(said.stdout.decode("utf-8", "replace"), asked)
        for one in unread:
            found = read_answers(one, bodies)
            if found.unknown:
                return Attachments(unknown=f"{origin.place}: {found.unknown}")
            answers[KEY, task.host.name, origin.named, one] = found
    return joined(answers[KEY, task.host.name, origin.named, one] for one in subjects)


def attached_here(task: Task, repository: str, login: Login, wanted: Iterable[Attached]) -> Attachments:
    """Return what our registry has attached to the manifests that the wanted ones are about.

    Raises:
        HostError: the registry does not say
    """
    harbor, found = harbor_of(task), list[Attachments]()
    subjects: dict[str, set[str]] = {}
    for one in wanted:
        subjects.setdefault(one.subject, set()).add(one.end)
    for subject, ends in subjects.items():
        asked = {f"manifests/{tag_of(subject, end)}" for end in ends if end}
        answers: dict[str, Answer] = dict.fromkeys(questions(subject), (404, ()))
        answers |= {path: _answer(harbor, repository, path, login) for path in asked}
        if "" in ends:
            answers |= _referring(harbor, repository, subject, login)
        found.append(read_answers(subject, answers))
    both = joined(found)
    if both.unknown:
        raise HostError(f"whether {repository} has its signatures is not known: {both.unknown}")
    return both


def _referring(harbor: Harbor, repository: str, subject: str, login: Login) -> dict[str, Answer]:
    path, tag = f"referrers/{subject}", f"manifests/{tag_of(subject)}"
    answer = _answer(harbor, repository, path, login)
    return {path: answer} if answer[0] == 200 else {path: answer, tag: _answer(harbor, repository, tag, login)}


def _answer(harbor: Harbor, repository: str, path: str, login: Login) -> Answer:
    """Return an answer of our registry, all pages of it; where there is no repository yet, it is one of 404."""
    pages, status = list[bytes](), 0
    place = f"/v2/{repository}/{path}"
    while place:
        answer = harbor.ask_registry("GET", place, headers={"Accept": MANIFESTS}, login=login)
        status = answer.status_code
        if status != 200:
            return (404 if status == 401 else status), ()
        pages.append(answer.content)
        following = answer.links.get("next", {}).get("url", "")
        place = following[following.find("/v2/") :] if "/v2/" in following and len(pages) < 50 else ""
    return status, pages


def put_lists(task: Task, repository: str, login: Login, copied: Iterable[Attached]) -> None:
    """Write the lists of references that a registry without the API of them wants from its clients.

    Args:
        login: that may push

    Raises:
        HostError: the registry refuses one
    """
    harbor = harbor_of(task)
    added: dict[str, list[dict[str, object]]] = {}
    for one in copied:
        if not one.end:
            _, pages = _answer(harbor, repository, f"manifests/{one.digest}", login)
            added.setdefault(one.subject, []).extend(descriptor_of(page) for page in pages)
    for subject, entries in added.items():
        answers = _referring(harbor, repository, subject, login)
        if answers[f"referrers/{subject}"][0] == 200:
            continue
        place = f"manifests/{tag_of(subject)}"
        made, path = list_with(answers[place][1], entries), f"/v2/{repository}/{place}"
        answer = harbor.ask_registry("PUT", path, body=made, headers={"Content-Type": INDEX}, login=login)
        if not answer.is_success:
            raise HostError(f"PUT {path}: {answer.status_code}: {answer.text[:500]}", ErrorKind.REFUSED)


def report_unknown(task: Task, name: str, words: str) -> None:
    """Add to the task's results that nobody knows what upstream has attached to an image."""
    what = f"whether upstream has signatures of {name} that are not here is not known: {words}"
    _report(task, Finding(f"signatures:{name}", what, host=task.host.name, state="unexamined"))


def report_own(task: Task, name: str, own: Sequence[Attached]) -> None:
    """Add to the task's results that tags of cosign's here have something else than upstream."""
    repository = name.rpartition(":")[0]
    tags = ", ".join(f"{repository}{one.reference}" for one in own)
    what = f"{tags}: not what upstream has, and not made from it; it stays"
    mend = f"if nobody of yours signed {name}, remove the tag and run moor apply images, which brings upstream's"
    _report(task, Finding(f"signatures:{name}", what, mend, task.host.name))


def _report(task: Task, found: Finding) -> None:
    if found not in [sub.found for sub in task.results if isinstance(sub, FindingResult)]:
        task.results.append(FindingResult(task.host, found))
