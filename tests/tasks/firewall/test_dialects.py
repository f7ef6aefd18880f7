"""The rules of every dialect admit the members and refuse everybody else."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import HostError
from moor.tasks.firewall.dialects.firewalld import Firewalld
from moor.tasks.firewall.dialects.guards import Guard, Guards
from moor.tasks.firewall.dialects.host_firewall import DIALECTS, HostFirewall, choose_dialects
from moor.tasks.firewall.dialects.iptables import Iptables
from moor.tasks.firewall.dialects.nftables import Nftables, document, parse_listing
from moor.tasks.firewall.dialects.ufw import Ufw, parse_rules_file, with_rules

Address = IPv4Address | IPv6Address

networks4 = st.builds(
    lambda number, length: IPv4Network((number, length), strict=False),
    st.integers(0xC0000200, 0xC00002FF), st.integers(26, 32),
)  # fmt: skip
networks6 = st.builds(
    lambda number, length: IPv6Network((number, length), strict=False),
    st.integers(0xFD << 120, (0xFD << 120) + 255), st.integers(122, 128),
)  # fmt: skip
sources = st.lists(st.one_of(networks4, networks6), min_size=1, max_size=6).map(tuple)
guards = st.builds(
    lambda ports, refuse: Guards(tuple(Guard(port, found) for port, found in sorted(ports.items())), refuse),
    st.dictionaries(st.sampled_from([22, 80, 443, 8443]), sources, max_size=3),
    st.sampled_from(["reject", "drop"]),
)
addresses = st.one_of(
    st.integers(0xC0000200, 0xC00002FF).map(IPv4Address), st.integers(0xFD << 120, (0xFD << 120) + 255).map(IPv6Address)
)
ZONES = "zone public\nzone work\n"


def verdict(rules: str, pattern: str, address: Address, port: int) -> bool | None:
    """Return the verdict of the first matching rule; None if none matches."""
    for line in rules.splitlines():
        found = re.search(pattern, line)
        if not found or int(found["port"]) != port or f"{address.version}" != (found["family"] or f"{address.version}"):
            continue
        named = [ip_network(word) for word in re.findall(r"[0-9a-f.:]+(?:/\d+)?", found["source"] or "")]
        if not named or any(address in network for network in named):
            return found["verdict"].lower() in ("accept", "allow")
    return None


PATTERNS = {
    "nftables": r"dport (?P<port>\d+) (?:ip(?P<family>6?) saddr \{ (?P<source>.*) \} )?(?P<verdict>accept|reject|drop)",
    "iptables": r"^ip(?P<family>6?)tables -A MOOR (?:-s (?P<source>\S+) )?-p .*t (?P<port>\d+) .*-j (?P<verdict>\w+)",
    "firewalld": r'^public: .*="ipv(?P<family>[46])"(?: .* address="(?P<source>.*)")? port port="(?P<port>\d+)" '
    r'protocol="tcp" (?P<verdict>\w+)',
    "ufw": r"^ufw (?P<verdict>\w+) proto tcp from (?P<source>\S+) to any port (?P<port>\d+)(?P<family>)",
}


@pytest.mark.parametrize("name", DIALECTS)
@given(wanted=guards, address=addresses)
def test_the_rules_admit_members_and_nobody_else(name: str, wanted: Guards, address: Address) -> None:
    rules = DIALECTS[name].render(wanted, ZONES)
    if name in ("nftables", "iptables"):  # 4 goes without saying there
        rules = re.sub(r"ip saddr", "ip4 saddr", re.sub(r"^iptables", "ip4tables", rules, flags=re.MULTILINE))
    pattern = PATTERNS[name].replace("(?P<family>6?)", "(?P<family>[46])")
    for port in (22, 80, 443, 8443):
        guard = next((guard for guard in wanted.ports if guard.port == port), None)
        assert verdict(rules, pattern, address, port) == (guard and guard.admits(address))


@pytest.mark.parametrize("name", DIALECTS)
def test_without_guards_there_are_no_rules(name: str) -> None:
    assert DIALECTS[name].render(Guards(), ZONES) == ""
    assert DIALECTS[name].live("") == ""


LISTED = """{"nftables": [{"metainfo": {"version": "1.1.3", "json_schema_version": 1}}, {"table": {"family": "inet",
"name": "moor", "handle": 2}}, {"chain": {"family": "inet", "table": "moor", "name": "guard", "handle": 1, "type":
"filter", "hook": "prerouting", "prio": -110, "policy": "accept"}}, {"rule": {"chain": "guard", "expr": [{"match":
{"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}]}}, {"rule":
{"chain": "guard", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept":
null}]}}, {"rule": {"chain": "guard", "expr": [{"match": {"op": "==", "left": {"fib": {"result": "type", "flags":
["daddr"]}}, "right": "local"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
"right": 443}}, {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"set":
[{"prefix": {"addr": "10.28.0.0", "len": 26}}, {"range": ["10.28.0.98", "10.28.0.100"]}]}}}, {"accept": null}]}},
{"rule": {"chain": "guard", "expr": [{"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}},
"right": "local"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}},
{"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "saddr"}}, "right": {"prefix": {"addr":
"fd6d::", "len": 64}}}}, {"accept": null}]}}, {"rule": {"chain": "guard", "expr": [{"match": {"op": "==", "left":
{"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}}, {"match": {"op": "==", "left": {"payload":
{"protocol": "tcp", "field": "dport"}}, "right": 443}},
{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]}}]}"""
MEMBERS = tuple(map(ip_network, ("10.28.0.0/26", "10.28.0.98", "10.28.0.99", "10.28.0.100", "fd6d::/64")))
HTTPS = Guards((Guard(443, MEMBERS),))


def test_what_nft_lists_compares_though_it_merged_neighbours_into_a_range() -> None:
    assert Nftables().live(f"{LISTED}\n-- kept\n") == Nftables().render(HTTPS, "")


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ('"right": 443}}, {"reject"', '"right": 80}}, {"reject"'),
        ('"prio": -110', '"prio": 0'),
        ('"len": 26', '"len": 25'),
        ('{"type": "icmpx", "expr": "admin-prohibited"}', "null"),
        ('"right": "lo"', '"right": "eth0"'),
        ('"op": "in"', '"op": "!="'),
        ('"name": "guard", "handle": 1', '"name": "other", "handle": 1'),
    ],
)
def test_a_rule_that_was_changed_by_hand_is_seen(there: str, instead: str) -> None:
    changed = LISTED.replace("\n", " ").replace(there, instead)
    assert changed != LISTED.replace("\n", " ")
    assert "\n".join(parse_listing(changed)) != Nftables().render(HTTPS, "")


IPTABLES = """iptables -A INPUT -j MOOR
iptables -A FORWARD -m conntrack --ctstate DNAT -j MOOR
iptables -A DOCKER-USER -m conntrack --ctstate DNAT -j MOOR
iptables -A MOOR -i lo -j RETURN
iptables -A MOOR -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
iptables -A MOOR -s 10.28.0.0/26 -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j ACCEPT
iptables -A MOOR -s 10.28.0.98/31 -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j ACCEPT
iptables -A MOOR -s 10.28.0.100/32 -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j ACCEPT
iptables -A MOOR -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j REJECT --reject-with icmp-admin-prohibited
ip6tables -A INPUT -j MOOR
ip6tables -A FORWARD -m conntrack --ctstate DNAT -j MOOR
ip6tables -A DOCKER-USER -m conntrack --ctstate DNAT -j MOOR
ip6tables -A MOOR -i lo -j RETURN
ip6tables -A MOOR -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
ip6tables -A MOOR -s fd6d::/64 -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j ACCEPT
ip6tables -A MOOR -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j REJECT --reject-with icmp6-adm-prohibited
-- docker
-- kept
"""


def test_what_iptables_lists_compares_on_a_host_of_docker() -> None:
    assert Iptables().live(IPTABLES) == Iptables().render(HTTPS, IPTABLES)
    assert Iptables().live(IPTABLES) != Iptables().render(HTTPS, IPTABLES.replace("-- docker\n", ""))


RICH = """zone public
live public: rule priority="-7699" family="ipv4" port port="443" protocol="tcp" reject type="icmp-admin-prohibited"
live public: rule priority="-7700" family="ipv4" source address="10.28.0.100/32" port port="443" protocol="tcp" accept
live public: rule priority="-7700" family="ipv6" source address="fd6d::/64" port port="443" protocol="tcp" accept
live public: rule priority="-7700" family="ipv4" source address="10.28.0.98/31" port port="443" protocol="tcp" accept
live public: rule priority="-7699" family="ipv6" port port="443" protocol="tcp" reject type="icmp6-adm-prohibited"
live public: rule priority="-7700" family="ipv4" source address="10.28.0.0/26" port port="443" protocol="tcp" accept
loaded public:
"""


def test_what_firewalld_lists_compares_in_any_order_and_only_while_the_kernel_has_it() -> None:
    assert Firewalld().live(RICH) == Firewalld().render(HTTPS, RICH)
    flushed = Firewalld().live(RICH.replace("loaded public:\n", ""))
    assert all(line.endswith("# not in the kernel") for line in flushed.splitlines())
    assert not Firewalld().kept(HTTPS, RICH)
    assert Firewalld().kept(HTTPS, RICH.replace("live ", "kept "))


UFW = """*filter
:ufw-user-input - [0:0]
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT

### tuple ### route:allow any 443 10.0.0.0/8 any 0.0.0.0/0 in comment=6d6f6f72696e67
-A ufw-user-forward -p tcp -d 10.0.0.0/8 --dport 443 -j ACCEPT
-A ufw-user-forward -p udp -d 10.0.0.0/8 --dport 443 -j ACCEPT

### END RULES ###

### LOGGING ###
-A ufw-after-logging-input -j LOG --log-prefix "[UFW BLOCK] " -m limit --limit 3/min --limit-burst 10
### END LOGGING ###
COMMIT
"""


@given(guards, guards)
def test_rules_of_ufw_come_and_go_and_other_peoples_stay_as_they_are(one: Guards, other: Guards) -> None:
    once = with_rules(UFW, one, 4)
    assert with_rules(once, one, 4) == once
    assert with_rules(with_rules(UFW, other, 4), one, 4) == once
    assert with_rules(once, Guards(), 4) == UFW
    assert "\n".join(map(str, parse_rules_file(once))) == "\n".join(
        line for line in Ufw().render(one, "").splitlines() if ":" not in line
    )


def test_a_file_that_is_not_of_ufw_is_left_alone() -> None:
    with pytest.raises(HostError, match=r"/etc/ufw/user\.rules is not in the form in which ufw writes it"):
        with_rules("*filter\nCOMMIT\n", HTTPS, 4)


def said_by_ufw(kernel: str, ipv6: str = "yes") -> str:
    files = {version: with_rules(UFW, HTTPS, version) for version in (4, 6)}
    return f"IPV6={ipv6}\n" + "".join(
        f"-- file {v}\n{files[v]}-- kernel {v}\n{kernel if v == 4 else ''}-- end {v}\n" for v in (4, 6)
    )


KERNEL = """-N ufw-user-input
-A ufw-user-input -s 10.28.0.0/26 -p tcp -m tcp --dport 443 -j ACCEPT
-A ufw-user-input -s 10.28.0.98/31 -p tcp -m tcp --dport 443 -j ACCEPT
-A ufw-user-input -s 10.28.0.100/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset
"""


def test_a_rule_of_ufws_files_that_the_kernel_lacks_does_not_count() -> None:
    lines = Ufw().live(said_by_ufw(KERNEL)).splitlines()
    assert [line for line in lines if "not in the kernel" not in line] == Ufw().render(HTTPS, "").splitlines()[:4]
    assert [line for line in lines if "not in the kernel" in line] == [
        f"{line} # not in the kernel" for line in Ufw().render(HTTPS, "").splitlines()[4:]
    ]


def test_ufw_without_ipv6_is_told_for_it_would_let_everybody_in_by_that() -> None:
    with pytest.raises(HostError, match="set IPV6=yes in /etc/default/ufw"):
        Ufw().render(HTTPS, said_by_ufw(KERNEL, "no"))


@pytest.mark.parametrize(
    ("facts", "wanted", "found"),
    [
        ("there nftables iptables", "auto", ["nftables"]),
        ("there nftables iptables\nloads iptables", "auto", ["iptables"]),
        ("there iptables", "auto", ["iptables"]),
        ("there nftables iptables", "iptables", ["iptables"]),
        ("there nftables iptables ufw", "auto", ["ufw"]),
        ("there nftables iptables firewalld\ndocker", "auto", ["firewalld", "nftables"]),
        ("there iptables ufw\ndocker", "auto", ["ufw", "iptables"]),
        ("there nftables\ndocker", "auto", ["nftables"]),
    ],
)
def test_the_dialect_is_what_the_host_runs(facts: str, wanted: str, found: list[str]) -> None:
    assert choose_dialects(facts.splitlines(), wanted) == found


@pytest.mark.parametrize(
    ("facts", "wanted", "words"),
    [
        ("there nftables firewalld ufw", "auto", "firewalld and ufw are both active"),
        ("there nftables ufw", "nftables", "data.firewall.tool is nftables, and ufw is active"),
        ("there nftables", "ufw", "not active on the host; start it first: ufw allow OpenSSH; ufw enable"),
        ("there iptables", "nftables", "the host has no nftables; install it"),
        ("there", "auto", "the host has no nftables; install it"),
    ],
)
def test_two_firewalls_at_once_are_refused(facts: str, wanted: str, words: str) -> None:
    with pytest.raises(HostError, match=re.escape(words)):
        choose_dialects(facts.splitlines(), wanted)


def test_rules_of_a_dialect_that_the_host_no_longer_runs_are_to_go() -> None:
    firewall = HostFirewall(HTTPS)
    state = firewall.actual(
        f"there nftables iptables ufw\n\n== nftables\n{LISTED}\n-- kept\n\n== ufw\n{said_by_ufw('')}"
    )
    wanted = firewall.desired(state)
    assert (state["nftables"] != "", wanted["nftables"]) == (True, "")
    assert wanted["ufw"] == Ufw().render(HTTPS, "")


def test_a_document_for_nft_replaces_the_table_even_where_there_is_none() -> None:
    assert document(HTTPS).startswith("table inet moor\ndelete table inet moor\ntable inet moor {\n")
    assert document(Guards()) == "table inet moor\ndelete table inet moor\n"
