"""What ``moor run`` says at its end."""

from __future__ import annotations

import pytest

from moor.output.answers import render_answers
from tests.history.reports import a_run


@pytest.mark.parametrize("kept", [True, False])
def test_history_is_named_only_if_it_has_the_run(kept: bool) -> None:
    text = render_answers(a_run({}, unexamined=("node1",)), kept)
    assert "run: exit code 0 on 0 of 1 host, 1 failed" in text
    assert ("moor history" in text) == kept
