"""The section ``harbor``: the installer, the directories, passwords and options, or an account of somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from nornir.core.inventory import Host
from pydantic import Field, model_validator

from moor.errors import FieldErrors, InputError
from moor.settings import SecretRef, Section, SitePath, settings_of
from moor.settings.section import StrictModel
from moor.tasks.harbor.options import Options
from moor.tasks.harbor.releases import find_lost_flags

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
        found: list[tuple[tuple[str, ...], str]] = []
        missing = [key for key in ("installer", "admin_password") if getattr(self, key) is None]
        found += [((key,), "is missing; or write managed: false, if somebody else runs Harbor") for key in missing]
        package = self.installer.name if self.installer else ""
        found += [(("flags",), words) for words in find_lost_flags(self.flags, package)]
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


def with_installer(host: Host) -> HarborSettings:
    """Return a host's settings; where the host's bundle has the installer, that one in place of the controller's.

    Raises:
        InputError: the bundle is not there, or was altered.
    """
    harbor = settings_of(host, HarborSettings)
    if host.data.get("bundle") is None or harbor.installer is None:
        return harbor
    from moor.tasks.bundle.opened import bundle_of

    bundle = bundle_of(host)
    found = bundle.manifest.by_path.get(f"installer/{harbor.installer.name}") if bundle else None
    if bundle is None or found is None:
        return harbor
    if harbor.sha256 not in (None, found.sha256):
        raise InputError(
            f"data.harbor.sha256: the bundle's {harbor.installer.name} is another file (sha256 {found.sha256})"
        )
    return harbor.model_copy(update={"installer": bundle.places[found.path], "sha256": found.sha256})
