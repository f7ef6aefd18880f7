"""Two real registries (Debian's docker-registry), each behind a front that counts requests and can cut uploads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from moor.connections.apis.harbor import MANIFESTS
from moor.connections.local import LocalPlugin
from moor.pki.authority import CertificateNames, issue, make_authority
from tests.harness.servers import Handler, serving, tls
from tests.lab_harbor.standin import ADMIN_PASSWORD, find_registry, run_open_registry, serve

OURS, THEIRS = "registry.corp.test", "upstream.corp.test"
USER, PASSWORD = "reader", "p:ss\"$w\\rd'"
KIND = "application/vnd.oci.image"
LARGE = 600_000  # bytes of a layer that is cut
PIECE = 64 * 1024
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "authorization")


@dataclass
class Front:
    """TLS and a login before a registry without either.

    Attributes:
        asked: method and path of every request, those for a login too
        token: whether it asks for a token, as Docker Hub does; otherwise for the login itself
        own_logins: whether what is behind it has logins of its own, as Harbor has
        cut: whether uploads of large layers end in the middle
        lists: pages of what refers to a digest, by REPOSITORY/referrers/DIGEST; a registry without the API has none
        broken: part of the paths that it answers with 500
    """

    name: str
    inner: str
    token: bool = False
    own_logins: bool = False
    cut: bool = False
    lists: dict[str, list[bytes]] = field(default_factory=dict)
    broken: str = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.name}:{self.port}"

    @property
    def right(self) -> str:
        return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    @property
    def client(self) -> httpx.Client:
        """Return a client of the registry behind it, Harbor's administrator's where that is one."""
        auth = ("admin", ADMIN_PASSWORD) if self.own_logins else None
        return httpx.Client(base_url=self.inner, trust_env=False, timeout=30, auth=auth)

    def since(self, count: int, *parts: str) -> list[str]:
        """Return what was asked after the first ``count`` requests that has all the parts in it."""
        return [one for one in self.asked[count:] if all(part in one for part in parts)]


def _handler(front: Front) -> type[Handler]:
    class Forwarding(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            front.asked.append(f"{self.command} {self.path}")
            given = self.headers.get("Authorization", "")
            if front.own_logins:
                self._forward()
            elif self.path.startswith("/token"):
                ticket = json.dumps({"token": "ticket"}).encode()
                self.reply(200 if given == front.right else 401, ticket if given == front.right else b"")
            elif given != ("Bearer ticket" if front.token else front.right):
                self._refuse()
            else:
                self._forward()

        do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def _refuse(self) -> None:
            self._body()
            how = (
                f'Bearer realm="https://{front.place}/token",service="front"' if front.token else 'Basic realm="front"'
            )
            self.reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}', {"WWW-Authenticate": how})

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found

        def _listed(self) -> None:
            path, _, page = self.path.removeprefix("/v2/").partition("?page=")
            pages, at = front.lists[path], int(page or 0)
            more = {"Link": f'</v2/{path}?page={at + 1}>; rel="next"'} if at + 1 < len(pages) else {}
            self.reply(200, pages[at], {"Content-Type": f"{KIND}.index.v1+json", **more})

        def _forward(self) -> None:
            if front.broken and front.broken in self.path:
                self.reply(500, b"")
                return
            if self.path.removeprefix("/v2/").partition("?")[0] in front.lists:
                self._listed()
                return
            body = self._body()
            if front.cut and self.command == "PATCH" and len(body) > LARGE // 2:
                self.close_connection = True
                self.connection.close()
                return
            passed = {
                name: ", ".join(self.headers.get_all(name) or []) for name in self.headers if name.lower() not in HOP
            }
            passed |= {"Host": front.place, "X-Forwarded-Proto": "https"}
            if front.own_logins and "Authorization" in self.headers:
                passed["Authorization"] = self.headers["Authorization"]
            inner = http.client.HTTPConnection(front.inner.partition("://")[2], timeout=30)
            inner.request(self.command, self.path, body, passed)
            answer = inner.getresponse()
            content = answer.read()
            back = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            if self.command == "HEAD":
                back["Content-Length"] = answer.headers.get("Content-Length", "0")
            self.reply(answer.status, content, back)
            inner.close()

    return Forwarding


@dataclass
class Registries:
    """Upstream, ours, and the shell of a host that knows both by name."""

    ours: Front
    theirs: Front
    authority: str


@contextmanager
def two_registries(folder: Path, harbor: bool = False) -> Iterator[Registries]:
    """Yield two registries with certificates of one CA that no system trusts.

    Args:
        harbor: whether ours is Harbor's stand-in, with the administrator's password ADMIN_PASSWORD
    """
    now, names = datetime.now(UTC), CertificateNames((OURS, THEIRS))
    authority = make_authority(names, 30, now)
    leaf = issue(authority, names, 30, now)
    folder.mkdir(parents=True, exist_ok=True)
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(leaf.pem.encode() + key)
    program = find_registry(folder)
    for name in (OURS, THEIRS):
        (folder / name).mkdir()
    context = tls(folder / "server.pem")
    with ExitStack() as stack:
        core = stack.enter_context(serve(folder / OURS, program)) if harbor else None
        inner = core.url if core else stack.enter_context(run_open_registry(program, folder / OURS))
        upstream = stack.enter_context(run_open_registry(program, folder / THEIRS))
        ours, theirs = Front(OURS, inner, own_logins=harbor), Front(THEIRS, upstream, token=True)
        ours.port = stack.enter_context(serving(_handler(ours), context))
        theirs.port = stack.enter_context(serving(_handler(theirs), context))
        if core:
            core.core.external_url = f"https://{ours.place}"
        yield Registries(ours, theirs, authority.pem)


def host_knowing(folder: Path, programs: Path, without: str = "") -> type[LocalPlugin]:
    """Return a plugin for a shell of this machine in which both names lead to loopback.

    Its /run and /var/lib/moor are ``run`` and ``lib`` in the folder, so that tests beside this one have their own.

    Args:
        programs: a directory that is its /usr/local/bin
        without: a program that it does not have
    """
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {OURS} {THEIRS}\n")
    mounts = {hosts: "/etc/hosts", programs: "/usr/local/bin", folder / "run": "/run", folder / "lib": "/var/lib/moor"}
    for place in ("run", "lib"):
        (folder / place).mkdir(exist_ok=True)
    bound = " && ".join(f"mount --bind {source} {target}" for source, target in mounts.items())
    enter = f'mkdir -p /var/lib/moor && {bound} && exec sh "$@"'
    if without:
        enter = f"mount --bind /dev/null {without} && {enter}"

    class Knowing(LocalPlugin):
        argv: ClassVar[tuple[str, ...]] = ("unshare", "--mount", "sh", "-c", enter, "sh")

    return Knowing


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def put_blob(client: httpx.Client, repository: str, content: bytes) -> None:
    begun = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
    place = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest(content)})
    client.put(place, content=content).raise_for_status()


def put_manifest(client: httpx.Client, repository: str, reference: str, manifest: Mapping[str, Any]) -> str:
    """Put a manifest under a tag, or under its digest where that is empty; return the digest."""
    raw = json.dumps(manifest).encode()
    headers = {"Content-Type": str(manifest["mediaType"])}
    path = f"/v2/{repository}/manifests/{reference or digest(raw)}"
    client.put(path, content=raw, headers=headers).raise_for_status()
    return digest(raw)


def layer(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def put_image(client: httpx.Client, repository: str, reference: str, platform: str, mark: str) -> dict[str, Any]:
    """Put an image of a small and a large layer; return its entry for a list."""
    os_name, architecture, *variant = platform.split("/")
    layers = [layer("small", mark.encode()), layer("large", os.urandom(LARGE))]
    packed = [gzip.compress(one, mtime=0) for one in layers]
    known = {"os": os_name, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
    config = json.dumps({**known, "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]}}).encode()
    for blob in (*packed, config):
        put_blob(client, repository, blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{KIND}.manifest.v1+json",
        "config": part(f"{KIND}.config.v1+json", config),
        "layers": [part(f"{KIND}.layer.v1.tar+gzip", one) for one in packed],
    }
    found = put_manifest(client, repository, reference, manifest)
    size = len(json.dumps(manifest).encode())
    return {"mediaType": manifest["mediaType"], "digest": found, "size": size, "platform": known}


def part(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(content), "digest": digest(content)}


def put_list(client: httpx.Client, repository: str, tag: str, platforms: Sequence[str], mark: str) -> str:
    """Put an image of several platforms under a tag; return the digest of the list."""
    entries = [put_image(client, repository, "", platform, f"{mark} {platform}") for platform in platforms]
    made = {"schemaVersion": 2, "mediaType": f"{KIND}.index.v1+json", "manifests": entries}
    return put_manifest(client, repository, tag, made)


def key_of_cosign(folder: Path, name: str = "cosign") -> Path:
    """Make a key as cosign does, by openssl, and return the file of its public half, which is beside it."""
    private = folder / f"{name}.key"
    argv = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(private)]
    subprocess.run(argv, check=True, capture_output=True)
    public = folder / f"{name}.pub"
    subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)], check=True)
    return public


@cache
def signature_of(content: bytes, public: Path) -> str:
    """Return openssl's signature by the key beside a public one; the same one again, as cosign keeps it."""
    argv = ["openssl", "dgst", "-sha256", "-sign", str(public.with_suffix(".key"))]
    return base64.b64encode(subprocess.run(argv, input=content, check=True, capture_output=True).stdout).decode()


def put_artifact(
    client: httpx.Client, repository: str, reference: str, layers: Sequence[tuple[str, bytes, str]], **more: Any
) -> str:
    """Put a manifest of layers, each with its kind, content and signature, under a tag or its digest."""
    config = b"{}"
    for blob in (config, *(content for _, content, _ in layers)):
        put_blob(client, repository, blob)
    kind = "application/vnd.oci.empty.v1+json" if more else f"{KIND}.config.v1+json"
    entries = [
        {**part(one, content), **({"annotations": {"dev.cosignproject.cosign/signature": mark}} if mark else {})}
        for one, content, mark in layers
    ]
    fixed = {"schemaVersion": 2, "mediaType": f"{KIND}.manifest.v1+json"}
    return put_manifest(
        client, repository, reference, {**fixed, "config": part(kind, config), "layers": entries, **more}
    )


SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGSTORE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def sign(client: httpx.Client, repository: str, signed: str, *keys: Path) -> str:
    """Put what cosign puts beside an image that it signs, one layer a key; return the manifest's digest."""
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": signed}}}).encode()
    layers = [(SIMPLE, payload, signature_of(payload, key)) for key in keys] or [(SIMPLE, payload, "MEUC")]
    return put_artifact(client, repository, f"{signed.replace(':', '-')}.sig", layers)


def sigstore_bundle(signed: str, key: Path, said: str = "https://sigstore.dev/cosign/sign/v1") -> bytes:
    """Return what cosign 3 makes of a signature, or of an attestation that says something else."""
    statement = {"predicateType": said, "subject": [{"digest": {"sha256": signed.removeprefix("sha256:")}}]}
    payload, kind = json.dumps(statement).encode(), "application/vnd.in-toto+json"
    whole = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind}
    envelope |= {"signatures": [{"sig": signature_of(whole, key)}]}  # type: ignore[dict-item]
    return json.dumps({"mediaType": SIGSTORE, "dsseEnvelope": envelope}).encode()


def refer(
    client: httpx.Client, repository: str, subject: str, content: bytes, *, listed: bool = True
) -> dict[str, Any]:
    """Put a bundle of Sigstore that refers to a digest; return its entry in a list.

    Args:
        listed: put the list under the digest's tag too, as clients do where the registry has no API of references
    """
    about = {"mediaType": f"{KIND}.manifest.v1+json", "digest": subject, "size": 1}
    layers = [(SIGSTORE, content, "")]
    found = put_artifact(client, repository, "", layers, artifactType=SIGSTORE, subject=about)
    size = len(client.get(f"/v2/{repository}/manifests/{found}", headers={"Accept": MANIFESTS}).content)
    entry = {"mediaType": f"{KIND}.manifest.v1+json", "digest": found, "size": size, "artifactType": SIGSTORE}
    if listed:
        made = {"schemaVersion": 2, "mediaType": f"{KIND}.index.v1+json", "manifests": [entry]}
        put_manifest(client, repository, subject.replace(":", "-"), made)
    return entry


def held(front: Front, repository: str, reference: str) -> tuple[str, dict[str, Any]]:
    """Return the digest and content of a manifest, both empty where it is not there."""
    with front.client as client:
        answer = client.get(f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFESTS})
    return (answer.headers["Docker-Content-Digest"], answer.json()) if answer.is_success else ("", {})
