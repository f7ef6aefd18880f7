"""Secrets that a command prints: run once, bounded, without a shell, and told when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.secrets import command
from moor.secrets.command import command_of, forget_answers, parse_command
from moor.secrets.masking import fresh_masker
from moor.secrets.secret import Secret, mask, resolve
from moor.settings.section import SecretRef

words = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1).filter(
    lambda found: bool(found[0])
)


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    forget_answers(0)
    with fresh_masker():
        yield
    forget_answers(0)


def program(folder: Path, text: str) -> str:
    """Write a shell script, and return the words that run it as a list in the inventory has them."""
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_what_a_command_prints_is_the_secret_without_one_newline_at_its_end(tmp_path: Path) -> None:
    assert resolve("cmd:printf 'correct horse\\n\\n'").reveal() == "correct horse\n"
    assert resolve("cmd:printf 'correct horse\\r\\n'").reveal() == "correct horse"
    assert mask("it is correct horse") == "it is ***"


def test_a_list_of_words_and_one_line_are_the_same_command_run_in_the_site_without_a_shell(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("Tr0ub4dor\n")
    listed = SecretRef.of({"cmd": ["cat", "kept"]}, tmp_path)
    assert listed == SecretRef.of("cmd:cat kept", tmp_path)
    assert listed.resolve() == SecretRef.of(str(listed), Path("/elsewhere")).resolve() == Secret("Tr0ub4dor")
    assert SecretRef.of({"cmd": ["echo", "$HOME; * `id` |"]}, tmp_path).resolve().reveal() == "$HOME; * `id` |"


@given(words)
def test_any_words_survive_as_a_reference(given_words: list[str]) -> None:
    written = command_of(given_words, Path("/site"))
    assert parse_command(written.reference.removeprefix("cmd:"), Path("/other")) == written


def test_a_command_runs_once_however_many_threads_and_settings_name_it(tmp_path: Path) -> None:
    reference = f"cmd:{program(tmp_path, f'echo asked >>{tmp_path}/log; sleep 0.1; echo Tr0ub4dor')}"
    found: list[Secret] = []
    threads = [threading.Thread(target=lambda: found.append(resolve(reference))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Secret("Tr0ub4dor")] * 8
    forget_answers()  # as between the plan and the changes of one apply
    resolve(reference)
    assert (tmp_path / "log").read_text() == "asked\n"
    forget_answers(0)
    resolve(reference)
    assert (tmp_path / "log").read_text() == "asked\n" * 2


def test_a_failure_is_told_once_with_its_last_words_and_never_with_the_secret(tmp_path: Path) -> None:
    text = f"echo asked >>{tmp_path}/log; echo half-a-secret; echo 'cannot decrypt half-a-secret' >&2; "
    text += "echo 'token: hunter2-hunter2' >&2; exit 3"
    reference = f"cmd:{program(tmp_path, text)} --token=swordfish harbor/admin"
    for _ in range(2):
        with pytest.raises(InputError, match=r"tool --token=\*{3}: ended with exit code 3: cannot decrypt \*{3}") as e:
            resolve(reference)
        assert not {"half-a-secret", "hunter2", "swordfish"} & set(str(e.value).replace(":", " ").split())
        assert "token: ***" in str(e.value)
    assert (tmp_path / "log").read_text() == "asked\n"
    forget_answers()  # the next run tries again
    with pytest.raises(InputError):
        resolve(reference)
    assert (tmp_path / "log").read_text() == "asked\n" * 2


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("cmd:moor-no-such-tool show", "there is no command moor-no-such-tool here; install it, or write its whole"),
        ("cmd:/etc/passwd", "cannot be run: Permission denied"),
        ("cmd:true", "it printed nothing; is the secret stored under that name"),
        ("cmd:false", "ended with exit code 1: it said nothing on standard error"),
        ("cmd:sh -c 'kill -9 $$'", "ended with signal 9"),
        ("cmd:yes", "prints more than 1048576 bytes, which no secret is"),
        ("cmd:pass show 'x", "no closing quotation; write the words as a list"),
        ("cmd:  ", "it has no words; write the command that prints the secret"),
    ],
)
def test_a_command_that_gives_no_secret_is_told_with_its_remedy(reference: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve(reference)


@pytest.mark.parametrize("written", ["pass show x", [], [""], ["pass", 3], [["pass"]], None, {"pass": 1}, ["a\0b"]])
def test_what_is_no_list_of_words_is_refused(written: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^cmd: "):
        SecretRef.of({"cmd": written}, tmp_path)


def test_a_command_that_does_not_end_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LIMIT_S", 0.5)
    text = f"sleep 300 & echo $! >{tmp_path}/child; echo 'waiting for a touch' >&2; wait"
    with pytest.raises(InputError, match=r"no end within 0.5 s: waiting for a touch"):
        resolve(f"cmd:{program(tmp_path, text)}")
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while _lives(child) and time.monotonic() < until:
        os.sched_yield()
    assert not _lives(child)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_agent_that_the_command_leaves_behind_keeps_nobody_waiting(tmp_path: Path) -> None:
    began = time.monotonic()
    assert resolve(f"cmd:{program(tmp_path, 'setsid sleep 20 & echo Tr0ub4dor')}").reveal() == "Tr0ub4dor"
    assert time.monotonic() - began < 15


def test_a_command_has_no_terminal_and_no_input(tmp_path: Path) -> None:
    text = "if read line; then echo read; else echo nothing; fi; (: </dev/tty) 2>/dev/null && echo terminal; true"
    assert resolve(f"cmd:{program(tmp_path, text)}").reveal() == "nothing"


def test_pass_gives_a_secret_and_its_own_words_when_it_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "g"  # a socket's path is short
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path / "store"))
    key = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "moor", "ed25519"]
    try:
        subprocess.run(key, check=True, capture_output=True)
        shown = subprocess.run(["gpg", "--list-keys", "--with-colons"], check=True, capture_output=True, text=True)
        fingerprint = next(line for line in shown.stdout.splitlines() if line.startswith("fpr")).split(":")[9]
        add = ["gpg", "--batch", "--quiet", "--quick-add-key", fingerprint, "cv25519", "encr"]
        subprocess.run([*add[:2], "--passphrase", "", *add[2:]], check=True, capture_output=True)
        subprocess.run(["pass", "init", "moor"], check=True, capture_output=True)
        subprocess.run(["pass", "insert", "-m", "harbor/admin"], input=b"Tr0ub4dor'\"&3\n", check=True, stdout=-3)
        assert resolve("cmd:pass show harbor/admin") == Secret("Tr0ub4dor'\"&3")
        with pytest.raises(InputError, match=r"show harbor/root: ended with exit code 1: Error: harbor/root is"):
            resolve("cmd:pass show harbor/root")
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)


def test_age_gives_a_secret(tmp_path: Path) -> None:
    key, sealed = tmp_path / "key", tmp_path / "admin.age"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    recipient = next(line for line in key.read_text().splitlines() if "public key" in line).split()[-1]
    subprocess.run(["age", "-r", recipient, "-o", sealed], input=b"Tr0ub4dor\n", check=True)
    reference = SecretRef.of({"cmd": ["age", "-d", "-i", "key", "admin.age"]}, tmp_path)
    assert reference.resolve() == Secret("Tr0ub4dor")


def test_a_command_sees_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOR_VAULT", "https://vault.moor.test")
    assert resolve(f"cmd:{sys.executable} -c 'import os; print(os.environ[\"MOOR_VAULT\"])'").reveal().endswith(".test")
