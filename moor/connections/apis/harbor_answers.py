"""The shapes of Harbor's answers, checked before use, since a proxy or a login page may answer in Harbor's place."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from moor.errors import ErrorKind, HostError

if TYPE_CHECKING:
    import httpx2

LAST_SECOND = 253_402_300_799  # the end of the year 9999 in seconds since 1970; Python has no later dates
Digest = Annotated[str, Field(pattern=r"^[a-z0-9+._-]+:[A-Za-z0-9=_-]+$")]


class HarborObject(BaseModel):
    """An object of Harbor's API; unknown fields are kept, so that they go back to Harbor unchanged."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)


class Shape:
    """The shape of an answer; what checks it is built at first use, since a run needs few of them."""

    _building = Lock()  # answers are read by several threads

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    @cached_property
    def _checker(self) -> TypeAdapter[Any]:
        with Shape._building:
            return TypeAdapter(self._kind)

    def read(self, content: bytes) -> Any:
        """Return the content of an answer in JSON; raises ValidationError if the shape is wrong."""
        return self._checker.dump_python(self._checker.validate_json(content), exclude_unset=True)

    def check(self, value: object) -> Any:
        """Return a value; raises ValidationError if the shape is wrong."""
        return self._checker.validate_python(value)


class ProjectAnswer(HarborObject):
    """A project; the values of its metadata are text."""

    project_id: int
    metadata: dict[str, Any] | None = None


class RobotAccess(HarborObject):
    """One right of a robot: an action on a kind of object, such as push on repository."""

    resource: str
    action: str


class RobotPermission(HarborObject):
    """The rights of a robot in one project."""

    access: list[RobotAccess] | None = None


class RobotAnswer(HarborObject):
    """A robot account; Harbor leaves out fields that are 0."""

    id: int
    name: str
    duration: int = 0
    expires_at: Annotated[int, Field(le=LAST_SECOND)] | None = None
    disable: bool | None = None
    permissions: list[RobotPermission] | None = None


class Descriptor(HarborObject):
    """A reference to a part of an image (OCI descriptor)."""

    digest: Digest


class Platform(HarborObject):
    """The kind of machine that an image is for."""

    architecture: str | None = None


class IndexEntry(HarborObject):
    """One image of an image index."""

    platform: Platform | None = None


class ImageManifest(HarborObject):
    """An image manifest, or an index of the images for several platforms."""

    config: Descriptor | None = None
    manifests: list[IndexEntry] | None = None


class ContainerDefaults(HarborObject):
    """The part of an image's configuration that applies to its containers; the labels are in it."""

    Labels: dict[str, str] | None = None


class ImageConfiguration(HarborObject):
    """An image's configuration."""

    architecture: str | None = None
    config: ContainerDefaults | None = None


PROJECT, ROBOTS = Shape(ProjectAnswer), Shape(list[RobotAnswer])
MANIFEST, CONFIGURATION = Shape(ImageManifest), Shape(ImageConfiguration)
DIGEST = Shape(Digest)


def parse_answer(shape: Shape, answer: httpx2.Response) -> Any:
    """Check the shape of an answer and return its content; raises HostError if the shape is wrong."""
    try:
        return shape.read(answer.content)
    except ValidationError as error:
        raise HostError(
            f"{describe_request(answer)}: {answer.status_code}: {_explain_mismatch(error, answer)}", ErrorKind.ANSWER
        ) from None


def digest_of(answer: httpx2.Response) -> str:
    """Return the digest in a manifest's header; raises HostError if it is missing or none."""
    try:
        digest: str = DIGEST.check(answer.headers.get("Docker-Content-Digest"))
    except ValidationError:
        raise HostError(
            f"{describe_request(answer)}: {answer.status_code}: a manifest without "
            "Docker-Content-Digest; does a proxy before Harbor drop it?",
            ErrorKind.ANSWER,
        ) from None
    return digest


def describe_request(answer: httpx2.Response) -> str:
    """Return method and path of the request that was answered."""
    return f"{answer.request.method} {answer.request.url.path}"


def _explain_mismatch(error: ValidationError, answer: httpx2.Response) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if answer.content.lstrip()[:1] == b"<":
        return "a page, and no answer of Harbor's; is a proxy or a login page in front of it?"
    where = ".".join(str(part) for part in first["loc"])
    return f"no answer of Harbor's: {f'{where}: ' if where else ''}{first['msg']}; does Harbor listen there?"
