"""The upgrade of an installed Harbor to another release, and the way back when that does not become healthy."""

from moor.tasks.upgrade.proofs import PULLING_NODES as PULLING_NODES
from moor.tasks.upgrade.proofs import prove_pulls as prove_pulls
from moor.tasks.upgrade.stage import upgrade_harbor as upgrade_harbor
