"""A site whose only host is a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kubernetes.served import Api
from tests.tasks.workload.shops import Shop


@pytest.fixture
def shop(tmp_path: Path, api: Api) -> Shop:
    """Return a site that is to be written, for the served cluster."""
    return Shop(tmp_path / "site", api)
