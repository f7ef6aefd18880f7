"""Run the core in its container, configured by environment variables that prepare writes."""

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
from werkzeug.serving import make_server

from moor_lab.harbor.core.application import application, checks
from moor_lab.harbor.core.inner import inner_client
from moor_lab.harbor.core.replicating import keep_schedules
from moor_lab.harbor.core.schema import migrate
from moor_lab.harbor.core.service import Core
from moor_lab.harbor.core.store import Store, postgres
from moor_lab.harbor.core.tokens import Tokens
from moor_lab.harbor.core.users import first_start

PARTS = {
    "jobservice": "http://jobservice:8080/api/v1/stats",
    "portal": "http://portal:8080/",
    "registry": "http://registry:5000/",
    "registryctl": "http://registryctl:8080/api/health",
}
COLLECTION = "http://registryctl:8080/api/gc"
PORT = 8080
FOREVER_S = 86400.0  # nobody shuts the server down; the container ends


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a container is given no default
    store = _store(database(os.environ["POSTGRESQL_PASSWORD"]))
    migrate(store)
    first_start(store, os.environ["HARBOR_ADMIN_PASSWORD"])
    core = Core(
        store=store,
        tokens=Tokens(Path("/etc/core/private_key.pem").read_bytes()),
        registry=inner_client("http://registry:5000"),
        external_url=os.environ["EXT_ENDPOINT"],
        components=checks(PARTS) | {"core": lambda: None, "database": store.ping, "redis": ping_redis},
        pepper=Path("/etc/core/key").read_text(),
        ca=Path("/etc/core/ca/ca.crt"),
        collector=collect_garbage,
        certificates=Path("/harbor_cust_cert"),
    )
    threading.Thread(target=keep_schedules, args=(core,), daemon=True).start()
    make_server("0.0.0.0", PORT, application(core), threaded=True).serve_forever(poll_interval=FOREVER_S)  # noqa: S104  # its own network


def database(password: str) -> str:
    """Return the database's DSN; like Harbor's core, do not quote the password."""
    return f"host=postgresql dbname=registry user=postgres password={password} connect_timeout=5"


def _store(dsn: str) -> Store:
    """Wait for the database, which starts together with the core, and return it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return postgres(dsn)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def collect_garbage(dry_run: bool) -> tuple[bool, str]:
    """Have the registry controller collect garbage; return whether it could, and its log."""
    query = {"dry_run": "true" if dry_run else "false"}
    try:
        answer = inner_client(timeout_s=600).post(COLLECTION, params=query)
    except httpx.HTTPError as error:
        return False, f"the registry controller does not answer: {error}\n"
    return answer.is_success, answer.text


def ping_redis() -> None:
    with socket.create_connection(("redis", 6379), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        if not connection.recv(16).startswith(b"+PONG"):
            raise OSError("redis does not answer PING")


if __name__ == "__main__":
    main()
