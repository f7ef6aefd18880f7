"""Clocks of real hosts: chrony is installed, told its servers, and kept; its source is a chronyd of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.conftest import Moored
from tests.lab.drifting import drifted
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

ON, CONF = ("--limit", "ws1"), "/etc/chrony/chrony.conf"
PACKAGE, EDIT, SERVICE, CLOCK = "package:chrony", f"edit:{CONF}#time", "service:time", "time:clock"
# A lab host shares the clock of this machine, which it may not set: chronyd leaves it as it is (-x).
FIXED = """\
printf 'DAEMON_OPTS="-x"\\n' > /etc/default/chrony; mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n' > /etc/systemd/system/chrony.service.d/lab.conf"""
SOURCE = f"""\
{FIXED}; DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Options::=--force-confold install chrony >/dev/null
printf 'local stratum 8\\nallow\\ncmdport 0\\n' > {CONF}; systemctl restart chrony"""
AWAY = """\
DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge chrony >/dev/null; rm -rf /etc/chrony /etc/default/chrony
rm -r /etc/systemd/system/chrony.service.d; systemctl daemon-reload"""


@contextmanager
def time_source(moored: Moored) -> Iterator[str]:
    """Yield the address of a host that serves time, the machine's own; neither it nor ws1 has chrony at the end."""
    moored.lab.exec("outsider", ["sh", "-ec", SOURCE], timeout_s=120)
    moored.lab.exec("ws1", ["sh", "-c", FIXED])
    try:
        yield str(moored.lab.machine("outsider").host.address)
    finally:
        for name in ("outsider", "ws1"):
            moored.lab.exec(name, ["sh", "-c", AWAY], timeout_s=120)


def test_chrony_takes_the_inventorys_servers_and_what_is_changed_since_is_mended(moored: Moored) -> None:
    moor = moored.moor

    def run(script: str) -> str:
        return moored.lab.exec("ws1", ["sh", "-c", script]).strip()

    with time_source(moored) as source:
        with sections_laid_over(moored, {"time": {"servers": [source]}}):
            assert moor.planned("time", *ON) == [PACKAGE, EDIT, SERVICE, CLOCK]
            moor.applied("time", *ON)
            assert moor.planned("time", *ON) == []
            assert run("chronyc -n -c sources | cut -d, -f2,3") == f"*,{source}"
            assert "# moor, data.time: pool " in run(f"cat {CONF}")

            run(f"sed -i 's/^server .*/server 192.0.2.1 iburst/' {CONF}; systemctl stop chrony")
            assert set(drifted(moored, *ON).open) == {("ws1", EDIT), ("ws1", SERVICE), ("ws1", CLOCK)}
            moor.applied("time", *ON)
            run("echo 'server 192.0.2.2' > /etc/chrony/sources.d/theirs.sources; chronyc reload sources")
            found = drifted(moored, *ON)
            assert set(found.open) == {("ws1", "time:others")}
            assert "set from 192.0.2.2 too" in found.said
            run("rm /etc/chrony/sources.d/theirs.sources; chronyc reload sources")
            assert drifted(moored, *ON).open == {}
            bad = run(f"cp -a {CONF} /run/conf; sed -i 1i'nonsense 1' {CONF}; ! chronyd -p -f {CONF} 2>&1")
            assert "nonsense" in bad or "Invalid" in bad
            run(f"cp -a /run/conf {CONF}")
        assert moor("remove", "time", "--yes", *ON).returncode == 0
        assert run(f"grep -c 'moor\\|^server' {CONF}; grep '^pool' {CONF}").split("\n")[0] == "0"
        assert run(f"grep '^pool' {CONF}")
