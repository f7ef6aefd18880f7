"""The plan: the difference between what should be and what is."""

from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import Change, difference, plan, printable_line
from moor.resources.base import Later, State
from moor.resources.file import File
from moor.resources.service import Service
from moor.secrets.secret import Secret

RUNNING: State = {"running": "yes", "enabled": "yes", "stale": "no"}
CONFIG = File("/etc/app.conf", "new\n")
APP = Service("app.service", newer_than=("/etc/app.conf",))


def ids(changes: list[Change]) -> list[str]:
    return [change.id for change in changes]


def test_what_is_as_it_should_be_is_not_planned() -> None:
    assert plan([CONFIG, APP], {CONFIG.id: CONFIG.desired(None), APP.id: RUNNING}) == []


def test_a_service_is_planned_with_the_file_that_it_reads() -> None:
    changes = plan([CONFIG, APP], {CONFIG.id: None, APP.id: RUNNING})
    assert ids(changes) == ["file:/etc/app.conf", "service:app.service"]
    assert changes[1].diff == "stale: older than /etc/app.conf -> no"


def test_a_service_is_planned_for_a_file_of_an_earlier_step() -> None:
    assert ids(plan([APP], {APP.id: RUNNING}, planned=["/etc/app.conf"])) == ["service:app.service"]


def test_a_file_with_another_mode_is_planned() -> None:
    state = {"owner": "root:root", "mode": "0600", "content": "new\n"}
    assert plan([CONFIG], {CONFIG.id: state})[0].diff == "mode: 0600 -> 0644"


def test_what_is_known_later_is_planned_and_named() -> None:
    changes = plan([File("/etc/ca.crt", Later("the CA's certificate"))], {"file:/etc/ca.crt": None})
    assert "(known later: the CA's certificate)" in changes[0].diff


def test_a_secret_is_compared_by_hash_and_never_shown() -> None:
    secret = Secret("correct horse battery")
    file = File("/etc/secret", secret, mode="0600")
    state = {"owner": "root:root", "mode": "0600", "content": secret.sha256()}
    assert plan([file], {file.id: state}) == []
    diff = plan([file], {file.id: {**state, "content": "0" * 64}})[0].diff
    assert diff == "content: *** -> ***"


def test_text_of_many_lines_is_shown_as_a_unified_diff() -> None:
    diff = difference({"content": "a\nb\nc\nd\n"}, {"content": "a\nb\nC\nd\n"})
    assert diff.splitlines() == ["content:", "@@ -2,3 +2,3 @@", " b", "-c", "+C", " d"]


@given(st.binary())
def test_no_byte_of_a_host_reaches_a_terminal_raw(raw: bytes) -> None:
    line = printable_line(raw.decode("utf-8", "surrogateescape"))
    line.encode("utf-8")
    assert all(letter.isprintable() or letter == "\t" for letter in line)


@given(content=st.text(), mode=st.sampled_from(["644", "0644", "0600", "1777"]))
def test_the_plan_of_an_applied_state_is_empty(content: str, mode: str) -> None:
    file = File("/x", content, mode)
    assert plan([file], {file.id: file.desired(None)}) == []


def test_a_field_that_a_host_named_is_shown_without_control_characters() -> None:
    assert difference(None, {"\x07web": "running"}) == "\\x07web: (none) -> running"
