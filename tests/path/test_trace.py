"""A packet is followed hop by hop, and what is not known of its way is said."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest
from nornir.core.inventory import Defaults, Group, Host, ParentGroups

from moor.path.device import Device, Interface, Route
from moor.path.host import Host as SeenHost
from moor.path.host import HostRoute
from moor.path.kernel.packet import Packet, Ruleset
from moor.path.kernel.walk import arriving
from moor.path.rules import Filter, Rule
from moor.path.space import Flow, everything
from moor.path.trace import Network, trace
from moor.tasks.access import Access
from moor.tasks.facts import Registry
from moor.tasks.firewall.settings import Firewall
from moor.tasks.path.planned import planned_rules

NODE, GATE, FAR, REGISTRY = (ip_address(one) for one in ("10.1.0.5", "10.1.0.1", "10.9.0.2", "10.2.0.11"))
FLOW = Flow(NODE, REGISTRY)
SHUT = Filter(4, "L", (Rule(False, "10 deny ip any any", (everything(4),)),), otherwise=False)
EDGE = Device(
    {
        "in0": Interface("in0", (ip_interface("10.1.0.2/24"),), shared=(GATE,)),
        "out0": Interface("out0", (ip_interface("10.9.0.1/30"),)),
    },
    (Route(ip_network("10.2.0.0/24"), FAR),),
)
CORE = Device(
    {"a": Interface("a", (ip_interface("10.9.0.2/30"),)), "b": Interface("b", (ip_interface("10.2.0.1/24"),))}
)


def network(**devices: Device) -> Network:
    node = SeenHost({NODE: "eth0"}, {REGISTRY: HostRoute("eth0", GATE, NODE)}, Ruleset())
    harbor = SeenHost({REGISTRY: "eth0"}, {}, Ruleset())
    places = {name: tuple(device.filters) for name, device in devices.items()}
    return Network({"node1": node, "harbor1": harbor}, devices, places)


def test_a_packet_passes_by_the_routes_of_devices_and_an_address_that_two_of_them_share() -> None:
    way = trace(network(edge1=EDGE, core1=CORE), "node1", FLOW)
    where = [(step.who, step.where) for step in way.steps]
    assert where == [
        ("node1", "out eth0 to 10.1.0.1"),
        *[("edge1", "in0 in"), ("edge1", "out0 out"), ("core1", "a in"), ("core1", "b out")],
        ("harbor1", "in eth0"),
    ]
    assert (way.verdict, way.gap) == ("open", "")


def test_the_list_that_shuts_a_packet_out_is_the_last_step() -> None:
    way = trace(network(edge1=EDGE, core1=CORE.with_filters({("a", "in", 4): SHUT})), "node1", FLOW)
    assert way.verdict == "shut"
    assert (way.steps[-1].who, way.steps[-1].decision.rule) == ("core1", "L: 10 deny ip any any")


@pytest.mark.parametrize(
    ("devices", "gap"),
    [
        ({"edge1": EDGE}, "10.9.0.2 is no host and no device of the inventory"),
        ({}, "10.1.0.1 is no host and no device of the inventory"),
        ({"edge1": Device(EDGE.interfaces)}, "edge1 has no static route to 10.2.0.11"),
        (
            {
                "edge1": EDGE,
                "core1": Device(
                    {"a": CORE.interfaces["a"]}, (Route(ip_network("10.2.0.0/24"), ip_address("10.9.0.1")),)
                ),
            },
            "it does not arrive within 16 hops",
        ),
    ],
)
def test_a_way_that_is_not_known_whole_is_unsure_and_says_why(devices: dict[str, Device], gap: str) -> None:
    way = trace(network(**devices), "node1", FLOW)
    assert way.verdict == "unsure"
    assert gap in way.gap


def test_a_list_that_may_be_on_an_unknown_way_is_shown_and_decides_nothing() -> None:
    way = trace(network(core1=CORE.with_filters({("a", "in", 4): SHUT})), "node1", FLOW)
    (perhaps,) = [step for step in way.steps if step.who == "core1" and not step.decision.permits]
    assert (perhaps.where, way.verdict) == ("a in, if it goes that way", "unsure")


def test_a_route_that_discards_and_a_missing_one_shut_a_packet_out() -> None:
    null = Device(EDGE.interfaces, (Route(ip_network("10.2.0.0/24"), interface="Null0"),))
    way = trace(network(edge1=null), "node1", FLOW)
    assert (way.verdict, way.steps[-1].decision.rule) == ("shut", "its route to 10.2.0.11 discards")
    away = Flow(NODE, ip_address("192.0.2.1"))
    assert trace(network(), "node1", away).steps[-1].decision.rule == "it has no route to 192.0.2.1"


def test_the_firewall_after_the_plan_admits_whom_the_inventory_names() -> None:
    data = {
        "registry": Registry.model_validate({"name": "registry.moor.test", "address": str(REGISTRY)}),
        "access": Access.model_validate({"members": ["10.1.0.0/24"]}),
        "firewall": Firewall(),
    }
    defaults = Defaults()
    host = Host("harbor1", groups=ParentGroups([Group("harbor", defaults=defaults)]), data=data, defaults=defaults)
    rules = planned_rules(host, Ruleset())
    for source, port, passes in (("10.1.0.5", 443, True), ("10.3.0.5", 443, False), ("10.3.0.5", 8443, True)):
        packet = Packet(Flow(ip_address(source), REGISTRY, port), "eth0", local=True)
        assert all(decision.permits for _, decision in arriving(rules, packet)) == passes
