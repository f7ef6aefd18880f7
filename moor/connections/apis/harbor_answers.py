"""What Harbor answers, judged before anybody reads it: a proxy or a login page may stand where Harbor should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from moor.errors import ErrorKind, HostError

if TYPE_CHECKING:
    import httpx

LAST = 253_402_300_799  # seconds: the end of the year 9999, after which Python has no dates
Digest = Annotated[str, Field(pattern=r"^[a-z0-9+._-]+:[A-Za-z0-9=_-]+$")]


class Open(BaseModel):
    """Keeps what it does not know, so that it goes back to Harbor as it came."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class ProjectAnswer(Open):
    """A project; its metadata are text."""

    project_id: int
    metadata: dict[str, Any] | None = None


class Right(Open):
    """One thing that a robot may do."""

    resource: str
    action: str


class Permission(Open):
    """What a robot may do in one project."""

    access: list[Right] | None = None


class RobotAnswer(Open):
    """A robot account; Harbor leaves out what is 0."""

    id: int
    name: str
    duration: int = 0
    expires_at: Annotated[int, Field(le=LAST)] | None = None
    disable: bool | None = None
    permissions: list[Permission] | None = None


class Descriptor(Open):
    """Where a part of an image is."""

    digest: Digest


class Platform(Open):
    """What a machine is that an image is for."""

    architecture: str | None = None


class IndexEntry(Open):
    """One image of several."""

    platform: Platform | None = None


class ImageManifest(Open):
    """What an image is made of, or which images there are by platform."""

    config: Descriptor | None = None
    manifests: list[IndexEntry] | None = None


class Labelled(Open):
    """What an image's configuration says to the one who runs it."""

    Labels: dict[str, str] | None = None


class Configuration(Open):
    """An image's configuration."""

    architecture: str | None = None
    config: Labelled | None = None


PROJECT, ROBOTS = TypeAdapter(ProjectAnswer), TypeAdapter(list[RobotAnswer])
MANIFEST, CONFIGURATION = TypeAdapter(ImageManifest), TypeAdapter(Configuration)
DIGEST = TypeAdapter(Digest)


def understood(shape: TypeAdapter[Any], answer: httpx.Response) -> Any:
    """Return what an answer says, of the shape that Harbor gives; raises HostError where it is another."""
    try:
        return shape.dump_python(shape.validate_json(answer.content), exclude_unset=True)
    except ValidationError as error:
        raise HostError(f"{asked(answer)}: {answer.status_code}: {_other(error, answer)}", ErrorKind.ANSWER) from None


def digest_of(answer: httpx.Response) -> str:
    """Return the digest of a manifest as the registry says it; raises HostError where it says none."""
    try:
        return DIGEST.validate_python(answer.headers.get("Docker-Content-Digest"))
    except ValidationError:
        raise HostError(
            f"{asked(answer)}: {answer.status_code}: a manifest without Docker-Content-Digest", ErrorKind.ANSWER
        ) from None


def asked(answer: httpx.Response) -> str:
    """Return which request was answered."""
    return f"{answer.request.method} {answer.request.url.path}"


def _other(error: ValidationError, answer: httpx.Response) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if answer.content.lstrip()[:1] == b"<":
        return "a page, and no answer of Harbor's; is a proxy or a login page in front of it?"
    where = ".".join(str(part) for part in first["loc"])
    return f"no answer of Harbor's: {f'{where}: ' if where else ''}{first['msg']}; does Harbor listen there?"
