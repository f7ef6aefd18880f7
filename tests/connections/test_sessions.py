"""The session of every library passes the kit."""

from __future__ import annotations

import pytest

from moor.connections.ssh import backends
from tests.harness.session_kit import Make, SessionKit


class TestSessions(SessionKit):
    """Every library that moor knows."""

    @pytest.fixture(params=backends.BACKENDS)
    def make(self, request: pytest.FixtureRequest) -> Make:
        choice = next(backends.choices_of({"backend": request.param}))
        return choice.session_class
