"""One scheduler and two workers for all tests of the runner ``dask``."""

from collections.abc import Iterator

import pytest

from tests.workers.grounds import HOSTS, Grounds, certificates, serving


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """Yield the grounds with everything running."""
    folder = tmp_path_factory.mktemp("grounds")
    with serving(folder / "sshd") as sshd:
        grounds = Grounds(folder, sshd, certificates(folder / "tls", "fleet"))
        grounds.write()
        grounds.fleet()
        try:
            grounds.start("scheduler")
            for name in ("one", "two"):
                grounds.start(name)
            yield grounds
        finally:
            grounds.stop()


@pytest.fixture
def grounds(started: Grounds) -> Grounds:
    """Return the grounds with two workers and bare hosts."""
    for name in ("one", "two"):
        if name not in started.processes:
            started.start(name)
        started.ready(name)
    started.forget()
    assert len(HOSTS) == 6
    return started
