"""Endpoints: other registries that Harbor replicates to or from, or caches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import AfterValidator, Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, FieldErrors, HostError
from moor.resources.base import Later, State, Value
from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.fingerprints import fingerprints_of
from moor.tasks.registry.flat import text_of
from moor.tasks.registry.robots import RobotSecret
from moor.tasks.registry.thing import Thing

Type = Literal[
    "harbor",
    "docker-registry",
    "docker-hub",
    "ali-acr",
    "aws-ecr",
    "azure-acr",
    "dtr",
    "github-ghcr",
    "gitlab",
    "google-gcr",
    "huawei-SWR",
    "jfrog-artifactory",
    "quay",
    "tencent-tcr",
]
URL = re.compile(r"https?://(?P<login>[^/@]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[^\s?#]*)?")
NAME = r"^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$"
EndpointName = Annotated[str, Field(pattern=NAME, max_length=128)]
TYPE_IS_FIXED = "Harbor does not change the type of an endpoint; remove this one in Harbor first, with its rules"


def check_url(url: str) -> str:
    """Return the URL of a registry without a / at its end; raise ValueError for anything else."""
    found = URL.fullmatch(url)
    if not found:
        raise ValueError("not the URL of a registry; write https://HOST, with :PORT if that is not 443")
    if found["login"]:
        raise ValueError("a login is not written into the URL; write user and password")
    return url.rstrip("/")


class Endpoint(StrictModel):
    """A registry that Harbor replicates to or from, or caches: docs/harbor-configuration.md#replication.

    Attributes:
        url: ``https://HOST``, with the port if that is not 443
        type: ``docker-registry``, ``docker-hub``, ``aws-ecr``, ...: Harbor's names; fixed once it exists
        user: by which Harbor logs in there; for clouds, the id of the access key
        password: a reference to its password or secret key
        check_certificate: whether Harbor checks its certificate, by the CAs of its containers
        description: for people
    """

    url: Annotated[str, AfterValidator(check_url)]
    type: Type = "harbor"
    user: Annotated[str, Field(pattern=r"^\S+$")] | None = None
    password: SecretRef | None = None
    check_certificate: bool = True
    description: Annotated[str, Field(max_length=1024)] = ""

    @model_validator(mode="after")
    def _whole(self) -> Endpoint:
        if (self.user is None) != (self.password is None):
            lacking = "password" if self.password is None else "user"
            raise FieldErrors([((lacking,), "is missing; user and password belong together, or leave both out")])
        return self


class CredentialAnswer(HarborObject):
    """The login of an endpoint; its secret is not in it."""

    access_key: str | None = None


class EndpointAnswer(HarborObject):
    """An endpoint of Harbor's."""

    id: int
    name: str
    url: str
    type: str
    insecure: bool | None = None
    description: str | None = None
    status: str | None = None
    credential: CredentialAnswer | None = None


ENDPOINTS = Listing("/registries", Shape(list[EndpointAnswer]))


def payload_of(name: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return what Harbor is sent for a new endpoint, without its login."""
    return {
        "name": name,
        "type": endpoint.type,
        "url": endpoint.url,
        "insecure": not endpoint.check_certificate,
        "description": endpoint.description,
    }


def endpoint_of(answer: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint of Harbor's answer; the password is not in it."""
    return Endpoint.model_construct(
        url=str(answer["url"]).rstrip("/"),
        type=answer["type"],
        user=str((answer.get("credential") or {}).get("access_key") or "") or None,
        password=None,
        check_certificate=not answer.get("insecure"),
        description=answer.get("description") or "",
    )


def find_endpoint(answers: Answers, name: str) -> dict[str, Any] | None:
    """Return Harbor's description of an endpoint, None if it does not exist."""
    return answers.named(ENDPOINTS, name)


def present_endpoint(harbor: Harbor, name: str) -> dict[str, Any]:
    """Return an endpoint that an earlier step of this apply may have made; raise HostError without it."""
    found = next((one for one in ENDPOINTS.ask(harbor) if one["name"] == name), None)
    if found is None:
        raise HostError(f"registry:{name}: Harbor has no endpoint of that name; run again", ErrorKind.ANSWER)
    return dict(found)


@dataclass(frozen=True)
class EndpointThing(Thing):
    """An endpoint of Harbor's.

    Attributes:
        password: of ``endpoint.user``; Harbor does not give it back, so that moor compares its fingerprint
    """

    name: str
    endpoint: Endpoint
    password: RobotSecret | None = None

    @property
    def id(self) -> str:
        return f"registry:{self.name}"

    def desired(self, actual: State | None) -> State:
        state = self._state(self.endpoint)
        if self.password:
            state["password"] = self.password.existing() or Later("its password", secret=True)
        return state

    def _state(self, endpoint: Endpoint) -> dict[str, Value]:
        keys = ("url", "type", "check_certificate", "description")
        shown: dict[str, Value] = {key: text_of(getattr(endpoint, key)) for key in keys}
        return shown | {"user": endpoint.user or "(none)"}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        if actual is not None and actual["type"] != self.endpoint.type:
            return f"{self.id}: it is {actual['type']}, not {self.endpoint.type}; {TYPE_IS_FIXED}"
        return ""

    def first_questions(self) -> Iterable[Question]:
        return (ENDPOINTS,)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer = find_endpoint(answers, self.name)
        if answer is None:
            return None
        state = self._state(endpoint_of(answer))
        if self.password and (known := self.password.existing()):
            state["password"] = fingerprints_of(task.host).shown(self.id, "password", known)
        return state

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        body = payload_of(self.name, self.endpoint)
        secret = self.password.ensured() if self.password else None
        login = secret.reveal() if secret else ""
        try:
            if actual is None:
                credential = {"type": "basic", "access_key": self.endpoint.user, "access_secret": login}
                harbor.change("POST", f"{API}/registries", body | ({"credential": credential} if login else {}))
            else:
                del body["type"]
                # the login stands on the top level here, unlike in what makes an endpoint
                keys = {"credential_type": "basic", "access_key": self.endpoint.user or "", "access_secret": login}
                number = present_endpoint(harbor, self.name)["id"]
                harbor.change("PUT", f"{API}/registries/{number}", body | keys)
        except HostError as error:
            raise HostError(f"{error}{_remedy(error, self.endpoint)}", error.kind) from error
        if secret:
            fingerprints_of(task.host).keep(self.id, "password", secret)


def _remedy(error: HostError, endpoint: Endpoint) -> str:
    if "unhealthy" not in str(error):
        return ""
    return (
        f"; Harbor takes an endpoint only while {endpoint.url} answers it, accepts the login, and shows a certificate "
        "that Harbor's containers trust (harbor.options.storage_service.ca_bundle names further CAs)"
    )
