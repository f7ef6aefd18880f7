"""Harbor on the registry's host: installed from its installer, configured, started at boot, and healthy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_login import ChangingLogin
from moor.context import context_of, runs_registry
from moor.engine.asked_once import ask_once
from moor.engine.converge import converge
from moor.engine.observation import observation_of
from moor.errors import FieldErrors, InputError
from moor.lazy_imports import tarfile
from moor.resources.archive import Archive
from moor.resources.base import Resource
from moor.resources.file import File
from moor.resources.healthy import Healthy
from moor.resources.service import Service
from moor.settings import SecretRef, Section, SitePath, optional_settings_of, prefix_errors, settings_of
from moor.settings.section import StrictModel
from moor.tasks.docker.install import DockerSettings
from moor.tasks.facts import Registry, own_registry
from moor.tasks.harbor.data import SameDataLocation
from moor.tasks.harbor.installer import UnpackedInstaller, release_requirement
from moor.tasks.harbor.online import PulledImages, images_requirement, is_online, needed_images
from moor.tasks.harbor.options import Options, flatten, resolve_options
from moor.tasks.harbor.parts import ComposeContainers, DatabasePassword, PreparedFiles, UnitFile
from moor.tasks.harbor.values import encode_for_harbor
from moor.tasks.harbor.yml import RECORD, HarborYml
from moor.tasks.pki.issue import ca_pem, registry_certificate, registry_key, trust_of
from moor.tasks.pki.serving import DeployedCertificate, ServedCertificate
from moor.templates import render

CERTIFICATE = "/etc/moor/registry.crt"
KEY = "/etc/moor/registry.key"
TRUSTED = "/etc/moor/registry-ca.crt"
CA_BUNDLE = "storage_service.ca_bundle"  # prepare has all containers trust it, not the storage's client alone
UNIT = "/etc/systemd/system/harbor.service"
DOWNLOADS = "/var/lib/moor/downloads"
SysPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")]
ADMIN = "admin"
OF_OWN = (
    "installer",
    "sha256",
    "admin_password",
    "admin_password_before",
    "database_password",
    "directory",
    "flags",
    "options",
    "wait_s",
)


class Account(StrictModel):
    """An account of a Harbor that somebody else runs, by which moor makes projects and robots there.

    Attributes:
        user: its name, such as ``admin``, a project's administrator, or a robot of the system
        password_before: the password that Harbor has now, while ``password`` is the one that it is to have
    """

    user: Annotated[str, Field(min_length=1, pattern=r"^[^:\s]+$")] = ADMIN
    password: SecretRef
    password_before: SecretRef | None = None

    @model_validator(mode="after")
    def _of_a_user(self) -> Account:
        if self.password_before and "$" in self.user:
            raise FieldErrors([(("password_before",), "a robot's password is not changed so; drop it")])
        return self


class HarborSettings(Section):
    """Harbor's installer, directories, passwords and options.

    Attributes:
        managed: false where somebody else runs Harbor; moor then uses it, and changes nothing of its host
        account: of a Harbor that somebody else runs; without it, moor makes no projects and robots there
        installer: on the controller, harbor-offline-installer-vX.Y.Z.tgz; or harbor-online-installer-vX.Y.Z.tgz, where
            the registry's host has a way to Docker Hub
        sha256: the installer's hash; without it the upload is only compared with the file on the controller
        directory: where Harbor is installed; the installer is unpacked in its parent
        admin_password: used at the first start; Harbor keeps it in its database from then on
        admin_password_before: the one that Harbor has now, to have it changed to ``admin_password``
        database_password: for Harbor's own PostgreSQL; a new one is set there before Harbor uses it
        flags: the flags of install.sh and prepare, such as --with-trivy
        options: more keys of harbor.yml, as the release's own template names them; secrets by reference
        wait_s: how long Harbor may take to become healthy
    """

    section: ClassVar[str] = "harbor"
    of_own_registry: ClassVar[tuple[str, ...]] = OF_OWN

    managed: bool = True
    account: Account | None = None
    installer: SitePath | None = None
    admin_password: SecretRef | None = None
    admin_password_before: SecretRef | None = None
    database_password: SecretRef | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    directory: Annotated[SysPath, Field(pattern=r"/harbor$")] = "/opt/harbor"
    data_volume: SysPath = "/data"
    flags: tuple[Annotated[str, Field(pattern=r"^--[a-z-]+$")], ...] = ()
    options: Options = Field(default_factory=dict)
    wait_s: Annotated[int, Field(ge=1)] = 300

    @model_validator(mode="after")
    def _complete(self) -> HarborSettings:
        if not self.managed:
            return self
        missing = [key for key in ("installer", "admin_password") if getattr(self, key) is None]
        found = [((key,), "is missing; or write managed: false, if somebody else runs Harbor") for key in missing]
        if self.account:
            found.append((("account",), "it is for a Harbor that somebody else runs; write managed: false, or drop it"))
        if found:
            raise FieldErrors(found)
        return self

    @property
    def package(self) -> Path:
        """Return the installer on the controller; raise InputError where moor does not run Harbor."""
        if self.installer is None:
            raise InputError("data.harbor.installer: it is missing, and moor installs no Harbor without it")
        return self.installer

    @property
    def login(self) -> tuple[str, SecretRef] | None:
        """Return the user and the password by which moor uses Harbor's API; None where it has no account."""
        if self.managed:
            return (ADMIN, self.admin_password) if self.admin_password else None
        return (self.account.user, self.account.password) if self.account else None

    @property
    def password_before(self) -> SecretRef | None:
        """Return the password that Harbor may have yet in place of the one of ``login``."""
        if self.managed:
            return self.admin_password_before
        return self.account.password_before if self.account else None


def desired(host: Host) -> Sequence[Resource]:
    """Return the resources from the uploaded installer to a healthy Harbor, in that order; none if others run it."""
    if not runs_registry(host):
        return []
    harbor = settings_of(host, HarborSettings)
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
        Archive(package, harbor.package, harbor.sha256, mode="0600"),
        *_pulled(harbor),
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
        _healthy(host, harbor),
    ]


def trusts_standby(host: Host, harbor: HarborSettings) -> bool:
    """Return whether moor has Harbor's containers trust the registry's CA: one of two copies to the other over TLS."""
    own = any(key == CA_BUNDLE for key, _ in flatten(harbor.options))
    return settings_of(host, Registry).standby is not None and not own


def option_keys(host: Host, harbor: HarborSettings) -> list[str]:
    """Return the keys of harbor.yml that get the template's value again once moor no longer sets them."""
    return [*(key for key, _ in flatten(harbor.options)), *([CA_BUNDLE] if trusts_standby(host, harbor) else ())]


def read_by_prepare(host: Host, harbor: HarborSettings) -> tuple[str, ...]:
    """Return the files beside harbor.yml that prepare copies for the containers."""
    return (TRUSTED,) if trusts_standby(host, harbor) else ()


def requirements(host: Host, harbor: HarborSettings) -> list[Resource]:
    """Return the requirements of Harbor: the installer's release, an unchanged data location, a way to its images."""
    package = harbor.package.name
    pulled = _pulled(harbor)
    docker = settings_of(host, DockerSettings)
    return [
        release_requirement(package, harbor.directory),
        SameDataLocation(configured(host, harbor)),
        *(images_requirement(one.images, docker.proxy, docker.daemon) for one in pulled),
    ]


def _pulled(harbor: HarborSettings) -> list[PulledImages]:
    """Return the images that Docker pulls for an online installer; an offline one brings them."""
    if not is_online(harbor.package.name):
        return []
    return [PulledImages(harbor.directory, needed_images(harbor.package, harbor.flags, harbor.options))]


def configured(host: Host, harbor: HarborSettings) -> HarborYml:
    """Return harbor.yml with its desired values."""
    return HarborYml(f"{harbor.directory}/harbor.yml", harbor_yml(host, harbor))


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
            raise InputError(f"no such file: {path}; download Harbor's installer to it (moor lab up makes one)")
        return
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(
            f"{path} is not an installer of Harbor, harbor-offline-installer-vX.Y.Z.tgz: {error}"
        ) from error
    if first is None or first.name.partition("/")[0] != "harbor":
        raise InputError(f"{path} is not an installer of Harbor: it unpacks to {first.name if first else 'nothing'}")


def harbor_yml(host: Host, harbor: HarborSettings) -> dict[str, Any]:
    """Return the values that moor sets in harbor.yml, by dotted key; the inventory's options come last."""
    registry = settings_of(host, Registry)
    return {
        "hostname": registry.name,
        "https.port": registry.port,
        "https.certificate": CERTIFICATE,
        "https.private_key": KEY,
        "data_volume": harbor.data_volume,
        **({CA_BUNDLE: TRUSTED} if trusts_standby(host, harbor) else {}),
        **_passwords(harbor),
    }


def _passwords(harbor: HarborSettings) -> dict[str, Any]:
    """Return the passwords and options; raise InputError with every error in them."""
    settings = {"harbor_admin_password": "admin_password", "database.password": "database_password"}
    named = {key: (setting, getattr(harbor, setting)) for key, setting in settings.items() if getattr(harbor, setting)}
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
    registry = own_registry(host)
    url = f"{registry.url}/api/v2.0/health"
    return Healthy(url, find_unhealthy_components, str(registry.address), lambda: trust_of(host), harbor.wait_s)


def find_unhealthy_components(status: int, body: bytes) -> dict[str, str]:
    """Return the unhealthy components with their error; empty if all are healthy.

    Harbor answers 200 even if it is unhealthy, so the answer's text counts.

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
    """Wait until Harbor is healthy if it runs on this host: a restart of containerd may restart Docker too."""
    if not (runs_registry(task.host) and task.host.has_parent_group("harbor")):
        return Result(host=task.host, result="no registry here")
    return converge(task, [_healthy(task.host, settings_of(task.host, HarborSettings))])


def may_be_created(task: Task) -> bool:
    """Return whether a plan may treat a Harbor that does not answer as one that the apply will install.

    A drift check may not: it reports what it cannot read as not examined.
    """
    if not runs_registry(task.host):
        return False
    harbor = optional_settings_of(task.host, HarborSettings)
    serves = harbor is not None and task.host.has_parent_group("harbor")
    unpacked = observation_of(task.host).states.get(f"unpacked:{harbor.directory}") if harbor and serves else None
    return task.is_dry_run() and not context_of(task).examining and unpacked is None


def api_login_of(host: Host) -> tuple[str, SecretRef] | None:
    """Return the login by which moor makes projects and robots; None without one, and for a registry but Harbor."""
    settings = optional_settings_of(host, HarborSettings)
    if settings is None or settings_of(host, Registry).api != "harbor":
        return None
    return settings.login


def login_for(host: Host) -> tuple[str, str] | ChangingLogin | None:
    """Return the login of moor's own account for a client of its own; None without an account."""
    login = api_login_of(host)
    if login is None:
        return None
    settings = optional_settings_of(host, HarborSettings)
    before, new = settings.password_before if settings else None, login[1].resolve()
    return ChangingLogin(login[0], new, before.resolve()) if before else (login[0], new.reveal())


def changing_login_of(task: Task) -> ChangingLogin | None:
    """Return the login whose password is being changed, one for the whole run; None if none is."""
    login = login_for(task.host)
    if not isinstance(login, ChangingLogin):
        return None
    return ask_once(task, ("login of harbor", settings_of(task.host, Registry).name, login.new[0]), lambda: login)


def harbor_of(task: Task) -> Harbor:
    """Return the host's connection to the registry, opened at the first call; to Harbor's API by moor's own login."""
    if "harbor" not in task.host.connections:
        registry, login = own_registry(task.host), api_login_of(task.host)
        if login is None and runs_registry(task.host):
            settings_of(task.host, HarborSettings)  # raises, since it is missing
        task.host.open_connection(
            "harbor",
            task.nornir.config,
            hostname=str(registry.address),
            username=login[0] if login else None,
            password=login[1].resolve().reveal() if login else None,
            port=registry.port,
            extras={
                "name": registry.name,
                "trust": trust_of(task.host),
                "own": runs_registry(task.host),
                "changing": changing_login_of(task),
            },
            default_to_host_attributes=False,
        )
    connection: Harbor = task.host.connections["harbor"].connection
    return connection
