"""A program over a fleet that stands: nothing differs, every proof holds, and what somebody breaks is found."""

from __future__ import annotations

import pytest

from moor import open_site
from tests.lab.conftest import Moored

pytestmark = pytest.mark.lab


def test_a_program_sees_what_the_commands_see(moored: Moored) -> None:
    with open_site(moored.moor.site) as site:
        assert not site.plan("names", limit="nodes").differs
        assert site.verify(limit="node1").holds
        moored.lab.exec("node2", ["sh", "-c", "sed -i /registry.moor.test/d /etc/hosts"])
        try:
            drifted = site.drift("names", limit="node1,node2")
            assert [(change.host, change.id) for change in drifted.changes] == [("node2", "edit:/etc/hosts#names")]
            found = site.diagnose(limit="node2")
            assert not found.holds
            assert {cause.rule for proof in found.proofs for cause in proof.causes} >= {"name-missing"}
        finally:
            done = site.apply("names", limit="node2")
        done.raise_for_failures()
        assert [change.status for change in done.changes] == ["changed"]
