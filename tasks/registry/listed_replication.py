"""Endpoints and rules that the inventory lists below ``harbor_system``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nornir.core.inventory import Host

from moor.context import context_of, serves_registry
from moor.resources.base import Resource
from moor.settings import settings_of
from moor.tasks.registry.answers import Answers
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.projects import known_endpoints
from moor.tasks.registry.replication.endpoint import ENDPOINTS, Endpoint, EndpointThing
from moor.tasks.registry.replication.names import is_own
from moor.tasks.registry.replication.rule import Rule, RuleThing, rule_of
from moor.tasks.registry.replication.rule_answers import RULES
from moor.tasks.registry.robots import RobotSecret
from moor.tasks.registry.system.settings import HarborSystem
from moor.tasks.registry.thing import Unlisted


def replication_things(host: Host) -> Iterator[Resource]:
    """Yield the endpoints, then the rules, which rest in a registry that does not serve."""
    system = settings_of(host, HarborSystem)
    for name, endpoint in system.registries.items():
        yield EndpointThing(name, endpoint, secret_of(endpoint))
    for name, rule in system.replications.items():
        yield RuleThing(name, _resting(host, rule))


def secret_of(endpoint: Endpoint) -> RobotSecret | None:
    """Return where the password of an endpoint is; None where it has none."""
    return RobotSecret(Path(), endpoint.password) if endpoint.password else None


def _resting(host: Host, rule: Rule) -> Rule:
    serves = host.name not in context_of(host).registry_pair or serves_registry(host)
    return rule if serves else rule.model_copy(update={"enabled": False})


def unlisted_replication(host: Host, answers: Answers) -> Iterator[Unlisted]:
    """Yield the rules, then the endpoints, that the inventory does not list, where ``prune`` names their kind."""
    system = settings_of(host, HarborSystem)
    if "replications" in system.prune:
        for found in answers.every(RULES):
            if found["name"] not in system.replications and not is_own(found["name"]):
                lost = {key: str(value) for key, value in flatten(rule_of(found)).items()}
                place = f"/replication/policies/{found['id']}"
                yield Unlisted(f"replication:{found['name']}", tuple(lost.items()), RULES, found["id"], (place,))
    if "registries" in system.prune:
        listed = set(known_endpoints(host))
        for found in answers.every(ENDPOINTS):
            if found["name"] not in listed and not is_own(found["name"]):
                lost = {"url": found["url"], "type": found["type"]}
                place = f"/registries/{found['id']}"
                yield Unlisted(f"registry:{found['name']}", tuple(lost.items()), ENDPOINTS, found["id"], (place,))
