"""Docker's certs.d and daemon.json, in real shells and as pure functions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import plan
from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.errors import HostError
from moor.tasks.certs_d import OnlyCa
from moor.tasks.docker.install import edit_daemon_json
from moor.tasks.docker.settings import DockerSettings
from tests.harness.shells import SHELLS, sh

pytestmark = pytest.mark.usefixtures("host_folder")


def planned(shell: str, resource: OnlyCa) -> list[str]:
    mark = new_mark()
    done = sh(shell, probe_script([resource.probe()], mark))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
    assert (piece.code, piece.stderr) == (0, "")
    return [change.diff for change in plan([resource], {resource.id: resource.actual(piece.stdout)})]


def mend(shell: str, resource: OnlyCa) -> None:
    done = sh(shell, apply_script([resource.mend(None)], "moor-0", "run"))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, "moor-0"), 1, done.stderr)
    assert (piece.code, piece.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_missing_directory_holds_nothing(shell: str, tmp_path: Path) -> None:
    assert planned(shell, OnlyCa(f"{tmp_path}/none")) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_servers_key_beside_the_ca_is_named_and_removed_and_the_ca_stays(
    shell: str, tmp_path: Path, host_folder: Path
) -> None:
    place = tmp_path / "it's registry:8443"
    place.mkdir()
    for name in ("ca.crt", "registry.cert", "registry.key", "old.crt", "notes.txt"):
        (place / name).write_text(name)
    (place / "registry.key").write_text("-----BEGIN EC PRIVATE KEY-----\nMHc\n")
    (place / "gone.key").symlink_to(tmp_path / "nowhere")
    resource = OnlyCa(str(place))
    assert planned(shell, resource) == [
        "beside ca.crt: old.crt, registry.cert, gone.key, registry.key (a private key) -> nothing"
    ]
    mend(shell, resource)
    assert sorted(path.name for path in place.iterdir()) == ["ca.crt", "notes.txt"]
    assert planned(shell, resource) == []
    assert Path(f"{host_folder}/runs/run/files{place}/registry.key").read_text().startswith("-----BEGIN EC PRIVATE")


def test_settings_are_merged_into_daemon_json() -> None:
    before = '{"log-driver": "journald", "log-opts": {"tag": "x"}}'
    after = json.loads(edit_daemon_json(before, "", settings={"log-opts": {"mode": "blocking"}, "live-restore": True}))
    assert after == {"log-driver": "journald", "log-opts": {"tag": "x", "mode": "blocking"}, "live-restore": True}


def test_an_empty_daemon_json_is_one_without_settings() -> None:
    assert json.loads(edit_daemon_json(" \n", "", settings={"debug": True})) == {"debug": True}


def test_a_daemon_json_with_these_settings_already_is_unchanged() -> None:
    odd = '{ "debug" :true,\n\n"x":[1] }'
    assert edit_daemon_json(odd, "", settings={"debug": True}) == odd


@pytest.mark.parametrize("content", ["{", "[]", "3", "not json"])
def test_a_malformed_daemon_json_is_refused(content: str) -> None:
    with pytest.raises(HostError, match=r"/etc/docker/daemon\.json: not .*mend it or move it away"):
        edit_daemon_json(content, "", settings={"debug": True})


VALUES = st.dictionaries(st.text(max_size=5), st.booleans() | st.integers() | st.text(max_size=5), max_size=4)


@given(VALUES, VALUES)
def test_editing_twice_is_editing_once(before: dict[str, object], wanted: dict[str, object]) -> None:
    once = edit_daemon_json(json.dumps(before), "", settings=wanted)
    assert edit_daemon_json(once, "", settings=wanted) == once


@pytest.mark.parametrize("packages", [("docker.io; rm -rf /",), ("-o", "x"), ("",)])
def test_invalid_package_names_are_bad_input(packages: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="packages"):
        DockerSettings(packages=packages)
