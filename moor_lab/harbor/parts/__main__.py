"""Run one of the smaller parts: jobservice or registryctl."""

import signal
import subprocess
import sys
from collections.abc import Sequence

import httpx
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from moor_lab.harbor.core.inner import inner_client

COLLECTION = "/api/gc"
HEALTH = {"jobservice": "/api/v1/stats", "registryctl": "/api/health"}
CORE = "http://core:8080/api/v2.0/ping"
COLLECT = ("/usr/bin/docker-registry", "garbage-collect")
REGISTRY = "/etc/registry/config.yml"
COLLECT_S = 600
FOREVER_S = 86400.0  # nobody shuts the server down; the container ends


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a container is given no default
    part = sys.argv[1]
    if part == "jobservice" and not core_answers():
        sys.exit(2)  # as Harbor's: it reads its configuration from core, and is restarted until core is there
    make_server("0.0.0.0", 8080, application(part), threaded=True).serve_forever(poll_interval=FOREVER_S)  # noqa: S104  # its own network


def core_answers() -> bool:
    try:
        return inner_client(timeout_s=2).get(CORE).status_code == 200
    except httpx.HTTPError as error:
        print(f"failed to load configuration from {CORE}: {error}", file=sys.stderr)
        return False


def collect_garbage(*, dry_run: bool, program: Sequence[str] = COLLECT, config: str = REGISTRY) -> Response:
    """Let docker-registry remove the blobs that no manifest names; return its log, with 500 if it failed."""
    words = [*program, *(["--dry-run"] if dry_run else []), config]
    done = subprocess.run(words, capture_output=True, timeout=COLLECT_S, check=False)
    return Response(done.stdout + done.stderr, 500 if done.returncode else 200, content_type="text/plain")


def application(part: str):  # type: ignore[no-untyped-def]  # werkzeug's decorator gives it its type
    @Request.application
    def answer(request: Request) -> Response:
        if request.path == HEALTH[part]:
            return Response('"healthy"', content_type="application/json")
        if part == "registryctl" and (request.method, request.path) == ("POST", COLLECTION):
            return collect_garbage(dry_run=request.args.get("dry_run") == "true")
        return Response(f"moor's lab stand-in for Harbor's {part} has nothing here\n", 404)

    return answer


if __name__ == "__main__":
    main()
