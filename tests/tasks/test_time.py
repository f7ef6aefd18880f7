"""The clock of a host: chrony's and timesyncd's files and words, and who else keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moor.engine.plan import plan
from moor.tasks.time.chrony_conf import with_servers, without_servers
from moor.tasks.time.host import asks_chrony, asks_timesyncd, judge_keeper, keeper_requirement, timesyncd_conf
from moor.tasks.time.keeper import ClockState, find_keeper, parse_offset
from moor.tasks.time.resources import SetClock
from moor.tasks.time.settings import TimeSettings
from tests.harness.shells import SHELLS, sh, text

by_shell = pytest.mark.parametrize("shell", SHELLS)
DEBIAN = "# Use Debian vendor zone.\npool 2.debian.pool.ntp.org iburst\nsourcedir /etc/chrony/sources.d\nmakestep 1 3\n"
LINES = st.lists(
    st.sampled_from(
        ["", "pool 2.debian.pool.ntp.org iburst", "server ntp.example.org", "# BEGIN moor time", "# END moor time",
         "peer 10.0.0.1", "server 0.rhel.pool.ntp.org iburst", "  POOL ntp.ubuntu.com", "makestep 1 3"]
    ),
    max_size=7,
)  # fmt: skip
SERVERS = st.lists(st.sampled_from(["ntp1.moor.test", "ntp2.moor.test", "10.0.0.9"]), min_size=1, max_size=3)


def test_the_distributions_pool_makes_room_for_the_inventorys_servers_and_comes_back() -> None:
    edited = with_servers(f"server ntp.example.org\n{DEBIAN}", ["ntp1.moor.test", "10.0.0.9"])
    assert edited.splitlines() == [
        "server ntp.example.org", "# Use Debian vendor zone.",
        "# moor, data.time: pool 2.debian.pool.ntp.org iburst", "sourcedir /etc/chrony/sources.d", "makestep 1 3",
        "# BEGIN moor time", "server ntp1.moor.test iburst", "server 10.0.0.9 iburst", "# END moor time",
    ]  # fmt: skip
    assert without_servers(edited) == f"server ntp.example.org\n{DEBIAN}"


@given(LINES, SERVERS, SERVERS)
def test_whatever_chrony_conf_says_only_the_last_servers_of_moor_are_in_it(
    lines: list[str], first: list[str], second: list[str]
) -> None:
    content = "".join(f"{line}\n" for line in lines)
    once = with_servers(content, second)
    assert with_servers(once, second) == once == with_servers(with_servers(content, first), second)
    assert without_servers(once) == without_servers(content)
    named = [line.split()[1] for line in once.splitlines() if line.split()[:1] == ["server"]]
    assert [name for name in named if name != "ntp.example.org"] == second


def test_timesyncd_forgets_what_files_before_moors_name() -> None:
    assert timesyncd_conf(["a.test", "b.test"]).splitlines()[1:] == ["[Time]", "NTP=", "NTP=a.test b.test"]


# As chronyc -c tracking and sources print it, and timedatectl timesync-status.
TRACKING = "0A4D000B,10.77.0.11,9,1764380000.1,{offset},0.00001,0.00002,-3.1,0.0,0.1,0.0002,0.0001,64.2,{leap}\n"
SOURCES = "^,*,ntp1.moor.test,8,6,377,21,0.00001,0.00001,0.0002\n^,?,ntp.example.org,0,6,0,4294967295,0.0,0.0,0.0\n"
STATUS = """\
       Server: 10.77.0.11 (ntp1.moor.test)
Poll interval: 1min 4s (min: 32s; max 34min 8s)
         Leap: normal
       Offset: {offset}
 Packet count: 2
"""


def chronyc(offset: str = "-0.000012345", leap: str = "Normal", sources: str = SOURCES) -> str:
    tracking = TRACKING.format(offset=offset, leap=leap)
    return f"chronyc() {{ case $* in *tracking*) printf %s '{tracking}' ;; *) printf %s '{sources}' ;; esac; }}"


def seen(shell: str, clock: SetClock, faked: str) -> Any:
    done = sh(shell, f'timeout() {{ shift; "$@"; }}\n{faked}\n( {clock.probe()}\n)')
    assert (done.returncode, done.stderr) == (0, b"")
    return clock.actual(text(done.stdout))


@by_shell
@pytest.mark.parametrize(
    ("said", "differs"),
    [
        (chronyc(), []),
        (chronyc("0.7"), ["offset: +0.700 s -> within 500 ms"]),
        (chronyc("-2.5", sources=""), ["offset: -2.500 s -> within 500 ms"]),
        (chronyc("0.0", "Not synchronised"), ["synchronised: no answer of ntp.example.org -> yes"]),
        ("chronyc() { return 1; }", ["synchronised: no -> yes"]),
    ],
)  # fmt: skip
def test_what_chrony_says_of_the_clock(shell: str, said: str, differs: list[str]) -> None:
    clock = SetClock("chrony", ("ntp1.moor.test",), 0.5)
    state = seen(shell, clock, said)
    assert [one.diff for one in plan([clock], {clock.id: state})] == differs
    if not differs:
        assert state["others"] == "ntp.example.org"


@by_shell
def test_what_timesyncd_says_of_the_clock(shell: str) -> None:
    clock = SetClock("timesyncd", ("ntp1.moor.test",), 0.5)
    said = f"timedatectl() {{ printf %s '{STATUS.format(offset='-1.203ms')}'; }}"
    state = seen(shell, clock, f"{said}\nsystemctl() {{ :; }}")
    synchronised = Path("/run/systemd/timesync/synchronized").exists()
    assert (plan([clock], {clock.id: state}) == []) is synchronised
    assert state["others"] == ""
    stopped = seen(shell, clock, f"{said}\nsystemctl() {{ return 3; }}")
    assert stopped["synchronised"] == "no"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("+1.5ms", 0.0015), ("-20us", -2e-5), ("+1min 2.5s", 62.5), ("3.2e-05", 3.2e-5), ("-0.000012", -1.2e-5),
        ("0", 0.0), ("", None), ("n/a", None), ("+1.5parsec", None),
    ],
)  # fmt: skip
def test_offsets_are_read_in_every_unit(words: str, seconds: float | None) -> None:
    found = parse_offset(words)
    assert found is None if seconds is None else found == pytest.approx(seconds)


@given(st.text())
def test_no_words_of_a_host_break_the_reading(words: str) -> None:
    ClockState.parse(words).judge(0.5)
    judge_keeper(words)


@by_shell
def test_the_program_that_a_host_has_keeps_its_clock_and_files_of_the_other_stay_out(shell: str) -> None:
    fake = "chronyd() { :; }"
    asked = " ".join(f"$( {asks_chrony(None, path)} )," for path in ("/etc/chrony/chrony.conf", "/etc/chrony.conf"))
    done = sh(shell, f'{fake}\n{find_keeper(None)}; echo $k; echo "{asked} $( {asks_timesyncd(None)} )"')
    # no chrony.conf is here yet: the package brings Debian's
    assert text(done.stdout) == "chrony\nthere, , \n"
    done = sh(shell, f'{find_keeper("timesyncd")}; echo $k; echo "$( {asks_timesyncd("timesyncd")} )"')
    assert text(done.stdout) == "timesyncd\nthere\n"


@by_shell
def test_the_requirement_is_read_in_every_shell(shell: str) -> None:
    done = sh(shell, keeper_requirement("chrony").probe())
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"keeper=chrony\n" in done.stdout


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("keeper=chrony\nruns=chronyd\n", ""),
        ("keeper=timesyncd\nruns=systemd-timesyn\nruns=phc2sys\n", ""),
        ("keeper=chrony\nruns=ntpd\nruns=systemd-timesyn\n", "systemctl disable --now ntpsec systemd-timesyncd"),
        ("keeper=timesyncd\nclock=fixed\n", "it is a container that may not set the clock"),
    ],
)
def test_another_program_that_keeps_the_clock_is_told_with_the_command(said: str, words: str) -> None:
    judged = judge_keeper(said)
    assert (words in judged) if words else judged == ""


@pytest.mark.parametrize("bad", [{}, {"servers": []}, {"servers": ["a b"]}, {"servers": ["a.test"], "service": "ntpd"}])
def test_time_without_servers_or_with_an_unknown_program_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TimeSettings.model_validate(bad)
