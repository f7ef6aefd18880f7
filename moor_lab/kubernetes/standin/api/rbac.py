"""Authorization by Roles and bindings in the cluster, and the reviews with which users query their rights."""

from collections.abc import Iterator
from typing import Any

from .. import kinds
from ..objects import Object, name_of
from ..store import Store
from .access import User
from .requests import Target

ALL = "*"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SELF_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


SEPARATE = ("eviction",)
"""Subresources that rules name by themselves, as in ``pods/eviction``; the others follow their object here."""


def allows(store: Store, user: User, verb: str, target: Target) -> bool:
    """Return whether the user's own role, or a binding, allows this."""
    kind, part = target.kind, f"/{target.subresource}" if target.subresource in SEPARATE else ""
    return user.may(verb, kind, target.name, target.namespace) or granted(
        store, user, verb, (kind.group, f"{kind.plural}{part}"), (target.namespace, target.name)
    )


def granted(store: Store, user: User, verb: str, resource: tuple[str, str], target: tuple[str, str]) -> bool:
    """Return whether a rule bound to the user allows this.

    Args:
        resource: group and plural
        target: namespace and name
    """
    return any(_covers(rule, verb, resource, target[1]) for rule in _rules(store, user, target[0]))


def _rules(store: Store, user: User, namespace: str) -> Iterator[Object]:
    bindings = list(store.select(kinds.CLUSTER_ROLE_BINDING)[0])
    if namespace:
        bindings += store.select(kinds.ROLE_BINDING, namespace)[0]
    for binding in bindings:
        if any(_is(subject, user) for subject in binding.get("subjects") or []):
            yield from _role(store, binding["roleRef"], namespace).get("rules") or []


def _role(store: Store, reference: Object, namespace: str) -> Object:
    kind, place = (kinds.ROLE, namespace) if reference["kind"] == "Role" else (kinds.CLUSTER_ROLE, "")
    return next((role for role in store.select(kind, place)[0] if name_of(role) == reference["name"]), {})


def _is(subject: Object, user: User) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    if subject["kind"] == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    return bool(subject["name"] == user.name)


def _covers(rule: Object, verb: str, resource: tuple[str, str], name: str) -> bool:
    group, plural = resource
    pairs = ((verb, rule.get("verbs")), (group, rule.get("apiGroups")), (plural, rule.get("resources")))
    if not all(ALL in (listed or []) or wanted in (listed or []) for wanted, listed in pairs):
        return False
    return not rule.get("resourceNames") or name in rule["resourceNames"]


def reviewed(store: Store, user: User, path: str, body: Any) -> Object:
    """Return the answer to a review that is posted to ``path``."""
    if path == SELF_REVIEWS:
        info = {"username": user.name, "groups": list(user.groups)}
        return {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "status": {"userInfo": info}}
    spec = body.get("spec") or {}
    asked = spec.get("resourceAttributes") or {}
    group, plural = asked.get("group", ""), asked.get("resource", "")
    target, verb = (asked.get("namespace", ""), asked.get("name", "")), asked.get("verb", "")
    kind = next((kind for kind in kinds.KINDS if (kind.group, kind.plural) == (group, plural)), None)
    own = user.may(verb, kind, target[1], target[0]) if kind else user.is_admin
    part = f"/{asked['subresource']}" if asked.get("subresource") else ""
    allowed = own or granted(store, user, verb, (group, f"{plural}{part}"), target)
    described = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    return {**described, "metadata": {}, "spec": spec, "status": {"allowed": allowed}}
