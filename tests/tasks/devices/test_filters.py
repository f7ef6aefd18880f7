"""Configurations are parsed into filters that treat packets as the device would."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from moor.path.device import Device
from moor.path.rules import Filter
from moor.tasks.devices.effects import PARSERS, planned_device
from moor.tasks.devices.platforms import PLATFORMS
from tests.tasks.devices import recorded
from tests.tasks.devices.test_cases import FOLDERS
from tests.tasks.devices.test_text import NAME


def meanings(device: Device) -> Iterator[tuple[str, object]]:
    """Yield each place with the packets that its rules match, and whether they pass."""
    for place, each in device.filters.items():
        yield str(place), meaning(each)
    for version, chain in device.chains.items():
        for name in ("eth0", "eth1", "eth2", "eth1.20"):
            yield f"{name} {version}", meaning(chain.between(name, "other", version))
            yield f"out {name} {version}", meaning(chain.between("other", name, version))


def meaning(one: Filter) -> list[object]:
    return [(box, rule.permits, rule.unsure) for box, rule in one.entries]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: "-".join(folder.parts[-2:]))
def test_what_is_judged_before_a_change_is_what_the_device_prints_after_it(folder: Path) -> None:
    platform = folder.parent.name
    running, after = ((folder / name).read_text() for name in ("running.conf", "wanted.conf"))
    text = PLATFORMS[platform].lists.find(after, NAME).text
    _, planned, places = planned_device(platform, running, text, NAME)
    assert places
    assert dict(meanings(planned)) == dict(meanings(PARSERS[platform](after)))
    assert dict(meanings(planned)) != dict(meanings(PARSERS[platform](running)))
    assert not any(rule.unsure for each in planned.filters.values() for rule in each.rules)


def test_what_an_applied_group_of_junos_says_counts() -> None:
    group = "set groups moor-routes routing-options static route 10.88.0.0/24 next-hop 192.0.2.9\n"
    for applied, via in (("", "None"), ("set apply-groups moor-routes\n", "192.0.2.9")):
        hop = PARSERS["juniper_junos"](f"{recorded.JUNOS}{group}{applied}").next_hop(ip_address("10.88.0.11"))
        assert str(hop and hop.via) == via
