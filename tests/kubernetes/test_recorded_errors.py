"""Refusals, compared with those of a real API server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.api.access import ANONYMOUS, Tokens, User
from moor_lab.kubernetes.standin.api.cluster import Cluster
from moor_lab.kubernetes.standin.api.decode import go_json_error
from moor_lab.kubernetes.standin.api.requests import Request
from moor_lab.kubernetes.standin.api.routes import answer
from moor_lab.kubernetes.standin.errors import ApiError
from tests.kubernetes.samples import Object, deployment, secret

ADMIN = User("admin", ("system:masters",))
NODE = User("system:node:k8s-n1", ("system:nodes",))
PULL = "kubernetes.io/dockerconfigjson"


def ask(cluster: Cluster, method: str, path: str, body: Any = None, user: User = ADMIN, **query: str) -> None:
    text = b"" if body is None else json.dumps(body).encode()
    answer(cluster, Request(method, path, query, user, {"content-type": "application/json"}, text))


def named(name: str, obj: Object) -> Object:
    return obj | {"metadata": {"name": name}}


def already_exists(cluster: Cluster) -> None:
    ask(cluster, "POST", "/api/v1/namespaces", {"metadata": {"name": "demo"}})


def conflict(cluster: Cluster) -> None:
    cluster.create(kinds.SECRET, "demo", secret(x="1"))
    stale = secret(x="2")
    stale["metadata"]["resourceVersion"] = "1"
    ask(cluster, "PUT", "/api/v1/namespaces/demo/secrets/regcred", stale)


def create_in_missing_ns(cluster: Cluster) -> None:
    ask(cluster, "POST", "/api/v1/namespaces/nope/secrets", named("x", secret(x="1")))


def not_found(cluster: Cluster) -> None:
    ask(cluster, "GET", "/api/v1/namespaces/nope")


def deploy_invalid(cluster: Cluster) -> None:
    spec = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [{"name": "c"}]}},
    }
    ask(cluster, "POST", "/apis/apps/v1/namespaces/demo/deployments", named("x", {"spec": spec}))


def deploy_unknown_field(cluster: Cluster) -> None:
    path = "/apis/apps/v1/namespaces/demo/deployments"
    ask(cluster, "POST", path, deployment() | {"specc": {}}, fieldValidation="Strict")


def no_cert_anonymous(cluster: Cluster) -> None:
    ask(cluster, "GET", "/api/v1/namespaces", user=ANONYMOUS)


def node_cert_forbidden(cluster: Cluster) -> None:
    ask(cluster, "GET", "/api/v1/namespaces", user=NODE)


def secret_bad_dockerconfig(cluster: Cluster) -> None:
    data = {".dockerconfigjson": base64.b64encode(b"{not json").decode()}
    ask(cluster, "POST", "/api/v1/namespaces/demo/secrets", named("x", {"type": PULL, "data": data}))


def secret_missing_key(cluster: Cluster) -> None:
    ask(cluster, "POST", "/api/v1/namespaces/demo/secrets", named("x", {"type": PULL, "data": {"a": "eA=="}}))


def secret_type_immutable(cluster: Cluster) -> None:
    config = {".dockerconfigjson": json.dumps({"auths": {}})}
    cluster.create(kinds.SECRET, "demo", secret(PULL, **config))
    ask(cluster, "PUT", "/api/v1/namespaces/demo/secrets/regcred", secret("Opaque", x="1"))


CASES: list[Callable[[Cluster], None]] = [
    already_exists,
    conflict,
    create_in_missing_ns,
    not_found,
    deploy_invalid,
    deploy_unknown_field,
    no_cert_anonymous,
    node_cert_forbidden,
    secret_bad_dockerconfig,
    secret_missing_key,
    secret_type_immutable,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_refusal_is_the_real_ones(cluster: Cluster, recordings: Path, case: Callable[[Cluster], None]) -> None:
    recorded = json.loads((recordings / "api-errors" / f"{case.__name__.replace('_', '-')}.json").read_text())
    with pytest.raises(ApiError) as refused:
        case(cluster)
    assert refused.value.status == recorded


def test_a_wrong_token_is_refused_as_a_real_one(tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "tokens.csv").write_text('right,admin,1,"system:masters"\n')
    with pytest.raises(ApiError) as refused:
        Tokens(tmp_path / "tokens.csv").user("Bearer wrong")
    assert refused.value.status == json.loads((recordings / "api-errors" / "bad-token.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_refusal_is_a_status_with_its_code(cluster: Cluster, case: Callable[[Cluster], None]) -> None:
    with pytest.raises(ApiError) as refused:
        case(cluster)
    assert refused.value.status["kind"] == "Status"
    assert refused.value.status["code"] == refused.value.code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{not json", "invalid character 'n' looking for beginning of object key string"),
        ("hello", "invalid character 'h' looking for beginning of value"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a": 1 2}', "invalid character '2' after object key:value pair"),
        ("{} x", "invalid character 'x' after top-level value"),
        ('{"a":', "unexpected end of JSON input"),
        ("", "unexpected end of JSON input"),
        ("{}", None),
    ],
)
def test_broken_json_is_described_as_go_does(text: str, said: str | None) -> None:
    assert go_json_error(text) == said
