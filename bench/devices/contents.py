"""A site of so many routers, each with an address of its own on loopback, and what each of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

from bench.contenders.moor import write

FIRST = IPv4Address("127.0.16.1")
USER, PASSWORD = "ops", "Bench-Passw0rd"  # of a stand-in that lives as long as the measurement
REGISTRY, PORT, MEMBERS = "10.88.0.11", 443, "10.77.0.0/16"
OWN = "GigabitEthernet0/0"
INTERFACES = 140  # six lines each
ROUTES = 200
RUNNING = "Building configuration...\n\nCurrent configuration : 48111 bytes\n"
SAVED = "Using 48111 out of 524288 bytes\n"


def address_of(number: int) -> str:
    """Return the address of a device."""
    return str(FIRST + number)


def name_at(address: str) -> str:
    """Return the name of the device with an address."""
    return f"edge{int(IPv4Address(address)) - int(FIRST):04}"


def configuration(address: str) -> str:
    """Return what the device with an address runs: some 1,400 lines of IOS, with the list that the site asks for."""
    return "\n".join(_lines(name_at(address), int(IPv4Address(address)) - int(FIRST)))


def saved(address: str) -> str:
    """Return how the device with an address shows what it has saved: the same below another heading."""
    return SAVED + configuration(address).removeprefix(RUNNING)


def _lines(name: str, number: int) -> Iterator[str]:
    yield from (
        *RUNNING.splitlines(),
        "!",
        "! Last configuration change at 09:12:33 UTC Mon Mar 2 2026 by ops",
        "version 15.7",
        f"hostname {name}",
        "!",
        "enable secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0",
        "username ops privilege 15 secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m1",
        "snmp-server community read-by-monitoring RO",
        "!",
        f"interface {OWN}",
        " ip address 10.77.0.1 255.255.0.0",
        " ip access-group MOOR-REGISTRY in",
        "!",
    )
    for port in range(1, INTERFACES + 1):
        yield f"interface GigabitEthernet1/{port}"
        yield f" description to rack {port % 40} of hall {number % 7}, patch {number}-{port}"
        yield f" ip address 10.{100 + number % 100}.{port}.1 255.255.255.0"
        yield f" ip ospf message-digest-key 1 md5 7 0822455D0A16{number:04X}{port:04X}"
        yield " no ip redirects"
        yield "!"
    yield from (f"ip route 172.16.{route}.0 255.255.255.0 10.77.1.{route % 250 + 1}" for route in range(ROUTES))
    yield from (
        "ip access-list extended MOOR-REGISTRY",
        f" permit tcp 10.77.0.0 0.0.255.255 host {REGISTRY} eq {PORT}",
        f" deny   tcp any host {REGISTRY} eq {PORT}",
        " permit ip any any",
    )
    for number_of_list in range(20):
        yield f"ip access-list extended LIST-{number_of_list}"
        yield from (f" permit tcp any host 10.9.{number_of_list}.{host} eq 443" for host in range(15))
    yield from ("!", "end")


def make_site(folder: Path, port: int, key: str, devices: int) -> Path:
    """Write a site of so many devices."""
    (folder / "inventory").mkdir(parents=True)
    password = folder / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    group = {
        "platform": "cisco_ios",
        "username": USER,
        "port": port,
        "connection_options": {"netmiko": {"password": f"file:{password}"}},
        "data": {"ssh_host_key": key, "access_list": {"interfaces": {OWN: "in"}}},
    }
    hosts = {
        name_at(address): {"hostname": address, "groups": ["devices"]} for address in map(address_of, range(devices))
    }
    defaults = {
        "data": {"registry": {"name": "registry.bench.test", "address": REGISTRY}, "access": {"members": [MEMBERS]}}
    }
    write(folder / "config.yaml", {})
    write(folder / "inventory/hosts.yaml", hosts)
    write(folder / "inventory/groups.yaml", {"devices": group})
    write(folder / "inventory/defaults.yaml", defaults)
    return folder
