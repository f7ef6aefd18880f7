"""The static routes of a host, as settings of the inventory; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import ip_address, ip_network

from moor.tasks.routes.keepers import DROP_IN, Placed, routes_in
from moor.tasks.routes.seen import FILES
from moor.tasks.survey.script import HostView
from moor.tasks.survey.setting import Setting

ROUTES = ("data", "routes")


def route_settings(view: HostView, addresses: Collection[str]) -> Iterator[Setting]:
    """Yield ``data.routes`` of a host where moor has set routes before; those of others stay theirs.

    Args:
        addresses: of the registry
    """
    known = _of_moor(view)
    if not known:
        return
    source, routes = next(iter(known.values())), list(known)
    via = [hop for hop in dict.fromkeys(one.route.via for one in routes) if _leads_to_all(str(hop), routes, addresses)]
    if via:
        yield Setting((*ROUTES, "via"), [str(hop) for hop in via], source, shared=True)
    to = {
        str(one.route.to): str(one.route.via)
        for one in routes
        if not (one.route.via in via and one.route.single in addresses)
    }
    if to:
        yield Setting((*ROUTES, "to"), to, source, shared=True)
    if local := next((one for one in routes if one.route.via.is_link_local), None):
        yield Setting((*ROUTES, "interface"), local.interface, known[local], shared=True)


def route_questions(view: HostView, addresses: Collection[str]) -> Iterator[str]:
    """Yield each route to the registry that somebody else has set, and what would make it the inventory's."""
    ours = {str(one.route.to) for one in _of_moor(view)}
    for line in view.facts.get("route", ()):
        to, hop, _, path = (*line.split("|", 3), "", "", "")[:4]
        try:
            network = ip_network(to)
            leads = any(ip_address(one) in network for one in addresses)
        except ValueError:
            continue
        if not leads or str(network) in ours:
            continue
        wanted = f"data.routes: {{to: {{{network}: {hop}}}}}"
        if path:
            words = f"{path} sets it, and moor leaves it so; to have it planned, take it out there and write {wanted}"
        else:
            words = f"no file that moor knows sets it after a reboot; {wanted} does"
        yield f"{view.name}: the registry is reached by a static route, {network} via {hop}: {words}"


def _of_moor(view: HostView) -> dict[Placed, str]:
    """Return the routes of moor's own files, each with its file."""
    files = [(path, text) for path, text in view.files.items() if path in FILES or path.endswith(f"/{DROP_IN}")]
    return {one: path for path, text in files for one in routes_in(text)}


def _leads_to_all(hop: str, routes: Collection[Placed], addresses: Collection[str]) -> bool:
    """Return whether a next hop leads to each address of the registry of its family."""
    family = {one for one in addresses if (":" in one) == (":" in hop)}
    return bool(family) and family <= {one.route.single for one in routes if str(one.route.via) == hop}
