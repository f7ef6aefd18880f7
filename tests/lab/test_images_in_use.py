"""An image that somebody deletes in the registry while pods run it is found by the next check, and mended."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.lab.conftest import Moored
from tests.lab.diagnosing import NAME, administrator
from tests.lab.drifting import clean, drifted

pytestmark = pytest.mark.lab

IMAGE = f"{NAME}/demo/sqrt:1.0"
FINDING = ("", f"image-missing:{IMAGE}")


def test_an_image_that_is_deleted_while_pods_run_it_is_found_and_pushed_again(moored: Moored) -> None:
    well = moored.moor("images", "--quiet", "--output", "json")
    assert well.returncode == 0, well.said
    (row,) = (one for one in well.report["images"] if one["name"] == IMAGE)
    assert (row["state"], row["route"], row["pods"], row["users"]) == ("there", "own", 3, ["Deployment demo/sqrt"])
    with closing(administrator(moored)) as harbor:
        assert harbor.ask_registry("DELETE", f"/v2/demo/sqrt/manifests/{row['digest']}").status_code == 202
        found = drifted(moored, "--runbook", "watch")
        assert found.code == 2, found.said
        assert set(found.open) == {FINDING}
        (one,) = found.report["findings"]
        assert "3 pods of Deployment demo/sqrt in demo run only because" in one["what"]
        assert one["remedy"].startswith("moor apply images, or")
        said = moored.moor("images", "--quiet")
        assert (said.returncode, "missing: " in said.stdout) == (2, True)
        moored.moor.applied("images")
        assert (harbor.manifest("demo/sqrt", "1.0") or ("",))[0] == row["digest"]
    clean(moored)
