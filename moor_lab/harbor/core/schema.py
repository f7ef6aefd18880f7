"""The schema of the database: migrated at the core's start, forward only, as Harbor's core does it."""

import sys
from pathlib import Path

from moor_lab.harbor.core.store import Store
from moor_lab.harbor.release import RELEASE, RELEASES

KIND, NAME = "schema", "harbor"
# A switch for tests, below {data_volume}/ca_download: the release that fails, and ``loses`` if it is to lose artifacts.
FAULT = Path("/etc/core/ca/stand-in-fails")


def migrate(store: Store, release: str = RELEASE, fault: Path = FAULT) -> None:
    """Bring the database to a release's schema; exit where it has a newer one, or where a test wants it to fail."""
    own = RELEASES[release].schema
    found = store.find(KIND, NAME)
    if found and found.body["version"] > own:
        sys.exit(f"failed to migrate the database: no migration found for version {found.body['version']}")
    if found is None:
        store.add(KIND, NAME, {"version": own})
    elif found.body["version"] < own:
        found.body["version"] = own
        store.put(found)
    _fail(store, release, fault.read_text().split() if fault.exists() else [])


def _fail(store: Store, release: str, words: list[str]) -> None:
    if words[:1] != [release]:
        return
    if "loses" not in words:
        sys.exit(f"core of {release}: it was told to fail, after it has migrated the database")
    for artifact in store.all("artifact"):
        store.remove(artifact)
