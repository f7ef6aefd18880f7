"""The model of a fleet file: the lab's hosts, their Debian suites and addresses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from moor.errors import InputError

SHIPPED = Path(__file__).parent / "fleet.yaml"
MAX_HOSTS = 1000  # a Linux bridge has 1023 ports

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
# the network link is named after the lab, and the kernel allows 15 characters
LabName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$")]
Package = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Host(_Strict):
    """One host of a fleet file.

    Attributes:
        role: its role in the lab's Kubernetes cluster; None if it is not a member
        packages: Debian packages beyond those of its profile; their services are installed but do not run
    """

    address: IPv4Address
    suite: Literal["bullseye", "bookworm", "trixie", "sid"] = "trixie"
    profile: Literal["node", "bare", "light"] = "bare"
    role: Literal["control-plane", "node"] | None = None
    packages: tuple[Package, ...] = ()
    name: Name = ""  # filled from the key in the fleet file


class Fleet(_Strict):
    """The hosts of one lab, its network, and the directory with its state and keys."""

    name: LabName = "lab"
    network: IPv4Network
    directory: Path
    hosts: dict[Name, Host] = Field(max_length=MAX_HOSTS)

    @property
    def machine(self) -> IPv4Address:
        """Return the address of the machine that the lab runs on."""
        return self.network[1]

    @property
    def gateway(self) -> IPv4Address:
        """Return the address of the hosts' default route, which leads nowhere."""
        return self.network[2]

    def with_host(self, host: Host) -> Fleet:
        """Return the fleet with another host.

        Raises:
            InputError: its name or address is taken
        """
        if host.name in self.hosts:
            raise InputError(f"lab: {host.name} is a host of the lab already")
        return _parse({**self.model_dump(), "hosts": {**_dumped(self), host.name: host.model_dump()}}, "lab")

    def moved(self, network: IPv4Network, name: str, directory: Path) -> Fleet:
        """Return the same hosts on another network of the same size, with another name and directory."""
        shift = int(network.network_address) - int(self.network.network_address)
        hosts = {
            key: host.model_copy(update={"address": host.address + shift}).model_dump()
            for key, host in self.hosts.items()
        }
        return _parse({"name": name, "network": network, "directory": directory, "hosts": hosts}, "lab")

    def only(self, *names: str) -> Fleet:
        """Return the fleet with only the named hosts."""
        return self.model_copy(update={"hosts": {name: self.hosts[name] for name in names}})


def load_fleet(path: Path = SHIPPED) -> Fleet:
    """Read a fleet file.

    Raises:
        InputError: every error of the file at once, one a line.
    """
    try:
        data = YAML(typ="safe").load(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a fleet file that exists") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InputError(f"{path}:{line}: not YAML: {error.problem}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: a fleet has the keys network, directory and hosts")
    return _parse(data, str(path))


def parse_host(fields: Mapping[str, str]) -> Host:
    """Return the host that a command line describes.

    Raises:
        InputError: with all errors
    """
    try:
        return Host.model_validate(fields)
    except ValidationError as invalid:
        raise InputError("\n".join(f"lab: {_line(found)}" for found in invalid.errors())) from invalid


def _parse(data: Mapping[str, Any], source: str) -> Fleet:
    hosts = data.get("hosts")
    named = {key: {"name": key, **value} if isinstance(value, dict) else value for key, value in _items(hosts)}
    errors = list(_clashes(data.get("network"), named))
    try:
        fleet = Fleet.model_validate({**data, "hosts": named} if isinstance(hosts, Mapping) else data)
    except ValidationError as invalid:
        errors = [_line(found) for found in invalid.errors()] + errors
    if errors:
        raise InputError("\n".join(f"{source}: {error}" for error in errors))
    return fleet


def _items(hosts: object) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in hosts.items()] if isinstance(hosts, Mapping) else []


def _dumped(fleet: Fleet) -> dict[str, Any]:
    return {name: host.model_dump() for name, host in fleet.hosts.items()}


def _line(found: Any) -> str:
    where = ".".join(str(part) for part in found["loc"] if part != "[key]")
    return f"{where}: {found['msg'][:1].lower()}{found['msg'][1:]}"


def _clashes(network: object, hosts: Mapping[str, Any]) -> Iterator[str]:
    """Yield errors that no single field shows: addresses that are shared, reserved or outside the network."""
    try:
        net = IPv4Network(str(network))
    except ValueError:
        net = None
    if net is not None and net.num_addresses < 8:
        yield f"network: {net} is too small for a lab"
        net = None
    holders: dict[IPv4Address, list[str]] = defaultdict(list)
    for name, host in hosts.items():
        try:
            holders[IPv4Address(str(host["address"]))].append(name)
        except (ValueError, KeyError, TypeError):
            continue  # the model reports it
    for address, names in holders.items():
        if len(names) > 1:
            yield f"hosts: {' and '.join(names)} share the address {address}"
        if net is not None:
            yield from _misplaced(address, names[0], net)


def _misplaced(address: IPv4Address, name: str, network: IPv4Network) -> Iterator[str]:
    if address not in network:
        yield f"hosts.{name}.address: {address} is outside the network {network}"
    elif address in (network[0], network[1], network[2], network[-1]):
        yield f"hosts.{name}.address: {address} is reserved: .1 is this machine, .2 the gateway"
