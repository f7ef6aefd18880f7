"""The certificate that Harbor's nginx serves: deployed without an outage, and checked over TLS as clients see it.

Source  Harbor's prepare copies https.certificate to DATA/secret/cert, which nginx reads when it starts or reloads; a
        new file at https.certificate alone does not change what nginx serves.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote

from nornir.core.task import Task

from moor.connections.ssh.failures import failure_of
from moor.connections.ssh.shell import Shell
from moor.errors import ErrorKind, HostError
from moor.lazy_imports import ssl, x509
from moor.pki.authority import describe_certificate
from moor.resources.base import Later, Remote, Scripted, State
from moor.resources.file import temporary_path as beside_of
from moor.tasks.facts import Registry

TIMEOUT_S = 10
PAUSE_S = 0.5
RELOAD_S = 10  # how long nginx may take to serve the new certificate after a reload
COMMAND_S = 120
FILE_NAMES = {"crt": "server.crt", "key": "server.key"}


def read_served_certificate(registry: Registry) -> bytes:
    """Return the certificate that the registry serves, DER; raise HostError if it serves none."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((str(registry.address), registry.port), TIMEOUT_S) as plain,
            unchecked.wrap_socket(plain, server_hostname=registry.name) as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise HostError(
            f"certificate:served: {registry.address}:{registry.port} serves no certificate: {error}",
            failure_of(error).kind,
        ) from error


@dataclass(frozen=True)
class DeployedCertificate(Scripted):
    """The certificate and key of harbor.yml copied to the directory that nginx reads, followed by a reload of nginx.

    A reload of nginx interrupts no connection.

    Attributes:
        directory: where prepare made ``server.crt`` and ``server.key``; their owner and mode stay
        compose: the directory of Harbor's docker-compose.yml
        certificate, key: the files that harbor.yml names
    """

    directory: str
    compose: str
    certificate: str
    key: str

    @property
    def id(self) -> str:
        return f"handed-over:{self.directory}"

    @property
    def bound_s(self) -> float:
        return COMMAND_S

    @property
    def _pairs(self) -> dict[str, tuple[str, str]]:
        sources = {"crt": self.certificate, "key": self.key}
        return {part: (source, f"{self.directory}/{FILE_NAMES[part]}") for part, source in sources.items()}

    def desired(self, actual: State | None) -> State:
        return {part: f"as {source}" for part, (source, _) in self._pairs.items()}

    def follows(self, paths: frozenset[str]) -> DeployedCertificate | None:
        return None if paths.isdisjoint((self.certificate, self.key)) else self

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        older = {part: f"older than {source}" for part, (source, _) in self._pairs.items() if source in paths}
        return {**actual, **older} if actual else actual

    def probe(self) -> str:
        # The files are compared by hash, since cmp is not part of coreutils.
        return "\n".join(
            f"""\
a={quote(source)} b={quote(target)}
if [ -e "$b" ]; then
  if [ "$(sha256sum < "$a" 2>/dev/null)" = "$(sha256sum < "$b")" ]; then echo '{part} as'; else echo '{part} not'; fi
fi"""
            for part, (source, target) in self._pairs.items()
        )

    def actual(self, output: str) -> State | None:
        found = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
        desired = self.desired(None)
        return {
            part: str(desired[part]) if found[part] == "as" else "another" for part in FILE_NAMES if part in found
        } or None

    def mend(self, actual: State | None) -> str:
        beside = {part: beside_of(target) for part, (_, target) in self._pairs.items()}
        copies = "\n".join(
            f"copied {quote(source)} {quote(target)} {quote(beside[part])} || moor_exit"
            for part, (source, target) in self._pairs.items()
        )
        renames = "\n".join(
            f"moor_place {quote(beside[part])} {quote(target)}" for part, (_, target) in self._pairs.items()
        )
        return f"""\
moor_exit() {{ rm -f {" ".join(map(quote, beside.values()))}; moor_fail {quote(f"cannot write to {self.directory}")}; }}
copied() {{
  owner=$(stat -c %u:%g "$2" 2>/dev/null) mode=$(stat -c %a "$2" 2>/dev/null)
  (umask 077; cat "$1" > "$3") && chown "${{owner:-10000:10000}}" "$3" && chmod "${{mode:-600}}" "$3"
}}
# Both files are complete before either is renamed, so that nginx finds a matching pair if it starts in between.
{copies}
{renames}
{reload_command(self.compose)} || :"""


def reload_command(compose: str) -> str:
    """Return sh that makes nginx read its certificate again while it keeps serving."""
    return f"(cd {quote(compose)} && docker compose exec -T proxy nginx -s reload) >&2"


@dataclass(frozen=True)
class ServedCertificate(Remote):
    """The certificate that clients see; a mend reloads nginx, and restarts it if the reload did not help.

    Attributes:
        chain: PEM, the server's certificate first
        compose: the directory of Harbor's docker-compose.yml
        wait_s: how long to wait for a registry that serves nothing yet
    """

    registry: Registry
    chain: str | Later
    compose: str
    wait_s: float

    @property
    def id(self) -> str:
        return f"served:{self.registry.host_port}"

    @property
    def bound_s(self) -> float:
        return self.wait_s

    def desired(self, actual: State | None) -> State:
        if isinstance(self.chain, Later):
            return {"certificate": self.chain}
        return {"certificate": describe_certificate(x509.load_pem_x509_certificates(self.chain.encode())[0])}

    def read(self, task: Task) -> State | None:
        try:
            shown = read_served_certificate(self.registry)
        except HostError:
            return None
        return {"certificate": describe_certificate(x509.load_der_x509_certificate(shown))} if shown else None

    def write(self, task: Task, actual: State | None) -> None:
        shell: Shell = task.host.get_connection("shell", task.nornir.config)
        if (
            actual is None
            and self._wait_until(task, self.wait_s, lambda state: state is not None)
            and self._is_desired(task)
        ):
            return
        restart = f"(cd {quote(self.compose)} && docker compose restart proxy) >&2"
        for command in (reload_command(self.compose), restart):
            stderr = shell.run(command, COMMAND_S).stderr.decode("utf-8", "replace").strip()
            if self._wait_until(task, RELOAD_S, lambda state: state == self.desired(state)):
                return
        raise HostError(
            f"{self.id}: nginx does not serve the new certificate; Docker printed: {stderr[-500:] or '(nothing)'}",
            ErrorKind.UNHEALTHY,
        )

    def _is_desired(self, task: Task) -> bool:
        return self.read(task) == self.desired(None)

    def _wait_until(self, task: Task, limit_s: float, condition: Callable[[State | None], bool]) -> bool:
        """Read until ``condition`` holds for the state; return False if it does not within ``limit_s``."""
        end = time.monotonic() + limit_s
        while not condition(self.read(task)):
            if time.monotonic() > end:
                return False
            time.sleep(PAUSE_S)
        return True
