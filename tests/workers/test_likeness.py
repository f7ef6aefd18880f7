"""The proofs by which workers see that a site's state is the controller's own."""

from __future__ import annotations

import os
from pathlib import Path

from moor.settings import SiteSettings
from moor.workers.same_code import PROOFS, requirements_with_proof, unfit_reason


def test_a_proof_that_a_killed_controller_left_goes_with_the_next(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / ".moor", lab=tmp_path)
    folder = settings.state / PROOFS
    folder.mkdir(parents=True)
    (folder / "old").touch()
    os.utime(folder / "old", (0, 0))
    (folder / "of another controller").touch()
    with requirements_with_proof(settings) as wanted:
        assert unfit_reason(wanted) == ""
        assert not (folder / "old").exists()
    assert [path.name for path in folder.iterdir()] == ["of another controller"]
