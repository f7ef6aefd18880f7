"""The fleet's full names as records of DNS, on whatever server takes updates; where nobody may change it, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.nameserver import NameServer, TsigKey, ZoneRecords
from moor.engine.asked_once import ask_once
from moor.engine.converge import converge
from moor.engine.findings import Finding
from moor.engine.plan import Change, plan
from moor.engine.results import FindingResult
from moor.errors import HostError, InputError, StaleUpdate
from moor.resources.base import Remote, Resource, State
from moor.settings import about, settings_of
from moor.tasks.names import Addresses, Names, Zone, full, in_dns, names_for

KINDS = {4: "A", 6: "AAAA"}  # by version of the address


def desired(host: Host) -> Sequence[Resource]:
    """Return the records in zones that are moor's to change."""
    return [record for record in records_for(host) if record.managed]


def write_records(task: Task) -> Result:
    """Hold the fleet's names in DNS; what differs where nobody may change it is told as a finding."""
    checked = [record for record in records_for(task.host) if not record.managed]
    task.results.extend(FindingResult(task.host, found) for found in _differences(task, checked))
    return converge(task, desired)


def _differences(task: Task, records: Sequence[Record]) -> Iterator[Finding]:
    """Yield what servers that nobody may change say wrong; one that is silent stops nobody, and is told too."""
    for record in records:
        try:
            changes = plan([record], {record.id: record.read(task)})
        except HostError as error:
            yield Finding(f"zone:{record.server.zone}", f"it cannot be checked: {error}", "see data.names.zones")
        else:
            yield from map(finding, changes)


def records_for(host: Host) -> list[Record]:
    """Return two records for each full name: its address of each family, or that it has none of that."""
    settings = settings_of(host, Names)
    if not (settings.zones and in_dns(host)):
        return []
    servers = {name: server_of(name, zone) for name, zone in settings.zones.items()}
    return list(_records(settings.zones, servers, full(names_for(host)), host.name))


def _records(
    zones: Mapping[str, Zone], servers: Mapping[str, NameServer], names: Mapping[str, Addresses], host: str
) -> Iterator[Record]:
    strangers = []
    for name, addresses in names.items():
        zone = zone_of(name, zones)
        if not zone:
            strangers.append(name)
            continue
        for version, kind in KINDS.items():
            values = tuple(str(address) for address in addresses if address.version == version)
            yield Record(servers[zone], name, kind, values, zones[zone].ttl, zones[zone].manage)
    if strangers:
        raise InputError(
            f"{host}: {', '.join(strangers)}: in none of data.names.zones; write its zone, with manage: false where "
            "nobody may change it"
        )


def zone_of(name: str, zones: Mapping[str, Zone]) -> str:
    """Name the innermost zone that holds ``name``; empty where none does."""
    return max((zone for zone in zones if f".{name}".endswith(f".{zone}")), key=len, default="")


def server_of(name: str, zone: Zone) -> NameServer:
    """Return the server of a zone with its key; raises InputError where the secret cannot be read."""
    key = None
    if zone.key and zone.secret:
        with about(f"data.names.zones.{name}.secret"):
            key = TsigKey(zone.key, zone.algorithm, zone.secret.resolve())
    return NameServer(name, str(zone.server), zone.port, key)


def finding(change: Change) -> Finding:
    """Return what a server that nobody may change says wrong, and what whoever keeps it has to do."""
    record = change.resource
    assert isinstance(record, Record)  # noqa: S101
    values = " ".join(record.values)
    mend = f"set {record.kind} of {record.name} to {values}" if values else f"remove {record.kind} of {record.name}"
    says = "; ".join(change.diff.splitlines())
    return Finding(
        record.id, f"{record.server.place}, which moor may not change: {says}", f"ask whoever keeps it: {mend}"
    )


@dataclass(frozen=True)
class Record(Remote):
    """Hold one name's addresses of one family, just these, as the zone's primary has them.

    Attributes:
        values: none: there is to be no record of this kind
    """

    server: NameServer
    name: str
    kind: str
    values: tuple[str, ...]
    ttl: int
    managed: bool = field(default=True)

    @property
    def id(self) -> str:
        return f"record:{self.name}/{self.kind}"

    def desired(self, actual: State | None) -> State | None:
        if not self.values:
            return None
        wanted = {"addresses": " ".join(self.values), "ttl": str(self.ttl)}
        return {**wanted, "alias of": ""} if actual and "alias of" in actual else wanted

    def read(self, task: Task) -> State | None:
        ask_once(task, ("zone", self.server), self.server.serial)
        return self.state(self.server.held(self.name, self.kind))

    def state(self, held: ZoneRecords) -> State | None:
        """Return what a server holds as a state; an alias only counts where an address is to be in its place."""
        alias = held.alias if self.values else ""
        if not held.values and not alias:
            return None
        state = {"addresses": " ".join(held.values), "ttl": str(held.ttl)}
        return {**state, "alias of": alias} if alias else state

    def write(self, task: Task, actual: State | None) -> None:
        before = held_in(actual)
        try:
            self.server.replace(self.name, self.kind, before, self.values, self.ttl)
        except StaleUpdate:
            # What came out of a wildcard is no record of the name; adding one overwrites nothing.
            if not (before.values and self.values and self.server.held(self.name, self.kind) == before):
                raise
            self.server.replace(self.name, self.kind, ZoneRecords(), self.values, self.ttl)


def held_in(actual: State | None) -> ZoneRecords:
    """Return a state as what the server held when it was read."""
    known = actual or {}
    addresses = tuple(str(known.get("addresses", "")).split())
    return ZoneRecords(addresses, int(str(known.get("ttl", 0))), str(known.get("alias of", "")))
