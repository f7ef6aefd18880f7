"""Harbor on the registry's host: installed from its installer, configured, started at boot, and healthy."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.converge import converge
from moor.errors import InputError
from moor.lazy_imports import tarfile
from moor.resources.archive import Archive
from moor.resources.base import Resource
from moor.resources.file import File
from moor.resources.service import Service
from moor.settings import prefix_errors, settings_of
from moor.tasks.docker.install import docker_unit
from moor.tasks.docker.settings import DockerSettings
from moor.tasks.facts import Registry, own_registry
from moor.tasks.harbor.config import (
    CERTIFICATE,
    KEY,
    TRUSTED,
    configured,
    option_keys,
    read_by_prepare,
    trusts_standby,
)
from moor.tasks.harbor.data import SameDataLocation
from moor.tasks.harbor.health import healthy
from moor.tasks.harbor.installer import InstalledRelease, UnpackedInstaller
from moor.tasks.harbor.online import PulledImages, images_requirement, is_online, needed_images
from moor.tasks.harbor.parts import ComposeContainers, DatabasePassword, PreparedFiles, UnitFile
from moor.tasks.harbor.settings import HarborSettings, with_installer
from moor.tasks.harbor.yml import RECORD
from moor.tasks.pki.issue import ca_pem, registry_certificate, registry_key
from moor.tasks.pki.serving import DeployedCertificate, ServedCertificate
from moor.templates import render

UNIT = "/etc/systemd/system/harbor.service"
DOWNLOADS = "/var/lib/moor/downloads"


def desired(host: Host) -> Sequence[Resource]:
    """Return the resources from the uploaded installer to a healthy Harbor, in that order; none if others run it."""
    if not runs_registry(host):
        return []
    harbor = with_installer(host)
    if settings_of(host, Registry).api != "harbor":
        raise InputError(f"{host.name}: data.registry.api: distribution, and Harbor is what moor runs; drop api")
    where = harbor.directory
    with prefix_errors("data.harbor.installer"):
        check_installer(harbor)
    package = f"{DOWNLOADS}/{harbor.package.name}"
    config = configured(host, harbor)
    return [
        *requirements(host, harbor),
        File(CERTIFICATE, registry_certificate(host)),
        File(KEY, registry_key(host), mode="0600"),
        *([File(TRUSTED, ca_pem(host))] if trusts_standby(host, harbor) else ()),
        uploaded_installer(harbor),
        *pulled_images(harbor),
        UnpackedInstaller(package, where),
        *_database(harbor),
        config,
        File(f"{where}/{RECORD}", "".join(f"{key}\n" for key in option_keys(host, harbor)), mode="0600"),
        PreparedFiles(where, harbor.flags, newer_than=(config.path, *read_by_prepare(host, harbor))),
        DeployedCertificate(f"{harbor.data_volume}/secret/cert", where, CERTIFICATE, KEY),
        File(f"{harbor.data_volume}/ca_download/ca.crt", ca_pem(host)),
        UnitFile(UNIT, render("harbor.service.j2", directory=where)),
        Service("harbor.service"),
        ComposeContainers(where),
        ServedCertificate(own_registry(host), registry_certificate(host), where, harbor.wait_s),
        healthy(host, harbor),
    ]


def requirements(host: Host, harbor: HarborSettings) -> list[Resource]:
    """Return the requirements of Harbor: the inventory's release, an unchanged data location, a way to its images."""
    return [
        InstalledRelease(harbor.package.name, harbor.directory),
        SameDataLocation(configured(host, harbor)),
        *ways_to_images(host, harbor),
    ]


def uploaded_installer(harbor: HarborSettings) -> Archive:
    """Return the installer on its host."""
    return Archive(f"{DOWNLOADS}/{harbor.package.name}", harbor.package, harbor.sha256, mode="0600")


def ways_to_images(host: Host, harbor: HarborSettings) -> list[Resource]:
    """Return the requirement that Docker reaches the images of an online installer; an offline one brings them."""
    unit, daemon = docker_unit(host), settings_of(host, DockerSettings).daemon
    return [images_requirement(one.images, unit.proxy if unit else None, daemon) for one in pulled_images(harbor)]


def pulled_images(harbor: HarborSettings) -> list[PulledImages]:
    """Return the images that Docker pulls for an online installer; an offline one brings them."""
    if not is_online(harbor.package.name):
        return []
    return [PulledImages(harbor.directory, needed_images(harbor.package, harbor.flags, harbor.options))]


def _database(harbor: HarborSettings) -> list[Resource]:
    if harbor.database_password is None or harbor.options.get("external_database"):
        return []
    return [DatabasePassword(harbor.directory, harbor.database_password.resolve())]


def check_installer(harbor: HarborSettings) -> None:
    """Check that the installer on the controller is one of Harbor's.

    It may be missing if ``sha256`` is set: the host may have the same file already.

    Raises:
        InputError: it is missing without ``sha256``, or no installer.
    """
    path = harbor.package
    if not path.is_file():
        if harbor.sha256 is None:
            raise InputError(
                f"data.harbor.installer: no such file: {path}; download Harbor's installer to it (moor "
                "lab up makes one)"
            )
        return
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(
            f"{path} is not an installer of Harbor, harbor-offline-installer-vX.Y.Z.tgz: {error}"
        ) from error
    if first is None or first.name.partition("/")[0] != "harbor":
        unpacked = first.name if first else "nothing"
        raise InputError(f"{path} is not an installer of Harbor: it unpacks to {unpacked}; download it anew")


def install_harbor(task: Task) -> Result:
    """Install, configure and start Harbor, and wait until every component is healthy."""
    return converge(task, desired)


def await_health(task: Task) -> Result:
    """Wait until Harbor is healthy if it runs on this host: a restart of containerd may restart Docker too."""
    if not (runs_registry(task.host) and task.host.has_parent_group("harbor")):
        return Result(host=task.host, result="no registry here")
    return converge(task, [healthy(task.host, settings_of(task.host, HarborSettings))])
