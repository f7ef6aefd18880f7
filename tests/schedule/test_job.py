"""systemd and cron run exactly the command that was scheduled, whatever characters its paths have."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.cli.commands import schedule as command
from moor.cli.commands.schedule import references, refuse_missing_environment
from moor.errors import HostError, InputError
from moor.schedule.cron import NO_CRONTAB, CronFile, UsersCrontab, with_block
from moor.schedule.job import (
    ALLOWED,
    COMMANDS,
    Job,
    Work,
    cron_line,
    name_of,
    parse_period,
    service_unit,
    timer_unit,
    words,
)
from moor.settings import SecretRef, SiteSettings
from tests.harness.commands import moor_here
from tests.harness.sites import write_site

PERIODS = ALLOWED.replace(",", " ").split()
line = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def job(site: Path = Path("/srv/fleet"), *, period: str = "1h", env_file: Path | None = None) -> Job:
    argv = ("/usr/bin/python3", "-m", "moor", "drift", "--site", str(site))
    return Job(site, argv, parse_period(period), "root", (site / ".moor",), env_file)


@pytest.mark.parametrize("period", PERIODS)
def test_systemd_accepts_every_period(period: str) -> None:
    made = parse_period(period)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    argv = ["systemd-analyze", "calendar", "--iterations=3", made.calendar]
    told = subprocess.run(
        argv, capture_output=True, text=True, check=True, env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
    )
    moments = [part for part in told.stdout.splitlines() if "UTC" in part]
    stamps = [subprocess.check_output(["date", "-d", text.partition(": ")[2].strip(), "+%s"]) for text in moments]
    assert {int(b) - int(a) for a, b in pairwise(stamps)} == {made.seconds}


@pytest.mark.parametrize("text", ["", "1", "7m", "60m", "5h", "2d", "0h", "-1h", "1 h", "1w"])
def test_another_period_is_refused_with_a_list_of_periods(text: str) -> None:
    with pytest.raises(InputError, match="choose one of 5m 6m"):
        parse_period(text)


@pytest.mark.parametrize(
    "site", ["/srv/fleet", "/srv/my fleet", "/srv/50%", '/srv/"q"', "/srv/$HOME", "/srv/a\\b", "/srv/é"]
)
def test_systemd_accepts_the_units_of_a_site_with_unusual_characters(tmp_path: Path, site: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    made = job(Path(site), env_file=Path(site) / "env")
    for suffix, text in (("service", service_unit(made)), ("timer", timer_unit(made))):
        (tmp_path / f"{made.name}.{suffix}").write_text(text)
    argv = ["systemd-analyze", "verify", "--man=no", str(tmp_path / f"{made.name}.timer")]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    own = [text for text in told.stderr.splitlines() if made.name in text and "Cannot add dependency" not in text]
    assert own == []


@given(st.lists(line, min_size=1, max_size=4))
def test_cron_passes_every_argument_unchanged(argv: list[str]) -> None:
    made = Job(Path("/srv/x"), tuple(argv), parse_period("1h"), "root", (Path("/srv/x/.moor"),))
    text = cron_line(made, user=False)
    assert "%" not in text.replace("\\%", "")
    command = text.replace("\\%", "%").split(" ", 5)[5]
    assert shlex.split(command)[-len(argv) - 2 : -2] == argv


@given(st.lists(line, min_size=1, max_size=4))
def test_systemd_passes_every_argument_unchanged(argv: list[str]) -> None:
    text = words(argv)
    assert text.count("%") == 2 * sum(word.count("%") for word in argv)
    assert text.count("$") == 2 * sum(word.count("$") for word in argv)


@pytest.mark.parametrize("site", ["/srv/a\nb", "/srv/a\tb", "/srv/ends "])
def test_a_path_that_no_unit_can_hold_is_refused(site: str) -> None:
    with pytest.raises(InputError, match="cannot be scheduled"):
        service_unit(job(Path(site)))


def test_the_unit_has_no_values_of_the_environment_and_a_name_of_its_own() -> None:
    text = service_unit(job(env_file=Path("/srv/fleet/env")))
    assert "EnvironmentFile=/srv/fleet/env" in text
    assert name_of(Path("/srv/a/fleet")) != name_of(Path("/srv/b/fleet"))


def test_a_backup_is_a_job_of_its_own_that_may_write_to_the_backups() -> None:
    made = replace(job(), work=Work.backup, writable=(Path("/srv/fleet/.moor"), Path("/mnt/backups")))
    assert made.name.startswith("moor-backup-fleet-")
    assert made.name != job().name
    assert 'ReadWritePaths="/srv/fleet/.moor" "/mnt/backups"' in service_unit(made)
    assert "Description=Backup of /srv/fleet by moor, every 1h" in timer_unit(made)
    assert "schedule-backup.lock" in cron_line(made, user=False)
    assert "schedule.lock" in cron_line(job(), user=False)


@pytest.mark.parametrize("work", Work)
def test_each_kind_of_job_runs_a_command_of_its_own_that_moor_has(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = write_site(tmp_path / "site", {"inventory/hosts.yaml": {"node1": {"hostname": "192.0.2.1"}}})
    jobs = tmp_path / "cron.d"
    jobs.mkdir()
    monkeypatch.setattr(command, "_schedulers", lambda: [CronFile(jobs)])
    if work is Work.backup:  # which wants a registry to back up
        assert "moor runs no registry" in moor_here(site, "schedule", "backup", "--every", "1d").stderr
    else:
        word = {Work.drift: "install"}.get(work, str(work))
        assert moor_here(site, "schedule", word, "--every", "1d").returncode == 0
        (line,) = (one for one in CronFile(jobs).show(name_of(site, work)) if "flock" in one)
        assert f"-m moor {' '.join(COMMANDS[work])} --quiet --site {site}" in line
    assert moor_here(site, *COMMANDS[work], "--help").returncode == 0


@given(st.text("ab\n#", max_size=30))
def test_a_users_other_lines_stay_as_they_are(before: str) -> None:
    one = with_block(before, "job", "1 * * * * x\n")
    two = with_block(one, "job", "2 * * * * y\n")
    assert two.count("# BEGIN job") == 1
    assert "x" not in two
    assert with_block(two, "job", "").rstrip("\n") == before.rstrip("\n")


@pytest.mark.parametrize(
    "text",
    ["# BEGIN job\nx\n0 1 * * * mine\n", "0 1 * * * mine\n# END job\n", "# BEGIN job\n# BEGIN job\nx\n# END job\n"],
)
def test_a_missing_mark_is_refused_and_no_line_of_the_user_is_removed(text: str) -> None:
    for line_ in ("1 * * * * x\n", ""):
        with pytest.raises(HostError, match=r"# BEGIN job.*crontab -e.*nothing was changed"):
            with_block(text, "job", line_)


@given(st.text("a\r\n #", max_size=20), st.text("a\r\n #", max_size=20))
def test_a_block_is_replaced_where_it_stands(before: str, after: str) -> None:
    before = f"{before}\n" if before else ""
    text = f"{before}# BEGIN job\nx\n# END job\n{after}"
    assert with_block(text, "job", "y\n") == text.replace("x\n", "y\n")
    assert with_block(text, "job", "") == before + after
    assert with_block(text.rstrip("\n"), "job", "").rstrip("\n") == (before + after).rstrip("\n")


CRONTAB = """\
#!/bin/sh
# As Debian's: it says so where there is none, and any other failure ends with 1 too.
[ ! -e {place}/broken ] || {{ echo "crontabs/root: fdopen: Permission denied" >&2; exit 1; }}
case $1 in
  -l) [ -e {place}/kept ] || {{ echo "no crontab for root" >&2; exit 1; }}; cat {place}/kept ;;
  -) cat > {place}/kept ;;
esac
"""


def test_a_users_crontab_keeps_every_byte_also_when_reading_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "crontab"
    program.write_text(CRONTAB.format(place=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    cron, made = UsersCrontab(), job()
    cron.install(made)  # there is none yet
    written = tmp_path / "kept"
    mine = b"# caf\xe9\r\n0 1 * * * mine\n"
    written.write_bytes(mine)
    cron.install(made)
    assert written.read_bytes().startswith(mine)
    assert cron.show(made.name)[1].startswith("0 */1 * * * cd /srv/fleet")
    before = written.read_bytes()
    (tmp_path / "broken").touch()
    for remove in (False, True):
        with pytest.raises(HostError, match=r"crontab -l: .*Permission denied.*nothing was changed"):
            cron.remove(made.name) if remove else cron.install(made)
    (tmp_path / "broken").unlink()
    assert written.read_bytes() == before
    cron.remove(made.name)
    assert written.read_bytes() == mine


@pytest.mark.parametrize(
    ("said", "none"),
    [
        ("no crontab for root", True),
        ("crontab: can't open 'root': No such file or directory", True),
        ("crontab: can't change directory to '/var/spool/cron/crontabs': No such file or directory", False),
        ("You (moor) are not allowed to use this program (crontab)\nSee crontab(1) for more information", False),
        ("crontabs/root/: fdopen: Permission denied", False),
    ],
)
def test_only_the_message_of_a_missing_crontab_counts_as_an_empty_one(said: str, none: bool) -> None:
    assert bool(NO_CRONTAB.search(said)) is none


def test_a_crontab_is_written_shown_and_removed(tmp_path: Path) -> None:
    cron, made = CronFile(tmp_path), job()
    cron.install(made)
    assert cron.show(made.name)[1].startswith("0 */1 * * * root cd /srv/fleet && exec flock -n")
    assert cron.remove(made.name) == [f"removed {tmp_path / made.name}"]
    assert (cron.show(made.name), cron.remove(made.name), list(tmp_path.iterdir())) == ([], [], [])


def test_variables_that_a_scheduled_run_would_lack_are_reported_at_installation(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path, notify=(SecretRef("env:CHAT"), SecretRef("env:MAIL")))
    names = set(references([settings, {"deep": [{"x": SecretRef("env:KEY")}]}]))
    assert names == {"CHAT", "MAIL", "KEY"}
    with pytest.raises(InputError, match="env:CHAT, env:KEY, env:MAIL"):
        refuse_missing_environment(names, None, 0)
    path = tmp_path / "env"
    path.write_text("CHAT=x\n# MAIL=\n")
    path.chmod(0o644)
    owner = path.stat().st_uid
    with pytest.raises(InputError, match="chmod 600"):
        refuse_missing_environment(names, path, owner)
    path.chmod(0o600)
    with pytest.raises(InputError, match=r"no line KEY=\.\.\.\n.*no line MAIL="):
        refuse_missing_environment(names, path, owner)
    path.write_text("CHAT=x\nMAIL=y\nKEY=z\n")
    refuse_missing_environment(names, path, owner)
