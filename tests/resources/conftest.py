"""Scripts of all tests here keep their own files in a folder of the test."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _host_folder(host_folder: Path) -> None:
    """Ask for it in every test."""
