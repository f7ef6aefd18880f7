"""A line of nsswitch.conf that hides a name is recognised and corrected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.diagnosis.evidence.nsswitch import corrected_line, hidden_by

NAME = "registry.moor.test"
SOURCES = st.sampled_from(["files", "dns", "mdns4_minimal", "resolve", "myhostname", "mymachines", "winbind"])
ACTIONS = st.sampled_from(["", "[NOTFOUND=return]", "[!UNAVAIL=return]", "[SUCCESS=return]", "[UNAVAIL=continue]"])
LINES = st.lists(st.tuples(SOURCES, ACTIONS).map(" ".join), max_size=5).map(" ".join)


@pytest.mark.parametrize(
    ("line", "name", "known", "why"),
    [
        ("files dns", NAME, "files", ""), ("files dns", NAME, "dns", ""), ("", NAME, "dns", ""),
        ("files mdns4_minimal [NOTFOUND=return] dns", NAME, "dns", ""),
        ("files mdns4_minimal [NOTFOUND=return] dns", "registry.local", "dns",
         "mdns4_minimal [NOTFOUND=return] ends the search before dns"),
        ("mymachines resolve [!UNAVAIL=return] files myhostname dns", NAME, "files", ""),
        ("dns", NAME, "files", "it does not name files"), ("files", NAME, "dns", "it does not name dns"),
        ("files [NOTFOUND=return] dns", NAME, "dns", "files [NOTFOUND=return] ends the search before dns"),
        ("dns [!SUCCESS=return] files", NAME, "files", "dns [!SUCCESS=return] ends the search before files"),
    ],
)  # fmt: skip
def test_a_line_that_ends_the_search_too_early_is_reported(line: str, name: str, known: str, why: str) -> None:
    assert hidden_by(line, name, known) == why


@given(LINES, st.sampled_from(["files", "dns"]), st.sampled_from([NAME, "registry.local"]))
def test_a_corrected_line_hides_no_name_and_keeps_all_sources(line: str, known: str, name: str) -> None:
    mended = corrected_line(line)
    assert hidden_by(mended, name, known) == ""
    assert {word for word in line.split() if not word.startswith("[")} <= set(mended.split())


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_line_can_be_parsed(line: str, name: str) -> None:
    hidden_by(line, name, "dns")
    corrected_line(line)
