"""The API for the schedules of garbage collection, audit log purges and scans; the stand-in runs none by the clock."""

import json
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.cron import check_cron
from moor_lab.harbor.core.errors import Refusal, bad_request, internal, precondition, unprocessable
from moor_lab.harbor.core.runs import run_at_once
from moor_lab.harbor.core.scanners import need_default_scanner
from moor_lab.harbor.core.service import API, JSON, Call, Route, done, reply
from moor_lab.harbor.core.settings import minor_release
from moor_lab.harbor.core.store import Conflict, Record

TYPES = ("Hourly", "Daily", "Weekly", "Custom", "Manual", "None")
KINDS = {  # path to the name of the right
    "gc": "garbage-collection",
    "purgeaudit": "purge-audit",
    "scanAll": "scan-all",
}
LONGEST_RETENTION_H = 240_000
MOST_WORKERS = 10


def get_schedule(call: Call, kind: str) -> Response:
    """Return the schedule; like Harbor, an empty JSON body if there is none."""
    _need(call, kind, "read")
    record = call.store.find("schedule", kind)
    if record is None:
        return Response("", content_type=JSON)
    return reply(show_scan(record) if kind == "scanAll" else show(record))


def _need(call: Call, kind: str, action: str) -> None:
    if kind not in KINDS:
        raise Refusal(404, "NOT_FOUND", f"path {API}/system/{kind}/schedule was not found")
    call.need_system(KINDS[kind], action)
    if kind == "scanAll":
        need_default_scanner(call.store)


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


def show_scan(record: Record) -> dict[str, Any]:
    """Return the schedule of scans, which has another form than the others."""
    times = {name: record.body[name] for name in ("creation_time", "update_time")}
    schedule = {"cron": record.body["cron"], "next_scheduled_time": NEVER, "type": record.body["type"]}
    return times | {"id": record.id, "schedule": schedule, "status": "Running"}


def put_schedule(call: Call, kind: str) -> Response:
    """Set a schedule, or with type None remove it; type Manual runs once now."""
    posted = call.request.method == "POST"
    _need(call, kind, "create" if posted else "update")
    body = call.body("schedule")
    wanted = body.get("schedule") or {}
    parameters = {name: value for name, value in (body.get("parameters") or {}).items() if value is not False}
    _check_type(wanted)
    if posted:
        _check_new(call, kind, wanted, parameters)
    if wanted["type"] not in ("None", "Manual"):
        check_cron(wanted.get("cron", ""))
    _check_workers(parameters)
    _need_jobservice(call)
    if wanted["type"] == "Manual":
        return _run(call, kind, parameters)
    if not (kind == "scanAll" and posted and wanted["type"] == "None"):
        _keep(call, kind, wanted, parameters)
    location = "" if kind == "scanAll" else f"{API}/system/{kind}/0"
    return done(201, location) if posted else done()


def _run(call: Call, kind: str, parameters: dict[str, Any]) -> Response:
    if kind == "scanAll":
        if call.request.method != "POST":
            raise bad_request("fail to update scan all schedule as wrong schedule type: Manual")
        return done(201)  # there is nothing that scans
    return done(201, f"{API}/system/{kind}/{run_at_once(call, kind, parameters).id}")


def _need_jobservice(call: Call) -> None:
    """Raise Refusal if the job service does not answer."""
    try:
        call.core.components["jobservice"]()
    except Exception as error:  # like Harbor, do not report the cause
        raise internal() from error


def _check_type(wanted: dict[str, str]) -> None:
    if wanted.get("type") not in TYPES:
        raise unprocessable(f"type in body should be one of [{' '.join(TYPES)}]", depth=3)


def _check_new(call: Call, kind: str, wanted: dict[str, str], parameters: dict[str, Any]) -> None:
    """Raise Refusal for what Harbor checks in a POST alone."""
    if kind == "scanAll" and wanted["type"] not in ("None", "Manual") and call.store.find("schedule", kind):
        raise precondition(
            "fail to set schedule for scan all as always had one, please delete it firstly then to re-schedule"
        )
    if kind != "purgeaudit":
        return
    chosen = "include_operations" if minor_release(call.core.version) < (2, 13) else "include_event_types"
    if not parameters:
        raise bad_request("bad request: schedule parameter cann't be empty")
    if missing := [name for name in ("audit_retention_hour", chosen) if name not in parameters]:
        raise bad_request(f"bad request: {missing[0]} should provide")
    if parameters["audit_retention_hour"] > LONGEST_RETENTION_H:
        raise bad_request(f"bad request: audit_retention_hour should be less than {LONGEST_RETENTION_H}")


def _check_workers(parameters: dict[str, Any]) -> None:
    workers = parameters.get("workers", 1)
    if not 0 < workers <= MOST_WORKERS:
        raise bad_request(
            f"Error: Invalid number of workers:{workers}. Workers must be greater than 0 and less than or equal to 10."
        )


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
