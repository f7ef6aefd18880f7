"""A history of any size, with checks of several weeks, an apply and a verify."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from moor.history.connection import Connection
from moor.history.database import connected
from moor.history.sql import insert
from moor.settings import SiteSettings

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
DIFF = """content:
@@ -10,3 +10,3 @@
 # What stands between these lines is written by moor; change the inventory instead.
-10.99.0.9 registry.moor.test registry
+10.77.0.11 registry.moor.test registry
 # END moor"""
HELD = "by ops@controller until 2026-12-01: a new kernel is tried"
WAIVED = "with the upgrade (network, until 2026-12-24)"
COLUMNS = ("clock", "name", "route", "mtu", "tls", "login", "containerd", "pull", "pod")
APPLY, VERIFY = "20261124-133000-aaaa", "20261124-140000-bbbb"
EVIL = "<script>document.title='taken'</script> & \"quoted\""


def fill(settings: SiteSettings, number_hosts: int, number_runs: int) -> None:
    """Fill an empty history, of six hosts at least; the last run has findings of every state."""
    names = [f"node{number}" for number in range(1, number_hosts + 1)]
    with connected(settings, writing=True) as connection:
        for number in range(number_runs):
            row = _run(number, number_runs, number_hosts)
            connection.run(insert("runs", row), [row])
            values = [{"run": row["run"], "host": name, **_seen(index)} for index, name in enumerate(names)]
            connection.run(insert("hosts", values[0]), values)
            mended = [_change(row["run"], name) for name in names[1:4]]
            connection.run(insert("changes", mended[0]), mended)
        if number_runs:
            held = {**_change(row["run"], names[0]), "status": "held", "error": HELD}
            connection.run(insert("changes", held), [held])
            _add_apply(connection, names)
            _add_verify(connection, names)
        found, ends = _findings(names), _ends()
        connection.run(insert("findings", found[0]), found)
        connection.run(insert("expiries", ends[0]), ends)


def _add_apply(connection: Connection, names: list[str]) -> None:
    """Add a run that changed the same on every host, and failed on one."""
    row = {**_run(0, 1, len(names)), "run": APPLY, "command": "apply", "runbook": "site", "findings": 0}
    row |= {"started": NOW - timedelta(minutes=90), "counts": json.dumps({"changed": 2 * len(names)})}
    connection.run(insert("runs", row), [row])
    mended = [{**_change(APPLY, name), "status": "changed"} for name in names]
    refused = {**_change(APPLY, names[0]), "id": "service:containerd", "status": "failed", "diff": "running: no -> yes"}
    connection.run(insert("changes", mended[0]), [*mended, {**refused, "error": "Unit containerd.service is masked."}])


def _add_verify(connection: Connection, names: list[str]) -> None:
    """Add a verify: one host has a wrong name, one was not reached, the others prove everything."""
    row = {**_run(0, 1, len(names)), "run": VERIFY, "command": "verify", "runbook": "verify"}
    row |= {"started": NOW - timedelta(minutes=60)}
    connection.run(insert("runs", row), [row])
    proofs = {f"proof:{name}": "ok" for name in COLUMNS}
    behind = {**dict.fromkeys(proofs, "skipped"), "proof:clock": "ok", "proof:name": "failed"}
    found = [
        {"run": VERIFY, "host": name, **_seen(index), "proofs": json.dumps(proofs)} for index, name in enumerate(names)
    ]
    found[2]["proofs"], found[4]["proofs"] = json.dumps(behind), None
    connection.run(insert("hosts", found[0]), found)
    cause = {
        "rule": "name-elsewhere",
        "cause": "the name resolves to 10.99.0.9",
        "mend": "moor apply names --limit node3",
    }
    fault = {
        **_change(VERIFY, names[2]),
        "id": "proof:name",
        "status": "failed",
        "diff": "",
        "causes": json.dumps([cause]),
    }
    connection.run(insert("changes", fault), [fault])


def _run(number: int, number_runs: int, number_hosts: int) -> dict[str, Any]:
    started = NOW - timedelta(hours=number_runs - number)
    open_ = (number * 7 % 23) // 3 + (8 if 0.4 < number / number_runs < 0.5 else 0)
    return {
        "run": f"{started:%Y%m%d-%H%M%S}-{number:04x}", "command": "drift", "runbook": "drift", "started": started,
        "duration_s": 1.5 + number % 5, "hosts": number_hosts, "not_examined": number % 11 // 9, "findings": open_,
        "counts": json.dumps({"ok": number_hosts * 16, "drift": open_}), "whole": True,
        "registry": "registry.moor.test",
    }  # fmt: skip


def _seen(index: int) -> dict[str, Any]:
    return {"reached": index != 4, "error": "" if index != 4 else "connection refused", "counts": '{"ok": 16}'}


def _change(run: str, name: str) -> dict[str, Any]:
    return {"run": run, "host": name, "id": "edit:/etc/hosts#names", "status": "drift", "diff": DIFF, "error": ""}


def _findings(names: list[str]) -> list[dict[str, Any]]:
    def one(host: str, name: str, state: str, what: str, hours: int, **more: str) -> dict[str, Any]:
        seen = {"first_seen": NOW - timedelta(hours=hours), "last_seen": NOW, "stage": "x"}
        empty = {"remedy": "", "waived": "", "error_kind": None, "told_open": False, "told_over": False}
        return {"host": host, "id": name, "state": state, "what": what, **seen, **empty, **more}

    many = [
        one(name, f"file:/etc/odd-{index}", "drift", f"{DIFF}\n+{index}", index) for index, name in enumerate(names)
    ]
    return [
        *(one(name, "edit:/etc/hosts#names", "drift", DIFF, 30) for name in names[1:4]),
        one(names[3], "requirement:clock", "failed", EVIL, 3, error_kind="unmet"),
        one(names[4], "host:examined", "unexamined", "10.77.0.31:22: connection refused", 2, error_kind="unreachable"),
        one("", "node:node99", "finding", "node99 joined the cluster", 1, remedy="moor onboard node99"),
        one(names[5], "service:containerd", "drift", "stale: yes -> no", 400, waived=WAIVED),
        *(one(name, "service:docker", "drift", "running: no -> yes", 5) for name in names if len(names) > 100),
        *(many[6:600:3] if len(names) > 100 else ()),
    ]  # fmt: skip


def _ends() -> list[dict[str, Any]]:
    known = {
        "certificate:served": ("the certificate of registry.moor.test", 12),
        "certificate:ca": ("the CA", 3600),
        "certificate:/etc/moor/registry.crt": ("/etc/moor/registry.crt of harbor1", 12),
        "robot-expiry:demo+puller": ("the robot robot$demo+puller", -3),
        "robot-expiry:demo+pusher": ("the robot robot$demo+pusher", 200),
    }
    return [
        {"id": name, "host": "", "what": what, "remedy": "moor apply", "stage": "x", "expires": NOW + timedelta(days)}
        for name, (what, days) in known.items()
    ]
