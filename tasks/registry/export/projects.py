"""Projects of a running Harbor, as the inventory writes them."""

from __future__ import annotations

from moor.tasks.registry.export.document import Document, document_of, valid, without
from moor.tasks.registry.export.parts import PARTS
from moor.tasks.registry.export.source import Entry, Source
from moor.tasks.registry.project.number import PROJECTS
from moor.tasks.registry.project.policy import policy_of
from moor.tasks.registry.project.project import ENDPOINTS
from moor.tasks.registry.project.quota import QUOTAS
from moor.tasks.registry.project.settings import Project


def projects_of(source: Source) -> dict[str, Document]:
    """Return every project by its name."""
    source.answers.fetch((PROJECTS, QUOTAS))
    entries = sorted(source.answers.every(PROJECTS), key=lambda entry: str(entry["name"]))
    source.answers.fetch(question for entry in entries for part in PARTS for question in part.questions(entry))
    return {str(entry["name"]): _project(source, entry) for entry in entries}


def _project(source: Source, entry: Entry) -> Document:
    held = {part.key: value for part in PARTS if (value := part.read(source, entry))}
    written = _policy(source, entry) | document_of(Project.model_construct(**held), source.release)
    return valid(Project, written, f"data.projects.{entry['name']}", source.site, source.notes)


def _policy(source: Source, entry: Entry) -> Document:
    """Return what Harbor keeps in a project itself, where that is another value than a new project has."""
    upstream = source.answers.every(ENDPOINTS) if entry.get("registry_id") else ()
    endpoints = {one["id"]: one["name"] for one in upstream}
    fresh = document_of(policy_of({}, {}), source.release)
    return without(document_of(policy_of(entry, endpoints), source.release), fresh)
