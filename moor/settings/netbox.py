"""The options of NetBoxInventory: where NetBox is, and which of its machines become hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from moor.formats.urls import split_url
from moor.settings.addresses import is_loopback
from moor.settings.section import SecretRef, SitePath, StrictModel
from moor.suggestions import did_you_mean

Filter = str | int | bool | tuple[str | int, ...]

# Filters of both lists of NetBox 4, without the endings _id and __n, __ic, __empty and the like.
FILTERS = frozenset({
    *("id", "q", "name", "status", "tag", "site", "site_group", "region", "role", "platform", "tenant", "tenant_group"),
    *("cluster", "cluster_group", "cluster_type", "description", "serial", "mac_address", "has_primary_ip"),
    *("primary_ip4", "primary_ip6", "local_context_data", "config_template", "contact", "contact_role", "owner"),
    *("contact_group", "owner_group", "created", "last_updated", "modified_by_request", "created_by_request"),
    *("updated_by_request", "interface_count"),
})  # fmt: skip
OF_DEVICES = frozenset({
    *("manufacturer", "device_type", "model", "rack", "rack_group", "location", "asset_tag", "face", "position"),
    *("airflow", "is_full_depth", "has_oob_ip", "oob_ip", "virtual_chassis", "virtual_chassis_member"),
    *("parent_device", "parent_bay", "parent_bay_name", "vc_position", "vc_priority", "has_virtual_device_context"),
    *("console_ports", "console_server_ports", "power_ports", "power_outlets", "interfaces", "pass_through_ports"),
    *("module_bays", "device_bays", "console_port_count", "console_server_port_count", "power_port_count"),
    *("power_outlet_count", "front_port_count", "rear_port_count", "device_bay_count", "module_bay_count"),
    *("default_platform", "inventory_item_count", "latitude", "longitude"),
})  # fmt: skip
OF_MACHINES = frozenset({"vcpus", "memory", "disk", "device", "start_on_boot", "virtual_disk_count"})
FORMER = {"device_role": "role", "device_role_id": "role_id", "tags": "tag", "statuses": "status", "state": "status"}
NO_FILTERS = frozenset({"limit", "offset", "start", "fields", "omit", "exclude", "brief", "ordering", "format"})
BRANCH = "_branch"


def _url(url: str) -> str:
    """Raise ValueError for an address that has more than scheme, host, port and path."""
    parts = split_url(url)
    if not parts.hostname:
        raise ValueError("must be a URL, such as https://netbox.corp.test")
    if "@" in parts.netloc:
        raise ValueError("must be without a login; the key token refers to the secret")
    if parts.query or parts.fragment:
        raise ValueError("must end with the path; write what stands behind the ? into filters")
    if parts.path.rstrip("/").endswith("/api"):
        raise ValueError("must be without /api, which moor adds")
    return url


def _filters(filters: dict[str, Filter]) -> dict[str, Filter]:
    """Raise ValueError for what NetBox would ignore, since it would then give every machine."""
    if faults := [f"{name}: {fault}" for name, value in filters.items() for fault in _faults(name, value)]:
        raise ValueError("; ".join(faults))
    return filters


def _faults(name: str, value: Filter) -> Iterator[str]:
    base, known = _base(name), FILTERS | OF_DEVICES | OF_MACHINES
    if name == BRANCH:
        yield "write the key branch beside filters instead"
    elif name in NO_FILTERS:
        yield "is no filter; moor asks for whole machines, page by page"
    elif name in FORMER:
        yield f"NetBox knows no such filter and would give every machine; write {FORMER[name]}"
    elif base not in known and not name.startswith("cf_") and (near := did_you_mean(base, known)):
        yield f"NetBox knows no such filter and would give every machine{near}"
    if value in ("", ()) or (isinstance(value, tuple) and "" in value):
        yield "is empty, and NetBox would give every machine; write a value, or leave the filter out"


class NetBoxOptions(StrictModel):
    """The address of NetBox, and which of its machines become hosts: docs/netbox.md.

    Attributes:
        url: where it is, ``https://HOST``
        token: by which it is read, of version 1 or 2
        ca: the CA of its certificate, if the system does not trust it
        plain_http: whether ``http://`` is allowed to other addresses than loopback; whoever listens gets the token
        filters: filters of NetBox's API, such as ``site: dc1``, ``status: active`` or ``tag: [moor, prod]``
        branch: name or schema ID of a branch of the plug-in netbox-branching, which is read in place of main
        virtual_machines: whether virtual machines become hosts too
    """

    url: Annotated[str, Field(pattern=r"^https?://[^ /?#]+[^ ]*$"), AfterValidator(_url)]
    token: SecretRef
    ca: SitePath | None = None
    plain_http: bool = False
    filters: Annotated[dict[str, Filter], AfterValidator(_filters)] = Field(default_factory=dict)
    branch: Annotated[str, Field(min_length=1)] | None = None
    virtual_machines: bool = True

    @model_validator(mode="after")
    def _fits(self) -> NetBoxOptions:
        if faults := list(self._misfits()):
            raise ValueError("; ".join(faults))
        return self

    def _misfits(self) -> Iterator[str]:
        """Yield what is wrong with keys that are right on their own."""
        parts = split_url(self.url)
        if parts.scheme == "http" and not (self.plain_http or is_loopback(parts.hostname or "")):
            yield (
                "url: http:// would send the token readable for everybody on the way; write https://, or "
                "plain_http: true where the way is safe"
            )
        for name in self.filters:
            if self.virtual_machines and _base(name) in OF_DEVICES:
                yield (
                    f"filters.{name}: virtual machines have no such filter, and NetBox would give all of them; "
                    "write virtual_machines: false, or filter by what both have"
                )
            elif _base(name) in OF_MACHINES:
                yield (
                    f"filters.{name}: devices have no such filter, and NetBox would give all of them; "
                    "filter by what both have"
                )


def _base(name: str) -> str:
    """Return a filter's name without the ending of an id, and without what is asked of it."""
    return name.partition("__")[0].removesuffix("_id") or name
