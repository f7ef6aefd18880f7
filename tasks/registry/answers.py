"""What Harbor answers about its configuration, asked once a run and shared by all things of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import Shape
from moor.context import context_of
from moor.engine.observation import current_observation
from moor.errors import HarborUnreachable
from moor.secrets.secret import Secret
from moor.tasks.harbor.api import harbor_of

Kept = TypeVar("Kept")

API = "/api/v2.0"
BY_NAME = {"X-Is-Resource-Name": "true"}  # without it, Harbor takes a project named 2024 for an id
AT_ONCE = 4  # requests; Harbor answers them in parallel, and its database has other clients too


class Question(Protocol):
    """One thing to ask Harbor; equal questions have one answer."""

    def ask(self, harbor: Harbor) -> Any:
        """Ask it, and return the answer with its shape checked."""


@dataclass(frozen=True)
class Listing:
    """One list of Harbor's API.

    Attributes:
        path: below the API's root, such as ``/projects``
        shape: of the whole list
        query: parameters, such as a project's id
        by_name: the path has a project's name, which may look like an id
    """

    path: str
    shape: Shape
    query: tuple[tuple[str, str], ...] = ()
    by_name: bool = False

    def ask(self, harbor: Harbor) -> list[Any]:
        """Return all entries, from as many pages as there are."""
        return harbor.every(f"{API}{self.path}", self.shape, dict(self.query), BY_NAME if self.by_name else None)


@dataclass(frozen=True)
class Single:
    """One object of Harbor's API, which may not exist."""

    path: str
    shape: Shape
    by_name: bool = False

    def ask(self, harbor: Harbor) -> Any:
        """Return the object, None if it does not exist."""
        return harbor.get(f"{API}{self.path}", self.shape, headers=BY_NAME if self.by_name else None)


@dataclass(frozen=True)
class Login:
    """Whether the registry accepts a login."""

    user: str
    password: Secret

    def ask(self, harbor: Harbor) -> bool:
        """Log in; the token service would answer 200 to a wrong password too."""
        return harbor.logs_in(self.user, self.password.reveal())


class Answers:
    """Harbor's answers, each asked for once until ``forget`` is called.

    Attributes:
        seen: the observation of the host to which the answers belong
    """

    def __init__(self, harbor: Harbor, seen: object = None) -> None:
        self.seen = seen
        self._harbor = harbor
        self._known: dict[Question, Any] = {}
        self._made: dict[Hashable, Any] = {}
        self._down: HarborUnreachable | None = None

    def to(self, question: Question) -> Any:
        """Return the answer to any question; a Harbor that did not answer one is not asked another."""
        if question not in self._known:
            if self._down:
                raise self._down.with_traceback(None)
            try:
                self._known[question] = question.ask(self._harbor)
            except HarborUnreachable as error:
                self._down = error
                raise
        return self._known[question]

    def every(self, listing: Listing) -> list[dict[str, Any]]:
        """Return all entries of a list."""
        found: list[dict[str, Any]] = self.to(listing)
        return found

    def one(self, question: Question) -> dict[str, Any] | None:
        """Return an object, None if it does not exist."""
        found: dict[str, Any] | None = self.to(question)
        return found

    def named(self, listing: Listing, name: str) -> dict[str, Any] | None:
        """Return the entry of a list that has a name, None if there is none."""
        found: dict[str, Any] | None = self.derived("by name", listing, _by_name).get(name)
        return found

    def derived(self, name: str, listing: Listing, make: Callable[[list[dict[str, Any]]], Any]) -> Any:
        """Return what ``make`` makes of a list, such as an index by name; it is made once too."""
        return self.kept((name, listing), lambda: make(self.every(listing)))

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what ``make`` returns, which is called once for a key until ``forget`` is."""
        if key not in self._made:
            self._made[key] = make()
        found: Kept = self._made[key]
        return found

    def fetch(self, questions: Iterable[Question]) -> None:
        """Ask several questions at once, so that the answers are there when they are needed.

        A question that fails is asked again, and raises, where its answer is needed.
        """
        missing = [one for one in dict.fromkeys(questions) if one not in self._known]
        if len(missing) < 2:
            return
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [(question, pool.submit(partial(question.ask, self._harbor))) for question in missing]
        self._known.update({question: done.result() for question, done in asked if done.exception() is None})

    def forget(self) -> None:
        """Forget all answers, since something was written."""
        self._known.clear()
        self._made.clear()
        self._down = None


def _by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in entries}


def answers_of(task: Task) -> Answers:
    """Return the answers that hold since the task's host was observed last; a new, empty collection after a change."""
    known, key, seen = context_of(task).answers, ("harbor", task.host.name), current_observation(task.host)
    held: Answers | None = known.get(key)
    if held is None or held.seen is not seen:
        held = known[key] = Answers(harbor_of(task), seen)
    return held


def begin_reading(task: Task) -> None:
    """Forget former answers where a script runs the task by itself, outside of a run of moor's."""
    if current_observation(task.host) is None:
        answers_of(task).forget()
