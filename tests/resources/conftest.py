"""A fixture that gives the scripts of every test in this folder a host folder of their own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _host_folder(host_folder: Path) -> None:
    """Request the fixture for every test."""
