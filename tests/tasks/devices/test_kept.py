"""What a device holds is kept when it has changed, without a secret, and with the name of who changed it."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.cli.commands import device as command
from moor.cli.commands import pages
from moor.cli.options import Options, Output
from moor.errors import InputError
from moor.history.database import connected
from moor.known_configurations import KnownConfigurations
from moor.secrets.masking import fresh_masker, register
from moor.settings.config import read_config
from moor.tasks.devices.keeping import kept_text
from moor.tasks.devices.last_change import QUESTIONS, LastChange, told_by, told_in
from tests.harness.commands import moor_here
from tests.tasks.devices.boxes import Box
from tests.tasks.devices.conftest import INTERFACES, Edge, bare

Make = Callable[..., Edge]
CONFIGURATIONS = Path(__file__).parents[2] / "secrets/devices"
SECRET = re.compile("«(.*?)»")
# How each tells that ann changed it: in its configuration, or when it is asked.
ANN = {
    "cisco_ios": ("", "! Last configuration change at 09:20:01 UTC Mon Mar 2 2026 by ann"),
    "cisco_xr": ("", "!! Last configuration change at Mon Mar  2 09:20:01 2026 by ann"),
    "cisco_nxos": (
        "show accounting log .*",
        "Mon Mar  2 09:12:33 2026:type=update:id=10.0.0.5@pts/0:user=ops:cmd=configure terminal ; shutdown (SUCCESS)\n"
        "Mon Mar  2 09:20:01 2026:type=update:id=10.0.0.6@pts/1:user=ann:cmd=configure terminal ; mtu 9000 (SUCCESS)",
    ),
    "arista_eos": (
        "show logging .*",
        "Mar  2 09:12:33 edge1 ConfigAgent: %SYS-5-CONFIG_I: Configured from console by ops on vty3 (10.0.0.5)\n"
        "Mar  2 09:20:01 edge1 ConfigAgent: %SYS-5-CONFIG_I: Configured from console by ann on vty4 (10.0.0.6)",
    ),
    "juniper_junos": (
        "show system commit",
        "0   2026-03-02 09:20:01 UTC by ann via cli\n1   2026-03-02 09:12:33 UTC by ops via netconf",
    ),
}
WHEN = {"cisco_ios": "09:20:01 UTC Mon Mar 2 2026", "juniper_junos": "2026-03-02 09:20:01 UTC"}


def secrets_of(platform: str) -> list[str]:
    return SECRET.findall((CONFIGURATIONS / f"{platform}.txt").read_text("utf-8"))


def full(platform: str) -> Box:
    """Return a device with a configuration full of secrets."""
    box = bare(platform)
    text = SECRET.sub(r"\1", (CONFIGURATIONS / f"{platform}.txt").read_text("utf-8"))
    if "" in box.running:
        box.running[""] += [line for line in text.splitlines() if line.startswith("set ") and " version " not in line]
    else:
        box.banner = text.replace("by ops", "by bob")
    return box


def change(one: Edge) -> None:
    """Change the device by hand."""
    box, (question, told) = one.box, ANN[one.box.platform]
    if "" in box.running:
        box.running[""].append("set system domain-name example.org")
    else:
        box.running[f"interface {INTERFACES[box.platform][0]}"].append("mtu 9000")
    if question:
        box.instead[question] = told
    else:
        box.banner = re.sub("!!? Last configuration change.*", told, box.banner)


def device(one: Edge, word: str, *rest: int) -> str:
    """Return what ``moor device WORD edge1`` prints."""
    one.output()
    options = Options(site=one.site)
    versions = (*rest, 0, 0)
    calls: dict[str, Callable[[], int]] = {
        "history": lambda: command.history(options, "edge1"),
        "diff": lambda: command.diff(options, "edge1", *versions[:2]),
        "show": lambda: command.show(options, "edge1", versions[0]),
    }
    assert calls[word]() == 0
    return one.output()


def kept(site: Path) -> list[str]:
    """Return the texts in the site's history, oldest first."""
    settings = read_config(site).user_defined.moor
    with connected(settings, writing=False) as connection:
        rows = connection.rows("SELECT content FROM configurations ORDER BY number")
    return [zlib.decompress(row[0]).decode() for row in rows]


@pytest.mark.parametrize("platform", ANN)
def test_each_check_keeps_what_has_changed_without_secrets_and_says_who_did_it(edge: Make, platform: str) -> None:
    one = edge(platform, full(platform))
    outputs = [one.run("drift")[1], one.run("drift")[1]]
    assert len(kept(one.site)) == 1
    assert "its configuration changed" not in outputs[1]
    asked = [line for line in one.box.heard if line.startswith(("show accounting", "show logging", "show system c"))]
    assert len(asked) == (1 if ANN[platform][0] else 0)  # only of the first check, since then nothing had changed
    one.box.heard.clear()

    change(one)
    code, said = one.run("drift")
    assert code == 2
    assert re.search(r"edge1: its configuration changed since [\d: -]+ UTC, \+1 -0 lines; last by ann at ", said), said
    assert WHEN.get(platform, "Mar") in said
    logins = [line for line in one.box.heard if line.startswith(("terminal width", "set cli screen-width"))]
    shown = [line for line in one.box.heard if line.startswith(("show running", "show configuration"))]
    assert (len(logins), len(shown)) == (1, 1)  # one login and one reading, as without a history

    history, difference, whole = (device(one, word) for word in ("history", "diff", "show"))
    assert history.count("ann at ") == 1, history
    assert [line for line in difference.splitlines() if line[:1] in "+-" and line[1:2] not in "+-"] == [
        "+set system domain-name example.org" if platform == "juniper_junos" else "+   mtu 9000"
    ]
    assert pages.report(Options(site=one.site), None, 30) == 0
    outputs += [said, history, difference, whole, one.output(), *kept(one.site)]
    files = [path.read_bytes().decode("utf-8", "replace") for path in one.site.rglob("*") if path.is_file()]
    left = [secret for secret in secrets_of(platform) if any(secret in text for text in [*outputs, *files])]
    assert [secret for secret in left if len(secret) > 3] == []


def test_what_is_remembered_of_a_device_costs_time_alone_when_it_is_lost(edge: Make) -> None:
    one = edge("cisco_ios", full("cisco_ios"))
    first = one.run("drift")[1]
    marks = one.site / ".moor/device-marks.json"
    assert marks.stat().st_mode & 0o777 == 0o600
    for content in (
        marks.read_bytes(),
        b"",
        b"[]",
        b'{"key": "00", "marks": {"edge1": 3}}',
        b'{"key": 3}',
        b"[" * 3000,
    ):
        marks.write_bytes(content)
        assert without_times(one.run("drift")[1]) == without_times(first)
        assert len(kept(one.site)) == 1
    change(one)
    assert one.run("drift")[0] == 2
    assert len(kept(one.site)) == 2
    (one.site / ".moor/history.db").unlink()
    one.run("drift")
    assert len(kept(one.site)) == 1


def without_times(said: str) -> str:
    """Return a check's output without when its drift began and what the run is called."""
    return re.sub(r"since [\d: -]+ UTC|\d{8}-\d{6}-\w{4}|\bnew\b.*|\d+ s\b", "", said)


def test_a_secret_that_becomes_known_is_struck_out_of_a_configuration_that_did_not_change(edge: Make) -> None:
    one = edge("cisco_ios")
    one.box.running[f"interface {INTERFACES['cisco_ios'][0]}"].append("description Winter-is-2026-long")
    one.run("drift")
    one.run("drift")
    assert ["Winter-is-2026-long" in text for text in kept(one.site)] == [True]
    with fresh_masker():
        register("Winter-is-2026-long")
        one.run("drift")
        one.run("drift")
    assert ["Winter-is-2026-long" in text for text in kept(one.site)] == [True, False]


@given(st.text(), st.text(), st.binary(max_size=8), st.binary(max_size=8))
def test_a_mark_is_of_the_text_the_rules_and_the_key(text: str, other: str, rules: bytes, key: bytes) -> None:
    known = KnownConfigurations(key=key + b"1")
    assert known.mark_of(text, rules) == known.mark_of(text, rules)
    assert (known.mark_of(text, rules) == known.mark_of(other, rules)) is (text == other)
    assert known.mark_of(text, rules) != known.mark_of(text, rules + b"2")
    assert known.mark_of(text, rules) != KnownConfigurations(key=key + b"2").mark_of(text, rules)


def test_an_apply_keeps_what_was_there_before_it_and_what_it_made(edge: Make) -> None:
    one = edge("arista_eos")
    assert one.run("apply")[0] == 0
    assert [("MOOR-REGISTRY" in text) for text in kept(one.site)] == [False, True]
    assert one.run("plan")[0] == 0
    assert len(kept(one.site)) == 2
    assert re.match(r"2 ", device(one, "history").splitlines()[1])
    assert "versions 2 and 2 are equal" in device(one, "diff", 2, 2)


def test_a_plan_keeps_it_too_and_a_history_that_cannot_be_written_stops_nothing(edge: Make) -> None:
    one = edge("cisco_ios")
    assert one.run("plan")[0] == 2
    assert len(kept(one.site)) == 1
    (one.site / ".moor/history.db").write_bytes(b"no database at all, " * 100)
    code, said = one.run("plan")
    assert (code, "what devices hold is not kept: history " in said) == (2, True), said


def test_what_a_device_does_not_tell_is_left_out_and_its_check_goes_on(edge: Make) -> None:
    one = edge("cisco_nxos")
    one.box.instead = {"show accounting .*": "% Permission denied for the role"}
    assert one.run("apply")[0] == 0
    one.output()
    command.history(Options(site=one.site, output=Output.json), "edge1")
    assert [row["changed_by"] for row in json.loads(one.output())["configurations"]] == ["", ""]


def test_a_device_or_version_that_is_not_kept_is_named_with_those_that_are(edge: Make) -> None:
    one = edge("cisco_ios")
    code, said = one.run("plan")
    assert code == 2, said
    options = Options(site=one.site)
    with pytest.raises(InputError, match=r"of edge2 is kept; did you mean edge1\? \(there are edge1\)"):
        command.history(options, "edge2")
    with pytest.raises(InputError, match="no version of edge1 before 1 is kept; there is version 1 alone"):
        command.diff(options, "edge1", 0, 0)
    with pytest.raises(InputError, match="no version 7 of edge1 is kept; there is version 1 alone"):
        command.diff(options, "edge1", 1, 7)
    done = moor_here(one.site, "device", "show", "edge1", "--output", "junit")
    assert (done.returncode, "device show: it is text or json, not junit" in done.stderr) == (1, True), done.said


@pytest.mark.parametrize(
    ("platform", "printed", "change"),
    [
        ("vyos", "0   2026-03-02 09:20:01 by ann via cli\n1   2026-03-01 08:00:00 by vyos via cli", "ann"),
        (
            "cisco_xr",
            "SNo. Label/ID    User      Line                Client      Time Stamp\n"
            "~~~~ ~~~~~~~~    ~~~~      ~~~~                ~~~~~~      ~~~~~~~~~~\n"
            "1    1000000051  ann       vty0:node0_RSP0_CPU0  CLI       Mon Mar  2 09:20:01 2026\n",
            "ann",
        ),
        ("arista_eos", "Mar  2 09:20:01 edge1 ConfigAgent: %SYS-5-CONFIG_SESSION_COMMIT: User ann committed", "ann"),
        ("arista_eos", "", ""),
        ("juniper_junos", "error: nothing", ""),
    ],
)
def test_who_changed_a_device_is_read_from_its_own_words(platform: str, printed: str, change: str) -> None:
    assert told_by(QUESTIONS[platform], printed).by == change


def test_a_configuration_may_say_by_itself_who_changed_it() -> None:
    ios_xr = "!! IOS XR Configuration 7.5.2\n!! Last configuration change at Mon Mar  2 09:20:01 2026 by ann\n"
    assert told_in(ios_xr) == LastChange("ann", "Mon Mar  2 09:20:01 2026")
    assert told_in("hostname edge1") == LastChange()


def test_times_and_messages_of_the_log_are_no_change() -> None:
    one = (
        "Building configuration...\n\nCurrent configuration : 99 bytes\n! Last configuration change at 09:1 by ops\nend"
    )
    other = "Current configuration : 98 bytes\n*Mar  2 09:20:01.123: %SYS-5-CONFIG_I: Configured by ops\nend\n"
    assert kept_text(one) == kept_text(other) == "end\n"
