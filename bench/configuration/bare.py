"""The bare requests of a plan: the same GETs, as many at once, and nothing else.

python -m bench.configuration.bare DIRECTORY PORT THREADS
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
    """Send the GETs of requests.json, and print how many there were; any error ends the process."""
    directory, port, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    asked = [one for one in json.loads((directory / "requests.json").read_text()) if one["method"] == "GET"]
    trust = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    with (
        httpx2.Client(base_url=f"https://127.0.0.1:{port}", verify=trust, timeout=60, trust_env=False) as client,
        ThreadPoolExecutor(threads) as pool,
    ):

        def send(one: dict[str, Any]) -> None:
            client.get(one["target"], headers=one["headers"]).raise_for_status()
            client.cookies.clear()

        for _ in pool.map(send, asked):
            pass
    print(len(asked))


if __name__ == "__main__":
    main()
