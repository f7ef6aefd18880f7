"""The question itself, in a process of its own: whether so many nodes reach the registry, now and after the plan.

python -m bench.ways.question DIRECTORY NODES
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path

from bench.ways.contents import NAME, REGISTRY, SPACE, STEP, network
from moor.output.ways import render_ways
from moor.path.answer import PathAnswer
from moor.path.host import Host, HostRoute
from moor.path.kernel.packet import Ruleset
from moor.tasks.devices.effects import planned_device
from moor.tasks.facts import Registry
from moor.tasks.path.examine import answer
from moor.tasks.path.read import JudgedDevice


def main() -> None:
    """Answer the question, and print as JSON what was found."""
    folder, nodes = Path(sys.argv[1]), int(sys.argv[2])
    found = ask(folder, nodes)
    verdicts = Counter(f"{way.now.verdict}, then {way.planned.verdict}" for way in found.ways)
    changed = sum(map(len, found.changed.values()))
    print(json.dumps({"verdicts": verdicts, "changed": changed, "characters": len(render_ways(found))}))


def ask(folder: Path, nodes: int) -> PathAnswer:
    """Read the devices, and follow the packets of all nodes in both families."""
    devices = {path.stem: judged(path) for path in sorted(folder.glob("*.running"))}
    registry = Registry.model_validate({"name": "registry.bench.test", "address": REGISTRY[4], "address6": REGISTRY[6]})
    hosts = {f"node{number}": node(number) for number in range(nodes)}
    served = [ip_address(REGISTRY[version]) for version in (4, 6)]
    hosts["harbor1"] = Host(
        dict.fromkeys(served, "eth0"),
        {
            address: HostRoute("eth0", ip_address(gateway))
            for host in list(hosts.values())
            for address, gateway in zip(host.addresses, ("10.255.0.1", "2001:db8:ffff::1"), strict=True)
        },
        Ruleset(),
        Ruleset(),
    )
    return answer(hosts, devices, registry, [name for name in hosts if name != "harbor1"], {})


def judged(running: Path) -> JudgedDevice:
    platform = running.with_suffix(".platform").read_text()
    return JudgedDevice(
        *planned_device(platform, running.read_text(), running.with_suffix(".wanted").read_text(), NAME)
    )


def node(number: int) -> Host:
    """Return a node in a member's network: the first address behind the network's."""
    own = [ip_network(network(number * STEP % SPACE, version))[7] for version in (4, 6)]
    routes = {
        ip_address(REGISTRY[version]): HostRoute("eth0", ip_address(gateway), source)
        for version, gateway, source in zip((4, 6), ("10.0.0.1", "2001:db8::1"), own, strict=True)
    }
    return Host(dict.fromkeys(own, "eth0"), routes, Ruleset(), Ruleset())


if __name__ == "__main__":
    main()
