"""Whether Docker checks the registry's certificate, by daemon.json, dockerd's command line and its running settings."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_network
from typing import Any

from moor.formats.nesting import parse_object
from moor.resources.requirement import Requirement
from moor.tasks.facts import Registry

DAEMON = "/etc/docker/daemon.json"
# A reload keeps the running setting when its key is removed from the file, so dockerd must restart.
REMOVE = "take it out, then run: systemctl restart docker"

READ_VERIFICATION = f"""\
[ ! -f {DAEMON} ] || echo "file=$(base64 < {DAEMON} | tr -d '\\n')"
pid=$(systemctl show -p MainPID --value docker 2>/dev/null)
[ ! -r "/proc/${{pid:-0}}/cmdline" ] || echo "arguments=$(tr '\\0' ' ' < "/proc/$pid/cmdline")"
! command -v docker >/dev/null 2>&1 ||
  echo "runs=$(timeout 20 docker info --format '{{{{json .RegistryConfig}}}}' 2>/dev/null)\""""


def verification_requirement(registry: Registry) -> Requirement:
    """Require that Docker checks the registry's certificate, wherever its settings come from."""
    return Requirement("docker-verifies", READ_VERIFICATION, partial(judge_verification, registry=registry))


def judge_verification(output: str, registry: Registry) -> str:
    """Return each setting by which Docker skips the registry's certificate check, with its remedy; else empty."""
    sources = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    found = [
        f"{DAEMON}: insecure-registries has {name!r}, so that Docker checks no certificate of {registry.name}; {REMOVE}"
        for name in insecure_entries(_file_entries(_json(sources.get("file", ""), coded=True)), registry)
    ]
    for name in insecure_entries(_command_line_entries(sources.get("arguments", "")), registry):
        found.append(
            f"dockerd is started with --insecure-registry={name}, so that it checks no certificate of "
            f"{registry.name}; take that out of its unit, then run: systemctl daemon-reload; systemctl restart docker"
        )
    running = [*insecure_entries(_running_entries(_json(sources.get("runs", ""))), registry)]
    if running and not found:
        found.append(
            f"the running dockerd checks no certificate of {registry.name} ({', '.join(running)}), which its "
            "configuration no longer says; run: systemctl restart docker"
        )
    return "\n".join(found)


def insecure_entries(names: object, registry: Registry) -> Iterator[str]:
    """Yield the entries that match the registry: a name or address with or without the port, or a network.

    References:
        moby, registry/config.go: isSecureIndex; a network matches if it contains an address of the registry's name
    """
    for name in names if isinstance(names, list | tuple) else ():
        plain = str(name).lower().removeprefix("https://").removeprefix("http://").rstrip("/")
        host = plain.removesuffix(f":{registry.port}").strip("[]")
        if plain and (host in registry.names or _holds(host, registry)):
            yield str(name)


def _holds(name: str, registry: Registry) -> bool:
    try:
        network = ip_network(name, strict=False)
        return any(address in network for address in registry.every_address)
    except ValueError:
        return False


def _json(text: str, coded: bool = False) -> dict[str, Any]:
    try:
        return parse_object(base64.b64decode(text) if coded else text)
    except ValueError:  # no base64
        return {}


def _file_entries(tree: dict[str, Any]) -> object:
    return tree.get("insecure-registries")


def _command_line_entries(words: str) -> list[str]:
    found = words.replace("--insecure-registry ", "--insecure-registry=").split()
    return [word.partition("=")[2] for word in found if word.startswith("--insecure-registry=")]


def _running_entries(tree: dict[str, Any]) -> list[str]:
    networks, indexes = tree.get("InsecureRegistryCIDRs"), tree.get("IndexConfigs")
    found = [str(one) for one in networks] if isinstance(networks, list) else []
    if isinstance(indexes, dict):
        found += [name for name, one in indexes.items() if isinstance(one, dict) and one.get("Secure") is False]
    return found
