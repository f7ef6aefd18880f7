"""Hosts out of NetBox: the new site asks it at every run, so that nothing is copied but the roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from nornir.core.inventory import Host
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from moor.errors import InputError
from moor.formats.urls import split_url
from moor.init.answers import Answers
from moor.init.found import Found, FoundHost
from moor.inventory.netbox import NetBoxInventory
from moor.settings.access import SiteSettings
from moor.settings.netbox import BRANCH, NetBoxOptions

TOKEN = "env:NETBOX_TOKEN"  # noqa: S105 - where the token is


def read(where: str, answers: Answers) -> Found:
    """Return NetBox's machines and their groups.

    Args:
        where: NetBox's URL, perhaps with filters: ``https://netbox.example.net?site=dc1&tag=moor``
        answers: the token and the CA count

    Raises:
        InputError: the URL is none, or NetBox does not answer.
    """
    options = _options(where, answers)
    try:
        plain = NetBoxOptions.model_validate(options, context={"site": Path.cwd()}).model_dump(exclude_none=True)
    except ValidationError as error:
        raise InputError("\n".join(dict.fromkeys(_fault(detail) for detail in error.errors()))) from None
    machines = list(NetBoxInventory(site=SiteSettings.at(Path.cwd()), netbox=plain).machines())
    if not machines:
        raise InputError(f"--from netbox: {where} has no machine; do its filters leave any?")
    hosts = {name: _host(name, host) for name, host in machines}
    groups: dict[str, tuple[str, ...]] = {group: () for host in hosts.values() for group in host.groups}
    return Found("NetBox", hosts, groups, netbox=options)


def _fault(detail: ErrorDetails) -> str:
    """Return what is wrong with an option; pydantic's words only where they are moor's own."""
    key = str(next(iter(detail["loc"]), ""))
    if detail["type"] == "value_error" and key != "token":
        return f"--from netbox: {detail['ctx']['error']}"
    needed = "--netbox-token: env:NAME or file:PATH" if key == "token" else "--from netbox: https://HOST"
    return f"{needed} is what it takes"


def _options(where: str, answers: Answers) -> dict[str, Any]:
    """Return the options of NetBoxInventory as config.yaml has them."""
    parts, typed = split_url(where), answers.hosts
    options: dict[str, Any] = {"url": f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"}
    options["token"] = typed.netbox_token or TOKEN
    if typed.netbox_ca:
        options["ca"] = str(Path(typed.netbox_ca).expanduser().absolute())
    query = parse_qs(parts.query)
    if branch := query.pop(BRANCH, None):
        options["branch"] = branch[-1]
    filters = {key: values if len(values) > 1 else values[0] for key, values in query.items()}
    return options | ({"filters": filters} if filters else {})


def _host(name: str, host: Host) -> FoundHost:
    return FoundHost(name, host.hostname or "", groups=tuple(group.name for group in host.groups))
