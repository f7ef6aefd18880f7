"""Whose a field is, by the API's words about a conflict; these are those of apimachinery's conflict.go."""

from __future__ import annotations

from typing import Any

import pytest

from moor.errors import HostError
from moor.tasks.cluster.ownership import conflicts_in, is_applied_by_moor, is_rival


def refused(*messages: str) -> HostError:
    from lightkube.core.exceptions import ApiError
    from lightkube.models.meta_v1 import Status, StatusCause, StatusDetails

    causes = [StatusCause(field=".spec.replicas", message=words, reason="FieldManagerConflict") for words in messages]
    error = HostError("words")
    error.__cause__ = ApiError(status=Status(code=409, message="words", details=StatusDetails(causes=causes)))
    return error


@pytest.mark.parametrize(
    ("message", "manager", "rival"),
    [
        ('conflict with "kubectl-edit" using apps/v1 at 2026-01-01T00:00:00Z', "kubectl-edit", False),
        ('conflict with "kubectl" with subresource "scale" using apps/v1 at 2026-01-01T00:00:00Z', "kubectl", False),
        ('conflict with "kubectl-set" using apps/v1', "kubectl-set", False),
        ('conflict with "moor" using apps/v1 at 2026-01-01T00:00:00Z', "moor", False),
        ('conflict with "kubectl-client-side-apply" using apps/v1', "kubectl-client-side-apply", True),
        ('conflict with "kubectl"', "kubectl", True),
        ('conflict with "argocd-controller"', "argocd-controller", True),
        ('conflict with "helm" using apps/v1 at 2026-01-01T00:00:00Z', "helm", True),
        (
            'conflict with "kube-controller-manager" with subresource "scale" using apps/v1',
            "kube-controller-manager",
            True,
        ),
        ('conflict with "keda-operator" using apps/v1', "keda-operator", True),
    ],
)
def test_a_manager_that_would_write_again_is_not_fought_and_a_hand_is(message: str, manager: str, rival: bool) -> None:
    (found,) = conflicts_in(refused(message))
    assert (found.field, found.manager) == (".spec.replicas", manager)
    assert is_rival(found, own=True, take_over=frozenset()) is rival
    assert is_rival(found, own=False, take_over=frozenset()) is (manager != "moor")
    assert not is_rival(found, own=False, take_over=frozenset({manager}))


def test_a_conflict_of_versions_is_none_of_fields() -> None:
    assert list(conflicts_in(HostError("words"))) == []


@pytest.mark.parametrize(("operation", "own"), [("Apply", True), ("Update", False)])
def test_moor_has_had_an_object_if_it_applied_it(operation: str, own: bool) -> None:
    live: dict[str, Any] = {"metadata": {"managedFields": [{"manager": "moor", "operation": operation}]}}
    assert is_applied_by_moor(live) is own
    assert not is_applied_by_moor(None)
