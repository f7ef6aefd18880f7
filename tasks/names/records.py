"""The fleet's full names as DNS records, written by dynamic updates, or only checked if the zone is not moor's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.nameserver import NameServer, TsigKey, ZoneRecords
from moor.context import context_of
from moor.engine.asked_once import ask_once
from moor.engine.converge import converge
from moor.engine.findings import Finding
from moor.engine.plan import Change, plan
from moor.engine.results import FindingResult
from moor.errors import HostError, InputError, StaleUpdate
from moor.resources.base import Remote, Resource, State
from moor.run.runbook import REGISTRY
from moor.settings import prefix_errors, settings_of
from moor.tasks.names import Addresses, Names, Zone, full_names, names_for, uses_dns

KINDS = {4: "A", 6: "AAAA"}  # by version of the address
REMEMBERED = ("record",)  # the kind of resources that ``retired`` looks up in history
WROTE = re.compile(r"^addresses: .* -> ([0-9a-fA-F:. ]+)$", re.MULTILINE)  # in the diff of a record


def desired(host: Host) -> Sequence[Resource]:
    """Return the records in zones that moor may change."""
    return [record for record in records_for(host) if record.managed]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of records that earlier runs wrote, and of which the inventory has the name no longer.

    Raises:
        InputError: the inventory has no longer the zone that holds them either
    """
    order = context_of(host).retirement
    if leaves or order is None or not REGISTRY(host):
        return []
    zones, kept = settings_of(host, Names).zones, {record.id for record in desired(host)}
    gone = {name: values for name, values in map(_written, order.written.items()) if values and name not in kept}
    if lost := [name for name in gone if not zone_of(_name_of(name), zones)]:
        raise InputError(
            f"{host.name}: {', '.join(lost)}: moor wrote it to a zone that data.names.zones has no longer; write the "
            "zone there again, with server, key and secret, until moor has removed it, or leave this host out: "
            f"--limit '!{host.name}'"
        )
    return [record for name, values in gone.items() if (record := _retired_record(name, values, zones))]


def _written(change: tuple[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return a record's id, and the addresses that its last recorded change wrote; none if it removed the record."""
    name, diff = change
    found = WROTE.search(diff)
    return name, tuple(found[1].split()) if found else ()


def _name_of(record: str) -> str:
    return record.partition(":")[2].partition("/")[0]


def _retired_record(id_: str, values: tuple[str, ...], zones: Mapping[str, Zone]) -> RetiredRecord | None:
    """Return the absence of a record; None if moor may not change its zone."""
    name, kind = _name_of(id_), id_.rpartition("/")[2]
    zone = zone_of(name, zones)
    if not zones[zone].manage:
        return None
    return RetiredRecord(server_of(zone, zones[zone]), name, kind, (), zones[zone].ttl, wrote=values)


def write_records(task: Task) -> Result:
    """Write the fleet's names to DNS; report differences in zones that moor may not change as findings."""
    checked = [record for record in records_for(task.host) if not record.managed]
    task.results.extend(FindingResult(task.host, found) for found in _differences(task, checked))
    return converge(task, desired)


def _differences(task: Task, records: Sequence[Record]) -> Iterator[Finding]:
    """Yield a finding for each wrong record in zones that moor may not change, and for servers without an answer."""
    for record in records:
        try:
            changes = plan([record], {record.id: record.read(task)})
        except HostError as error:
            yield Finding(f"zone:{record.server.zone}", f"it cannot be checked: {error}", "see data.names.zones")
        else:
            yield from map(finding, changes)


def records_for(host: Host) -> list[Record]:
    """Return two records for each full name, one per address family; a record without values must not exist."""
    settings = settings_of(host, Names)
    if not (settings.zones and uses_dns(host)):
        return []
    servers = {name: server_of(name, zone) for name, zone in settings.zones.items()}
    return list(_records(settings.zones, servers, full_names(names_for(host)), host.name))


def _records(
    zones: Mapping[str, Zone], servers: Mapping[str, NameServer], names: Mapping[str, Addresses], host: str
) -> Iterator[Record]:
    zoneless = []
    for name, addresses in names.items():
        zone = zone_of(name, zones)
        if not zone:
            zoneless.append(name)
            continue
        for version, kind in KINDS.items():
            values = tuple(str(address) for address in addresses if address.version == version)
            yield Record(servers[zone], name, kind, values, zones[zone].ttl, zones[zone].manage)
    if zoneless:
        raise InputError(
            f"{host}: {', '.join(zoneless)}: in none of data.names.zones; write its zone, with manage: false if "
            "moor may not change it"
        )


def zone_of(name: str, zones: Mapping[str, Zone]) -> str:
    """Return the innermost zone that contains ``name``; empty if none does."""
    return max((zone for zone in zones if f".{name}".endswith(f".{zone}")), key=len, default="")


def server_of(name: str, zone: Zone) -> NameServer:
    """Return the server of a zone with its key.

    Raises:
        InputError: the secret cannot be read
    """
    key = None
    if zone.key and zone.secret:
        with prefix_errors(f"data.names.zones.{name}.secret"):
            key = TsigKey(zone.key, zone.algorithm, zone.secret.resolve())
    return NameServer(name, str(zone.server), zone.port, key)


def finding(change: Change) -> Finding:
    """Return the finding for a wrong record that moor may not change, with what the zone's owner has to do."""
    record = change.resource
    assert isinstance(record, Record)  # noqa: S101
    values = " ".join(record.values)
    mend = f"set {record.kind} of {record.name} to {values}" if values else f"remove {record.kind} of {record.name}"
    says = "; ".join(change.diff.splitlines())
    return Finding(record.id, f"{record.server.place}, which moor may not change: {says}", f"ask its owner: {mend}")


@dataclass(frozen=True)
class Record(Remote):
    """The DNS record of one name for one address family, with exactly these values, on the zone's primary.

    Attributes:
        values: addresses; empty if the record must not exist
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
        return self.state(self.server.records(self.name, self.kind))

    def state(self, held: ZoneRecords) -> State | None:
        """Return the records that a server holds as a state; include an alias only if an address must replace it."""
        alias = held.alias if self.values else ""
        if not held.values and not alias:
            return None
        state = {"addresses": " ".join(held.values), "ttl": str(held.ttl)}
        return {**state, "alias of": alias} if alias else state

    def write(self, task: Task, actual: State | None) -> None:
        before = records_in(actual)
        try:
            self.server.replace(self.name, self.kind, before, self.values, self.ttl)
        except StaleUpdate:
            # What was read came from a wildcard; the name has no record, so adding one overwrites nothing.
            if not (before.values and self.values and self.server.records(self.name, self.kind) == before):
                raise
            self.server.replace(self.name, self.kind, ZoneRecords(), self.values, self.ttl)


@dataclass(frozen=True)
class RetiredRecord(Record):
    """The absence of a record that moor once wrote; with other addresses it is somebody else's by now, and stays.

    Attributes:
        wrote: the addresses by which moor knows it
    """

    wrote: tuple[str, ...] = ()

    def state(self, held: ZoneRecords) -> State | None:
        """Return the record's state; None also if moor has not written it so."""
        return super().state(held) if set(held.values) == set(self.wrote) else None


def records_in(actual: State | None) -> ZoneRecords:
    """Return the records of a state, as the server held them when they were read."""
    known = actual or {}
    addresses = tuple(str(known.get("addresses", "")).split())
    return ZoneRecords(addresses, int(str(known.get("ttl", 0))), str(known.get("alias of", "")))
