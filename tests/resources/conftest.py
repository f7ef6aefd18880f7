"""Scripts that keep their own files in a folder of the test, since the host is this machine."""

from pathlib import Path

import pytest

from moor.engine import script


@pytest.fixture(autouse=True)
def host_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that stands for /var/lib/moor and /run."""
    folder = tmp_path_factory.mktemp("host")
    monkeypatch.setattr(script, "RUNS", str(folder / "runs"))
    monkeypatch.setattr(script, "LOCK", str(folder / "lock"))
    return folder
