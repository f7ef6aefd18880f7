"""A project itself: made, and kept as it is to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ApiRefusal, ErrorKind, HostError
from moor.resources.base import State
from moor.tasks.registry.answers import API, BY_NAME, Answers, Listing, Question
from moor.tasks.registry.project.number import PROJECTS, by_itself, find_project, is_listed
from moor.tasks.registry.project.policy import ProjectPolicy, payload_of, policy_of, state_of
from moor.tasks.registry.thing import Thing


class EndpointAnswer(HarborObject):
    """A registry endpoint."""

    id: int
    name: str


ENDPOINTS = Listing("/registries", Shape(list[EndpointAnswer]))


@dataclass(frozen=True)
class ProjectThing(Thing):
    """A project in Harbor.

    Attributes:
        name: the project's
        policy: what Harbor keeps in it
        endpoints: names of the registry endpoints that the inventory has, of which the same apply makes those that lack
    """

    name: str
    policy: ProjectPolicy
    endpoints: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return f"project:{self.name}"

    def desired(self, actual: State | None) -> State:
        return state_of(self.policy)

    def refusal(self, actual: State | None, desired: State | None) -> str:
        wanted = self.policy.proxy_cache.registry if self.policy.proxy_cache else None
        if actual is None or wanted is None or actual.get("proxy_cache.registry") == wanted:
            return ""
        held = actual.get("proxy_cache.registry")
        what = f"a proxy cache of {held}" if held else "no proxy cache"
        return (
            f"{self.id}: it is {what}, and Harbor makes no proxy cache of {wanted} of a project that exists; "
            "write what holds, or give the proxy cache another name"
        )

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS, ENDPOINTS) if self.policy.proxy_cache else (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        return () if is_listed(answers, self.name) else (by_itself(self.name),)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer, proxy = find_project(answers, self.name), self.policy.proxy_cache
        endpoints = {one["id"]: one["name"] for one in answers.every(ENDPOINTS)} if proxy else {}
        if answer is not None:
            return state_of(policy_of(answer, endpoints))
        if proxy and proxy.registry not in {*self.endpoints, *endpoints.values()}:
            raise ApiRefusal(f"{self.id}: {no_endpoint(proxy.registry)}", ErrorKind.UNMET)
        return None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        payload = payload_of(self.policy)
        if actual is None:
            made: dict[str, Any] = {"project_name": self.name, **payload}
            if self.policy.proxy_cache:
                made["registry_id"] = _endpoint_number(harbor, self.policy.proxy_cache.registry)
            harbor.change("POST", f"{API}/projects", made)
        if actual is not None or "cve_allowlist" in payload:  # which Harbor ignores when it makes a project
            harbor.change("PUT", f"{API}/projects/{self.name}", payload, BY_NAME)


def _endpoint_number(harbor: Harbor, name: str) -> int:
    """Return the number of a registry endpoint; Harbor answers 500 to a project of one that it does not have."""
    for endpoint in ENDPOINTS.ask(harbor):
        if endpoint["name"] == name:
            return int(endpoint["id"])
    raise HostError(no_endpoint(name), ErrorKind.UNMET)


def no_endpoint(name: str) -> str:
    """Return what is wrong with a proxy cache of an endpoint that does not exist, and the remedy."""
    return f"Harbor has no registry endpoint {name}; write it below data.harbor_system.registries"
