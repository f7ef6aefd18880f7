"""Hosts out of NetBox: the new site asks it at every run, so that nothing is copied but the roles."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import Found
from moor.settings.config import NetBoxOptions

TOKEN = "env:NETBOX_TOKEN"  # noqa: S105


def read(where: str, answers: Answers) -> Found:
    """Return NetBox as the source of hosts, after a look whether it answers; raise InputError if it does not."""
    options: dict[str, Any] = {"url": where, "token": answers.hosts.netbox_token or TOKEN}
    try:
        NetBoxOptions.model_validate(options)
    except ValidationError as error:
        keys = sorted({str(detail["loc"][0]) for detail in error.errors()})
        option = "--netbox-token: env:NAME or file:PATH" if keys == ["token"] else "--from netbox: https://HOST"
        raise InputError(f"{option} is what it takes, not {where}") from None
    return Found("NetBox", netbox=options)
