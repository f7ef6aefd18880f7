"""What an upgrade does while the former release still runs: unpack, load, migrate, back up, count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from moor.connections.apis.harbor import Harbor
from moor.engine.plan import plan
from moor.engine.probing import probe
from moor.errors import ErrorKind, HostError, MoorError
from moor.resources.base import Scripted
from moor.tasks.backup.make import back_up
from moor.tasks.harbor.api import harbor_of, second_client
from moor.tasks.harbor.config import harbor_yml, option_keys
from moor.tasks.harbor.health import healthy
from moor.tasks.harbor.install import pulled_images, uploaded_installer
from moor.tasks.harbor.releases import release_of
from moor.tasks.harbor.yml import HarborYml
from moor.tasks.upgrade import scripts
from moor.tasks.upgrade.counts import count_contents, counts_text, find_image, require_administrator
from moor.tasks.upgrade.session import HostSession

LOAD_S = 3600
SHORT_S = 300
BOOT_S = 90  # the longest wait for the parts of Harbor on a host that has just booted
Journal = dict[str, str]


def prepare(host: HostSession, installed: str) -> Journal:
    """Prepare everything that can be prepared while Harbor runs; return the journal of the upgrade.

    Args:
        installed: the file name of the installed release's installer.

    Raises:
        HostError: Harbor is not healthy, or a step failed; the running Harbor is as it was.
    """
    require_health(host, installed)
    harbor = harbor_of(host.task)
    require_administrator(harbor)
    place, package = host.place, host.package
    archive = bring(host)
    host.tell(f"loading the images of {release_of(package)}, while {release_of(installed)} runs")
    host.run(
        scripts.stage(place, archive, package),
        scripts.load(place),
        scripts.migrate(place),
        bound_s=LOAD_S,
    )
    configure(host)
    host.tell("taking a backup")
    backup = back_up(host.task).name
    counts, image = count_contents(harbor), find_image(harbor)
    journal = {"from": installed, "to": package, "counts": counts_text(counts), "backup": backup}
    return journal | ({"image": " ".join(image)} if image else {})


def bring(host: HostSession) -> str:
    """Upload the installer, have Docker pull the images of an online one, and return the path of the installer."""
    archive, pulled = uploaded_installer(host.harbor), pulled_images(host.harbor)
    for change in plan([archive, *pulled], probe(host.task, [archive, *pulled])):
        if isinstance(change.resource, Scripted):
            host.run(change.resource.mend(change.actual), bound_s=change.resource.bound_s)
        else:
            archive.write(host.task, change.actual)
    return archive.path


def require_health(host: HostSession, installed: str) -> None:
    """Wait for a host that has just booted; raise HostError if Harbor stays unhealthy: an upgrade would hide why."""
    wait = healthy(host.task.host, host.harbor)
    try:
        replace(wait, wait_s=min(wait.wait_s, BOOT_S)).write(host.task, None)
    except HostError as error:
        raise HostError(
            f"Harbor is not healthy before the upgrade: {error}; name {installed} again and mend it by moor apply "
            "harbor first",
            ErrorKind.UNHEALTHY,
        ) from error


def configure(host: HostSession) -> None:
    """Write the inventory's values into the migrated harbor.yml; raises HostError where the release lacks a key."""
    config = HarborYml(f"{host.place.staged}/harbor.yml", harbor_yml(host.task.host, host.harbor))
    state = probe(host.task, [config])[config.id]
    if state is None:
        raise HostError(f"{config.path} is missing; run again")
    config.desired(state)  # raises for a key that the release does not know
    record = "".join(f"{key}\n" for key in option_keys(host.task.host, host.harbor))
    host.run(scripts.configure(host.place, config.after(state), record), bound_s=SHORT_S)


@contextmanager
def pulling(host: HostSession, journal: Mapping[str, str]) -> Iterator[Callable[[], bool]]:
    """Yield a function that asks Harbor for what a pull asks for, and returns whether it got it."""
    repository, _, digest = journal.get("image", "").partition(" ")
    client = second_client(host.task)

    def pull() -> bool:
        try:
            return _answers(client, repository, digest)
        except (MoorError, ValueError, OSError):
            return False

    try:
        yield pull
    finally:
        client.close()


def _answers(client: Harbor, repository: str, digest: str) -> bool:
    if repository:
        return client.manifest(repository, digest) is not None
    return client.ask_registry("GET", "/v2/").status_code == 200
