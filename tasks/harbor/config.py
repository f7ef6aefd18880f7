"""The values of harbor.yml by the inventory, and the files that prepare reads beside it."""

from __future__ import annotations

from typing import Any

from nornir.core.inventory import Host

from moor.errors import InputError
from moor.settings import prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.options import flatten, resolve_options
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.harbor.values import encode_for_harbor
from moor.tasks.harbor.yml import HarborYml

CERTIFICATE = "/etc/moor/registry.crt"
KEY = "/etc/moor/registry.key"
TRUSTED = "/etc/moor/registry-ca.crt"
CA_BUNDLE = "storage_service.ca_bundle"  # prepare has all containers trust it, not the storage's client alone


def configured(host: Host, harbor: HarborSettings) -> HarborYml:
    """Return harbor.yml with its desired values."""
    return HarborYml(f"{harbor.directory}/harbor.yml", harbor_yml(host, harbor))


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
