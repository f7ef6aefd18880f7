"""A host that answers garbage is that host's error, in moor's own words: no crash, nothing drawn on a terminal."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Host
from nornir.core.task import Result

from moor.engine.plan import plan
from moor.engine.script import new_mark, probe_script, require_all, split_answers
from moor.errors import HostError, MoorError
from moor.resources.base import Probed, Required
from moor.run.report import error_of
from moor.run.selection import all_stages
from moor.settings.modules import SHIPPED
from moor.sites.site import open_site

ROOT = Path(__file__).parents[1]
LAB = "/var/lib/moor-lab"
raw = st.binary(max_size=400).map(lambda found: found.decode("utf-8", "surrogateescape"))
WORDS = ("root:root 0644", "file", "directory", "active", "enabled", "holds it", "0", "12", "-1", "1 2 3", "file /x")
lines = st.lists(st.one_of(raw, st.sampled_from(WORDS)), max_size=6).map("\n".join)


@cache
def every_question() -> dict[str, Probed]:
    """Return everything that the shipped fleet's hosts are asked, by id, from an inventory whose files are there."""
    place = Path(mkdtemp())
    try:
        site, files = place / "site", place / "lab"
        for name in ("inventory", "moor_lab/demo/context"):
            shutil.copytree(ROOT / name, site / name)
        shutil.copy(ROOT / "config.yaml", site)
        for path in (site / "inventory").iterdir():
            path.write_text(path.read_text().replace(LAB, str(files)))
        (files / "secrets").mkdir(parents=True)
        for name in ("secrets/ca-passphrase", "secrets/harbor-admin", "kubeconfig", "python-3.13.tar"):
            (files / name).touch(mode=0o600)
            (files / name).write_text("correct-Horse-7")
        with tarfile.open(files / "harbor-offline-installer-v2.8.3.tgz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("harbor/install.sh"), io.BytesIO())
        found: dict[str, Probed] = {}
        for host in open_site(site).inventory.hosts.values():
            found |= {one.id: one for one in _asked(host)}
        return found
    finally:
        shutil.rmtree(place)


def _asked(host: Host) -> Iterator[Probed]:
    for stage in all_stages(SHIPPED).stages:
        with suppress(MoorError):  # the images of the demo are not there
            if stage.desired and stage.runs_on(host):
                yield from (one for one in stage.desired(host) if isinstance(one, Probed))


def test_the_fleet_is_asked_enough_for_this_to_mean_something() -> None:
    kinds = {name.partition(":")[0] for name in every_question()}
    assert {"file", "edit", "service", "package", "trust-bundle", "prepared", "containers", "requirement"} <= kinds


def told(error: Exception) -> str:
    """Return what a report says of a host's error."""
    return error_of(Result(None, exception=error))


@pytest.mark.parametrize("name", sorted(every_question()))
@given(output=lines)
def test_whatever_a_host_answers_is_read_and_shown_or_refused_in_moors_own_words(name: str, output: str) -> None:
    question = every_question()[name]
    try:
        changes = plan([question], {name: question.actual(output)})
        shown = "".join(change.diff for change in changes)
        if isinstance(question, Required):
            shown += "".join(told(HostError(question.remedy(change.actual))) for change in changes)
    except MoorError as error:
        shown = told(error)
    assert "\x1b" not in shown
    assert "\x07" not in shown


@given(st.binary(max_size=2000), st.binary(max_size=500))
def test_an_output_without_the_mark_is_no_answer(stdout: bytes, stderr: bytes) -> None:
    pieces = split_answers(stdout, stderr, new_mark())
    assert pieces == []
    with pytest.raises(MoorError, match="0 of 2 parts"):
        require_all(pieces, 2, stderr)


@given(st.binary(max_size=300))
def test_what_a_fragment_prints_cannot_pass_for_another_ones_answer(output: bytes) -> None:
    mark = new_mark()
    begin, end = (f"\n{mark} 0 {word}\n".encode() for word in ("begin", "end 0"))
    forged = output + b"\nmoor-0000 1 begin\nforged\nmoor-0000 1 end 0\n"
    (piece,) = split_answers(begin + forged + end, b"", mark)
    assert piece.stdout.encode("utf-8", "surrogateescape") == forged


def test_a_mark_is_new_in_every_script() -> None:
    assert len({new_mark() for _ in range(100)}) == 100
    assert new_mark() not in probe_script(["echo"], new_mark())
