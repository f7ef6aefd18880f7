"""The fixture of roll-outs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.hosts import local_shells
from tests.run.rolling.rolled import Rolled


@pytest.fixture
def rolled(tmp_path: Path) -> Iterator[Rolled]:
    """Yield a site whose hosts are reached by shells of this machine."""
    with local_shells():
        yield Rolled(tmp_path)
