"""The API for schedules of garbage collection and audit log purges; the stand-in stores them and runs nothing."""

import json
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.cron import check_cron
from moor_lab.harbor.core.errors import Refusal, internal, unprocessable
from moor_lab.harbor.core.service import API, JSON, Call, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record

TYPES = ("Hourly", "Daily", "Weekly", "Custom", "Manual", "None")
KINDS = {"gc": "garbage-collection", "purgeaudit": "purge-audit"}  # path to the name of the right


def get_schedule(call: Call, kind: str) -> Response:
    """Return the schedule; like Harbor, an empty JSON body if there is none."""
    call.need_system(_right(kind), "read")
    record = call.store.find("schedule", kind)
    return reply(show(record)) if record else Response("", content_type=JSON)


def _right(kind: str) -> str:
    if kind not in KINDS:
        raise Refusal(404, "NOT_FOUND", f"path {API}/system/{kind}/schedule was not found")
    return KINDS[kind]


def show(record: Record) -> dict[str, Any]:
    cron = record.body["cron"]
    times = {name: record.body[name] for name in ("creation_time", "update_time")}
    return times | {
        "id": record.id,
        "job_kind": cron,
        "job_parameters": json.dumps(record.body["parameters"], sort_keys=True, separators=(",", ":")),
        "job_status": "Running",
        "schedule": {"cron": cron, "next_scheduled_time": NEVER, "type": record.body["type"]},
    }


def put_schedule(call: Call, kind: str) -> Response:
    """Set a schedule, or with type None remove it; type Manual runs once now."""
    call.need_system(_right(kind), "create" if call.request.method == "POST" else "update")
    body = call.body("schedule")
    wanted = body.get("schedule") or {}
    parameters = {name: value for name, value in (body.get("parameters") or {}).items() if value is not False}
    _check(wanted)
    _need_jobservice(call)
    if wanted["type"] == "Manual":
        run = call.store.add("run", f"{kind} {now()} {id(body)}", {})  # done at once; no request reads it
        return done(201, f"{API}/system/{kind}/{run.id}")
    _keep(call, kind, wanted, parameters)
    return done(201, f"{API}/system/{kind}/0") if call.request.method == "POST" else done()


def _need_jobservice(call: Call) -> None:
    """Raise Refusal if the job service does not answer."""
    try:
        call.core.components["jobservice"]()
    except Exception as error:  # like Harbor, do not report the cause
        raise internal() from error


def _check(wanted: dict[str, str]) -> None:
    if wanted.get("type") not in TYPES:
        raise unprocessable(f"type in body should be one of [{' '.join(TYPES)}]", depth=3)
    if wanted["type"] not in ("None", "Manual"):
        check_cron(wanted.get("cron", ""))


def _keep(call: Call, kind: str, wanted: dict[str, str], parameters: dict[str, Any]) -> None:
    record = call.store.find("schedule", kind)
    if record:
        call.store.remove(record)
    if wanted["type"] == "None":
        return
    body = {"type": wanted["type"], "cron": wanted["cron"], "parameters": parameters}
    try:
        call.store.add("schedule", kind, body | {"creation_time": now(), "update_time": now()})
    except Conflict:  # another caller was quicker with the same schedule
        return


ROUTES: list[Route] = [
    ("GET", f"{API}/system/<kind>/schedule", get_schedule),
    ("POST", f"{API}/system/<kind>/schedule", put_schedule),
    ("PUT", f"{API}/system/<kind>/schedule", put_schedule),
]
