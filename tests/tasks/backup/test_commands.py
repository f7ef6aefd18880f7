"""The commands of backups on a site without a host that answers: what is wrong is told before anybody is contacted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moor.tasks.backup.store import Store
from tests.harness.commands import moor_here
from tests.harness.sites import Content, write_site
from tests.tasks.backup.keys import new_key, whole_backup

HOSTS = {"h": {"hostname": "127.0.0.1", "port": 1, "groups": ["harbor"]}}
GROUPS = {"harbor": {"connection_options": {"shell": {"extras": {"conn_timeout": 1}}}}}
NAME = "20261128-030000-cccc"


def site(folder: Path, **backup: Any) -> Path:
    harbor = {"installer": "harbor-offline-installer-v2.8.3.tgz", "sha256": "0" * 64, "admin_password": "env:X"}
    registry = {"name": "registry.moor.test", "address": "192.0.2.1"}
    data = {
        "registry": registry,
        "harbor": harbor,
        "pki": {"passphrase": "env:X"},
        **({"backup": backup} if backup else {}),
    }
    files: dict[str, Content] = {
        "inventory/hosts.yaml": HOSTS,
        "inventory/groups.yaml": GROUPS,
        "inventory/defaults.yaml": {"data": data},
    }
    return write_site(folder, files)


def with_backup(folder: Path, **backup: Any) -> tuple[Path, Store]:
    place, key = site(folder, **backup), new_key()
    store = Store(folder / "backups")
    whole_backup(store, key, NAME, [b"layer"])
    (folder / ".moor").mkdir()
    (folder / ".moor/backup.key").touch(mode=0o600)
    (folder / ".moor/backup.key").write_text(f"# made by age-keygen\n{key.identity}\n")
    return place, store


def test_every_fault_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "word").touch(mode=0o600)
    (tmp_path / "word").write_text("hunter22")
    done = moor_here(site(tmp_path, directory="file/below", mounted=True, key="file:word"), "backup")
    assert done.returncode == 1
    assert "nothing is mounted at" in done.stderr
    assert "file is no directory; move it away" in done.stderr
    assert "data.backup.key: " in done.stderr
    assert "hunter22" not in done.said
    assert "no key; it has one line AGE-SECRET-KEY-1" in done.stderr
    assert not (tmp_path / ".moor").exists()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("keep", 0, "backup.keep: "),
        ("keep_daily", -1, "backup.keep_daily: "),
        ("recipients", ["ssh-ed25519 AAAA"], "backup.recipients"),
        ("recipients", [f"age1{'q' * 58}"], "is no public key of age"),
        ("key", "AGE-SECRET-KEY-1", "this is not a reference to a secret"),
        ("path", "/x", "backup.path: "),
    ],
)
def test_a_setting_that_is_no_use_is_named(tmp_path: Path, key: str, value: Any, words: str) -> None:
    done = moor_here(site(tmp_path, **{key: value}), "backup")
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / ".moor/backup.key").exists()


def test_a_host_that_is_not_reached_leaves_no_backup(tmp_path: Path) -> None:
    done = moor_here(site(tmp_path), "backup", "--quiet")
    assert done.returncode == 1
    assert "there is no new one" in done.stdout
    assert moor_here(tmp_path, "backup", "list").stdout.startswith(
        f"{tmp_path}/backups: no backup; moor backup makes one"
    )


def test_backups_are_listed_with_those_that_came_to_no_end(tmp_path: Path) -> None:
    place, store = with_backup(tmp_path)
    store.begin("20261129-030000-dddd")
    lines = moor_here(place, "backup", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[NAME, "whole"], ["20261129-030000-dddd", "incomplete"]]
    shown = json.loads(moor_here(place, "backup", "list", "--output", "json").stdout)
    assert [row["state"] for row in shown["backups"]] == ["whole", "incomplete"]
    assert shown["backups"][0]["counts"] == {"projects": 1}


def test_a_missing_key_is_not_replaced_where_there_are_backups(tmp_path: Path) -> None:
    place, _ = with_backup(tmp_path)
    (tmp_path / ".moor/backup.key").unlink()
    for words in (["backup"], ["backup", "check"], ["restore", "--yes"]):
        done = moor_here(place, *words)
        assert done.returncode == 1
        assert "backup.key: missing, and the backups that are there cannot be opened without it" in done.stderr
    assert not (tmp_path / ".moor/backup.key").exists()


def test_every_damaged_file_is_named_before_a_restore(tmp_path: Path) -> None:
    place, store = with_backup(tmp_path)
    for path in (store.path(NAME) / "database.sql.gz.age", store.path(NAME) / "blobs"):
        path.write_bytes(b"x")
    done = moor_here(place, "restore", "--yes")
    assert done.returncode == 1
    assert done.stderr.count("another checksum than when it was written") == 2


@pytest.mark.parametrize(("word", "words"), [("2025", "no such backup"), ("20261129", "did not come to its end")])
def test_a_backup_that_is_none_is_refused(tmp_path: Path, word: str, words: str) -> None:
    place, store = with_backup(tmp_path)
    store.begin("20261129-030000-dddd")
    for command in ("restore", "backup check"):
        done = moor_here(place, *command.split(), word, *(["--yes"] if command == "restore" else []))
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr


def test_a_backup_of_another_release_is_refused(tmp_path: Path) -> None:
    place, _ = with_backup(tmp_path)
    defaults = tmp_path / "inventory/defaults.yaml"
    defaults.write_text(defaults.read_text().replace("v2.8.3.tgz", "v2.9.1.tgz"))
    done = moor_here(place, "restore", "--yes")
    assert done.returncode == 1
    assert (
        "cannot run the database of a backup of Harbor v2.8.3; name the installer of 2.8, restore, then upgrade"
        in done.stderr
    )


def test_a_registry_that_somebody_else_runs_is_not_backed_up_from_here(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "inventory/hosts.yaml": {"h": {"hostname": "127.0.0.1", "port": 1}},
        "inventory/defaults.yaml": {"data": {"registry": {"name": "registry.moor.test", "address": "192.0.2.1"}}},
    }
    for words in (["backup"], ["backup", "list"], ["restore", "--yes"], ["schedule", "backup", "--every", "1d"]):
        done = moor_here(write_site(tmp_path, files), *words)
        assert done.returncode == 1
        assert "moor runs no registry in this fleet" in done.stderr
