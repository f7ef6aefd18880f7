"""Webhooks of a project: addresses that Harbor tells what happened."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import FieldErrors
from moor.resources.base import State, Value
from moor.secrets.secret import Secret
from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.fingerprints import NOT_OURS, fingerprints_of
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.project.number import PROJECTS, Place, present_number, project_number
from moor.tasks.registry.thing import Thing, Unlisted
from moor.tasks.registry.urls import Url

Event = Literal[
    "PUSH_ARTIFACT",
    "PULL_ARTIFACT",
    "DELETE_ARTIFACT",
    "QUOTA_EXCEED",
    "QUOTA_WARNING",
    "SCANNING_FAILED",
    "SCANNING_STOPPED",
    "SCANNING_COMPLETED",
    "REPLICATION",
    "TAG_RETENTION",
]
WebhookName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\S(.*\S)?$")]
FORMATS = {"default": "Default", "cloudevents": "CloudEvents"}
NO_AUTH = "none"


class Webhook(StrictModel):
    """A webhook.

    Attributes:
        address: where the events are sent, without a login in it
        events: list of Harbor's names, such as ``PUSH_ARTIFACT``
        type: ``http`` or ``slack``
        auth: the header Authorization that is sent along
        verify_tls: check the certificate of the address
        format: ``default`` or ``cloudevents``, for ``http``
        description: a text for people
        enabled: ``false`` for a webhook that is written down and sends nothing
    """

    address: Url
    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    type: Literal["http", "slack"] = "http"
    auth: SecretRef | None = None
    verify_tls: bool = True
    format: Literal["default", "cloudevents"] = "default"
    description: Annotated[str, Field(max_length=1024)] = ""
    enabled: bool = True

    @model_validator(mode="after")
    def _fits_its_type(self) -> Webhook:
        wrong = [name for name in ("auth", "format") if self.type == "slack" and name in self.model_fields_set]
        if wrong:
            raise FieldErrors([((name,), "it is for the type http; drop it") for name in wrong])
        return self


class TargetAnswer(HarborObject):
    """An address of a webhook; Harbor gives the header of its login in clear."""

    type: str
    address: str
    auth_header: str = ""
    skip_cert_verify: bool = False
    payload_format: str = ""


class WebhookAnswer(HarborObject):
    """A webhook; Harbor leaves out what is empty or false."""

    id: int
    name: str
    description: str = ""
    enabled: bool = False
    event_types: list[str] | None = None
    targets: list[TargetAnswer] | None = None


WEBHOOKS = Shape(list[WebhookAnswer])


def webhooks_of(project: int) -> Listing:
    """Return the list of a project's webhooks, by its number."""
    return Listing(f"/projects/{project}/webhook/policies", WEBHOOKS)


def payload_of(name: str, webhook: Webhook) -> dict[str, Any]:
    """Return what Harbor is sent for a webhook, without the header of its login."""
    target = {"type": webhook.type, "address": webhook.address, "skip_cert_verify": not webhook.verify_tls}
    shape = {"payload_format": FORMATS[webhook.format]} if webhook.type == "http" else {}
    return {
        "name": name,
        "description": webhook.description,
        "enabled": webhook.enabled,
        "event_types": list(webhook.events),
        "targets": [{**target, **shape}],
    }


def webhook_of(answer: Mapping[str, Any]) -> Webhook:
    """Return the webhook of Harbor's answer, unchecked and without its secret; of several addresses, the first."""
    target = (answer.get("targets") or [{}])[0]
    words = {known: word for word, known in FORMATS.items()}
    return Webhook.model_construct(
        address=target.get("address", ""),
        events=tuple(answer.get("event_types") or ()),
        type=target.get("type", ""),
        verify_tls=not target.get("skip_cert_verify", False),
        format=words.get(target.get("payload_format") or "Default", target.get("payload_format", "")),
        description=answer.get("description", ""),
        enabled=answer.get("enabled", False),
    )


def state_of(webhook: Webhook, auth: Value, targets: int) -> dict[str, Value]:
    """Return a webhook's fields; moor writes one address, and more are a difference."""
    found = {name: value for name, value in flatten(webhook).items() if name != "auth"}
    if webhook.type != "http":
        found.pop("format")
    return {**found, "auth": auth, "addresses": str(targets)}


@dataclass(frozen=True)
class WebhookThing(Thing):
    """One webhook of a project."""

    project: str
    name: str
    webhook: Webhook

    @property
    def id(self) -> str:
        return f"webhook:{self.project}/{self.name}"

    @property
    def secret(self) -> Secret | None:
        """Return the header that is sent along."""
        return self.webhook.auth.resolve() if self.webhook.auth else None

    def desired(self, actual: State | None) -> State:
        return state_of(self.webhook, self.secret or NO_AUTH, 1)

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        number = project_number(answers, self.project)
        return () if number is None else (webhooks_of(number),)

    def found(self, answers: Answers, task: Task) -> State | None:
        number = project_number(answers, self.project)
        for answer in () if number is None else answers.every(webhooks_of(number)):
            if answer["name"] == self.name:
                held = state_of(webhook_of(answer), self._held_auth(answer, task), len(answer.get("targets") or ()))
                return {**held, "id": str(answer["id"])}
        return None

    def _held_auth(self, answer: Mapping[str, Any], task: Task) -> str:
        """Return what is compared with the header; its fingerprint where Harbor shows stars in its place."""
        header = str((answer.get("targets") or [{}])[0].get("auth_header", ""))
        if not header:
            return NO_AUTH
        if self.secret is None:
            return "a header"
        if set(header) == {"*"}:
            return fingerprints_of(task.host).shown(self.id, "auth", self.secret)
        return self.secret.sha256() if header == self.secret.reveal() else NOT_OURS

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        path = f"{API}/projects/{present_number(harbor, self.project)}/webhook/policies"
        payload = payload_of(self.name, self.webhook)
        if self.secret:
            payload["targets"][0]["auth_header"] = self.secret.reveal()
        if actual is None:
            harbor.change("POST", path, payload)
        else:
            harbor.change("PUT", f"{path}/{actual['id']}", {"id": int(str(actual["id"])), **payload})
        if self.secret:
            fingerprints_of(task.host).keep(self.id, "auth", self.secret)


def unlisted_webhooks(place: Place, listed: Container[str]) -> Iterator[Unlisted]:
    """Yield the webhooks that are not listed."""
    for answer in place.answers.every(webhooks_of(place.number)):
        if answer["name"] not in listed:
            held = webhook_of(answer)
            lost = (("address", held.address), ("events", ", ".join(sorted(held.events))))
            path = f"/projects/{place.number}/webhook/policies/{answer['id']}"
            yield Unlisted(
                f"webhook:{place.name}/{answer['name']}", lost, webhooks_of(place.number), answer["id"], (path,)
            )
