"""The stand-ins of a cluster and of two registries in a process of its own; it ends with its standard input.

    python -m bench.images.server DIRECTORY PODS IMAGES NAMESPACES

It writes kubeconfig, CA and a site into the directory, and answers with a line. For each line of its input it writes
what it was asked since the line before, as JSON, into requests.json, and answers with the numbers of requests to the
cluster and to the registries.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.images.contents import fill, make_site, registries
from moor_lab import kubernetes as lab_kubernetes
from moor_lab.image_registry import ImageRegistry, serve_images
from moor_lab.kubernetes.standin.api.access import Tokens
from moor_lab.kubernetes.standin.api.cluster import Cluster
from moor_lab.kubernetes.standin.api.http import Handler, Server
from moor_lab.kubernetes.standin.store import Store

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """A request; ``base`` is the URL of the server, and ``host`` the name by which it was asked."""

    base: str
    host: str
    method: str
    target: str
    authorization: str


class ServedCluster:
    """A cluster's API that notes what it is asked."""

    def __init__(self, directory: Path) -> None:
        kept, asked = directory / "kept", list[Request]()
        access = lab_kubernetes.make_access(kept, "cp1", LOOPBACK)
        self.store, self.asked = Store(directory / "cluster.sqlite"), asked
        tokens = Tokens(kept / "tokens.csv", access.node_key)
        server = Server((LOOPBACK, 0), Cluster(self.store), tokens, (kept / "tls.crt", kept / "tls.key"))
        self.url = f"https://{LOOPBACK}:{server.server_address[1]}"
        url = self.url

        class Noting(Handler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                asked.append(Request(url, "", self.command, self.path, self.headers.get("Authorization", "")))

        server.RequestHandlerClass = Noting
        lab_kubernetes.write_kubeconfig(directory / "kubeconfig", replace(access, server=self.url), "bench")
        (directory / "cluster-ca.crt").write_text(access.authority)
        server.start()

    def taken(self) -> list[Request]:
        """Return what was asked since the last time."""
        found = self.asked[:]
        self.asked.clear()
        return found


def taken_from(registry: ImageRegistry) -> list[Request]:
    """Return what a registry was asked since the last time."""
    found = [Request(f"https://{LOOPBACK}:{registry.port}", registry.host, one.method, one.target, one.authorization)
             for one in registry.asked]  # fmt: skip
    registry.asked.clear()
    return found


def main() -> None:
    """Serve until the input ends."""
    directory, pods, images, namespaces = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    own, other = registries()
    cluster = ServedCluster(directory)
    with serve_images([own, other], directory):
        fill(cluster.store, own, other, pods, images, namespaces)
        make_site(directory / "site", own.port)
        print(own.port, flush=True)
        for _ in sys.stdin:
            of_cluster, of_registries = cluster.taken(), [*taken_from(own), *taken_from(other)]
            asked = [asdict(one) for one in (*of_cluster, *of_registries)]
            (directory / "requests.json").write_text(json.dumps(asked))
            print(len(of_cluster), len(of_registries), flush=True)


if __name__ == "__main__":
    main()
