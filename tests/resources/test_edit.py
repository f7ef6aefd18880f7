"""What an edit asks a host comes back as it was, in every shell."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moor.engine.probing import ProbeRound
from moor.resources.base import literal
from moor.resources.edit import Edit
from moor.script_result import ScriptResult
from tests.harness.shells import SHELLS, sh, text

FACTS = st.binary(max_size=60).map(lambda raw: raw.replace(b"\0", b"").rstrip(b"\n"))


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS, refused=FACTS, content=st.binary(max_size=60))
@example(facts="größer\n1 é".encode(), refused=b"", content=b"\n\n")
@example(facts=b"", refused=b"\x1c", content=b"")  # which is no word
def test_facts_refusal_and_content_are_told_apart_whatever_they_are(
    shell: str, tmp_path: Path, facts: bytes, refused: bytes, content: bytes
) -> None:
    path = tmp_path / "it's a file"
    path.write_bytes(content)
    check = f"{literal(text(refused))}; false" if refused.strip() else "true"
    asked = Edit(str(path), "test", lambda before, _: before, asks=literal(text(facts)), check=check)
    plain = Edit(str(path), "plain", lambda before, _: before)
    reading = ProbeRound([asked, plain])
    done = sh(shell, reading.script)
    states = reading.states(ScriptResult(done.stdout, done.stderr, done.returncode))
    said = " ".join(refused.decode("utf-8", "replace").split()) or "it printed nothing"
    loads = said if refused.strip() else "yes"
    assert states[asked.id] == {"content": text(content), "exists": "yes", "facts": text(facts), "loads": loads}
    assert states[plain.id] == {"content": text(content), "exists": "yes", "facts": "", "loads": "yes"}


@pytest.mark.parametrize("shell", SHELLS)
def test_an_edit_reads_a_missing_file_as_empty(shell: str, tmp_path: Path) -> None:
    edit = Edit(str(tmp_path / "missing"), "test", lambda before, _: before, asks=f"cat {quote(str(tmp_path / 'no'))}")
    reading = ProbeRound([edit])
    done = sh(shell, reading.script)
    assert reading.states(ScriptResult(done.stdout, done.stderr, 0))[edit.id] == {
        "content": "", "exists": "", "facts": "", "loads": "yes",
    }  # fmt: skip
