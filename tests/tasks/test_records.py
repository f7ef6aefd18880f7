"""Names as records: which zone holds one, what is to be there and what not, and what a server's answer comes to."""

from __future__ import annotations

import base64
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Host
from pydantic import ValidationError

from moor.connections.apis.nameserver import NameServer, TsigKey, ZoneRecords
from moor.context import RetirementOrder, change_context
from moor.engine.plan import plan
from moor.errors import InputError
from moor.secrets.secret import Secret
from moor.tasks.facts import Registry
from moor.tasks.names import Names, Zone
from moor.tasks.names.dnsmasq import records as dnsmasq_records
from moor.tasks.names.records import (
    Record,
    RetiredRecord,
    desired,
    finding,
    records_for,
    records_in,
    retired,
    zone_of,
)

TSIG = base64.b64encode(b"nobody's secret").decode()
LABELS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4).map(".".join)


def host(
    folder: Path,
    zones: dict[str, dict[str, Any]],
    mode: str = "dns",
    address: str = "10.77.0.11",
    secret: str = TSIG,
    address6: str | None = None,
) -> Host:
    """Return the registry's host; each zone is written with what is said of it, signed unless it is only checked."""
    (folder / "tsig").write_text(secret)
    (folder / "tsig").chmod(0o600)
    signed = {"server": "10.77.0.53", "key": "moor", "secret": f"file:{folder}/tsig"}
    names = {
        "mode": mode,
        "hosts": {"mirror.moor.test": "fd00::5", "printer": "10.77.0.12"},
        "zones": {name: {**signed, **more} for name, more in zones.items()},
    }
    registry = Registry.model_validate({"name": "registry.moor.test", "address": address, "address6": address6})
    return Host(name="harbor1", data={"registry": registry, "names": Names.model_validate(names)})


def wanted(host: Host) -> dict[str, tuple[str, ...]]:
    return {record.id: record.values for record in records_for(host)}


def test_a_full_name_has_its_address_and_none_of_the_other_family(tmp_path: Path) -> None:
    assert wanted(host(tmp_path, {"moor.test": {}})) == {
        "record:registry.moor.test/A": ("10.77.0.11",),
        "record:registry.moor.test/AAAA": (),
        "record:mirror.moor.test/A": (),
        "record:mirror.moor.test/AAAA": ("fd00::5",),
    }
    assert wanted(host(tmp_path, {"moor.test": {}}, address="fd00::1"))["record:registry.moor.test/A"] == ()
    both = wanted(host(tmp_path, {"moor.test": {}}, address6="fd00::1"))
    assert both["record:registry.moor.test/A"] == ("10.77.0.11",)
    assert both["record:registry.moor.test/AAAA"] == ("fd00::1",)


def test_in_the_mode_hosts_and_without_zones_no_server_is_asked(tmp_path: Path) -> None:
    assert records_for(host(tmp_path, {"moor.test": {}}, mode="hosts")) == records_for(host(tmp_path, {})) == []


def test_only_what_moor_may_change_is_a_resource(tmp_path: Path) -> None:
    zones: dict[str, dict[str, Any]] = {"registry.moor.test": {"manage": False}, "moor.test": {}}
    assert [record.id for record in desired(host(tmp_path, zones))] == [
        "record:mirror.moor.test/A",
        "record:mirror.moor.test/AAAA",
    ]


def test_names_outside_of_all_zones_are_bad_input_and_told_together(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"harbor1: registry\.moor\.test, mirror\.moor\.test: in none of data\.names\.z"
    ):
        desired(host(tmp_path, {"other.test": {}}))


def test_a_secret_that_is_no_key_is_told_before_any_connection_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.names\.zones\.moor\.test\.secret: the secret .* not base64") as caught:
        desired(host(tmp_path, {"moor.test": {}}, secret="key moor { secret }"))
    assert "key moor {" not in str(caught.value)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ({}, "updates are signed; write key and secret"),
        ({"key": "moor"}, "key and secret belong together"),
        ({"manage": False, "secret": "env:TSIG"}, "key and secret belong together"),
        ({"manage": False, "key": "mo or", "secret": "env:TSIG"}, "key"),
        ({"manage": False, "ttl": 0}, "ttl"),
    ],
)
def test_a_zone_is_signed_or_only_checked(zone: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Zone.model_validate({"server": "10.0.0.53", **zone})


@given(LABELS, st.dictionaries(LABELS, st.none()))
def test_the_innermost_zone_holds_a_name(name: str, zones: dict[str, Any]) -> None:
    found = zone_of(name, zones)
    parents = [".".join(name.split(".")[n:]) for n in range(name.count(".") + 1)]
    assert found == next((parent for parent in parents if parent in zones), "")


def record(*values: str, kind: str = "A") -> Record:
    return Record(NameServer("moor.test", "10.77.0.53"), "registry.moor.test", kind, values, 300)


RIGHT = ZoneRecords(("10.0.0.1",), 300)


@pytest.mark.parametrize(
    ("held", "diff"),
    [
        (RIGHT, None),
        (ZoneRecords(), "addresses: (none) -> 10.0.0.1\nttl: (none) -> 300"),
        (ZoneRecords(("10.0.0.9",), 300), "addresses: 10.0.0.9 -> 10.0.0.1"),
        (ZoneRecords(("10.0.0.1", "10.0.0.9"), 60), "addresses: 10.0.0.1 10.0.0.9 -> 10.0.0.1\nttl: 60 -> 300"),
        (ZoneRecords((), 0, "old.moor.test."),
         "addresses: (empty) -> 10.0.0.1\nttl: 0 -> 300\nalias of: old.moor.test. -> (empty)"),
    ],
)  # fmt: skip
def test_what_a_server_holds_is_planned_field_by_field(held: ZoneRecords, diff: str | None) -> None:
    one = record("10.0.0.1")
    assert [change.diff for change in plan([one], {one.id: one.state(held)})] == ([] if diff is None else [diff])


def test_an_alias_is_no_address_of_the_family_that_is_to_have_none() -> None:
    none = record(kind="AAAA")
    assert none.state(ZoneRecords((), 0, "old.moor.test.")) is None
    (change,) = plan([none], {none.id: none.state(ZoneRecords(("fd00::9",), 60))})
    assert change.desired is None
    told = finding(change)
    assert told.remedy == "ask its owner: remove AAAA of registry.moor.test"
    assert "fd00::9" in told.what


held = st.builds(
    lambda values, ttl, alias: ZoneRecords(tuple(sorted(values)), ttl if values else 0, alias),
    st.lists(st.ip_addresses(v=4).map(str), unique=True, max_size=3),
    st.integers(0, 2**31 - 1),
    st.sampled_from(["", "old.moor.test."]),
)


@given(held)
def test_an_update_presupposes_just_what_was_read(read: ZoneRecords) -> None:
    assert records_in(record("10.0.0.1").state(read)) == read


V4, V6 = st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda a: "%" not in str(a))


@given(st.dictionaries(LABELS, st.tuples(V4) | st.tuples(V6) | st.tuples(V4, V6), min_size=1))
def test_dnsmasq_is_told_every_name_once_with_its_addresses(names: dict[str, Any]) -> None:
    told: dict[str, Any] = {}
    for line in dnsmasq_records(names).splitlines()[1:]:
        words = line.removeprefix("host-record=").split(",")
        addresses = tuple(ip_address(word) for word in words if word not in names)
        assert not told.keys() & set(words)
        told |= {word: addresses for word in words if word in names}
    assert told == names


def test_a_key_shows_nowhere() -> None:
    key = TsigKey("moor", "hmac-sha256", Secret(TSIG))
    assert TSIG not in f"{key!r} {NameServer('moor.test', '10.0.0.53', 53, key)!r} {record('10.0.0.1')!r}"


OLD = "record:old.moor.test/A"
ADDED = "addresses: (none) -> 10.0.0.9\nttl: (none) -> 300"
LEFT = {OLD: ADDED, "record:registry.moor.test/A": "addresses: (none) -> 10.77.0.11"}


def retired_of(folder: Path, written: dict[str, str], mode: str = "dns", **more: Any) -> dict[str, tuple[str, ...]]:
    """Return the addresses by which each record is known that ``moor remove names`` takes away."""
    one = host(folder, more.get("zones", {"moor.test": {}}), mode)
    change_context(one, registry_host="harbor1", retirement=RetirementOrder(("names",), written=written))
    return {record.id: record.wrote for record in retired(one, False) if isinstance(record, RetiredRecord)}


def test_a_record_that_a_run_wrote_goes_once_the_inventory_has_its_name_no_longer(tmp_path: Path) -> None:
    assert retired_of(tmp_path, LEFT) == {OLD: ("10.0.0.9",)}
    assert retired_of(tmp_path, LEFT, "hosts").keys() == LEFT.keys()
    assert retired_of(tmp_path, {OLD: "addresses: 10.0.0.9 -> (none)"}) == {}  # an earlier run has removed it
    assert retired_of(tmp_path, LEFT, zones={"moor.test": {"manage": False}}) == {}


def test_a_record_whose_zone_is_gone_from_the_inventory_is_told_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^harbor1: record:old\.other/A: .* write the zone there again, with server"):
        retired_of(tmp_path, {"record:old.other/A": ADDED})


@pytest.mark.parametrize(("held", "goes"), [(("10.0.0.9",), True), (("10.0.0.8",), False), ((), False)])
def test_a_retired_name_with_another_address_is_somebody_elses(held: tuple[str, ...], goes: bool) -> None:
    one = RetiredRecord(NameServer("moor.test", "10.77.0.53"), "old.moor.test", "A", (), 300, wrote=("10.0.0.9",))
    assert bool(plan([one], {one.id: one.state(ZoneRecords(held, 60))})) is goes
