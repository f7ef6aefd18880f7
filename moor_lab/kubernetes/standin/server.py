"""The program of the control plane's stand-in: API server and controllers in one process.

Usage   python3 -m standin.server CONFIGURATION STATE [PORT]
CONFIGURATION is a directory with tokens.csv, node.key, tls.crt and tls.key; the cluster is kept in the directory STATE.
"""

import logging
import signal
import sys
import threading
from pathlib import Path

from . import VERSION
from .api.access import Tokens
from .api.cluster import Cluster
from .api.http import Server
from .controllers.loop import Controllers
from .store import Store

PORT = 6443
FOREVER_S = 86400.0


def main() -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    directory, state, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3] if len(sys.argv) > 3 else PORT)
    store = Store(state / "cluster.sqlite")
    cluster = Cluster(store)
    tls = directory / "tls.crt", directory / "tls.key"
    tokens = Tokens(directory / "tokens.csv", (directory / "node.key").read_text().strip())
    server = Server(("", port), cluster, tokens, tls)
    controllers = Controllers(cluster)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    controllers.start()
    server.start(FOREVER_S)
    logging.info("moor's stand-in for Kubernetes, %s, serves port %d", VERSION, port)
    ended.wait()
    controllers.stop()  # the API's threads end with the process
    store.close()


if __name__ == "__main__":
    main()
