"""Fields of a pod that several concerns read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def container_statuses(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statuses of a pod's containers, those of its init containers first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
