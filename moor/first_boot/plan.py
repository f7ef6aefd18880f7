"""The plan of a machine that is yet to boot: what its resources would change on one that holds none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from moor.errors import InputError, MoorError
from moor.first_boot.unread_files import UnreadFiles
from moor.resources.base import Later, Probed, Required, Resource, Scripted, State
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.resources.service import Service
from moor.secrets.masking import mask
from moor.secrets.secret import Secret

ROOT = "root:root"


@dataclass(frozen=True)
class PlannedFile:
    """A file that a machine is given whole.

    Attributes:
        mode: four octal digits.
        fragment: sh that writes it, for a format without files.
    """

    path: str
    content: str
    mode: str
    fragment: str

    @property
    def id(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True)
class PlannedStep:
    """A change that a machine makes itself: the resource's id, and sh that makes it."""

    id: str
    fragment: str


@dataclass
class FirstBootPlan:
    """What a machine is given.

    Attributes:
        steps: in their order.
        secrets: ids of resources that are left out, since they are secrets and nobody asked for them.
        left: by id, why a resource is left to ``moor apply``.
        edited: by path, what edits make of a file that is missing.
    """

    steps: list[PlannedFile | PlannedStep] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[PlannedFile]:
        """Return the files that are given whole."""
        return [step for step in self.steps if isinstance(step, PlannedFile)]

    @property
    def further(self) -> list[PlannedStep]:
        """Return what remains to be done once the files are there."""
        return [step for step in self.steps if isinstance(step, PlannedStep)]


def plan_first_boot(
    resources: Sequence[Resource], like: Mapping[str, State | None], with_secrets: bool
) -> FirstBootPlan:
    """Return the plan of a machine on which none of the resources is there.

    Args:
        resources: of all stages, in their order.
        like: what was read of edited files on a host of the same image, by id.
        with_secrets: take in what is secret.

    Raises:
        InputError: with every value that an earlier run has to make.
    """
    found, files = FirstBootPlan(), UnreadFiles(like)
    unknown = dict[str, str]()
    for resource in _each_once(resources):
        try:
            wanted = _wanted(resource)
            if wanted is None:
                continue
            if later := next((value for value in wanted.values() if isinstance(value, Later)), None):
                unknown[resource.id] = later.what
            elif step := _step(found, resource, files):
                if with_secrets or not _is_secret(resource, wanted, step):
                    found.steps.append(step)
                else:
                    found.secrets.append(resource.id)
        except MoorError as error:
            found.left[resource.id] = str(error)
    found.edited = {path: contents[0] for path, contents in files.contents.items()}
    if unknown:
        lines = [f"{name}: not made yet: {what}" for name, what in unknown.items()]
        raise InputError("\n".join([*lines, "run moor apply for the registry's host first, which makes it"]))
    return found


def _wanted(resource: Resource) -> State | None:
    """Return the desired state on a machine that holds nothing; None where there is nothing to make."""
    if isinstance(resource, Edit) or not isinstance(resource, Scripted | Required):
        return {}
    return None if isinstance(resource, Required) else resource.desired(None)


def _is_secret(resource: Resource, wanted: State, step: PlannedFile | PlannedStep) -> bool:
    """Return whether a step holds a secret, also one that is only a part of its text."""
    declared = isinstance(resource, Edit) and resource.is_secret
    return declared or any(isinstance(one, Secret) for one in wanted.values()) or mask(step.fragment) != step.fragment


def _each_once(resources: Iterable[Resource]) -> Iterator[Resource]:
    """Yield each resource once: a service where it comes last, since it must be newer than the files before."""
    given = list(resources)
    last = {resource.id: at for at, resource in enumerate(given)}
    seen = set[str]()
    for at, resource in enumerate(given):
        if resource.id in seen or (isinstance(resource, Service) and last[resource.id] != at):
            continue
        seen.add(resource.id)
        yield resource


def _step(found: FirstBootPlan, resource: Resource, files: UnreadFiles) -> PlannedFile | PlannedStep | None:
    """Return how a resource is made; None if there is nothing to do, or it is left to an apply."""
    if isinstance(resource, Edit):
        fragment = files.edit(resource)
        return PlannedStep(resource.id, fragment) if fragment else None
    if isinstance(resource, File):
        return _file(resource)
    if isinstance(resource, Scripted):
        fragment = resource.first_mend()
        return PlannedStep(resource.id, fragment) if fragment else None
    over = isinstance(resource, Probed)
    found.left[resource.id] = "moor makes it over a connection" if over else "it is not on the machine itself"
    return None


def _file(file: File) -> PlannedFile | PlannedStep:
    """Return a file; one with a check of its own, or of another owner than root, is written by a step."""
    fragment = file.first_mend()
    if file.validate or file.owner not in (ROOT, "0:0") or not isinstance(file.content, str | Secret):
        return PlannedStep(file.id, fragment)
    content = file.content.reveal() if isinstance(file.content, Secret) else file.content
    return PlannedFile(file.path, content, file.mode.rjust(4, "0"), fragment)
