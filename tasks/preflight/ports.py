"""The check that the ports that Harbor needs are free."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

LISTENING = "0A"  # Source: proc(5), /proc/net/tcp; the kernel's TCP_LISTEN
# Ports of Harbor's containers, also of those about to start: Docker's proxies listen before they count as running.
PORTS = """\
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
echo --
ss -Hltnp 2>/dev/null
echo --
if command -v docker >/dev/null; then
  ids=$(timeout 20 docker ps -aq --no-trunc --filter label=com.docker.compose.project=harbor 2>/dev/null)
  [ -z "$ids" ] || timeout 20 docker inspect --format \
    '{{range $inner, $outer := .HostConfig.PortBindings}}{{range $outer}}:{{.HostPort}}->{{$inner}} {{end}}{{end}}' $ids
fi
:"""


@dataclass(frozen=True)
class Listener:
    """A listening socket."""

    address: str
    port: int

    def meets(self, address: str, port: int) -> bool:
        """Return whether this socket prevents another from listening on ``address`` and ``port``."""
        anywhere = ("0.0.0.0", "::")  # noqa: S104  (compared, not bound)
        return self.port == port and (self.address == address or self.address in anywhere or address in anywhere)


def check_ports(output: str, wanted: Sequence[str]) -> str:
    """Check that ``wanted`` ports are free, or are used by Harbor's own containers."""
    kernel, words, claims = (*re.split(r"^--$\n?", output, flags=re.MULTILINE), "", "")[:3]
    claimed = set(re.findall(r":(\d+)->", claims))
    taken = []
    for place in wanted:
        address, _, port = place.rpartition(":")
        holder = _holder(words, port)
        harbors = port in claimed and holder.startswith(("docker-proxy", "something"))
        if not harbors and any(one.meets(address, int(port)) for one in parse_listeners(kernel)):
            taken.append(f"port {port} is taken by {holder}")
    return f"{', '.join(taken)}; Harbor needs it: stop what holds it, or let it listen elsewhere" if taken else ""


def parse_listeners(kernel: str) -> list[Listener]:
    """Parse /proc/net/tcp and tcp6, whose addresses are hexadecimal 32-bit words in the machine's byte order."""
    fields = [line.split() for line in kernel.splitlines()]
    return [_listener(words[1]) for words in fields if len(words) > 3 and words[3] == LISTENING]


def _listener(local: str) -> Listener:
    address, _, port = local.partition(":")
    raw = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
    found = ip_address(raw)
    mapped = getattr(found, "ipv4_mapped", None)
    return Listener(str(mapped or found), int(port, 16))


def _holder(words: str, port: str) -> str:
    """Return the program that listens on a port, if ``ss -p`` printed it."""
    found = re.search(rf":{port}\s.*users:\(\(\"([^\"]+)\",pid=(\d+)", words)
    return f"{found[1]} (pid {found[2]})" if found else "something"
