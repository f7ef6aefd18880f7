"""The bare requests of a check: the same ones over as many kept connections, their answers parsed, and nothing else.

python -m bench.images.bare DIRECTORY THREADS
"""

from __future__ import annotations

import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2


def main() -> None:
    """Send the requests of requests.json to each server, and print how many there were."""
    directory, threads = Path(sys.argv[1]), int(sys.argv[2])
    asked = json.loads((directory / "requests.json").read_text())
    trust = ssl.create_default_context(cafile=str(directory / "registries-ca.crt"))
    trust.load_verify_locations(cafile=str(directory / "cluster-ca.crt"))
    by_server: dict[str, list[dict[str, Any]]] = {}
    for one in asked:
        by_server.setdefault(one["base"], []).append(one)
    with ThreadPoolExecutor(len(by_server)) as servers:
        list(servers.map(lambda several: send_all(several, trust, threads), by_server.values()))
    print(len(asked))


def send_all(asked: list[dict[str, Any]], trust: ssl.SSLContext, threads: int) -> None:
    """Send the requests to one server."""
    with (
        httpx2.Client(base_url=asked[0]["base"], verify=trust, timeout=60, trust_env=False) as client,
        ThreadPoolExecutor(threads) as pool,
    ):

        def send(one: dict[str, Any]) -> None:
            headers = {"Authorization": one["authorization"]} if one["authorization"] else {}
            named = {"Host": one["host"]} if one["host"] else {}
            answer = client.request(one["method"], one["target"], headers={**headers, **named})
            if answer.content:
                answer.json()

        for _ in pool.map(send, asked):
            pass


if __name__ == "__main__":
    main()
