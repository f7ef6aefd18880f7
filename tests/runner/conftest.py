"""One sshd for all tests of the runner that only read; a test that cuts or stops it starts its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.sshd import Sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Yield an sshd that any number of hosts may be names of."""
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running
