"""The API for runs of garbage collection and of audit log purges.

A run is over when its request is answered. Garbage collection really runs; there is no audit log that could be purged.
"""

import json
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import not_found
from moor_lab.harbor.core.garbage import collect
from moor_lab.harbor.core.service import API, Call, Route, reply
from moor_lab.harbor.core.store import Record

JOBS = {"gc": "GARBAGE_COLLECTION", "purgeaudit": "PURGE_AUDIT_LOG"}
RIGHTS = {"gc": "garbage-collection", "purgeaudit": "purge-audit"}
NAMES = {"gc": "garbage collection", "purgeaudit": "purge audit"}
INNER = {"redis_url_reg": "redis://redis:6379/1?idle_timeout_seconds=30", "time_window": 2}


def run_at_once(call: Call, kind: str, parameters: dict[str, Any]) -> Record:
    """Run a job and return its record."""
    done, log = True, "there is no audit log in the stand-in\n"
    if kind == "gc":
        chosen = {name: bool(parameters.get(name)) for name in ("dry_run", "delete_untagged")}
        done, log = collect(call, untagged=chosen["delete_untagged"], dry_run=chosen["dry_run"])
    known = parameters | (INNER if kind == "gc" else {})
    body = {"kind": kind, "parameters": known, "log": log, "status": "Success" if done else "Error"}
    body |= {"creation_time": now(), "update_time": now()}
    return call.store.add("run", f"{kind} {now()} {id(body)}", body)


def show(run: Record) -> dict[str, Any]:
    """Return a run in Harbor's format."""
    return {name: run.body[name] for name in ("creation_time", "update_time")} | {
        "id": run.id,
        "job_kind": "MANUAL",
        "job_name": JOBS[run.body["kind"]],
        "job_parameters": json.dumps(run.body["parameters"], sort_keys=True, separators=(",", ":")),
        "job_status": run.body["status"],
        "schedule": {"next_scheduled_time": NEVER, "type": "Manual"},
    }


def _list(call: Call, kind: str) -> Response:
    call.need_system(RIGHTS[kind], "list")
    return call.listing([show(run) for run in reversed(call.store.all("run")) if run.body["kind"] == kind])


def _run(call: Call, kind: str, number: int) -> Record:
    call.need_system(RIGHTS[kind], "read")
    run = call.store.get("run", number)
    if run is None or run.body["kind"] != kind:
        raise not_found(f"{NAMES[kind]} execution {number}")
    return run


def list_collections(call: Call) -> Response:
    return _list(call, "gc")


def get_collection(call: Call, number: int) -> Response:
    return reply(show(_run(call, "gc", number)))


def get_collection_log(call: Call, number: int) -> Response:
    return Response(_run(call, "gc", number).body["log"], content_type="text/plain")


def list_purges(call: Call) -> Response:
    return _list(call, "purgeaudit")


def get_purge(call: Call, number: int) -> Response:
    return reply(show(_run(call, "purgeaudit", number)))


get_collection_log.produces = "text/plain"  # type: ignore[attr-defined]  # read by the application

ROUTES: list[Route] = [
    ("GET", f"{API}/system/gc", list_collections),
    ("GET", f"{API}/system/gc/<int:number>", get_collection),
    ("GET", f"{API}/system/gc/<int:number>/log", get_collection_log),
    ("GET", f"{API}/system/purgeaudit", list_purges),
    ("GET", f"{API}/system/purgeaudit/<int:number>", get_purge),
]
