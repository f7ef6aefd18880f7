"""The certificates that Harbor's components use among themselves and towards others, and how each is renewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moor.tasks.harbor.settings import HarborSettings

TOKENS = "secret/registry/root.crt"  # below data_volume; the registry knows Harbor's tokens by it
INTERNAL = "/etc/harbor/tls/internal"
OTHERS = "common/config/shared/trust-certificates"  # below Harbor's directory: CAs of other registries
OF_OPTIONS = {  # the option of harbor.yml that names a CA: of what
    "storage_service.ca_bundle": "the object storage",
    "external_redis.tlsOptions.rootCA": "Redis",
    "uaa.ca_file": "the UAA",
}


def inner_places(harbor: HarborSettings) -> dict[str, str]:
    """Return the files and directories of the certificates inside, each with the way to renew what is in it."""
    again = f"then touch {harbor.directory}/harbor.yml, and moor apply harbor, which runs prepare"
    keys = f"{harbor.data_volume}/secret/core/private_key.pem"
    root = f"{harbor.data_volume}/{TOKENS}"
    return {
        root: f"move {root} and {keys} away, {again}: it makes both anew, and whoever is logged in logs in again",
        f"{harbor.directory}/{OTHERS}": f"put the next CA of that registry there; {again}",
        **{
            path: f"put the next CA of {whose} into it; {again}"
            for option, whose in OF_OPTIONS.items()
            if (path := text_at(harbor.options, option))
        },
        **dict(_internal(harbor, again)),
    }


def _internal(harbor: HarborSettings, again: str) -> Iterator[tuple[str, str]]:
    """Yield the directory of the certificates for TLS between Harbor's components, if it is turned on."""
    if text_at(harbor.options, "internal_tls.enabled") == "True":
        place = text_at(harbor.options, "internal_tls.dir") or INTERNAL
        yield place, f"make new ones there by the command gencert of Harbor's prepare (docs/harbor.md), {again}"


def text_at(options: Mapping[str, Any], key: str) -> str:
    """Return the value of a dotted key as text; empty if it is not set."""
    value: Any = options
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)
