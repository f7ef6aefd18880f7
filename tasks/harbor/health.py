"""The health of Harbor's components, by its API."""

from __future__ import annotations

from nornir.core.inventory import Host

from moor.formats.nesting import parse_json
from moor.resources.healthy import Healthy
from moor.tasks.facts import own_registry
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.pki.issue import trust_of


def healthy(host: Host, harbor: HarborSettings) -> Healthy:
    """Return the resource that waits until every component is healthy."""
    registry = own_registry(host)
    url = f"{registry.url}/api/v2.0/health"
    return Healthy(url, find_unhealthy_components, str(registry.address), lambda: trust_of(host), harbor.wait_s)


def find_unhealthy_components(status: int, body: bytes) -> dict[str, str]:
    """Return the unhealthy components with their error; empty if all are healthy.

    Harbor answers 200 even if it is unhealthy, so the answer's text counts.

    References:
        Harbor's API, GET /api/v2.0/health
    """
    try:
        answer = parse_json(body)
        components = {part["name"]: str(part.get("error") or part["status"]) for part in answer["components"]}
        healthy = status == 200 and answer["status"] == "healthy"
        sick = {part["name"] for part in answer["components"] if part["status"] != "healthy"}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {"api": f"answered {status} without a health report"}
    return {name: components[name] for name in sick} or ({} if healthy else {"status": str(answer["status"])})
