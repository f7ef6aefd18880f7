"""Scanners that Harbor asks for vulnerabilities, and which of them it asks by default."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import AfterValidator, Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, HostError
from moor.resources.base import State, Value
from moor.secrets.secret import Secret
from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.fingerprints import fingerprints_of
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.system.auth import check_web
from moor.tasks.registry.thing import Thing, Unlisted

OWN = "Trivy"  # made by Harbor's installer, by its flag
AUTHS = {"none": "", "basic": "Basic", "bearer": "Bearer", "api_key": "X-ScannerAdapter-API-Key"}


def without_slash(url: str) -> str:
    """Return a URL without the slash at its end, which Harbor drops."""
    return check_web(url).rstrip("/")


def check_name(name: str) -> str:
    """Return a scanner's name; raise ValueError for the one that Harbor's installer keeps for its own."""
    if name == OWN:
        raise ValueError(f"{OWN} is made by Harbor's installer (flag --with-trivy); give yours another name")
    return name


ScannerName = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(check_name)]


class Scanner(StrictModel):
    """A scanner of vulnerabilities.

    Attributes:
        url: of its adapter, as Harbor reaches it
        description: free text
        auth: ``none``, ``basic``, ``bearer`` or ``api_key``
        credential: by which Harbor logs in to the adapter; with ``auth``
        verify_certificate: whether the adapter's certificate is checked
        internal_address: whether it reaches the registry by Harbor's inner address
        enabled: ``false`` for one that is not asked
    """

    url: Annotated[str, AfterValidator(without_slash), Field(max_length=512)]
    description: Annotated[str, Field(max_length=1024)] = ""
    auth: Literal["none", "basic", "bearer", "api_key"] = "none"
    credential: SecretRef | None = None
    verify_certificate: bool = True
    internal_address: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Scanner:
        if (self.auth == "none") != (self.credential is None):
            raise ValueError("auth (basic, bearer, api_key) and credential belong together; write both, or neither")
        return self


class ScannerAnswer(HarborObject):
    """A scanner; some releases give its credential, which goes no further than to be compared."""

    uuid: str
    name: str
    url: str
    is_default: bool = False
    disabled: bool = False


SCANNERS = Listing("/scanners", Shape(list[ScannerAnswer]))


def payload_of(name: str, scanner: Scanner) -> dict[str, Any]:
    """Return what Harbor is sent; the credential in clear, since Harbor needs it so."""
    return {
        "name": name,
        "url": scanner.url,
        "description": scanner.description,
        "auth": AUTHS[scanner.auth],
        "access_credential": scanner.credential.resolve().reveal() if scanner.credential else "",
        "skip_certVerify": not scanner.verify_certificate,
        "use_internal_addr": scanner.internal_address,
        "disabled": not scanner.enabled,
    }


def scanner_of(answer: Mapping[str, Any]) -> Scanner:
    """Return the model of Harbor's answer, without its credential."""
    auth = next((name for name, word in AUTHS.items() if word == answer.get("auth", "")), "none")
    return Scanner.model_construct(
        url=str(answer["url"]).rstrip("/"),
        description=str(answer.get("description") or ""),
        auth=auth,
        verify_certificate=not answer.get("skip_certVerify"),
        internal_address=bool(answer.get("use_internal_addr")),
        enabled=not answer.get("disabled"),
    )


def find_scanner(answers: Answers, name: str) -> dict[str, Any] | None:
    """Return Harbor's description of a scanner, by name."""
    return next((one for one in answers.every(SCANNERS) if one["name"] == name), None)


@dataclass(frozen=True)
class ScannerThing(Thing):
    """One scanner."""

    name: str
    scanner: Scanner

    @property
    def id(self) -> str:
        return f"scanner:{self.name}"

    def desired(self, actual: State | None) -> State:
        return flatten(self.scanner)

    def first_questions(self) -> Iterable[Question]:
        return (SCANNERS,)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer = find_scanner(answers, self.name)
        if answer is None:
            return None
        fields: dict[str, Value] = flatten(scanner_of(answer))
        if self.scanner.credential:
            fields["credential"] = self._credential(task, answer, self.scanner.credential.resolve())
        return fields

    def _credential(self, task: Task, answer: Mapping[str, Any], wanted: Secret) -> str:
        """Return the hash of the present credential, by Harbor's answer, or where it has none by what moor wrote."""
        if given := answer.get("access_credential"):
            return Secret(str(given)).sha256()
        return fingerprints_of(task.host).shown(self.id, "credential", wanted)

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        present = next((one for one in SCANNERS.ask(harbor) if one["name"] == self.name), None)
        sent = payload_of(self.name, self.scanner)
        if present:
            harbor.change("PUT", f"{API}/scanners/{present['uuid']}", sent)
        else:
            self._make(harbor, sent)
        if self.scanner.credential:
            fingerprints_of(task.host).keep(self.id, "credential", self.scanner.credential.resolve())

    def _make(self, harbor: Harbor, sent: Mapping[str, Any]) -> None:
        try:
            harbor.change("POST", f"{API}/scanners", sent)
        except HostError as error:
            if ": 500: " not in str(error):
                raise
            raise HostError(
                f"{error}; Harbor tries a new scanner first: does its adapter answer at {self.scanner.url} from "
                "Harbor's host, and take this login?",
                error.kind,
            ) from None


@dataclass(frozen=True)
class DefaultScanner(Thing):
    """The scanner that Harbor asks unless a project has one of its own."""

    name: str

    @property
    def id(self) -> str:
        return "setting:default-scanner"

    def desired(self, actual: State | None) -> State:
        return {"scanner": self.name}

    def first_questions(self) -> Iterable[Question]:
        return (SCANNERS,)

    def found(self, answers: Answers, task: Task) -> State | None:
        default = next((str(one["name"]) for one in answers.every(SCANNERS) if one.get("is_default")), "")
        return {"scanner": default}

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        present = next((one for one in SCANNERS.ask(harbor) if one["name"] == self.name), None)
        if present is None:
            names = ", ".join(sorted(one["name"] for one in SCANNERS.ask(harbor))) or "none"
            raise HostError(f"Harbor has no scanner {self.name}; it has {names}", ErrorKind.UNMET)
        harbor.change("PATCH", f"{API}/scanners/{present['uuid']}", {"is_default": True})


def unlisted_scanners(answers: Answers, listed: Container[str]) -> Iterator[Unlisted]:
    """Yield the scanners that are not listed, except for the one of Harbor's installer."""
    for answer in answers.every(SCANNERS):
        if answer["name"] in listed or answer["name"] == OWN:
            continue
        lost = {"url": str(answer["url"]), "default": "yes" if answer.get("is_default") else "no"}
        path = (f"/scanners/{answer['uuid']}",)
        name = f"scanner:{answer['name']}"
        yield Unlisted(name, tuple(lost.items()), SCANNERS, answer["uuid"], path, id_field="uuid")
