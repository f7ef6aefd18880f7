"""A stand-in cluster served over TLS, with controllers if a test wants them."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace

import moor_lab.kubernetes as lab_kubernetes
from moor_lab.kubernetes.standin.api.access import TENANT, Tokens
from moor_lab.kubernetes.standin.api.cluster import Cluster
from moor_lab.kubernetes.standin.api.http import Handler, Server
from moor_lab.kubernetes.standin.store import Store


class Api:
    """A served cluster, with clients for it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        kept = directory / "kept"
        self.access = lab_kubernetes.make_access(kept, "cp1", "127.0.0.1")
        self.store = Store(directory / "cluster.sqlite")
        self.cluster = Cluster(self.store)
        self._open: list[socket.socket] = []
        self.connections: list[socket.socket] = []  # every one that was ever made
        self.asked: list[str] = []  # paths, in the order of the answers
        self.answering: Callable[[str], None] = lambda _: None  # hears each path just before its answer goes out
        self.tokens = Tokens(kept / "tokens.csv", self.access.node_key)
        self.server = self._listening(0)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.access = replace(self.access, server=self.url)
        self.kubeconfig = directory / "kubeconfig"
        lab_kubernetes.write_kubeconfig(self.kubeconfig, self.access, "test")
        self.server.start()

    def _listening(self, port: int) -> Server:
        kept, asked, open_ones = self.directory / "kept", self.asked, self._open
        api = self

        class Noting(Handler):
            def setup(self) -> None:
                super().setup()
                open_ones.append(self.connection)
                api.connections.append(self.connection)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                asked.append(self.path)
                api.answering(self.path)

        server = Server(("127.0.0.1", port), self.cluster, self.tokens, (kept / "tls.crt", kept / "tls.key"))
        server.RequestHandlerClass = Noting
        return server

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop listening during the block, as an API server does while it restarts."""
        port = int(self.server.server_address[1])
        self.server.shutdown()
        self.server.server_close()
        while self._open:
            with suppress(OSError):  # the client was faster
                self._open.pop().shutdown(socket.SHUT_RDWR)
        yield
        self.server = self._listening(port)
        self.server.start()

    def client(self, dry_run: bool = False) -> Client:
        config = KubeConfig.from_file(self.kubeconfig)
        return Client(config=config, field_manager="moor", namespace="demo", dry_run=dry_run)

    def http(self, token: str | None = None) -> httpx.Client:
        """Return a plain client; by default the admin's."""
        given = self.access.admin_token if token is None else token
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        trusted = ssl.create_default_context(cadata=self.access.authority)
        return httpx.Client(base_url=self.url, verify=trusted, headers=headers)

    def kubectl(self, *argv: str, stdin: str = "") -> str:
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *argv]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=30).stdout

    def by_way_of(self, port: int) -> Path:
        """Write the administrator's kubeconfig for another port, such as a proxy's."""
        path = self.directory / f"by-{port}"
        lab_kubernetes.write_kubeconfig(path, replace(self.access, server=f"https://127.0.0.1:{port}"), "test")
        return path

    def tenant(self, namespace: str) -> Path:
        """Write the kubeconfig of a tenant, who may do everything in one namespace and nothing outside."""
        token = f"tenant-of-{namespace}"
        with (self.directory / "kept/tokens.csv").open("a") as tokens:
            tokens.write(f'{token},{namespace}-owner,{namespace}-owner,"{TENANT}{namespace}"\n')
        self.tokens = self.server.tokens = Tokens(self.directory / "kept/tokens.csv", self.access.node_key)
        path = self.directory / f"tenant-{namespace}"
        lab_kubernetes.write_kubeconfig(path, replace(self.access, admin_token=token), "test")
        return path

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.store.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Yield a served cluster that is empty."""
    api = Api(tmp_path)
    yield api
    api.close()


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    """Yield a client of a cluster with the namespace ``demo``."""
    with closing(api.client()) as client:
        client.create(Namespace(metadata=ObjectMeta(name="demo")))
        yield client
