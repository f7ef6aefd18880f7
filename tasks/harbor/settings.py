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
        user: an administrator, a project's administrator, or a robot of the system
        password: by which moor logs in to its API
        password_before: the one that Harbor has now, to have it changed to ``password``
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
    """Harbor's installer, directories, passwords and options: docs/harbor.md.

    Attributes:
        managed: ``false`` where somebody else runs Harbor (docs/existing-registry.md)
        account: of a Harbor that somebody else runs, to make projects and robots there
        installer: ``harbor-offline-installer-vX.Y.Z.tgz``, or the online one (docs/harbor.md#the-online-installer);
            needed where moor runs Harbor
        admin_password: of the user admin; needed where moor runs Harbor
        admin_password_before: the one that Harbor has now, to have it changed
            (docs/harbor-configuration.md#the-administrators-password)
        database_password: of Harbor's own database
        sha256: of the installer; without it the upload is verified against the file here
        directory: where Harbor is installed on its host; ends in ``/harbor``
        data_volume: where Harbor keeps its data on its host
        flags: for Harbor's ``install.sh`` and ``prepare``, such as ``[--with-trivy]``
        options: more keys of ``harbor.yml``, as the release's own template names them; secrets by reference
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
