"""A stand-in for somebody's registry: manifests in memory, over TLS, with any way of logging in that registries have.

It answers pulls as the OCI distribution specification says; nothing can be pushed by HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from moor_lab.kubernetes.certificates import make_certificates

LOOPBACK = "127.0.0.1"
OCI = "application/vnd.oci.image"
POLL_S = 0.05
Access = Literal["open", "basic", "token", "harbor"]


@dataclass(frozen=True)
class Asked:
    """A request: its method, path with query, and Authorization header, empty without one."""

    method: str
    target: str
    authorization: str

    @property
    def user(self) -> str:
        """Return who logged in with a password; empty for nobody."""
        scheme, _, rest = self.authorization.partition(" ")
        return base64.b64decode(rest).decode().partition(":")[0] if scheme == "Basic" else ""


@dataclass
class ImageRegistry:
    """The content and the rules of a registry.

    Attributes:
        access: how clients log in; with ``token`` at ``realm``, with ``harbor`` in both ways
        realm: of the token service; empty for this registry's own
        passwords: by user
        private: the users that may read a repository, by its name; others are for everybody
        statuses: answers instead of the usual one, by the start of a path
        redirects: where requests are sent instead, by the start of a path
        asked: every request
    """

    name: str
    access: Access = "open"
    realm: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    private: dict[str, set[str]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _tokens: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"{self.name}:{self.port}"

    def put(self, repository: str, tag: str, machines: Sequence[str] = ("amd64",), content: str = "") -> str:
        """Put an image under a tag, an index if it is for several machines; return its digest.

        Args:
            content: what makes it another image than one of the same repository
        """
        digests = {machine: self._put_image(repository, machine, content) for machine in machines}
        if len(machines) == 1:
            digest = next(iter(digests.values()))
        else:
            entries = [
                {"mediaType": f"{OCI}.manifest.v1+json", "digest": one,
                 "size": len(self._manifests[repository, one][1]), "platform": {"os": "linux", "architecture": machine}}
                for machine, one in digests.items()
            ]  # fmt: skip
            tree = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": entries}
            digest = self._keep(repository, f"{OCI}.index.v1+json", tree)
        self._manifests[repository, tag] = self._manifests[repository, digest]
        return digest

    def _put_image(self, repository: str, machine: str, content: str) -> str:
        config = json.dumps({"architecture": machine, "os": "linux", "content": content or repository}).encode()
        digest = _digest(config)
        self._blobs[digest] = config
        described = {"mediaType": f"{OCI}.config.v1+json", "digest": digest, "size": len(config)}
        kind = f"{OCI}.manifest.v1+json"
        return self._keep(repository, kind, {"schemaVersion": 2, "mediaType": kind, "config": described, "layers": []})

    def _keep(self, repository: str, kind: str, tree: Mapping[str, Any]) -> str:
        body = json.dumps(tree).encode()
        digest = _digest(body)
        self._manifests[repository, digest] = kind, body
        return digest

    def remove(self, repository: str, reference: str = "") -> None:
        """Remove a tag or a digest; without one, the whole repository."""
        for key in [key for key in self._manifests if key[0] == repository and reference in ("", key[1])]:
            del self._manifests[key]

    def count(self, method: str = "") -> int:
        """Return how many requests came, of one method or of all."""
        return sum(one.method == method for one in self.asked) if method else len(self.asked)

    def _user(self, authorization: str) -> str | None:
        """Return who a login is of; None if it is wrong."""
        scheme, _, rest = authorization.partition(" ")
        if scheme != "Basic":
            return "" if not authorization else None
        user, _, password = base64.b64decode(rest).decode().partition(":")
        return user if self.passwords.get(user) == password else None

    def _may(self, user: str, repository: str) -> bool:
        return repository not in self.private or user in self.private[repository]

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer to a request."""
        self.asked.append(asked)
        url = urlsplit(asked.target)
        for start, status in self.statuses.items():
            if url.path.startswith(start):
                return status, {}, b""
        for start, target in self.redirects.items():
            if url.path.startswith(start):
                return 307, {"Location": f"{target}{url.path}"}, b""
        if url.path == "/token":
            return self._token(asked, parse_qs(url.query))
        repository, part, reference = _parts(url.path)
        if not self._is_allowed(asked, repository):
            return 401, {"WWW-Authenticate": self._challenge(repository)}, b'{"errors":[{"code":"UNAUTHORIZED"}]}'
        if url.path == "/v2/":
            return 200, {}, b"{}"
        if part == "blobs" and reference in self._blobs:
            return 200, {"Content-Type": "application/octet-stream"}, self._blobs[reference]
        if part == "manifests" and (repository, reference) in self._manifests:
            kind, body = self._manifests[repository, reference]
            return 200, {"Content-Type": kind, "Docker-Content-Digest": _digest(body)}, body
        return 404, {"Content-Type": "application/json"}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'

    def _challenge(self, repository: str) -> str:
        if self.access == "basic":
            return 'Basic realm="stand-in"'
        scope = f',scope="repository:{repository}:pull"' if repository else ""
        return f'Bearer realm="{self.realm or f"https://{self.host}/token"}",service="{self.name}"{scope}'

    def _is_allowed(self, asked: Asked, repository: str) -> bool:
        if self.access == "open":
            return True
        if self.access == "basic" or (self.access == "harbor" and asked.authorization.startswith("Basic ")):
            user = self._user(asked.authorization)
            return bool(user) and self._may(user or "", repository)
        user, scope = self._tokens.get(asked.authorization.removeprefix("Bearer "), ("", "-"))
        return scope == f"repository:{repository}:pull" and self._may(user, repository)

    def _token(self, asked: Asked, query: Mapping[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        user = self._user(asked.authorization)
        if user is None:
            return 401, {}, b'{"details":"incorrect username or password"}'
        token = f"t{len(self._tokens)}"
        self._tokens[token] = user, query.get("scope", [""])[0]
        body = json.dumps({"token": token, "expires_in": 300}).encode()
        return 200, {"Content-Type": "application/json"}, body

    def revoke_tokens(self) -> None:
        """Forget all tokens, as if their time were over."""
        self._tokens = {f"-{token}": known for token, known in self._tokens.items()}


def _parts(path: str) -> tuple[str, str, str]:
    """Return repository, part and reference of /v2/REPOSITORY/PART/REFERENCE; empty texts for other paths."""
    *names, part, reference = path.removeprefix("/v2/").split("/") if path.count("/") > 3 else ("", "", "")
    return "/".join(names), part, reference


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _handler(registry: ImageRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """Answer any request; one by HEAD without the body."""
            status, headers, body = registry.answer(
                Asked(self.command, self.path, self.headers.get("Authorization", ""))
            )
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def serve_images(registries: Sequence[ImageRegistry], certificates: Path) -> Iterator[Path]:
    """Serve registries on loopback, each on a port of its own, until the block ends; yield the CA's file.

    Args:
        certificates: a directory that gets the CA's certificate
    """
    made = make_certificates([one.name for one in registries], [LOOPBACK])
    authority = certificates / "registries-ca.crt"
    authority.write_text(made.authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as kept:
        (Path(kept) / "tls.pem").write_text(f"{made.certificate}{made.key}")
        context.load_cert_chain(Path(kept) / "tls.pem")
    servers = []
    for registry in registries:
        server = ThreadingHTTPServer((LOOPBACK, 0), _handler(registry))
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        registry.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
        servers.append(server)
    try:
        yield authority
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
