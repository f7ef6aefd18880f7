"""The stand-in of Harbor in a process of its own; it ends with its standard input.

    python -m bench.configuration.server DIRECTORY

It writes its port into the directory. For each line of its input it writes what it was asked since the line before,
as JSON, into requests.json, and answers with a line.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from moor_lab.harbor.local import Asked, serve_locally

NAME = "registry.bench.test"
ADMIN_PASSWORD = "Bench-Passw0rd"  # noqa: S105  # of a stand-in that lives as long as the measurement


def main() -> None:
    """Serve until the input ends."""
    directory = Path(sys.argv[1])
    asked: list[Asked] = []
    with serve_locally(directory, NAME, ADMIN_PASSWORD, asked.append) as harbor:
        print(harbor.port, flush=True)
        for _ in sys.stdin:
            (directory / "requests.json").write_text(json.dumps([asdict(one) for one in asked]))
            print(len(asked), flush=True)
            asked.clear()


if __name__ == "__main__":
    main()
