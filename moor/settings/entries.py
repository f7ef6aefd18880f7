"""The models of one entry of hosts.yaml, groups.yaml and defaults.yaml: Nornir's own keys."""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from moor.formats.public_keys import parse_public_key
from moor.settings.section import SecretRef, SitePath, StrictModel

Port = Annotated[int, Field(ge=1, le=65535)]
NonEmptyText = Annotated[str, Field(min_length=1)]


class ConnectionExtras(BaseModel):
    """The ``extras`` of a connection: any keys; those that are paths or secrets are checked."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    key_file: SitePath | None = None
    known_hosts: SitePath | None = None
    ssh_config_file: SitePath | None = None
    password: SecretRef | None = None
    passphrase: SecretRef | None = None
    secret: SecretRef | None = None

    def plain(self) -> dict[str, Any]:
        """Return the keys that the file has, paths and secret references as text; every host gets a copy of its own."""
        return {name: deepcopy(v) if isinstance(v, dict | list) else v for name, v in self._plain.items()}

    @cached_property
    def _plain(self) -> dict[str, Any]:
        given = {**{name: getattr(self, name) for name in self.model_fields_set}, **(self.model_extra or {})}
        return {name: str(v) if isinstance(v, Path | SecretRef) else v for name, v in given.items() if v is not None}


class ConnectionEntry(StrictModel):
    """One entry of ``connection_options``."""

    hostname: NonEmptyText | None = None
    port: Port | None = None
    username: NonEmptyText | None = None
    password: SecretRef | None = None
    platform: NonEmptyText | None = None
    extras: ConnectionExtras = ConnectionExtras()


class DefaultsEntry(StrictModel):
    """The content of defaults.yaml."""

    hostname: NonEmptyText | None = None
    port: Port | None = None
    username: NonEmptyText | None = None
    password: SecretRef | None = None
    platform: NonEmptyText | None = None
    connection_options: dict[str, ConnectionEntry] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)


class InventoryEntry(DefaultsEntry):
    """One host of hosts.yaml, or one group of groups.yaml."""

    groups: tuple[NonEmptyText, ...] = ()


def host_key(text: str) -> str:
    """Return a host's public key as ``TYPE BASE64``; raise ValueError if it is none."""
    return " ".join(parse_public_key(text))


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


HostKeys = Annotated[tuple[Annotated[str, AfterValidator(host_key)], ...], BeforeValidator(_listed)]


class PinnedHostKeys(StrictModel):
    """The key ``ssh_host_key`` of ``data``, which belongs to no section: one public key or a list."""

    ssh_host_key: HostKeys
