"""A clock that nothing keeps is found, in every shell, and one that is kept or belongs to somebody else is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moor.tasks.proxies.running import parse_key_values
from moor.tasks.time.kept import CLOCK, KEEPING, clock_finding
from tests.harness.shells import SHELLS, sh, text
from tests.tasks.diagnosis.test_mtu import program

ALONE = "systemd-detect-virt", "exit 1"
NORMAL, BAD = "Leap status     : Normal", "Leap status     : Not synchronised"


def asked(shell: str, place: Path, *programs: tuple[str, str]) -> dict[str, str]:
    for name, body in (ALONE, ("chronyc", "exit 1"), ("timedatectl", "exit 1"), *programs):
        program(place, name, body)
    # Whether this machine is a container itself does not matter here.
    script = KEEPING.replace("/run/systemd/container", "/nowhere")
    done = sh(shell, f"PATH={place}:{os.environ['PATH']}\n(\n{script}\n)")
    assert (done.returncode, done.stderr) == (0, b"")
    return parse_key_values(text(done.stdout))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ([("systemd-detect-virt", "exit 0")], None),
        ([("cat", "echo chronyd"), ("chronyc", f"echo '{NORMAL}'")], None),
        ([("cat", "echo chronyd"), ("chronyc", f"echo '{BAD}'")], "chronyd runs, and its clock is not synchronised"),
        ([("cat", "echo systemd-timesyn"), ("timedatectl", "echo yes")], None),
        ([("cat", "echo systemd-timesyn"), ("timedatectl", "echo no")], "systemd-timesyn runs, and its clock is not"),
        ([("cat", "echo ntpd")], None),  # busybox, without systemd: it runs, and nobody tells more
        ([("cat", "echo sshd")], "nothing keeps its clock"),
        ([("cat", "echo my-ntpd"), ("timedatectl", "echo no")], "nothing keeps its clock"),
        ([("cat", "echo sshd"), ("timedatectl", "echo yes")], None),
    ],
)
def test_a_clock_that_is_not_synchronised_is_a_finding(
    shell: str, tmp_path: Path, programs: list[tuple[str, str]], said: str | None
) -> None:
    found = clock_finding(asked(shell, tmp_path, *programs), "node1")
    assert found.what.startswith(said) if found and said else found is None and said is None, found
    if found:
        assert (found.id, found.host) == (CLOCK, "node1")
        assert "data.time" in found.remedy
