"""The API for replication: policies, executions and tasks."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.cron import check_cron
from moor_lab.harbor.core.errors import bad_request, conflict, not_found, precondition, unprocessable
from moor_lab.harbor.core.query import matches
from moor_lab.harbor.core.registries import HIDDEN
from moor_lab.harbor.core.registries import show as show_registry
from moor_lab.harbor.core.replicating import RUNNING, VENDOR, start, stop
from moor_lab.harbor.core.service import API, Call, Core, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record

TRIGGERS = ("manual", "scheduled", "event_based")
FILTERS = ("name", "tag", "label", "resource")
LOCAL = {
    "creation_time": NEVER,
    "credential": {"access_secret": HIDDEN, "type": "secret"},
    "id": 0,
    "insecure": True,
    "name": "Local",
    "status": "healthy",
    "type": "harbor",
    "update_time": NEVER,
    "url": "http://core:8080",
}
DEFAULTS: dict[str, Any] = {
    "dest_namespace": "",
    "dest_namespace_replace_count": -1,
    "filters": [],
    "enabled": False,
    "override": False,
    "replicate_deletion": False,
    "speed": 0,
    "copy_by_chunk": False,
    "description": "",
}
SHOWN_IF_SET = ("description", "dest_namespace", "replicate_deletion")


def list_policies(call: Call) -> Response:
    call.need_system("replication-policy", "list")
    wanted = call.query().filters.get("name")
    policies = [one for one in reversed(call.store.all("replication")) if matches(wanted, one.name)]
    return call.listing([show(call.core, one) for one in policies])


def show(core: Core, policy: Record) -> dict[str, Any]:
    body = policy.body
    shown = {key: body[key] for key in DEFAULTS if key not in SHOWN_IF_SET or body[key]}
    shown |= {key: body[key] for key in ("trigger", "creation_time", "update_time")}
    if body["replicate_deletion"]:
        shown["deletion"] = True
    return shown | {
        "id": policy.id,
        "name": policy.name,
        "src_registry": _end(core, body["src"]),
        "dest_registry": _end(core, body["dest"]),
    }


def _end(core: Core, number: int) -> dict[str, Any]:
    found = core.store.get("registry", number) if number else None
    return show_registry(core, found) if found else LOCAL


def create_policy(call: Call) -> Response:
    call.need_system("replication-policy", "create")
    name, body = _checked(call, call.body("policy"))
    try:
        made = call.store.add("replication", name, body | {"creation_time": now(), "update_time": now()})
    except Conflict:
        raise conflict(f"replication policy {name} already exists") from None
    return done(201, f"{API}/replication/policies/{made.id}")


def _checked(call: Call, sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and the body to store."""
    ends = {end: int((sent.get(f"{end}_registry") or {}).get("id") or 0) for end in ("src", "dest")}
    if bool(ends["src"]) == bool(ends["dest"]):
        raise bad_request("either src_registry or dest_registry should be empty and the other one shouldn't be empty")
    if not sent.get("name"):
        raise bad_request("empty name")
    for number in filter(None, ends.values()):
        if call.store.get("registry", number) is None:
            raise not_found(f"registry {number}")
    for one in sent.get("filters") or ():
        if one.get("type") not in FILTERS:
            raise bad_request(f"invalid filter type: {one.get('type')}")
    trigger = sent.get("trigger") or {"type": "manual"}
    _check_trigger(trigger)
    given = {key: sent[key] for key in DEFAULTS if sent.get(key) is not None}
    given["replicate_deletion"] = bool(sent.get("replicate_deletion") or sent.get("deletion"))
    return str(sent["name"]), DEFAULTS | given | ends | {"trigger": trigger}


def _check_trigger(trigger: dict[str, Any]) -> None:
    """Check a trigger; a schedule may be neither of every second nor of every minute."""
    if trigger.get("type") not in TRIGGERS:
        raise bad_request(f"invalid trigger type: {trigger.get('type')}")
    if trigger["type"] != "scheduled":
        return
    cron = (trigger.get("trigger_settings") or {}).get("cron") or ""
    if not cron:
        raise bad_request("the cron string cannot be empty when the trigger type is scheduled")
    check_cron(cron)
    second, minute, *_ = cron.split()
    if second != "0":
        raise bad_request(f"the 1st field (indicating Seconds of time) of the cron setting must be 0, but is {second}")
    if minute == "*":
        raise bad_request("* is not allowed for the Minutes field of the cron setting of replication policy")


def find_policy(call: Call, number: int, action: str) -> Record:
    call.need_system("replication-policy", action)
    found = call.store.get("replication", number)
    if found is None:
        raise not_found(f"replication policy {number}")
    return found


def get_policy(call: Call, number: int) -> Response:
    return reply(show(call.core, find_policy(call, number, "read")))


def update_policy(call: Call, number: int) -> Response:
    """Replace a policy by the one that was sent."""
    policy = find_policy(call, number, "update")
    policy.name, body = _checked(call, call.body("policy"))
    policy.body = body | {"creation_time": policy.body["creation_time"], "update_time": now()}
    call.store.put(policy)
    return done()


def delete_policy(call: Call, number: int) -> Response:
    policy = find_policy(call, number, "delete")
    executions = _executions(call, number)
    if any(one.body["status"] == RUNNING for one in executions):
        raise precondition(f"the policy {number} has running executions, can not be deleted")
    for execution in executions:
        for task in _tasks(call, execution):
            call.store.remove(task)
        call.store.remove(execution)
    call.store.remove(policy)
    return done()


def _executions(call: Call, policy: int | None) -> list[Record]:
    found = [one for one in reversed(call.store.all("execution")) if one.body["vendor"] == VENDOR]
    return [one for one in found if policy is None or one.body["policy_id"] == policy]


def _tasks(call: Call, execution: Record) -> list[Record]:
    return [one for one in call.store.all("task") if one.body["execution_id"] == execution.id]


def start_execution(call: Call) -> Response:
    call.need_system("replication", "create")
    number = call.body("execution").get("policy_id")
    if not number:
        raise unprocessable("policy_id in body is required")
    policy = call.store.get("replication", int(number))
    if policy is None:
        raise not_found(f"replication policy {number}")
    if not policy.body["enabled"]:
        raise precondition(f"the policy {number} is disabled")
    return done(201, f"{API}/replication/executions/{start(call.core, policy, 'manual').id}")


def list_executions(call: Call) -> Response:
    call.need_system("replication", "list")
    asked = call.request.args
    policy, status, trigger = asked.get("policy_id", type=int), asked.get("status"), asked.get("trigger")
    return call.listing(
        [
            show_execution(one)
            for one in _executions(call, policy)
            if status in (None, one.body["status"]) and trigger in (None, one.body["trigger"])
        ]
    )


def show_execution(execution: Record) -> dict[str, Any]:
    shown = {name: value for name, value in execution.body.items() if not name.startswith("vendor")}
    return shown | {"id": execution.id}


def _execution(call: Call, number: int, action: str) -> Record:
    call.need_system("replication", action)
    found = call.store.get("execution", number)
    if found is None or found.body["vendor"] != VENDOR:
        raise not_found(f"replication execution {number}")
    return found


def get_execution(call: Call, number: int) -> Response:
    return reply(show_execution(_execution(call, number, "read")))


def stop_execution(call: Call, number: int) -> Response:
    stop(call.core, _execution(call, number, "update"))
    return done()


def list_tasks(call: Call, number: int) -> Response:
    execution = _execution(call, number, "list")
    status = call.request.args.get("status")
    tasks = [one for one in reversed(_tasks(call, execution)) if status in (None, one.body["status"])]
    return call.listing([one.body | {"id": one.id} for one in tasks])


POLICY, EXECUTION = f"{API}/replication/policies", f"{API}/replication/executions"
ROUTES: list[Route] = [
    ("GET", POLICY, list_policies),
    ("POST", POLICY, create_policy),
    ("GET", f"{POLICY}/<int:number>", get_policy),
    ("PUT", f"{POLICY}/<int:number>", update_policy),
    ("DELETE", f"{POLICY}/<int:number>", delete_policy),
    ("POST", EXECUTION, start_execution),
    ("GET", EXECUTION, list_executions),
    ("GET", f"{EXECUTION}/<int:number>", get_execution),
    ("PUT", f"{EXECUTION}/<int:number>", stop_execution),
    ("GET", f"{EXECUTION}/<int:number>/tasks", list_tasks),
]
