"""Another registry, whose images come through a proxy cache: Debian's docker-registry on the lab's machine.

``harbor_with_cache`` serves the core of Harbor's stand-in there too, behind nginx, for fleets without a Harbor.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.harness.waiting import until
from tests.lab.central_registry import REPOSITORY, TAG, openssl, push_image
from tests.lab.image_mirror import answers, client_of
from tests.lab_harbor.standin import ADMIN_PASSWORD, find_registry, serve

IMAGE = f"{REPOSITORY}:{TAG}"
UPSTREAM_PORT, CACHE_PORT, FRONT_PORT = 5484, 8444, 5485
PAGE = Path(__file__).parents[2] / "docs/mirrors.md"
STORE = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: '{address}:{port}'}}
"""
NGINX = """\
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 0;
{servers}
}}
"""
BEFORE_CORE = """\
  server {{
    listen {address}:{port} ssl; ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
    location / {{ proxy_pass {core}; proxy_set_header Host $http_host; proxy_buffering off; }}
  }}"""


@dataclass
class Upstream:
    """A registry without a login, over plain HTTP."""

    url: str
    _process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> None:
        """End it, as if the other registry were down."""
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def upstream_registry(folder: Path, address: str) -> Iterator[Upstream]:
    """Yield a registry with one image, which hosts of the lab reach."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "store.yml").write_text(STORE.format(folder=folder, address=address, port=UPSTREAM_PORT))
    program = find_registry(folder)
    upstream = Upstream(
        f"http://{address}:{UPSTREAM_PORT}", subprocess.Popen([program, "serve", str(folder / "store.yml")])
    )
    try:
        with client_of(upstream.url) as client:
            until(lambda: answers(client), "the other registry answers")
        push_image(upstream.url)
        yield upstream
    finally:
        upstream.stop()


@contextmanager
def nginx(folder: Path, servers: str) -> Iterator[None]:
    """Run nginx with some servers while the block runs."""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, servers=servers))
    process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")])
    try:
        until(lambda: (folder / "nginx.pid").exists() or process.poll() is not None, "nginx runs")
        assert process.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def harbor_with_cache(folder: Path, name: str, address: str, upstream: str) -> Iterator[None]:
    """Serve the core as ``name``, with a public proxy cache called docker.io.

    Args:
        folder: has server.crt and server.key
    """
    (folder / "core").mkdir()
    with serve(folder / "core", find_registry(folder)) as served:
        served.core.external_url = f"https://{name}:{CACHE_PORT}"
        make_cache(served.url, upstream)
        words = {"address": address, "port": CACHE_PORT, "folder": folder, "core": served.url}
        with nginx(folder, BEFORE_CORE.format(**words)):
            yield


def make_cache(harbor: str, upstream: str) -> None:
    """Make the endpoint and its proxy cache, as an administrator would."""
    login = ("admin", ADMIN_PASSWORD)
    endpoint = {"name": "docker.io", "type": "docker-registry", "url": upstream}
    httpx.post(f"{harbor}/api/v2.0/registries", auth=login, json=endpoint).raise_for_status()
    project = {"project_name": "docker.io", "registry_id": 1, "metadata": {"public": "true"}}
    httpx.post(f"{harbor}/api/v2.0/projects", auth=login, json=project).raise_for_status()


@contextmanager
def front(folder: Path, address: str, registry: str, registry_ca: str) -> Iterator[str]:
    """Serve the front that the page of mirrors shows, at the lab's machine; yield its address.

    Args:
        registry: the address of the registry whose cache it is
        registry_ca: PEM
    """
    folder.mkdir(parents=True, exist_ok=True)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=front"]
    pair = ["-keyout", str(folder / "hub.key"), "-out", str(folder / "hub.crt")]
    openssl("req", "-x509", *new, *pair, "-addext", f"subjectAltName=IP:{address}")
    (folder / "registry-ca.crt").write_text(registry_ca)
    shown = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown
    server = shown[1].replace("listen 443", f"listen {address}:{FRONT_PORT}").replace("/etc/nginx/", f"{folder}/")
    with nginx(folder, f"upstream registry.moor.test {{ server {registry}:443; }}\n{server}"):
        yield f"https://{address}:{FRONT_PORT}"
