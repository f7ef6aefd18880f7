"""Policies of retention as they are stored."""

import uuid
from typing import Any

from moor_lab.harbor.core.store import Record, Store

DAYS_OF_A_PROXY = 7  # how long a proxy cache keeps what nobody pulls


def add_policy(store: Store, project: Record, body: dict[str, Any]) -> Record:
    """Store a policy and name it in the project's metadata."""
    policy = store.add("retention", uuid.uuid4().hex, body | {"project_id": project.id})
    project.body["metadata"]["retention_id"] = str(policy.id)
    store.put(project)
    return policy


def policy_of_a_proxy(project: Record) -> dict[str, Any]:
    """Return the policy that Harbor gives a new proxy cache project unasked."""
    all_of = {"kind": "doublestar", "pattern": "**"}
    rule = {
        "action": "retain",
        "params": {"nDaysSinceLastPull": DAYS_OF_A_PROXY},
        "scope_selectors": {"repository": [all_of | {"decoration": "repoMatches"}]},
        "tag_selectors": [all_of | {"decoration": "matches"}],
        "template": "nDaysSinceLastPull",
    }
    return {
        "algorithm": "or",
        "rules": [rule],
        "scope": {"level": "project", "ref": project.id},
        "trigger": {"kind": "Schedule", "settings": {"cron": "0 0 0 * * *"}},
    }
