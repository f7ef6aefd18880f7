"""Harbor on the registry host: installed once from its offline installer, configured, up after a reboot, healthy."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field

from moor.connections.apis.harbor import Harbor
from moor.context import context_of
from moor.engine.converge import converge
from moor.engine.observation import observation_of
from moor.errors import InputError
from moor.resources.archive import Archive
from moor.resources.base import Resource
from moor.resources.file import File
from moor.resources.healthy import Healthy
from moor.resources.service import Service
from moor.settings import SecretRef, Section, SitePath, optional_settings_of, prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.data import SameDataLocation
from moor.tasks.harbor.installer import UnpackedInstaller, release_requirement
from moor.tasks.harbor.options import Options, flatten, resolve_options
from moor.tasks.harbor.parts import ComposeContainers, DatabasePassword, PreparedFiles, UnitFile
from moor.tasks.harbor.values import encode_for_harbor
from moor.tasks.harbor.yml import RECORD, HarborYml
from moor.tasks.pki.issue import ca_pem, registry_certificate, registry_key, trust_of
from moor.tasks.pki.serving import DeployedCertificate, ServedCertificate
from moor.templates import render

CERTIFICATE = "/etc/moor/registry.crt"
KEY = "/etc/moor/registry.key"
UNIT = "/etc/systemd/system/harbor.service"
DOWNLOADS = "/var/lib/moor/downloads"
SysPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")]


class HarborSettings(Section):
    """How Harbor is installed.

    Attributes:
        installer: the offline installer on the controller, harbor-offline-installer-vX.Y.Z.tgz
        sha256: of the installer; without it the upload is verified against the file on the controller alone
        directory: where it is installed; its parent gets the unpacked installer
        admin_password: counts at the first start only; Harbor keeps it in its database from then on
        database_password: of Harbor's own PostgreSQL; a new one is told to it before Harbor gets it
        flags: for install.sh and prepare, such as --with-trivy
        options: more keys of harbor.yml, as the release's own template names them; secrets by reference
        wait_s: how long Harbor may take to become healthy
    """

    section: ClassVar[str] = "harbor"

    installer: SitePath
    admin_password: SecretRef
    database_password: SecretRef | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    directory: Annotated[SysPath, Field(pattern=r"/harbor$")] = "/opt/harbor"
    data_volume: SysPath = "/data"
    flags: tuple[Annotated[str, Field(pattern=r"^--[a-z-]+$")], ...] = ()
    options: Options = Field(default_factory=dict)
    wait_s: Annotated[int, Field(ge=1)] = 300


def desired(host: Host) -> Sequence[Resource]:
    """From the uploaded installer to a healthy Harbor, in that order."""
    harbor = settings_of(host, HarborSettings)
    where = harbor.directory
    with prefix_errors("data.harbor.installer"):
        check_installer(harbor)
    package = f"{DOWNLOADS}/{harbor.installer.name}"
    config = configured(host, harbor)
    return [
        *requirements(host, harbor),
        File(CERTIFICATE, registry_certificate(host)),
        File(KEY, registry_key(host), mode="0600"),
        Archive(package, harbor.installer, harbor.sha256, mode="0600"),
        UnpackedInstaller(package, where),
        *_database(harbor),
        config,
        File(f"{where}/{RECORD}", "".join(f"{key}\n" for key, _ in flatten(harbor.options)), mode="0600"),
        PreparedFiles(where, harbor.flags, newer_than=(config.path,)),
        DeployedCertificate(f"{harbor.data_volume}/secret/cert", where, CERTIFICATE, KEY),
        File(f"{harbor.data_volume}/ca_download/ca.crt", ca_pem(host)),
        UnitFile(UNIT, render("harbor.service.j2", directory=where)),
        Service("harbor.service"),
        ComposeContainers(where),
        ServedCertificate(settings_of(host, Registry), registry_certificate(host), where, harbor.wait_s),
        _healthy(host, harbor),
    ]


def requirements(host: Host, harbor: HarborSettings) -> list[Resource]:
    """Return what must hold of an installed Harbor, or moor leaves it alone: its release, and where its data are."""
    package = harbor.installer.name
    return [release_requirement(package, harbor.directory), SameDataLocation(configured(host, harbor))]


def configured(host: Host, harbor: HarborSettings) -> HarborYml:
    """Return harbor.yml as it should be."""
    return HarborYml(f"{harbor.directory}/harbor.yml", harbor_yml(host, harbor))


def _database(harbor: HarborSettings) -> list[Resource]:
    if harbor.database_password is None or harbor.options.get("external_database"):
        return []
    return [DatabasePassword(harbor.directory, harbor.database_password.resolve())]


def check_installer(harbor: HarborSettings) -> None:
    """Raise InputError unless the file is an offline installer; a host may have it already where its hash is known."""
    path = harbor.installer
    if not path.is_file():
        if harbor.sha256 is None:
            raise InputError(f"no such file: {path}; download Harbor's offline installer to it (moor lab up makes one)")
        return
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(f"{path} is not an offline installer, harbor-offline-installer-vX.Y.Z.tgz: {error}") from error
    if first is None or first.name.partition("/")[0] != "harbor":
        raise InputError(f"{path} is not an offline installer: it unpacks to {first.name if first else 'nothing'}")


def harbor_yml(host: Host, harbor: HarborSettings) -> dict[str, Any]:
    """Return what moor sets in harbor.yml, by dotted key, as the release's template names them; options come last."""
    registry = settings_of(host, Registry)
    return {
        "hostname": registry.name,
        "https.port": registry.port,
        "https.certificate": CERTIFICATE,
        "https.private_key": KEY,
        "data_volume": harbor.data_volume,
        **_passwords(harbor),
    }


def _passwords(harbor: HarborSettings) -> dict[str, Any]:
    """Return the passwords and options; raises InputError with all that is wrong with them."""
    named = {"harbor_admin_password": ("admin_password", harbor.admin_password)}
    if harbor.database_password:
        named["database.password"] = ("database_password", harbor.database_password)
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for key, (setting, reference) in named.items():
        try:
            with prefix_errors(f"data.harbor.{setting}"):
                values[key] = encode_for_harbor(key, reference.resolve())
        except InputError as error:
            wrong.append(str(error))
    try:
        values.update(resolve_options(harbor.options))
    except InputError as error:
        wrong.append(str(error))
    if wrong:
        raise InputError("\n".join(wrong))
    return values


def _healthy(host: Host, harbor: HarborSettings) -> Healthy:
    registry = settings_of(host, Registry)
    url = f"{registry.url}/api/v2.0/health"
    return Healthy(url, find_unhealthy_components, str(registry.address), lambda: trust_of(host), harbor.wait_s)


def find_unhealthy_components(status: int, body: bytes) -> dict[str, str]:
    """Name the components that are not healthy; Harbor says 200 of an unhealthy whole, so its words count.

    References:
        Harbor's API, GET /api/v2.0/health
    """
    try:
        answer = json.loads(body)
        components = {part["name"]: str(part.get("error") or part["status"]) for part in answer["components"]}
        healthy = status == 200 and answer["status"] == "healthy"
        sick = {part["name"] for part in answer["components"] if part["status"] != "healthy"}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {"api": f"answered {status} without a health report"}
    return {name: components[name] for name in sick} or ({} if healthy else {"status": str(answer["status"])})


def install_harbor(task: Task) -> Result:
    """Install, configure and start Harbor, and wait until every component is healthy."""
    return converge(task, desired)


def await_health(task: Task) -> Result:
    """Wait until Harbor is healthy where the host serves it too: a restart of containerd may take Docker along."""
    if not task.host.has_parent_group("harbor"):
        return Result(host=task.host, result="no registry here")
    return converge(task, [_healthy(task.host, settings_of(task.host, HarborSettings))])


def may_be_created(task: Task) -> bool:
    """Check whether a plan may take a Harbor that does not answer for one that an apply would make.

    A drift check may not: what it cannot ask is not examined.
    """
    harbor = optional_settings_of(task.host, HarborSettings)
    serves = harbor is not None and task.host.has_parent_group("harbor")
    unpacked = observation_of(task.host).states.get(f"unpacked:{harbor.directory}") if harbor and serves else None
    return task.is_dry_run() and not context_of(task).examining and unpacked is None


def harbor_of(task: Task) -> Harbor:
    """Return the host's open connection to Harbor's API as its administrator, opened at the first use."""
    if "harbor" not in task.host.connections:
        registry = settings_of(task.host, Registry)
        task.host.open_connection(
            "harbor",
            task.nornir.config,
            hostname=str(registry.address),
            username="admin",
            password=settings_of(task.host, HarborSettings).admin_password.resolve().reveal(),
            port=registry.port,
            extras={"name": registry.name, "trust": trust_of(task.host)},
            default_to_host_attributes=False,
        )
    connection: Harbor = task.host.connections["harbor"].connection
    return connection
