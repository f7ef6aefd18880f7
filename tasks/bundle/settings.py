"""The section ``bundle``: where the bundle is, whose signature it has, and what hosts need packages of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from moor.formats.public_keys import parse_public_key
from moor.settings import SecretRef, Section, SitePath
from moor.settings.section import StrictModel

NOT_A_SIGNER = "not a public key; write the one line of a .pub file of ssh-keygen: ssh-ed25519 AAAA..."


class PackageSources(StrictModel):
    """Where the packages of a host's release come from, when a bundle is made.

    Attributes:
        release: codename of Debian or Ubuntu, such as ``trixie``; for RPM, ID and version of os-release: ``rocky9``
        architecture: as dpkg or rpm names it; by default that of the machine that makes the bundle
        sources: a host's file of sources: ``.list``, ``.sources``, or ``.repo`` for dnf; by default the machine's own
        installed: a copy of a host's ``/var/lib/dpkg/status``: what hosts have is left out
    """

    release: Annotated[str, Field(pattern=r"^[a-z][a-z0-9.]*$")]
    architecture: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = ""
    sources: SitePath | None = None
    installed: SitePath | None = None

    @field_validator("sources")
    @classmethod
    def _readable_by_a_tool(cls, path: Path | None) -> Path | None:
        if path and path.suffix not in (".list", ".sources", ".repo"):
            raise ValueError(f"{path.name}: apt reads .list and .sources, dnf reads .repo; name the file so")
        return path


class Bundle(Section):
    """The bundle that hosts without internet live on: docs/air-gap.md.

    A path alone, or a list of paths, stands for ``file``.

    Attributes:
        file: the bundle, a file or a directory; several for one made ``--since`` another, the older one first
        key: the public key that must have signed it: ``ssh-ed25519 AAAA...``
        sign: the private key that signs a new one, without a passphrase; ``agent`` for ssh-agent's of ``key``
        packages: which packages a new one has for the host
        python: the version of Python where moor runs in the fleet, such as ``3.13``; by default this machine's
        platform: the platform there, as pip names it: ``manylinux_2_28_x86_64``
    """

    section: ClassVar[str] = "bundle"

    file: tuple[SitePath, ...] = ()
    key: str = ""
    sign: SecretRef | Literal["agent"] | None = None
    packages: PackageSources | None = None
    python: Annotated[str, Field(pattern=r"^(3\.\d+)?$")] = ""
    platform: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = ""

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, value: Any) -> Any:
        return value if isinstance(value, Mapping) else {"file": value}

    @field_validator("file", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("key")
    @classmethod
    def _a_public_key(cls, text: str) -> str:
        if not text:
            return text
        try:
            kind, blob = parse_public_key(text)
        except ValueError:
            raise ValueError(NOT_A_SIGNER) from None
        return f"{kind} {blob}"
