"""The scripts behind make: they parse in every shell, and say in one line why they cannot go on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*(ROOT / "scripts").glob("*.sh"), *(ROOT / "moor_lab/boot").glob("*.sh")])
LACKS_ONE = 'case "$3" in mmdebstrap) exit 1 ;; *) echo installed ;; esac'


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=lambda words: words[0])
def test_a_script_parses_in_every_shell(script: Path, shell: list[str]) -> None:
    done = subprocess.run([*shell, "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _packages(tools: Path, **answers: str) -> subprocess.CompletedProcess[str]:
    """Runs the script on a machine whose programs answer as told, and which has nothing else of note."""
    for name in ("sh", "tail", "tr", "echo", "ls", "rm", "chmod", "date", "mktemp"):
        (tools / name).symlink_to(shutil.which(name) or name)
    answers = {"id": "echo 0", "df": "echo 99G", "dpkg_query": "echo installed"} | answers
    for name, answer in answers.items():
        (tools / name.replace("_", "-")).write_text(f"#!/bin/sh\n{answer}\n")
        (tools / name.replace("_", "-")).chmod(0o755)
    return subprocess.run(
        ["sh", ROOT / "scripts/packages.sh", "test"],
        env={"PATH": str(tools), "LANG": os.environ.get("LANG", "C.UTF-8")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_machine_that_has_everything_is_left_alone_in_silence(tmp_path: Path) -> None:
    done = _packages(tmp_path, apt_get="exit 99")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"id": "echo 1000"}, "moor: demo and tests boot hosts in namespaces, which needs root; run make as root\n"),
        ({"df": "echo 3G"}, "moor: /var has 3 GiB free, and images and hosts need 8; make room\n"),
    ],
    ids=["not root", "no disk space"],
)
def test_a_machine_that_cannot_is_told_why_in_one_line(tmp_path: Path, answers: dict[str, str], told: str) -> None:
    done = _packages(tmp_path, **answers)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_missing_packages_are_named_before_they_are_installed(tmp_path: Path) -> None:
    done = _packages(tmp_path, dpkg_query=LACKS_ONE, apt_get=f'echo "$@" >>{tmp_path}/asked')
    assert done.stderr == "moor: installing Debian packages that are missing: mmdebstrap\n"
    assert (tmp_path / "asked").read_text().splitlines()[-1].endswith("install mmdebstrap")


def test_the_installing_of_packages_shows_how_far_it_is(tmp_path: Path) -> None:
    done = _packages(tmp_path, dpkg_query=LACKS_ONE, apt_get="echo pmstatus:mmdebstrap:40.0000:Unpacking >&3")
    assert done.stderr.splitlines()[1:] == ["moor: installing, 40%: mmdebstrap"]


def test_packages_that_cannot_be_installed_are_told_with_the_next_step(tmp_path: Path) -> None:
    done = _packages(tmp_path, dpkg_query=LACKS_ONE, apt_get="exit 100")
    assert done.returncode == 1
    assert "apt-get could not install" in done.stderr
    assert "run apt-get update" in done.stderr
