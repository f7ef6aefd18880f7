"""The core of Harbor's stand-in, served over plain HTTP, with a real docker-registry behind it where one is found."""

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import WSGIRequestHandler, make_server

from moor_lab.harbor.core.application import application
from moor_lab.harbor.core.passwords import Lock
from moor_lab.harbor.core.service import Core, no_collector
from moor_lab.harbor.core.store import in_memory
from moor_lab.harbor.core.tokens import ISSUER, SERVICE, Tokens
from moor_lab.harbor.core.users import first_start
from moor_lab.harbor.images import base_layer
from moor_lab.harbor.parts.__main__ import collect_garbage
from moor_lab.harbor.prepare.keys import certificate_of
from moor_lab.harbor.release import SHOWN_VERSION
from moor_lab.images import CACHE
from tests.harness.servers import answers, free_port
from tests.harness.waiting import until

ADMIN_PASSWORD = "Replay-Passw0rd"


class Quiet(WSGIRequestHandler):
    """A server that writes no line for every request."""

    def log(self, type: str, message: str, *args: object) -> None:
        return


class Served:
    """A running core: its address, and how long it made callers wait."""

    def __init__(self, core: Core, url: str, waited: list[float]) -> None:
        self.core = core
        self.url = url
        self.waited = waited

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]


@contextmanager
def serve(directory: Path, registry: Path | None = None, version: str = SHOWN_VERSION) -> Iterator[Served]:
    """Yield a core with an empty database; without ``registry`` what needs one answers 502."""
    key = rsa.generate_private_key(65537, 2048)
    waited: list[float] = []
    with ExitStack() as stack:
        inner = stack.enter_context(run_registry(registry, directory, key)) if registry else "http://127.0.0.1:1"
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        core = Core(
            store=in_memory(),
            tokens=Tokens(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
            registry=stack.enter_context(httpx.Client(base_url=inner, timeout=30)),
            external_url=url,
            components=dict.fromkeys(PARTS, lambda: None),
            ca=directory / "ca.crt",
            version=version,
            collector=partial(collect, registry, directory) if registry else no_collector,
            lock=Lock(waited.append),
        )
        stack.callback(core.store.close)
        stack.callback(core.jobs.wait)
        (directory / "ca.crt").write_bytes(certificate_of(key))
        first_start(core.store, ADMIN_PASSWORD)
        server = make_server("127.0.0.1", port, application(core), threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        stack.callback(server.server_close)
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        yield Served(core, url, waited)


def collect(program: Path, directory: Path, dry_run: bool) -> tuple[bool, str]:
    """Collect garbage as the registry controller does."""
    words = (str(program), "garbage-collect")
    answer = collect_garbage(dry_run=dry_run, program=words, config=str(directory / "registry.yml"))
    return answer.status_code == 200, answer.get_data(as_text=True)


PARTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")


@contextmanager
def run_open_registry(program: Path, directory: Path) -> Iterator[str]:
    """docker-registry on a free port, with the images of ``directory`` and without any login."""
    port = free_port()
    (directory / "open.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/registry}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with running_registry(program, directory / "open.yml", port) as url:
        yield url


@contextmanager
def run_registry(program: Path, directory: Path, key: rsa.RSAPrivateKey) -> Iterator[str]:
    """docker-registry on a free port, with the token authentication that the core's tokens pass."""
    port = free_port()
    (directory / "root.crt").write_bytes(certificate_of(key))
    (directory / "registry.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/registry}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: test}}\n"
        f"auth: {{token: {{realm: x, service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {directory}/root.crt}}}}\n"
    )
    with running_registry(program, directory / "registry.yml", port) as url:
        yield url


@contextmanager
def running_registry(program: Path, configuration: Path, port: int) -> Iterator[str]:
    """docker-registry with a configuration file that has it listen on ``port``."""
    with configuration.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([program, "serve", configuration], stdout=log, stderr=log)
        try:
            until(lambda: answers(port), "the registry answers", 20)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def find_registry(directory: Path) -> Path:
    """docker-registry of this machine, else the one in the stand-in's images, taken out into ``directory``."""
    if installed := shutil.which("docker-registry"):
        return Path(installed)
    with tarfile.open(base_layer(CACHE)) as tar:
        member = next(member for member in tar if member.name == "./usr/bin/docker-registry")
        member.name = "docker-registry"
        tar.extract(member, directory, filter="data")
    return directory / "docker-registry"
