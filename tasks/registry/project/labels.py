"""Labels of a project, which its images can be marked with."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from nornir.core.task import Task
from pydantic import AfterValidator, Field

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.resources.base import State
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.project.number import PROJECTS, Place, present_number, project_number
from moor.tasks.registry.thing import Thing, Unlisted

LabelName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^\S(.*\S)?$")]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$"), AfterValidator(str.upper)]


class Label(StrictModel):
    """A label.

    Attributes:
        color: in quotes, since ``#`` begins a comment
        description: a text for people
    """

    color: Color = "#FFFFFF"
    description: Annotated[str, Field(max_length=255)] = ""


class LabelAnswer(HarborObject):
    """A label; Harbor leaves out what is empty."""

    id: int
    name: str
    color: str = ""
    description: str = ""


LABELS = Shape(list[LabelAnswer])


def labels_of(project: int) -> Listing:
    """Return the list of a project's labels, by its number."""
    return Listing("/labels", LABELS, (("scope", "p"), ("project_id", str(project))))


def payload_of(name: str, label: Label) -> dict[str, Any]:
    """Return what Harbor is sent for a label, without its project."""
    return {"name": name, "color": label.color, "description": label.description}


def label_of(answer: Mapping[str, Any]) -> Label:
    """Return the label of Harbor's answer, unchecked."""
    color, description = str(answer.get("color", "")), str(answer.get("description", ""))
    return Label.model_construct(color=color.upper(), description=description)


@dataclass(frozen=True)
class LabelThing(Thing):
    """One label of a project."""

    project: str
    name: str
    label: Label

    @property
    def id(self) -> str:
        return f"label:{self.project}/{self.name}"

    def desired(self, actual: State | None) -> State:
        return flatten(self.label)

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        number = project_number(answers, self.project)
        return () if number is None else (labels_of(number),)

    def found(self, answers: Answers, task: Task) -> State | None:
        number = project_number(answers, self.project)
        for answer in () if number is None else answers.every(labels_of(number)):
            if answer["name"] == self.name:
                return {**flatten(label_of(answer)), "id": str(answer["id"])}
        return None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        scope = {"scope": "p", "project_id": present_number(harbor, self.project)}
        payload = {**payload_of(self.name, self.label), **scope}
        if actual is None:
            # Harbor would make a label of a project that does not exist too.
            harbor.change("POST", f"{API}/labels", payload)
        else:
            harbor.change("PUT", f"{API}/labels/{actual['id']}", payload)


def unlisted_labels(place: Place, listed: Container[str]) -> Iterator[Unlisted]:
    """Yield the labels that are not listed; Harbor takes them off every image."""
    for answer in place.answers.every(labels_of(place.number)):
        if answer["name"] not in listed:
            lost = tuple((key, str(value)) for key, value in flatten(label_of(answer)).items())
            name = f"label:{place.name}/{answer['name']}"
            yield Unlisted(name, lost, labels_of(place.number), answer["id"], (f"/labels/{answer['id']}",))
