"""Secrets do not show, and references say what is wrong with them."""

import base64
import copy
import json
import logging
import os
import pickle
import re
import stat
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.secrets.masking import SHORTEST, Masker, fresh_masker, spellings
from moor.secrets.secret import MaskingFilter, Secret, load_or_generate, mask, resolve


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("Tr0ub4dor\n")
    path.chmod(0o600)
    return path


def test_a_secret_shows_as_stars_in_any_text() -> None:
    secret = Secret("correct-horse")
    assert f"{secret} {secret!r} {secret:>5} %s {[secret]}" % secret == "*** ***   *** *** [***]"


def test_a_secret_equals_another_of_the_same_value_only() -> None:
    assert Secret("one-value") == Secret("one-value")
    assert Secret("one-value") != Secret("two-value")
    assert Secret("one-value") != "one-value"
    assert len({Secret("one-value"), Secret("one-value")}) == 1


def test_a_secret_cannot_be_pickled_but_may_be_copied() -> None:
    secret = Secret("correct-horse")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert copy.deepcopy({"a": secret}) == {"a": secret}


@given(st.binary(max_size=3))  # short ones, for every secret of this process is struck out of all its texts
@example(bytes(range(256)))
def test_a_secret_of_any_bytes_is_hashed_as_those_bytes(raw: bytes) -> None:
    import hashlib

    assert Secret(raw.decode("utf-8", "surrogateescape")).sha256() == hashlib.sha256(raw).hexdigest()


def test_a_file_gives_its_content_without_the_newline_at_its_end(secret_file: Path) -> None:
    assert resolve(f"file:{secret_file}") == Secret("Tr0ub4dor")


@pytest.mark.parametrize(
    ("content", "value"), [("a-secret\n\n", "a-secret\n"), ("a-secret\r\n", "a-secret"), (" a ", " a ")]
)
def test_one_newline_is_dropped_and_nothing_else(secret_file: Path, content: str, value: str) -> None:
    secret_file.write_bytes(content.encode())
    assert resolve(f"file:{secret_file}").reveal() == value


def test_a_relative_path_is_below_the_site(secret_file: Path) -> None:
    assert resolve("file:password", secret_file.parent).reveal() == "Tr0ub4dor"


def test_the_environment_gives_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "Tr0ub4dor")
    assert resolve("env:REGISTRY_PASSWORD").reveal() == "Tr0ub4dor"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(secret_file: Path, mode: int) -> None:
    secret_file.chmod(mode)
    with pytest.raises(InputError, match=f"chmod 600 {secret_file}") as error:
        resolve(f"file:{secret_file}")
    assert "Tr0ub4dor" not in str(error.value)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:MOOR_NO_SUCH_VARIABLE", "env:MOOR_NO_SUCH_VARIABLE: .* not set or empty; export MOOR_NO_SUCH_VARIABLE"),
        ("file:/no/such/file", "file:/no/such/file: no such file; write the secret into it"),
        ("file:/", "file:/: Is a directory"),
        ("vault:secret/harbor", "not a reference .* write env:NAME, file:PATH or cmd: "),
        ("env:", "not a reference"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_with_its_remedy(reference: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        resolve(reference)


def test_a_secret_written_in_place_of_a_reference_is_not_repeated() -> None:
    with pytest.raises(InputError) as error:
        resolve("Tr0ub4dor&3")
    assert "Tr0ub4dor" not in str(error.value)


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_no_secret(secret_file: Path, content: str) -> None:
    secret_file.write_text(content)
    with pytest.raises(InputError, match="the file is empty"):
        resolve(f"file:{secret_file}")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_a_generated_secret_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        secret = load_or_generate(tmp_path / ".moor" / "secrets" / "robot")
    finally:
        os.umask(before)
    path = tmp_path / ".moor" / "secrets" / "robot"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:2]] == [0o700, 0o700]
    assert [entry.name for entry in path.parent.iterdir()] == ["robot"]
    assert load_or_generate(path) == secret


def test_a_generated_secret_meets_harbors_rule(tmp_path: Path) -> None:
    for number in range(50):
        value = load_or_generate(tmp_path / "secrets" / str(number)).reveal()
        assert 8 <= len(value) <= 128
        assert any(c.islower() for c in value)
        assert any(c.isupper() for c in value)
        assert any(c.isdigit() for c in value)


@given(st.text(max_size=SHORTEST - 1))
def test_what_is_too_short_to_be_struck_out_is_not_struck_out_by_its_spellings_either(value: str) -> None:
    assert spellings(value) == frozenset()


values = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=60).filter(lambda v: v.strip() == v)


@given(value=values, before=st.text(max_size=9), after=st.text(max_size=9))
def test_a_secret_is_struck_out_of_any_text_in_any_usual_form(value: str, before: str, after: str) -> None:
    masker = Masker()
    masker.register(value)
    text = before + value + after
    for form in (text, json.dumps(text), quote(value, safe=""), json.dumps(text, ensure_ascii=False)):
        shown = masker.mask(form)
        assert value not in shown or value in "***"
    encoded = base64.b64encode(value.encode()).decode()
    assert masker.mask(encoded) == "***"


short = st.text("ab-", min_size=4, max_size=9)


@given(secrets=st.lists(short, max_size=4), text=st.text("ab-", max_size=40))
@pytest.mark.parametrize("others", [0, 600], ids=["alone", "among many"])
def test_of_secrets_that_overlap_the_longest_is_struck_out_whole(others: int, secrets: list[str], text: str) -> None:
    masker = _masker_of(others)
    for secret in secrets:
        masker.register(secret)
    forms = sorted(frozenset().union(*map(spellings, secrets)), key=len, reverse=True)
    expected = re.sub("|".join(map(re.escape, forms)), "***", text) if forms else text
    assert masker.mask(text) == expected


def _masker_of(lines: int) -> Masker:
    """Return a masker of a key of so many lines, which other text does not hold."""
    masker = Masker()
    masker.register("\n".join(f"{number:04}-of-a-key" for number in range(lines)))
    return masker


@pytest.mark.parametrize("user", ["a", "ab", "abc", "robot$demo+pull"])
def test_a_password_in_basic_authentication_is_struck_out(user: str) -> None:
    Secret("Tr0ub4dor-horse-battery")
    header = base64.b64encode(f"{user}:Tr0ub4dor-horse-battery".encode()).decode()
    shown = mask(f"Authorization: Basic {header}")
    assert "***" in shown
    assert b"horse" not in base64.b64decode(shown.split()[-1].partition("***")[0] + "====")


def test_every_line_of_a_key_is_struck_out() -> None:
    lines = [f"{number:02}" + "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49" for number in range(3)]
    Secret("\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"]))
    assert mask(f"  {lines[1]}!") == "  ***!"
    assert mask("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_a_log_holds_no_secret_in_message_arguments_or_traceback() -> None:
    Secret("Tr0ub4dor-in-a-log")
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskingFilter())
    logger = logging.getLogger("moor.tests.masking")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        raise ValueError("Tr0ub4dor-in-a-log")
    except ValueError:
        logger.exception("Tr0ub4dor-in-a-log %s", {"password": "Tr0ub4dor-in-a-log"})
    assert "Tr0ub4dor" not in stream.getvalue()
    assert "ValueError: ***" in stream.getvalue()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_secret_of_one_test_is_a_word_in_the_next(turn: str) -> None:
    assert mask("a horse of no test before") == "a horse of no test before", turn
    Secret("horse of no test")
    assert mask("a horse of no test before") == "a *** before"


def test_what_is_secret_in_a_fresh_masker_is_so_there_alone() -> None:
    Secret("of-the-outer-one")
    with fresh_masker():
        Secret("of-the-inner-one")
        assert mask("of-the-outer-one of-the-inner-one") == "of-the-outer-one ***"
    assert mask("of-the-outer-one of-the-inner-one") == "*** of-the-inner-one"
