"""The translation of exceptions of network libraries into a HostError: its kind, and one line with cause and remedy.

No library is imported unless one of its exceptions is to be translated.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moor.errors import ErrorKind, HostError
from moor.lazy_imports import ssl

if TYPE_CHECKING:
    import paramiko

NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})
NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
CUTS = (EOFError, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)
HANGS = ("No existing session", "Error reading SSH protocol banner", "Negotiation failed", "Authentication timeout")
# libssh has one exception for these; they differ by its text alone.
LIBSSH_CUTS = ("Socket error: disconnected", "Connection reset", "Broken pipe", "Connection closed")
LIBSSH_HANGS = ("Timeout", "protocol version", "Too large banner")
LOGIN = "check username, key_file, agent or password in the inventory, and authorized_keys on the host"
ALGORITHMS = "update sshd on the host, or have it offer usual ones (curve25519-sha256, aes128-gcm@openssh.com) too"
SHA_1 = (
    "which paramiko 5 does not speak any more; have it offer newer ones, or reach it out of an environment of its own "
    "with paramiko 4, pip install 'paramiko<5' (docs/network-devices.md, Devices that know SHA-1 alone)"
)
# By a part of what paramiko says.
OLD = {
    "host key": f"it seems to show host keys of SHA-1 or DSA alone (ssh-rsa, ssh-dss), {SHA_1}",
    "kex": f"it seems to offer key exchanges of SHA-1 alone (such as diffie-hellman-group14-sha1), {SHA_1}",
}
# By the names of libssh2's exception classes.
LIBSSH2_CUTS = {"SocketDisconnectError", "SocketRecvError", "SocketSendError", "BannerSendError", "BannerRecvError"}
# By the names of httpx2's exception classes, subclasses before their bases.
HTTP = {
    "ConnectTimeout": ErrorKind.UNREACHABLE,
    "TimeoutException": ErrorKind.TIMEOUT,
    "ConnectError": ErrorKind.UNREACHABLE,
    "NetworkError": ErrorKind.LOST,
    "ProtocolError": ErrorKind.ANSWER,
    "DecodingError": ErrorKind.ANSWER,
    "TooManyRedirects": ErrorKind.ANSWER,
}
STATUS = {
    401: ErrorKind.AUTHENTICATION,
    403: ErrorKind.PRIVILEGE,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.CONFLICT,
    412: ErrorKind.CONFLICT,
    429: ErrorKind.UNHEALTHY,
    504: ErrorKind.TIMEOUT,
}


@dataclass(frozen=True)
class Failure:
    """Why a host or service was not reached.

    Attributes:
        words: the cause and the remedy.
        lack: what the SSH library lacks, in a few words; empty if another would fail too.
    """

    kind: ErrorKind
    words: str
    lack: str = ""

    def error(self) -> HostError:
        """Return the error, to which the place is yet to be added."""
        return HostError(self.words, self.kind)

    def at(self, place: object) -> HostError:
        """Return the error about ``place``, such as host:port, in one line."""
        return HostError(" ".join(f"{place}: {self.words}".split()), self.kind)


class FailureError(Exception):
    """A failure, to which the place is yet to be added."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.words)
        self.failure = failure


CUT = Failure(
    ErrorKind.UNREACHABLE,
    "the host closed the connection before the login; is it sshd on this port, and does it limit connections?",
)
NO_SSH = Failure(
    ErrorKind.UNREACHABLE,
    "accepts connections but does not speak SSH in time; is it sshd on this port, and the host not overloaded?",
)
LOGIN_HANGS = Failure(
    ErrorKind.TIMEOUT, "the login timed out: sshd accepts connections but does not answer; is the host overloaded?"
)
NO_NAME = Failure(ErrorKind.NAME, "this is no hostname; check it in the inventory")
NO_CHANNEL = Failure(ErrorKind.TIMEOUT, "logged in, but the host opens no channel; is it overloaded?")
NO_COMMAND = Failure(ErrorKind.REFUSED, "sshd refused to run a command; look at MaxSessions in its sshd_config")
NOTHING_TO_TRY = Failure(ErrorKind.AUTHENTICATION, f"authentication failed: no key, agent or password to try; {LOGIN}")
REFUSED = Failure(ErrorKind.AUTHENTICATION, f"authentication failed: the host refused this user or key; {LOGIN}")


def explain(error: BaseException, place: object) -> HostError:
    """Translate a library's exception into the HostError to raise about ``place`` (host:port)."""
    return failure_of(error).at(place)


def failure_of(error: BaseException) -> Failure:
    """Return the kind and the explanation of a library's exception."""
    if isinstance(found := getattr(error, "failure", None), Failure):
        return found
    if _is_of("paramiko", error):
        return _of_paramiko(error)
    if isinstance(error, CUTS):
        return CUT
    if isinstance(error, UnicodeError):
        return NO_NAME
    if isinstance(error, OSError):
        return _of_network(error)
    if _is_of("ssh", error):
        return _of_libssh(error)
    if _is_of("ssh2", error):
        return _of_libssh2(error)
    return Failure(ErrorKind.UNREACHABLE, f"{type(error).__name__}: {error}")


def is_cut(error: BaseException) -> bool:
    """Return whether a HostError says that the host closed the connection before the login, as MaxStartups does."""
    return str(error).endswith(CUT.words)


def lacks_descriptors(error: BaseException) -> bool:
    """Return whether an error came of this machine's limit of open files."""
    return any(isinstance(cause, OSError) and cause.errno in NO_DESCRIPTOR for cause in _causes(error))


def kind_of_request_error(error: BaseException) -> ErrorKind:
    """Return the kind of an exception of an HTTP library (httpx2 or httpx2) that came instead of an answer."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ErrorKind.CERTIFICATE
        if isinstance(cause, socket.gaierror):
            return ErrorKind.NAME
    names = {base.__name__ for base in type(error).__mro__}
    return next((kind for name, kind in HTTP.items() if name in names), ErrorKind.UNREACHABLE)


def kind_of_status(code: int) -> ErrorKind:
    """Return the kind of error for an HTTP status that is no success."""
    return STATUS.get(code, ErrorKind.UNHEALTHY if code >= 500 else ErrorKind.REFUSED)


def unknown_key_failure(kind: str, fingerprint: str) -> Failure:
    """Return the failure for a host of which no key is known."""
    return Failure(
        ErrorKind.HOST_KEY,
        f"unknown host key {kind} {fingerprint}; compare it on the host "
        "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then pin it: moor check --accept-new-host-keys",
    )


def changed_key_failure(kind: str, fingerprint: str, known_kind: str, known: str) -> Failure:
    """Return the failure for a host that showed another key than the known one."""
    return Failure(
        ErrorKind.HOST_KEY,
        f"the host key CHANGED: it shows {kind} {fingerprint}, known is {known_kind} {known}; "
        "if the host was installed anew, drop the old key from known_hosts (ssh-keygen -R) or the inventory "
        "and pin the new one: moor check --accept-new-host-keys; otherwise the connection may be intercepted",
    )


def jump_host_failure(printed: str) -> Failure:
    """Return the failure for a ProxyCommand, such as a jump host's ssh, given what it printed on standard error."""
    words = f"the way through the jump host failed: {printed}"
    # Source: openssh-portable, sshconnect.c, check_host_key and warn_changed_key
    if "host key is known for" in printed:
        remedy = "look at the key that it shows and pin it: moor check --accept-new-host-keys"
        return Failure(ErrorKind.HOST_KEY, f"{words}; {remedy}")
    if "IDENTIFICATION HAS CHANGED" in printed:
        remedy = (
            "if the jump host was installed anew, drop the old key from known_hosts (ssh-keygen -R) and pin the new "
            "one: moor check --accept-new-host-keys; otherwise the connection may be intercepted"
        )
        return Failure(ErrorKind.HOST_KEY, f"{words}; {remedy}")
    if "administratively prohibited" in printed:
        remedy = "allow it in the jump host's sshd_config: AllowTcpForwarding, PermitOpen, DisableForwarding"
        return Failure(ErrorKind.UNREACHABLE, f"{words}; {remedy}")
    return Failure(ErrorKind.UNREACHABLE, f"{words}; try it by ssh")


def _of_network(error: OSError) -> Failure:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        words = "the resolver (DNS) does not answer; check /etc/resolv.conf of this machine, or write addresses"
        return Failure(ErrorKind.NAME, words)
    if isinstance(error, socket.gaierror):
        words = "the name cannot be resolved (DNS); check hostname in the inventory, or the resolver"
        return Failure(ErrorKind.NAME, words)
    if isinstance(error, ConnectionRefusedError):
        words = "connection refused; is sshd running there, and the port right?"
    elif isinstance(error, TimeoutError):
        words = "timed out; is the host up, the address right, and no firewall in between?"
    elif error.errno in NO_ROUTE:
        words = f"no route ({error.strerror}); check the address and this machine's routes"
    else:
        words = f"{error.strerror or error}"
    return Failure(ErrorKind.UNREACHABLE, words)


def _of_paramiko(error: BaseException) -> Failure:
    import paramiko

    text = str(error)
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError):
        return failure_of(next(iter(error.errors.values())))
    if isinstance(error, paramiko.ProxyCommandFailure):
        return jump_host_failure(error.error)
    if isinstance(error, paramiko.BadHostKeyException):
        shown, known = error.key, error.expected_key
        return changed_key_failure(shown.get_name(), shown.fingerprint, known.get_name(), known.fingerprint)
    if isinstance(error.__context__, CUTS):  # below the exceptions that tell more, since each may come of a cut
        return CUT
    if any(text.startswith(words) for words in HANGS):
        return LOGIN_HANGS if text.startswith("Authentication") else NO_SSH
    if isinstance(error, paramiko.AuthenticationException) or text.startswith("No authentication methods"):
        return _of_login(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return _no_algorithm(text, next((words for part, words in OLD.items() if part in text), ALGORITHMS))
    return Failure(ErrorKind.UNREACHABLE, f"SSH failed: {text}")


def _of_login(error: paramiko.SSHException | BaseException) -> Failure:
    import paramiko

    if isinstance(error, paramiko.PasswordRequiredException):
        words = "authentication failed: the key is encrypted; load it into ssh-agent, or give passphrase"
        return Failure(ErrorKind.AUTHENTICATION, words)
    if isinstance(error, paramiko.BadAuthenticationType):
        words = f"authentication failed: sshd allows only {', '.join(error.allowed_types)}; {LOGIN}"
        return Failure(ErrorKind.AUTHENTICATION, words)
    return NOTHING_TO_TRY if str(error).startswith("No authentication methods") else REFUSED


def _of_libssh(error: BaseException) -> Failure:
    """Return the failure for an exception of libssh, by its text, which may be bytes."""
    last = error.args[-1] if error.args else ""
    words = " ".join((last.decode("utf-8", "replace") if isinstance(last, bytes) else str(last)).split())
    if any(part in words for part in LIBSSH_CUTS):
        return CUT
    if any(part in words for part in LIBSSH_HANGS):
        return NO_SSH
    if "no match for method" in words:
        return _no_algorithm(words)
    return Failure(ErrorKind.UNREACHABLE, f"SSH failed: {words or type(error).__name__}")


def _of_libssh2(error: BaseException) -> Failure:
    """Return the failure for an exception of libssh2, by its class; its text is the library's last error."""
    name, words = type(error).__name__, " ".join(str(error).split())
    if name in LIBSSH2_CUTS:
        return CUT
    if name == "PasswordExpiredError":
        return Failure(ErrorKind.AUTHENTICATION, "authentication failed: the password has expired; change it there")
    if name == "KexFailureError":
        return _no_algorithm("libssh2 and the host share none")
    return Failure(ErrorKind.UNREACHABLE, f"SSH failed: {words or name}")


def _no_algorithm(words: str, remedy: str = ALGORITHMS) -> Failure:
    lack = "an algorithm that the host offers"
    return Failure(ErrorKind.UNREACHABLE, f"no common algorithm: {words}; {remedy}", lack)


def _is_of(library: str, error: BaseException) -> bool:
    """Return whether an exception's class, or a base of it, is defined in ``library``, without importing it."""
    return any(base.__module__.partition(".")[0] == library for base in type(error).__mro__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, its cause, the cause of that, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
