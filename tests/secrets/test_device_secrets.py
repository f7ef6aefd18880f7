"""No secret of a device's configuration stays in what moor keeps of it, and everything else does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moor.secrets.device_secrets import strike_secrets

CONFIGURATIONS = sorted((Path(__file__).parent / "devices").glob("*.txt"))
SECRET = re.compile("«(.*?)»")


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_no_secret_of_a_configuration_is_kept_and_no_line_goes(path: Path) -> None:
    marked = path.read_text("utf-8")
    kept = strike_secrets(SECRET.sub(r"\1", marked))
    left = []
    for line, after in zip(marked.splitlines(), kept.splitlines(), strict=True):
        words = [word for secret in SECRET.findall(line) for word in secret.split() if word not in SECRET.sub("", line)]
        left += [f"{word!r} in {after!r}" for word in words if word in after]
    assert left == []


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_lines_without_a_secret_stay_as_they_are(path: Path) -> None:
    lines = [line for line in path.read_text("utf-8").splitlines() if "«" not in line]
    kept = strike_secrets("\n".join(lines)).splitlines()
    changed = {line for line, after in zip(lines, kept, strict=True) if line != after}
    assert changed <= {"no password strength-check", "% Authorized users only; the password is not here"}


LETTERS = "".join(chr(code) for code in range(33, 127) if chr(code) not in "\"'@/:;«»")


@settings(max_examples=25)
@given(st.text(LETTERS, min_size=8, max_size=40))
@example("shabby-word")
@example("md5word-of-mine")
@example("$$$$$$$$")
def test_whatever_a_secret_is_made_of_it_is_struck_out(secret: str) -> None:
    for path in CONFIGURATIONS:
        marked = path.read_text("utf-8")
        if secret not in SECRET.sub("", marked):
            assert secret not in strike_secrets(SECRET.sub(lambda _: secret, marked))


@given(st.lists(st.sampled_from([line for path in CONFIGURATIONS for line in path.read_text("utf-8").splitlines()])))
def test_what_is_struck_out_once_stays_as_it_is(lines: list[str]) -> None:
    once = strike_secrets(SECRET.sub(r"\1", "\n".join(lines)))
    assert strike_secrets(once) == once


def test_a_key_chain_keeps_its_numbers_and_a_server_not_its_digits() -> None:
    assert strike_secrets("key chain OSPF\n key 17\ntacacs server A\n key 4815") == (
        "key chain OSPF\n key 17\ntacacs server A\n key ***"
    )
