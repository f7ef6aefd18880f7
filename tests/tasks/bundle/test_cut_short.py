"""A making that is killed goes on: what is there is verified, and is not written again."""

from __future__ import annotations

import signal
from pathlib import Path

from moor.tasks.bundle.manifest import BLOBS
from moor.tasks.bundle.opened import verified_manifest
from tests.harness.commands import moor_here, started
from tests.harness.waiting import until
from tests.tasks.bundle.carrying import carrying_site, docker_archive

LARGE = 40_000_000


def test_a_making_that_was_killed_keeps_what_is_whole_and_makes_what_is_not_again(tmp_path: Path) -> None:
    site = carrying_site(tmp_path / "site", {"file": "fleet"})
    docker_archive(site / "a.tar", [bytes([n]) * LARGE for n in range(5)])
    blobs = site / "fleet" / BLOBS

    def large() -> dict[str, int]:
        found = blobs.glob("*") if blobs.is_dir() else ()
        return {path.name: path.stat().st_ino for path in found if path.stat().st_size == LARGE}

    with started(site, "bundle", "create", "--without", "packages,moor") as process:
        until(lambda: len(large()) >= 2, "two layers", limit_s=60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (site / "fleet" / "bundle.json").exists()
    whole, damaged = sorted(kept := large())[:2]
    with (blobs / damaged).open("r+b") as file:
        file.write(b"damaged")
    done = moor_here(site, "bundle", "create", "--without", "packages,moor")
    assert done.returncode == 2, done.said
    assert len(large()) == 5
    assert large()[whole] == kept[whole]
    assert large()[damaged] != kept[damaged]
    assert len(verified_manifest(site / "fleet", "").images) == 2
