"""What the change of an access list does to packets, computed before anything is sent to the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from moor.folding import fold
from moor.path.device import Device, Place
from moor.path.passage import Effect, FleetFlow, Met, effect_of
from moor.path.rules import Decision, Filter
from moor.tasks.devices.acl.text import names_of
from moor.tasks.devices.effect_fields import CHANGED, CUT, WAYS, WAYS_AFTER
from moor.tasks.devices.filters import cisco, junos, vyos

PARSERS: Mapping[str, Callable[[str], Device]] = {
    **dict.fromkeys(("cisco_ios", "cisco_xe", "cisco_xr", "cisco_nxos", "arista_eos"), cisco.parse_device),
    "juniper_junos": junos.parse_device,
    "vyos": vyos.parse_device,
}
FEW = 6  # lines that are shown one by one, and addresses
REMEDY = (
    "nothing was sent; write the host's network into data.access, take the host out of the inventory, or, if the "
    "flow goes another way, have the device's routes say so"
)


def planned_device(platform: str, configuration: str, wanted: str, name: str) -> tuple[Device, Device, list[Place]]:
    """Return a device as it is and as it will be, and the places of moor's list.

    Args:
        platform: whose syntax is known here
        configuration: the running one
        wanted: the text of moor's list, with its places
        name: of moor's list
    """
    parse = PARSERS[platform]
    before = parse(configuration)
    if platform == "vyos":  # whose lists are parts of one chain
        return before, *vyos.with_list(configuration, wanted, names_of(name))
    list_alone = parse(wanted)
    return before, with_list(before, list_alone, name), sorted(list_alone.filters)


def with_list(device: Device, list_alone: Device, name: str) -> Device:
    """Return a device whose list of some name, with all of its places, is another one."""
    others = {place: each for place, each in device.filters.items() if not _is_moors(each, name)}
    return device.with_filters({**others, **list_alone.filters})


def _is_moors(found: Filter, name: str) -> bool:
    return found.name.removesuffix("-NEXT") in names_of(name)


def effect_on(platform: str, configuration: str, wanted: str, name: str, flows: Sequence[FleetFlow]) -> Effect:
    """Return what the change to moor's list does on a device; nothing for a platform that is not judged here."""
    if platform not in PARSERS:
        return Effect()
    before, after, ours = planned_device(platform, configuration, wanted, name)
    return effect_of(before, after, flows, ours)


def effect_state(
    platform: str, configuration: str, wanted: str, name: str, flows: Sequence[FleetFlow]
) -> dict[str, str]:
    """Return what a change to moor's list does, as fields of the list's actual state."""
    effect = effect_on(platform, configuration, wanted, name, flows)
    changed = "".join(f"{line}\n" for line in effect.changed)
    found = {
        WAYS: ways_text(effect.before),
        WAYS_AFTER: ways_text(effect.after),
        CHANGED: changed,
        CUT: cut_text(effect),
    }
    return {key: text for key, text in found.items() if text}


def ways_text(met: Mapping[FleetFlow, Met]) -> str:
    """Return what becomes of the pulls of the fleet, hosts with the same line together; logins are left out.

    Logins depend on the machine that asks, and a plan may be made and applied on two.
    """
    alike: dict[tuple[str, str], dict[str, list[str]]] = {}
    for one, found in met.items():
        verdict = found.decision.verdict
        if not (one.login or (one.is_answer and verdict == "open")):
            alike.setdefault((verdict, one.what), {}).setdefault(by_what(found), []).append(one.who)
    return "".join(f"{line}\n" for about, by in sorted(alike.items()) for line in _ways_lines(*about, by))


def _ways_lines(verdict: str, what: str, by: Mapping[str, list[str]]) -> Iterator[str]:
    if len(by) > FEW:
        every = [name for names in by.values() for name in names]
        yield f"{verdict}: {fold(every)} {what}, by {len(by)} lines"
    else:
        yield from (f"{verdict}: {fold(names)} {what}, {line}" for line, names in sorted(by.items()))


def by_what(met: Met) -> str:
    """Return what decides about a flow."""
    return f"by {met.decision.rule} at {met.where}{_doubts(met.decision)}"


def _doubts(decision: Decision) -> str:
    return f", unless {decision.unsure[0]} matches it" if decision.unsure else ""


def cut_text(effect: Effect) -> str:
    """Return why the change is refused; empty if the fleet keeps all its ways."""
    lines = list(_cuts(effect))
    return "\n".join([*lines, REMEDY]) if lines else ""


def _cuts(effect: Effect) -> Iterator[str]:
    alike: dict[str, list[FleetFlow]] = {}
    for one, met in effect.cut():
        alike.setdefault(f"{one.what}: {by_what(met)}", []).append(one)
    for words, some in alike.items():
        what, _, line = words.partition(": ")
        addresses = _some([str(one.flow.source) for one in some])
        yield f"the change would cut {fold([one.who for one in some])} ({addresses}) {what}: shut {line}"


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - FEW} more" if len(words) > FEW else ""
    return f"{', '.join(words[:FEW])}{more}"
