"""A Linux kernel that judges packets: nftables or iptables in a network namespace of its own, and raw sockets.

python kernel.py, in a namespace, answers lines of JSON: the rules to load, then for each packet whether it got out.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

READ = {
    "tables": "nft -j list ruleset", "wording": "nft -a list ruleset", "kind": "iptables-save -V",
    "saved4": "iptables-save", "saved6": "ip6tables-save",
}  # fmt: skip
LOADERS = {"nft": ["nft", "-f", "-"], "4": ["iptables-restore"], "6": ["ip6tables-restore"]}


class Kernel:
    """A namespace that judges packets."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def judge(
        self, rules: Mapping[str, str], packets: Sequence[Sequence[Any]], *, show: bool = False
    ) -> tuple[list[bool], str]:
        """Return which packets pass, and what the tools print of the rules, in parts.

        Args:
            rules: by loader, nft or the version of iptables
            packets: source, destination, protocol, ports of source and destination, whether it opens a connection
        """
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"rules": rules, "packets": packets, "show": show}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["passes"], answer["shown"]


@contextmanager
def running_kernel() -> Iterator[Kernel]:
    """Run a namespace within the block."""
    argv = ["unshare", "--net", sys.executable, __file__]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Kernel(process)
        finally:
            process.communicate()


def main() -> None:
    """Answer lines until there are no more."""
    for words in ("link set lo up", "route add local default dev lo", "-6 route add local default dev lo"):
        subprocess.run(["ip", *words.split()], check=True)
    senders = {
        4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
    }
    for line in sys.stdin:
        asked = json.loads(line)
        for kind, text in asked["rules"].items():
            subprocess.run(LOADERS[kind], input=text, text=True, check=True)
        passes = [gets_out(senders, *packet) for packet in asked["packets"]]
        shown = "".join(f"-- {part}\n{output(words)}\n" for part, words in READ.items()) if asked["show"] else ""
        print(json.dumps({"passes": passes, "shown": shown}), flush=True)


def output(words: str) -> str:
    return subprocess.run(words.split(), capture_output=True, text=True, check=True).stdout


def gets_out(
    senders: dict[int, socket.socket], source: str, target: str, protocol: int, sport: int, port: int, begins: bool
) -> bool:
    """Send one packet; a rule that drops it makes that an error."""
    one, other = ip_address(source), ip_address(target)
    if protocol == 6:
        flags = 0x02 if begins else 0x10
        payload = struct.pack("!HHIIBBHHH", sport, port, 1, 1, 5 << 4, flags, 1024, 0, 0)
    else:
        payload = struct.pack("!HHHH", sport, port, 8, 0)
    if one.version == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, one.packed, other.packed)
    else:
        head = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, one.packed, other.packed)
    try:
        senders[one.version].sendto(head + payload, (target, 0))
    except PermissionError:
        return False
    return True


if __name__ == "__main__":
    main()
