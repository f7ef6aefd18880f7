"""A mirror of Docker Hub that hosts reach through an HTTP proxy alone: Debian's docker-registry behind nginx.

Both run on the lab's machine. Nobody resolves the mirror's name but the proxy, so that what is pulled came through it.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from moor_lab.oci import Image, configuration_of, digest_of
from tests.harness.waiting import until

MIRROR, PORT, STORE_PORT = "http://mirror.moor.test", 3128, 5482
KIND = "application/vnd.oci.image"
NGINX = """\
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; proxy_max_temp_file_size 0;
  server {{
    listen {address}:{port};
    location / {{ proxy_pass http://127.0.0.1:{store}; proxy_set_header Host $http_host; }}
  }}
}}
"""
STORE = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/{images}}}}}
http: {{addr: 127.0.0.1:{store}}}
"""


@dataclass(frozen=True)
class ProxiedMirror:
    """The mirror and its proxy, at an address of this machine."""

    folder: Path
    address: str

    @property
    def proxy(self) -> str:
        return f"http://{self.address}:{PORT}"

    @contextmanager
    def serving(self, images: str) -> Iterator[httpx.Client]:
        """Serve a directory of images while the block runs; yield a client to fill it."""
        words = {"folder": self.folder, "address": self.address, "port": PORT, "store": STORE_PORT, "images": images}
        (self.folder / "nginx.conf").write_text(NGINX.format(**words))
        (self.folder / "store.yml").write_text(STORE.format(**words))
        store = subprocess.Popen(["docker-registry", "serve", str(self.folder / "store.yml")])
        proxy = subprocess.Popen(["nginx", "-c", str(self.folder / "nginx.conf")])
        try:
            with client_of(f"http://127.0.0.1:{STORE_PORT}") as client, client_of(self.proxy) as proxied:
                until(lambda: answers(client) and answers(proxied), "the mirror answers")
                yield client
        finally:
            for process in (proxy, store):
                process.terminate()
                process.wait(10)


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/v2/").status_code == 200
    except httpx.HTTPError:
        return False


def push(images: Sequence[Image], registry: httpx.Client) -> None:
    """Put images into a registry that wants no login; layers that they share are sent once."""
    layers = {path: digest_of(path) for image in images for path in image.layers}
    for image in images:
        name, _, tag = image.reference.partition(":")
        known = configuration_of(image, [layers[path] for path in image.layers])
        config = described("config.v1+json", len(known), hashlib.sha256(known).hexdigest())
        send(registry, name, config["digest"], io.BytesIO(known))
        parts = []
        for path in image.layers:
            part = described("layer.v1.tar", path.stat().st_size, layers[path])
            with path.open("rb") as layer:
                send(registry, name, part["digest"], layer, images[0].reference.partition(":")[0])
            parts.append(part)
        kind = f"{KIND}.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": parts}
        sent = {"Content-Type": kind}
        registry.put(f"/v2/{name}/manifests/{tag}", content=json.dumps(manifest), headers=sent).raise_for_status()


def described(kind: str, size: int, digest: str) -> dict[str, object]:
    return {"mediaType": f"{KIND}.{kind}", "size": size, "digest": f"sha256:{digest}"}


def send(registry: httpx.Client, name: str, digest: object, content: BinaryIO, of: str = "") -> None:
    """Upload a blob, or mount it from the repository ``of`` where that has it."""
    query = {"mount": str(digest), "from": of} if of not in ("", name) else {}
    begun = registry.post(f"/v2/{name}/blobs/uploads/", params=query).raise_for_status()
    if begun.status_code != 201:
        place = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": str(digest)})
        registry.put(place, content=content, timeout=300).raise_for_status()
