"""A registry that holds one image, for pods to pull: read-only, over TLS, behind basic or token authentication.

Usage   python3 small_registry.py DIRECTORY basic|token PORT
DIRECTORY holds tls.crt, tls.key, and below blobs/ the image: manifest.json and blobs by digest. The user is ``robot``,
the password ``right``, the repository ``app/web``, the tag ``1``.
"""

import base64
import hashlib
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DIRECTORY, MODE, PORT = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
BLOBS = DIRECTORY / "blobs"
MANIFEST = (BLOBS / "manifest.json").read_bytes()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
RIGHT = f"Basic {base64.b64encode(b'robot:right').decode()}"


class Handler(BaseHTTPRequestHandler):
    """Answers as the distribution's registry does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any request; HEAD is the same without the body."""
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            self._token(given)
        elif given != (RIGHT if MODE == "basic" else "Bearer ticket"):
            self._error(401, "UNAUTHORIZED", {"WWW-Authenticate": self._challenge()})
        else:
            self._serve()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """No OAuth2 here: clients then ask for a token by GET."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._error(405, "UNSUPPORTED", {})

    def _challenge(self) -> str:
        if MODE == "basic":
            return 'Basic realm="small"'
        return f'Bearer realm="https://{self.headers["Host"]}/token",service="small",scope="repository:app/web:pull"'

    def _token(self, given: str) -> None:
        if given and given != RIGHT:
            self._error(401, "UNAUTHORIZED", {})
        else:
            ticket = "ticket" if given else "nothing"
            self._send(200, json.dumps({"token": ticket}).encode(), {"Content-Type": "application/json"})

    def _serve(self) -> None:
        name = self.path.rpartition("/")[2]
        if self.path in ("/v2/app/web/manifests/1", f"/v2/app/web/manifests/{DIGEST}"):
            media = json.loads(MANIFEST)["mediaType"]
            self._send(200, MANIFEST, {"Content-Type": media, "Docker-Content-Digest": DIGEST})
        elif "/blobs/" in self.path and (BLOBS / name).exists():
            self._send(200, (BLOBS / name).read_bytes(), {"Content-Type": "application/octet-stream"})
        elif self.path == "/v2/":
            self._send(200, b"{}", {})
        else:
            self._error(404, "MANIFEST_UNKNOWN", {})

    def _error(self, code: int, word: str, headers: dict[str, str]) -> None:
        document = {"errors": [{"code": word, "message": word.lower()}]}
        self._send(code, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})

    def _send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serves until it is killed."""
    server = ThreadingHTTPServer(("", PORT), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DIRECTORY / "tls.crt", DIRECTORY / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
