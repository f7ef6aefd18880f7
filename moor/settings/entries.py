"""What hosts.yaml, groups.yaml and defaults.yaml may say of one host, group or the defaults: Nornir's own keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from moor.formats.public_keys import public_key
from moor.settings.section import SecretRef, SitePath, Strict

Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]


class Extras(BaseModel):
    """Arguments of a connection plugin, free but for those that are paths or secrets here."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    key_file: SitePath | None = None
    known_hosts: SitePath | None = None
    ssh_config_file: SitePath | None = None
    password: SecretRef | None = None
    passphrase: SecretRef | None = None
    secret: SecretRef | None = None

    def plain(self) -> dict[str, Any]:
        """Return the arguments that were written, paths and references as text."""
        given = {**{name: getattr(self, name) for name in self.model_fields_set}, **(self.model_extra or {})}
        return {name: str(v) if isinstance(v, Path | SecretRef) else v for name, v in given.items() if v is not None}


class Connection(Strict):
    """One entry of ``connection_options``."""

    hostname: Text | None = None
    port: Port | None = None
    username: Text | None = None
    password: SecretRef | None = None
    platform: Text | None = None
    extras: Extras = Extras()


class DefaultsEntry(Strict):
    """What defaults.yaml says of every host."""

    hostname: Text | None = None
    port: Port | None = None
    username: Text | None = None
    password: SecretRef | None = None
    platform: Text | None = None
    connection_options: dict[str, Connection] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)


class Entry(DefaultsEntry):
    """What hosts.yaml says of a host, or groups.yaml of a group."""

    groups: tuple[Text, ...] = ()


def host_key(text: str) -> str:
    """Return a host's public key as ``TYPE BASE64``; raises ValueError."""
    return " ".join(public_key(text))


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


HostKeys = Annotated[tuple[Annotated[str, AfterValidator(host_key)], ...], BeforeValidator(_listed)]


class Pinned(Strict):
    """The key of ``data`` that is moor's own and no section's: one public key, or a list."""

    ssh_host_key: HostKeys
