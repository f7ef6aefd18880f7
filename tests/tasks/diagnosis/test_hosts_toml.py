"""hosts.toml is judged as containerd does: one invalid part makes it ignore the whole file."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.containerd.hosts_toml import READ_HOSTS_TOML, parse_hosts_toml
from tests.harness.shells import SHELLS, sh

NEW, OLD = (2, 2), (1, 6)
HOST = '[host."https://r.test"]\n'


def seen(content: str, release: tuple[int, int] = NEW) -> dict[str, str]:
    return parse_hosts_toml(base64.b64encode(content.encode()).decode(), release)


@pytest.mark.parametrize(
    ("content", "release", "words"),
    [
        (f'{HOST}capabilities = ["pul"]', NEW, "knows pull, resolve, push, referrers, and not ['pul']"),
        (f'{HOST}capabilities = ["referrers"]', (2, 1), "and not ['referrers']"),
        (f'{HOST}capabilities = "pull"', NEW, "and not"),
        (f'{HOST}skip_verify = "true"', NEW, "skip_verify of https://r.test is 'true'"),
        ('server = "https://r.test"', OLD, "no table [host"),
        ("[host", NEW, "no TOML"),
    ],
)
def test_a_file_that_containerd_rejects_is_reported_with_the_reason(
    content: str, release: tuple[int, int], words: str
) -> None:
    found = seen(content, release)
    assert found["hosts_toml"] == "malformed"
    assert words in found["toml_error"]


@pytest.mark.parametrize(
    "content", [f'{HOST}capabilities = ["Pull", "RESOLVE"]', f'{HOST}capabilities = ["referrers"]', HOST]
)
def test_a_file_that_containerd_accepts_is_accepted(content: str) -> None:
    assert seen(content)["hosts_toml"] == "read"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{HOST}skip_verify = true", "skip_verify of https://r.test"),
        (f"skip_verify = true\n{HOST}", "skip_verify of the server"),
        ('[host."http://r.test"]', "http://r.test"),
        (f"{HOST}skip_verify = false", ""),
    ],
)
def test_an_unchecked_certificate_is_reported(content: str, words: str) -> None:
    assert seen(content)["unchecked"] == words


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda c: st.lists(c, max_size=2)),
    st.booleans(),
)
def test_any_value_gives_a_result(value: object, top: bool) -> None:
    text = json.dumps(value).replace("null", "0")
    for key in ("capabilities", "ca", "skip_verify", "server", "host"):
        found = seen(f"{'' if top else HOST}{key} = {text}\n")
        assert found["hosts_toml"] in ("read", "malformed")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_ca_is_relative_to_its_file_and_an_empty_directory_hides_the_one_with_a_colon(
    shell: str, tmp_path: Path
) -> None:
    place = tmp_path / "r.test:8443"
    place.mkdir()
    (place / "ca.crt").touch()
    (place / "hosts.toml").write_text('ca = \'ca.crt\'\n[host.x]\n  ca = ["ca.crt", "none.crt", "/none"]\n')
    ask = f"h=r.test:8443 p={tmp_path}\n{READ_HOSTS_TOML}"
    said = sh(shell, ask).stdout.decode().splitlines()
    assert [line for line in said if line.startswith("ca_")] == [f"ca_missing={place}/none.crt", "ca_missing=/none"]
    (tmp_path / "r.test_8443_").mkdir()
    assert sh(shell, ask).stdout.decode() == f"hidden={tmp_path}/r.test_8443_\n"
