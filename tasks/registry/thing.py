"""The base of Harbor's configuration as data: one thing behind its API, read from shared answers, written by a request.

A kind of thing is a module with

- a ``StrictModel``: what the inventory says of it;
- two pure functions: ``payload_of(model)``, what Harbor is sent, and ``model_of(answer)``, the way back, so that
  ``model_of(payload_of(model)) == model``; the export prints what ``model_of`` returns;
- a ``Thing``: which answer it is read from, and which requests write it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.errors import HarborUnreachable
from moor.resources.base import Remote, State
from moor.tasks.harbor.api import harbor_of, may_be_created
from moor.tasks.registry.answers import API, BY_NAME, Answers, Listing, Question, answers_of


class Thing(Remote):
    """One thing of Harbor's configuration."""

    @property
    def closes(self) -> bool:
        """Return whether Harbor takes no change after this one, so that it comes last, after removals too."""
        return False

    def first_questions(self) -> Iterable[Question]:
        """Return what it is read from, as far as that is known without another answer; asked at once for all things."""
        return ()

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        """Return what else it is read from, such as a list whose address has a project's number."""
        return ()

    def last_questions(self, answers: Answers) -> Iterable[Question]:
        """Return what it is read from that is only known by the answers to ``next_questions``."""
        return ()

    @abstractmethod
    def found(self, answers: Answers, task: Task) -> State | None:
        """Return its state by Harbor's answers, None for absent; fields that are not desired may be in it, as an id."""

    @abstractmethod
    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        """Send the requests that bring it from ``actual`` to its desired state."""

    def read(self, task: Task) -> State | None:
        try:
            return self.found(answers_of(task), task)
        except HarborUnreachable:
            if may_be_created(task):
                return None
            raise

    def write(self, task: Task, actual: State | None) -> None:
        try:
            self.change(harbor_of(task), actual, task)
        finally:
            answers_of(task).forget()


@dataclass(frozen=True)
class Unlisted(Thing):
    """Something in Harbor that the inventory does not list, and that is removed since ``prune`` says so.

    Attributes:
        name: ``kind:name``
        lost: what would be lost, shown by the plan
        listing: the list that has it
        number: its id there
        deletes: the paths to delete, in order
        refused: why moor does not remove it; empty if it does
        id_field: the field of the list's entries that has ``number``
        by_name: the paths have a project's name
    """

    name: str
    lost: tuple[tuple[str, str], ...]
    listing: Listing
    number: int | str
    deletes: tuple[str, ...]
    refused: str = ""
    id_field: str = "id"
    by_name: bool = False

    @property
    def id(self) -> str:
        return self.name

    def desired(self, actual: State | None) -> None:
        return None

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return f"{self.name}: {self.refused}" if actual is not None and self.refused else ""

    def first_questions(self) -> Iterable[Question]:
        return (self.listing,)

    def found(self, answers: Answers, task: Task) -> State | None:
        there = any(entry.get(self.id_field) == self.number for entry in answers.every(self.listing))
        return dict(self.lost) if there else None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        for path in self.deletes:
            harbor.change("DELETE", f"{API}{path}", None, BY_NAME if self.by_name else None)


def fetch_ahead(task: Task, things: Iterable[object]) -> None:
    """Ask Harbor at once for what the things are read from; a Harbor that is not there yet is told by their reading."""
    ours = [thing for thing in things if isinstance(thing, Thing)]
    answers = answers_of(task)
    try:
        answers.fetch(question for thing in ours for question in thing.first_questions())
        answers.fetch(question for thing in ours for question in thing.next_questions(answers))
        answers.fetch(question for thing in ours for question in thing.last_questions(answers))
    except HarborUnreachable:
        if not may_be_created(task):
            raise
