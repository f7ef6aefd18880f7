"""Which of two passwords Harbor takes, tried by many threads while a wrong one locks the account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from moor.connections.apis.harbor_login import ChangingLogin
from moor.errors import HostError
from moor.secrets.secret import Secret

NEW, BEFORE = ("admin", "the-new-one"), ("admin", "the-one-before")


def login(waited: list[float]) -> ChangingLogin:
    return ChangingLogin("admin", Secret(NEW[1]), Secret(BEFORE[1]), waited.append)


@pytest.mark.parametrize("present", [NEW, BEFORE])
def test_many_threads_try_once(present: tuple[str, str]) -> None:
    tried: list[tuple[str, str]] = []

    def takes(one: tuple[str, str]) -> bool:
        tried.append(one)
        return one == present

    changing = login([])
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: changing.current(takes), range(20)))
    assert found == {present}
    assert tried == ([NEW] if present == NEW else [NEW, BEFORE])


def test_a_locked_account_is_tried_again() -> None:
    answers = iter([False, False, True])
    waited: list[float] = []
    assert login(waited).current(lambda _: next(answers)) == NEW
    assert waited == [2.0]


def test_two_wrong_passwords_are_told_without_being_shown() -> None:
    with pytest.raises(HostError, match="neither the new password of admin nor the one before") as caught:
        login([]).current(lambda _: False)
    assert "the-" not in str(caught.value).replace("the one before", "")


def test_a_changed_password_is_used_from_then_on() -> None:
    changing = login([])
    assert changing.current(lambda one: one == BEFORE) == BEFORE
    changing.use_new()
    assert changing.current(lambda _: False) == NEW
