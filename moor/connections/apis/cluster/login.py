"""The login at a cluster: a token, a password, a client certificate, or what a credential plugin prints."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from moor.connections.apis.cluster.exec_plugin import PluginLogin, run_plugin
from moor.connections.apis.cluster.kubeconfig import KubeconfigContext, UserEntry
from moor.connections.apis.cluster.usability import decode_base64
from moor.errors import ErrorKind, HostError
from moor.formats.nesting import parse_json
from moor.lazy_imports import x509
from moor.secrets.secret import Secret

# Letters allowed in a header's name (RFC 9110, 5.6.2); client-go writes the others as %XX, in lower case.
TOKEN_LETTERS = "!#$&'*+-.^_`|~"  # noqa: S105 - not a password


@dataclass(frozen=True)
class Credential:
    """The login that is sent with a request.

    Attributes:
        authorization: the header; empty for none.
        certificate: PEM, with ``key``; empty for none.
        expires: seconds since 1970; None if it is not known.
    """

    authorization: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float | None = None

    def __repr__(self) -> str:
        return "Credential(***)"


class ClusterLogin:
    """The login of one user of a kubeconfig, renewed when it has expired or is refused; safe to share by threads."""

    def __init__(self, chosen: KubeconfigContext) -> None:
        self.chosen = chosen
        self.headers = impersonation_headers(chosen.user)
        self._lock = threading.Lock()
        self._credential: Credential | None = None

    def current(self) -> Credential:
        """Return the present credential, renewed if it has expired; raises HostError."""
        with self._lock:
            if self._credential is None or (
                self._credential.expires is not None and self._credential.expires <= time.time()
            ):
                self._credential = self._make()
            return self._credential

    def renewed(self, refused: Credential) -> Credential | None:
        """Return a new credential in place of one that the cluster refused; None if there is no other."""
        user = self.chosen.user
        if not (user.token_file or (user.exec and not user.token)):
            return None
        with self._lock:
            if self._credential == refused:
                self._credential = self._make()
            return self._credential if self._credential != refused else None

    def _make(self) -> Credential:
        user = self.chosen.user
        own = Credential("", read_content(self.chosen, user.certificate, user.certificate_data))
        key = read_content(self.chosen, user.key, user.key_data)
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
        authority = base64.b64encode(read_content(self.chosen, cluster.authority, cluster.authority_data)).decode()
        given: PluginLogin = run_plugin(self.chosen, user.exec, authority)
        authorization = f"Bearer {given.token}" if given.token else ""
        return Credential(authorization, given.certificate or certificate, given.key or key, given.expires)

    def expiry_notice(self) -> str:
        """Return a sentence about the part of the login that has expired; empty if none has."""
        credential = self._credential
        return describe_expiry(credential, time.time()) if credential else ""


def read_content(chosen: KubeconfigContext, name: str, data: str) -> bytes:
    """Read a value that a kubeconfig has as data or as a file; return b"" if it has neither. Raises HostError."""
    if data:
        return decode_base64(data) or b""
    if not name:
        return b""
    path = chosen.beside(name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise HostError(f"{chosen.path}: {path}: {error.strerror}", ErrorKind.CONTROLLER) from None


def impersonation_headers(user: UserEntry) -> list[tuple[str, str]]:
    """Return the headers by which a user impersonates another.

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


def describe_expiry(credential: Credential, now: float) -> str:
    """Return which part of a credential has expired, and when; empty if none has."""
    moments = {"client certificate": _end_of_certificate(credential), "token": _end_of_token(credential.authorization)}
    over = {what: moment for what, moment in moments.items() if moment is not None and moment <= now}
    phrases = [f"its {what} ended on {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for what, at in over.items()]
    return ", ".join(phrases)


def _end_of_certificate(credential: Credential) -> float | None:
    try:
        found = x509.load_pem_x509_certificate(credential.certificate) if credential.certificate else None
    except ValueError:
        return None
    return found.not_valid_after_utc.timestamp() if found else None


def _end_of_token(authorization: str) -> float | None:
    """Return the expiry of a token that is a JWT, as those of ServiceAccounts and OIDC are; None for others."""
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = parse_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
