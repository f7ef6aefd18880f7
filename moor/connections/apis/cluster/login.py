"""What proves to a cluster who asks: a token, a password, a client certificate, or what a plugin gives."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from moor.connections.apis.cluster.chosen import decoded
from moor.connections.apis.cluster.kubeconfig import Chosen, UserEntry
from moor.connections.apis.cluster.plugin import Given, run_plugin
from moor.errors import ErrorKind, HostError
from moor.formats.nesting import json_value
from moor.lazy_imports import x509
from moor.secrets.secret import Secret

# Letters of a header's name (RFC 9110, 5.6.2); client-go writes others as %XX, in lower case.
TOKEN_LETTERS = "!#$&'*+-.^_`|~"  # noqa: S105 - not a password


@dataclass(frozen=True)
class Credential:
    """What is sent with a request.

    Attributes:
        certificate: PEM, with ``key``; empty where there is none
        expires: seconds since 1970
    """

    authorization: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float | None = None

    def __repr__(self) -> str:
        return "Credential(***)"


class ClusterLogin:
    """The login of one user of a kubeconfig, made anew when it has ended or is refused; threads may share it."""

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen
        self.headers = impersonation(chosen.user)
        self._lock = threading.Lock()
        self._held: Credential | None = None

    def current(self) -> Credential:
        """Return what counts now; raises HostError where it cannot be had."""
        with self._lock:
            if self._held is None or (self._held.expires is not None and self._held.expires <= time.time()):
                self._held = self._made()
            return self._held

    def renewed(self, refused: Credential) -> Credential | None:
        """Return another credential than the one that the cluster refused; None where there is none."""
        user = self.chosen.user
        if not (user.token_file or (user.exec and not user.token)):
            return None
        with self._lock:
            if self._held == refused:
                self._held = self._made()
            return self._held if self._held != refused else None

    def _made(self) -> Credential:
        user = self.chosen.user
        own = Credential("", content(self.chosen, user.certificate, user.certificate_data))
        key = content(self.chosen, user.key, user.key_data)
        if token := self._token():
            return Credential(f"Bearer {token}", own.certificate, key)
        if user.username or user.password:
            Secret(user.password)
            basic = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
            return Credential(f"Basic {basic}", own.certificate, key)
        if user.exec:
            return self._of_plugin(own.certificate, key)
        return Credential("", own.certificate, key)

    def _token(self) -> str:
        user = self.chosen.user
        token = user.token
        if user.token_file:
            path = self.chosen.beside(user.token_file)
            try:
                token = path.read_text("utf-8").strip() or token
            except (OSError, ValueError) as error:
                raise HostError(
                    f"{self.chosen.path}: tokenFile: {path} cannot be read: {error}", ErrorKind.AUTHENTICATION
                ) from None
            if not token or "\n" in token or "\0" in token:
                raise HostError(
                    f"{self.chosen.path}: tokenFile: {path} holds no token; it must be one line",
                    ErrorKind.AUTHENTICATION,
                )
        if token:
            Secret(token)
        return token

    def _of_plugin(self, certificate: bytes, key: bytes) -> Credential:
        user = self.chosen.user
        assert user.exec  # noqa: S101 - for mypy
        cluster = self.chosen.cluster
        authority = base64.b64encode(content(self.chosen, cluster.authority, cluster.authority_data)).decode()
        given: Given = run_plugin(self.chosen, user.exec, authority)
        authorization = f"Bearer {given.token}" if given.token else ""
        return Credential(authorization, given.certificate or certificate, given.key or key, given.expires)

    def ended(self) -> str:
        """Return since when the login counts no longer, as far as it says so itself; empty where it does not."""
        held = self._held
        return ended(held, time.time()) if held else ""


def content(chosen: Chosen, name: str, data: str) -> bytes:
    """Read what a kubeconfig gives as data or as a file; empty where it gives neither. Raises HostError."""
    if data:
        return decoded(data) or b""
    if not name:
        return b""
    path = chosen.beside(name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise HostError(f"{chosen.path}: {path}: {error.strerror}", ErrorKind.CONTROLLER) from None


def impersonation(user: UserEntry) -> list[tuple[str, str]]:
    """Return the headers by which a user acts as another.

    References:
        kubernetes.io, User impersonation
    """
    if not user.impersonate:
        return []
    found = [("Impersonate-User", user.impersonate)]
    found += [("Impersonate-Uid", user.uid)] if user.uid else []
    found += [("Impersonate-Group", group) for group in user.groups]
    extra = [(quote(key.lower(), safe=TOKEN_LETTERS), values) for key, values in sorted(user.extra.items())]
    return found + [(f"Impersonate-Extra-{key}", value) for key, values in extra for value in values]


def ended(credential: Credential, now: float) -> str:
    """Return which part of a credential has ended, and when; empty where none says so."""
    moments = {"client certificate": _end_of_certificate(credential), "token": _end_of_token(credential.authorization)}
    over = {what: moment for what, moment in moments.items() if moment is not None and moment <= now}
    said = [f"its {what} ended on {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for what, at in over.items()]
    return ", ".join(said)


def _end_of_certificate(credential: Credential) -> float | None:
    try:
        found = x509.load_pem_x509_certificate(credential.certificate) if credential.certificate else None
    except ValueError:
        return None
    return found.not_valid_after_utc.timestamp() if found else None


def _end_of_token(authorization: str) -> float | None:
    """Read the end of a token that is a JWT, as those of ServiceAccounts and OIDC are."""
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json_value(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
