"""A change that is confirmed too late, and one that meets another engineer's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tasks.devices.boxes import Box
from tests.tasks.devices.conftest import INTERFACES, Edge
from tests.tasks.devices.test_on_devices import text

Make = Callable[[str], Edge]
RUNNING = {"juniper_junos": "show configuration . display set", "vyos": "show configuration commands"}
CONFIRMS = {
    "cisco_ios": "configure confirm",
    "cisco_xr": "commit",
    "arista_eos": "configure session .* commit",
    "juniper_junos": "commit",
    "vyos": "confirm",
}


@pytest.mark.parametrize("platform", CONFIRMS)
def test_a_change_whose_time_is_over_at_its_confirmation_is_an_error_and_the_next_run_makes_it(
    edge: Make, platform: str
) -> None:
    one = edge(platform)
    before = text(one.box)
    one.box.runs_out = CONFIRMS[platform]
    code, said = one.run("apply")
    assert code == 1, said
    assert "not confirmed" in said or "took the change back before it was confirmed" in said, said
    assert (text(one.box), one.box.startup, one.box.undo) == (before, one.box.running, None)
    if platform in ("juniper_junos", "vyos"):
        one.box.runs_out = ""
        code, said = one.run("apply")
        assert code == 0, said
        assert (one.box.running, one.box.undo) == (one.box.startup, None)


@pytest.mark.parametrize("platform", ["cisco_ios", "juniper_junos"])
def test_a_change_that_the_device_has_undone_when_it_is_read_again_is_not_called_refused(
    edge: Make, platform: str
) -> None:
    one = edge(platform)
    before = text(one.box)
    one.box.runs_out = RUNNING.get(platform, "show running-config")
    code, said = one.run("apply")
    assert code == 1, said
    assert "the device took the change back before it was confirmed" in said
    assert "nothing of the change is left" in said
    assert (text(one.box), one.box.undo) == (before, None)


LOCKS = {
    "cisco_ios": ("configure terminal revert .*", "Configuration mode locked exclusively by user 'ops2' process '3'"),
    "cisco_nxos": ("configure terminal", "Configuration mode is blocked by ops2"),
    "arista_eos": ("configure session .*", "% Maximum number of pending sessions has been reached"),
    "vyos": ("commit-confirm 5", "Configuration system temporarily locked due to another commit in progress"),
}


@pytest.mark.parametrize("platform", LOCKS)
def test_a_configuration_that_another_engineer_has_locked_is_left_in_the_devices_words(
    edge: Make, platform: str
) -> None:
    one = edge(platform)
    before, (command, words) = text(one.box), LOCKS[platform]
    one.box.instead = {command: words}
    code, said = one.run("apply")
    assert (code, words in said, "nothing of the change is left" in said) == (1, True, True), said
    assert (text(one.box), one.box.undo) == (before, None)


OTHER = "ops2 terminal pts/1 (pid 4711) on since 2026-03-02 09:00:00 UTC"


@pytest.mark.parametrize("platform", ["juniper_junos", "cisco_xr"])
def test_a_lock_names_who_has_it_and_moors_own_keeps_others_out_until_the_change_is_confirmed(
    edge: Make, platform: str
) -> None:
    one = edge(platform)
    one.box.locked = OTHER
    code, said = one.run("apply")
    assert (code, OTHER in said, "nothing of the change is left" in said) == (1, True, True), said

    one.box.locked = ""
    heard = list[str]()

    def another() -> None:
        heard.append(one.box.session().answer("configure exclusive") or "")

    one.box.meanwhile = {"commit": another}
    code, said = one.run("apply")
    assert code == 0, said
    assert ["lock" in words for words in heard] == [True]
    assert one.box.locked == ""


def adds_entry(box: Box) -> None:
    """Add an entry to the list by hand, as another engineer does."""
    box.running["ip access-list extended MOOR-REGISTRY"].insert(0, "5 permit tcp any any eq 443")


def describes(box: Box) -> None:
    """Describe an interface by hand."""
    box.running[f"interface {INTERFACES['cisco_ios'][1]}"].append("description of ops2")


def test_what_another_engineer_changes_meanwhile_stays_and_in_moors_list_it_ends_the_change(edge: Make) -> None:
    one = edge("cisco_ios")
    before = text(one.box)
    one.box.meanwhile = {"end": lambda: adds_entry(one.box)}
    code, said = one.run("apply")
    assert (
        code,
        "somebody else changed the list meanwhile: '10 permit" in said,
        "nothing of the change is left" in said,
    ) == (1, True, True), said
    assert text(one.box) == before

    one.box.meanwhile = {"end": lambda: describes(one.box)}
    code, said = one.run("apply")
    assert code == 0, said
    assert "description of ops2" in text(one.box)
    assert one.box.running == one.box.startup
