"""A registry that another team runs: Debian's docker-registry behind nginx, with a private CA and basic authentication.

It runs on the lab's machine, where hosts of the lab reach it, and holds one image.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.harness.waiting import until

NAME, PORT, STORE_PORT = "registry.central.test", 5443, 5480
USER, PASSWORD = "deploy+shop", "p:ss$word"
REPOSITORY, TAG = "shop/web", "1"
NGINX = """\
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 0;
  server {{
    listen {address}:{port} ssl; server_name {name};
    ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
    location /v2/ {{
      auth_basic "Central registry"; auth_basic_user_file {folder}/users;
      proxy_pass http://127.0.0.1:{store}; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""
STORE = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: 127.0.0.1:{store}}}
"""


@dataclass(frozen=True)
class CentralRegistry:
    """The registry of a folder, at an address of this machine."""

    folder: Path
    address: str

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def certify(self, issuer: str) -> None:
        """Make a CA of that name and have it issue the registry's certificate."""
        new, key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"], self.folder / "ca.key"
        openssl(
            "req", "-x509", *new, "-subj", f"/CN={issuer}", "-days", "90", "-keyout", str(key), "-out", str(self.ca)
        )
        files = ["-keyout", str(self.folder / "server.key"), "-out", str(self.folder / "server.csr")]
        openssl("req", *new, "-subj", f"/CN={NAME}", *files)
        (self.folder / "ext").write_text(f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n")
        signed = ["-CA", str(self.ca), "-CAkey", str(key), "-CAcreateserial", "-days", "60"]
        more = ["-extfile", str(self.folder / "ext"), "-out", str(self.folder / "server.crt")]
        openssl("x509", "-req", "-in", str(self.folder / "server.csr"), *signed, *more)

    def reload(self) -> None:
        """Have nginx serve the present certificate."""
        before = self._served()
        subprocess.run(
            ["nginx", "-s", "reload", "-c", str(self.folder / "nginx.conf")], check=True, capture_output=True
        )
        until(lambda: self._served() not in ("", before), "nginx serves the new certificate")

    def _served(self) -> str:
        place = f"{self.address}:{PORT}"
        shown = subprocess.run(
            ["openssl", "s_client", "-connect", place], input="", capture_output=True, text=True, check=False
        )
        return shown.stdout.partition("-----END")[0]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve while the block runs, with one image."""
        words = {"folder": self.folder, "address": self.address, "port": PORT, "name": NAME, "store": STORE_PORT}
        (self.folder / "nginx.conf").write_text(NGINX.format(**words))
        (self.folder / "store.yml").write_text(STORE.format(**words))
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
        )
        (self.folder / "users").write_text(f"{USER}:{hashed.stdout}")
        store = subprocess.Popen(["docker-registry", "serve", str(self.folder / "store.yml")])
        proxy = subprocess.Popen(["nginx", "-c", str(self.folder / "nginx.conf")])
        try:
            until(self._answers, "the registry answers")
            push_image(f"http://127.0.0.1:{STORE_PORT}")
            yield
        finally:
            for process in (proxy, store):
                process.terminate()
                process.wait(10)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{STORE_PORT}/v2/").status_code == 200 and bool(self._served())
        except httpx.HTTPError:
            return False


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def push_image(url: str, line: bytes = b"central\n") -> str:
    """Put an image of one small file into a registry, and return its digest."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        content = line * 1000
        member = tarfile.TarInfo("hello")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    files = {"type": "layers", "diff_ids": [digest(layer.getvalue())]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": files}).encode()
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": {"mediaType": f"{kind}.config.v1+json", "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", "size": len(packed), "digest": digest(packed)}],
    }
    with httpx.Client(base_url=url) as client:
        for blob in (packed, config):
            begun = client.post(f"/v2/{REPOSITORY}/blobs/uploads/").raise_for_status()
            place = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest(blob)})
            client.put(place, content=blob).raise_for_status()
        sent = {"Content-Type": manifest["mediaType"]}
        body = json.dumps(manifest).encode()
        client.put(f"/v2/{REPOSITORY}/manifests/{TAG}", content=body, headers=sent).raise_for_status()  # type: ignore[arg-type]
    return digest(body)


def digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"
