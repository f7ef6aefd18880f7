"""The questions by which a node proves that it can pull, and what the answers mean; nothing here asks anybody."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from shlex import quote

from moor.connections.harbor import MANIFESTS
from moor.resources.base import Required, State, literal
from moor.secrets import Secret

CONNECT_S = 10
PULL_S = 90
NAMESPACE = "moor-verify"  # of containerd: what is pulled there is nobody else's, and goes again
SOCKET = "/run/containerd/containerd.sock"

# errno of connect(2) on Linux, as openssl prints it.
REFUSED = {
    "111": "is refused: nothing listens there, or a firewall rejects it",
    "110": "times out: a firewall drops it, or there is no way back",
    "113": "finds no route: no route there, or a firewall prohibits it",
    "101": "finds no network: this host has no route there",
}


@dataclass(frozen=True)
class Proof(Required):
    """Hold that ``fragment``, run on the node, is answered as ``judge`` wants.

    judge  pure: the answer to what is wrong and what mends it; empty where all is well
    """

    name: str
    fragment: str = field(repr=False)  # it may hold a login
    judge: Callable[[str], str] = field(compare=False)

    @property
    def id(self) -> str:
        return f"proof:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"proof": "holds"}

    def probe(self) -> str:
        return self.fragment

    def actual(self, output: str) -> State:
        return {"proof": self.judge(output) or "holds"}

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("proof", "not known"))


@dataclass(frozen=True)
class Door:
    """Where the registry is for a node: the address that its name should have, and the port."""

    name: str
    address: str
    port: int

    @property
    def host_port(self) -> str:
        return self.name if self.port == 443 else f"{self.name}:{self.port}"


def name_proof(door: Door) -> Proof:
    """Ask the node's own resolver."""

    def judge(output: str) -> str:
        found = list(dict.fromkeys(output.split()))
        if found == [door.address]:
            return ""
        said = f"resolves to {', '.join(found)} instead of {door.address}" if found else "does not resolve"
        return f"{door.name} {said}; moor apply names"

    return Proof("name", f"getent ahosts {quote(door.name)} | cut -d' ' -f1 || :", judge)


def route_proof(door: Door) -> Proof:
    """Open a TCP connection."""

    def judge(output: str) -> str:
        if "CONNECTED" in output:
            return ""
        if "moor: no openssl" in output:
            return "openssl is not installed here, by which the proofs speak TLS; install it"
        number = output.rpartition("errno=")[2].strip()[:3] if "errno=" in output else "110"
        return f"a connection to {door.host_port} {REFUSED.get(number, f'fails (errno {number})')}"

    return Proof("route", f"{_openssl(door, '')} 2>&1 || :", judge)


def tls_proof(door: Door) -> Proof:
    """Verify the served certificate with the node's own trust, and its name."""

    def judge(output: str) -> str:
        if "Verify return code: 0 (ok)" in output:
            return ""
        errors = [line.partition("verify error:")[2] for line in output.splitlines() if "verify error:" in line]
        said = errors[-1].rpartition(":")[2] if errors else "no handshake"
        return f"the certificate that {door.host_port} serves is not accepted: {said}; moor apply trust"

    options = f"-servername {quote(door.name)} -verify_hostname {quote(door.name)} -verify_return_error"
    return Proof("tls", f"{_openssl(door, options)} 2>&1 || :", judge)


def login_proof(door: Door, login: tuple[str, Secret] | None) -> Proof:
    """Log in to the registry as the robot of the pull secret."""

    def judge(output: str) -> str:
        if login is None:
            return "no robot to log in with is known; moor apply registry"
        status = http_status(output)
        return "" if status == 200 else f"the registry answers {status or 'nothing'} to {login[0]}; moor apply registry"

    return Proof("login", _request(door, "GET", "/v2/", login) if login else ":", judge)


def manifest_proof(door: Door, image: str, login: tuple[str, Secret] | None, digest: str) -> Proof:
    """Ask for the image's manifest and compare its digest with the pushed one."""
    repository, _, tag = image.rpartition(":")

    def judge(output: str) -> str:
        status, held = http_status(output), header(output, "docker-content-digest")
        if status != 200:
            return f"the registry answers {status or 'nothing'} when asked for {image}; moor apply images"
        return "" if held == digest else f"{image} is {held} here, {digest} for the controller"

    path = f"/v2/{repository}/manifests/{tag}"
    return Proof("manifest", _request(door, "HEAD", path, login) if login else ":", judge)


def pull_proof(door: Door, image: str, login: tuple[str, Secret] | None) -> Proof:
    """Pull the image through containerd, by the CRI where crictl is there, else by ctr as containerd is configured."""

    def judge(output: str) -> str:
        if "moor: pulled" in output:
            return ""
        words = [line for line in output.splitlines() if line.strip()]
        return f"containerd cannot pull {image}: {words[-1][-600:] if words else 'it said nothing'}"

    if login is None:
        return Proof("pull", ":", judge)
    user, secret = login
    credentials = f"{user}:{secret.reveal()}"
    token = base64.b64encode(credentials.encode()).decode()
    fragment = PULL.format(
        reference=quote(f"{door.host_port}/{image}"),
        host=quote(door.host_port),
        credentials=quote(credentials),
        header=literal(f'Authorization = "Basic {token}"\n'),
        limit=PULL_S,
        namespace=NAMESPACE,
        socket=SOCKET,
    )
    return Proof("pull", fragment, judge)


# The login is never an argument of a program: crictl reads its environment, ctr a private copy of the registry's
# hosts.toml, in which the login stands as a header.
PULL = """\
r={reference} h={host}
if command -v crictl >/dev/null 2>&1; then
  CRICTL_CREDS={credentials}; export CRICTL_CREDS
  timeout {limit} crictl --runtime-endpoint unix://{socket} --image-endpoint unix://{socket} pull "$r" 2>&1 &&
    echo 'moor: pulled'
  exit 0
fi
p=$(containerd config dump 2>/dev/null | sed -n "s/^ *config_path = [\\"']\\(..*\\)[\\"']$/\\1/p" | head -n 1)
umask 077; d=$(mktemp -d /run/moor.XXXXXX) || exit 1; trap 'rm -rf "$d"' EXIT
mkdir "$d/$h"; [ ! -d "$p/$h" ] || cp -r "$p/$h/." "$d/$h/"
t="$d/$h/hosts.toml"
[ -e "$t" ] || printf 'server = "https://%s"\\n[host."https://%s"]\\n' "$h" "$h" > "$t"
u=$(sed -n 's/^ *\\[host\\."\\(.*\\)"\\] *$/\\1/p' "$t" | head -n 1)
{{ printf '\\n[host."%s".header]\\n' "$u"; {header}; }} >> "$t"
timeout {limit} ctr -n {namespace} images pull --hosts-dir "$d" "$r" 2>&1 | tail -n 3 | tr '\\r' '\\n' > "$d/said"
if ctr -n {namespace} images ls -q 2>/dev/null | grep -qxF "$r"; then echo 'moor: pulled'; else cat "$d/said"; fi
ctr -n {namespace} images rm --sync "$r" >/dev/null 2>&1
ctr namespaces rm {namespace} >/dev/null 2>&1; :"""


def _openssl(door: Door, options: str) -> str:
    call = f"timeout {CONNECT_S} openssl s_client -connect {quote(f'{door.name}:{door.port}')} {options}"
    return f"command -v openssl >/dev/null 2>&1 || echo 'moor: no openssl'; {call}"


def _request(door: Door, method: str, path: str, login: tuple[str, Secret]) -> str:
    """Give sh that sends one request over a verified connection and prints the answer."""
    user, secret = login
    token = base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode()
    headers = (
        f"{method} {path} HTTP/1.1",
        f"Host: {door.host_port}",
        f"Authorization: Basic {token}",
        f"Accept: {MANIFESTS}" if "manifests" in path else "Accept: */*",
        "Connection: close",
    )
    text = literal("\r\n".join((*headers, "", "")))
    options = f"-quiet -servername {quote(door.name)} -verify_hostname {quote(door.name)} -verify_return_error"
    return f"{text} | {{ {_openssl(door, options)} 2>/dev/null; }} || :"


def http_status(answer: str) -> int | None:
    """Read the status of an HTTP answer; None where there is none."""
    words = answer.partition("\r\n")[0].split()
    return int(words[1]) if len(words) > 1 and words[0].startswith("HTTP/") and words[1].isdecimal() else None


def header(answer: str, name: str) -> str:
    """Read one header of an HTTP answer; empty where it is not there."""
    lines = answer.partition("\r\n\r\n")[0].splitlines()
    found = (line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name}:"))
    return next(found, "")


def chain(door: Door, image: str, login: tuple[str, Secret] | None, digest: str) -> Sequence[Proof]:
    """Give the proofs of one node in the order in which a pull meets them."""
    return [
        name_proof(door),
        route_proof(door),
        tls_proof(door),
        login_proof(door, login),
        manifest_proof(door, image, login, digest),
        pull_proof(door, image, login),
    ]
