"""The API for what an administrator looks at: the core's disk, the job service's queues, the last scan of all."""

import os

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import not_found, unprocessable
from moor_lab.harbor.core.service import API, Call, Route, done, reply

QUEUES = (
    *("EXECUTION_SWEEP", "GARBAGE_COLLECTION", "IMAGE_SCAN", "P2P_PREHEAT", "PURGE_AUDIT_LOG", "REPLICATION"),
    *("RETENTION", "SCAN_DATA_EXPORT", "SCHEDULER", "SLACK", "SYSTEM_ARTIFACT_CLEANUP", "WEBHOOK"),
)
ACTIONS = ("pause", "resume", "stop")


def volumes(call: Call) -> Response:
    """Return the disk of data_volume, which the core sees below its CA's directory."""
    call.need_system("system-volumes", "read")
    space = os.statvfs(call.core.ca.parent if call.core.ca else "/")
    return reply({"storage": [{"free": space.f_bavail * space.f_frsize, "total": space.f_blocks * space.f_frsize}]})


def list_queues(call: Call) -> Response:
    call.need_system("jobservice-monitor", "list")
    paused = {one.name for one in call.store.all("paused")}
    return reply([{"job_type": name, "paused": name in paused} for name in QUEUES])


def change_queue(call: Call, name: str) -> Response:
    """Pause or resume a queue, in which the stand-in never keeps a job."""
    call.need_system("jobservice-monitor", "stop")
    if name not in QUEUES:
        raise not_found(f"job type {name}")
    action = call.body("action_request").get("action")
    if action not in ACTIONS:
        raise unprocessable(f"action in body should be one of [{' '.join(ACTIONS)}]", depth=2)
    found = call.store.find("paused", name)
    if found and action == "resume":
        call.store.remove(found)
    elif action == "pause" and not found:
        call.store.add("paused", name, {})
    return done()


def scan_metrics(call: Call) -> Response:
    """Return that nothing was scanned yet, since the stand-in scans nothing."""
    call.need_system("scan-all", "read")
    return reply({"completed": 0, "metrics": {}, "ongoing": False, "total": 0})


ROUTES: list[Route] = [
    ("GET", f"{API}/systeminfo/volumes", volumes),
    ("GET", f"{API}/jobservice/queues", list_queues),
    ("PUT", f"{API}/jobservice/queues/<name>", change_queue),
    ("GET", f"{API}/scans/all/metrics", scan_metrics),
]
