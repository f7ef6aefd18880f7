"""Access lists are written to simulated devices of each platform, over real SSH with strict host keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moor.connections.devices.device import beginning_of, raise_if_refused
from moor.errors import HostError
from tests.harness.commands import moor_here
from tests.tasks.devices.boxes import Box
from tests.tasks.devices.conftest import INTERFACES, PLATFORMS, Edge

Make = Callable[[str], Edge]
EACH = pytest.mark.parametrize("platform", [name for name in PLATFORMS if name != "cisco_xe"])
BRIEFLY = ("cisco_xe",)  # it is cisco_ios again; see test_text
SHOWN = {"juniper_junos": "show configuration . display set", "vyos": "show configuration commands"}
OWN_WORDS = {
    "cisco_ios": [
        "ip access-list extended MOOR-REGISTRY",
        "10 permit tcp 10.66.0.0 0.0.255.255 host 10.88.0.11 eq 443",
    ],
    "cisco_xe": ["20 permit tcp host 10.77.3.7 host 10.88.0.11 eq 443", "interface GigabitEthernet0/0/1"],
    "cisco_xr": ["20 permit tcp host 10.77.3.7 host 10.88.0.11 eq 443", "ipv4 access-group MOOR-REGISTRY ingress"],
    "cisco_nxos": ["20 permit tcp 10.77.3.7/32 10.88.0.11/32 eq 443", "ip access-group MOOR-REGISTRY in"],
    "arista_eos": ["10 permit tcp 10.66.0.0/16 host 10.88.0.11 eq 443", "30 deny tcp any host 10.88.0.11 eq 443"],
    "juniper_junos": [
        "set interfaces ge-0/0/1 unit 0 family inet filter input MOOR-REGISTRY",
        "term others then discard",
    ],
    "vyos": [
        "set firewall ipv4 name MOOR-REGISTRY rule 20 source address 10.77.3.7/32",
        "rule 10 jump-target MOOR-REGIS",
    ],
}


def text(box: Box) -> str:
    return "\n".join(line for head, below in box.running.items() for line in (head, *below))


def by_hand(box: Box) -> None:
    """Change the list by hand on the device."""
    if "" in box.running:
        lines = [line for line in box.running[""] if "10.77.3.7" not in line]
        new = lines[-1].replace("MOOR-REGISTRY", "MOOR-REGISTRY-OLD")
        box.running = {"": [*lines, new] if "interfaces" not in new else lines}
    else:
        for head in box.running:
            box.running[head] = [line for line in box.running[head] if "access-group" not in line]
            if "access-list" in head:
                box.running[head] = ["5 permit tcp any any eq 443", *box.running[head]]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_absent_then_right_twice_by_hand_and_mended_and_moved(edge: Make, platform: str) -> None:
    one = edge(platform)
    bare = text(one.box)
    code, said = one.run("plan")
    assert code == 2, said
    assert [words for words in OWN_WORDS[platform] if words not in said] == []
    assert (one.sent, text(one.box)) == ([], bare)  # a plan sends no configuration

    assert one.run("apply")[0] == 0
    right = text(one.box)
    assert (one.box.running, one.box.undo, one.box.kept.get("moor-undo")) == (one.box.startup, None, None)
    assert one.sent

    assert one.run("plan")[0] == 0
    if platform in BRIEFLY:
        return
    assert one.run("apply")[0] == 0
    assert [line for line in one.sent if line not in ("write memory", "configure", "save")] == []

    by_hand(one.box)
    code, said = one.run("drift")
    assert (code, "acl:MOOR-REGISTRY" in said) == (2, True), said
    assert one.run("apply")[0] == 0
    assert sorted(text(one.box).splitlines()) == sorted(right.splitlines())

    one.members, one.interfaces = one.members[1:], {INTERFACES[platform][1]: "out"}
    code, said = one.run("apply")
    assert code == 0, said
    assert "10.66.0.0" not in text(one.box)
    assert set(bare.splitlines()) <= set(text(one.box).splitlines())  # no interface is taken away
    assert one.run("plan")[0] == 0


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_nxos", "arista_eos", "juniper_junos"])
def test_a_refused_line_is_named_and_nothing_of_the_change_is_left(edge: Make, platform: str) -> None:
    one = edge(platform)
    before = text(one.box)
    one.box.instead = {".*(30 deny|others from protocol|rule 30 protocol).*": "% Invalid input: not today"}
    code, said = one.run("apply")
    assert code == 1
    assert "not today" in said
    assert "nothing of the change is left" in said
    one.box.expire()
    assert (text(one.box), one.box.startup) == (before, one.box.running)


@EACH
def test_a_change_that_cuts_the_way_to_the_device_is_taken_back_by_itself(edge: Make, platform: str) -> None:
    one = edge(platform)
    before = text(one.box)
    one.box.cuts_off = True
    code, said = one.run("apply")
    assert code == 1
    assert "after the change, 127.0.0.1" in said
    assert text(one.box) != before
    one.box.expire()
    back = "rollback running-config checkpoint moor-undo" in said  # NX-OS has no timer, which it says
    assert (text(one.box) == before) != back
    assert back == (platform == "cisco_nxos")


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_nxos"])
def test_a_change_that_cannot_be_saved_is_an_error_and_is_saved_by_the_next_run(edge: Make, platform: str) -> None:
    one = edge(platform)
    one.box.instead = {"write memory|copy running-config startup-config": "% Error opening nvram (No space)"}
    code, said = one.run("apply")
    assert (code, "a reload would lose it" in said) == (1, True), said
    one.box.instead = {}
    code, said = one.run("plan")
    assert (code, "saved: no -> yes" in said) == (2, True), said
    assert one.run("apply")[0] == 0
    assert one.box.startup == one.box.running


@pytest.mark.parametrize(
    ("platform", "answer"),
    [
        ("cisco_ios", "interface GigabitEthernet0/1\nip access-list MOOR-REGISTRY\n   10 perm"),
        ("cisco_ios", "hostname edge1\nbanner motd ^C\n% Authorized users only\n^C\ninterface Gi0"),
        ("cisco_nxos", ""),
        ("arista_eos", "\x1b[1;31m??? \x07garbage"),
        ("juniper_junos", "set version 23.4R1.10"),
        ("vyos", "set interfaces ethernet eth1 address '192.0.2.1/24'\nConnection to backend lost"),
    ],
)
def test_an_answer_that_is_no_whole_configuration_is_an_error_and_nothing_is_sent(
    edge: Make, platform: str, answer: str
) -> None:
    one = edge(platform)
    one.box.instead = {SHOWN.get(platform, "show running-config"): answer}
    code, said = one.run("apply")
    assert (code, "printed no complete configuration" in said) == (1, True), said
    assert one.sent == []


BANNERS = {
    "cisco_ios": "banner motd ^C\n% Authorized users only %\nInvalid use is prosecuted.\nerror: no\nedge1# is mine\n^C",
    "cisco_nxos": "banner motd #\n% Authorized users only %\ninterface Ethernet1/1\n  no switchport\nInvalid use\n#",
    "arista_eos": "banner login\n% Authorized users only %\nip access-list MOOR-REGISTRY\nerror: edge1#\nEOF",
}


@pytest.mark.parametrize("platform", BANNERS)
def test_words_of_a_banner_or_a_description_are_text(edge: Make, platform: str) -> None:
    one = edge(platform)
    one.box.banner = BANNERS[platform]
    first = INTERFACES[platform][0]
    one.box.running[f"interface {first}"].append("description Invalid input, error budget of edge1#2")
    code, said = one.run("plan")
    assert (code, "MOOR-REGISTRY" in said) == (2, True), said
    code, said = one.run("apply")
    assert code == 0, said
    assert one.run("plan")[0] == 0


@pytest.mark.parametrize(
    ("platform", "answer"),
    [
        ("cisco_ios", "               ^\n% Invalid input detected at '^' marker."),
        ("cisco_nxos", "% Permission denied for the role"),
        ("juniper_junos", "error: permission denied"),
    ],
)
def test_a_device_that_refuses_to_show_its_configuration_is_told_so(edge: Make, platform: str, answer: str) -> None:
    one = edge(platform)
    one.box.instead = {SHOWN.get(platform, "show running-config"): answer}
    code, said = one.run("plan")
    assert (code, "the device refused" in said, answer.splitlines()[-1] in said) == (1, True, True), said


@pytest.mark.parametrize(
    ("printed", "first"),
    [
        ("               ^\n% Invalid input detected at '^' marker.", "% Invalid input detected at '^' marker."),
        ("Mon Mar  2 09:20:01.123 UTC\n% Permission denied", "% Permission denied"),
        ("\n%SYS-5-CONFIG_I: Configured from console by ops\n% Incomplete command.", "% Incomplete command."),
        ("Building configuration...\n\nhostname edge1\nbanner motd ^C\n% Authorized users only", "hostname edge1"),
        ("Gi0/1  up  up  error budget\nGi0/2  up  up\nInvalid input uplink", "Gi0/1  up  up  error budget"),
        ("", ""),
    ],
)
def test_an_answer_that_is_text_is_judged_by_its_first_line(printed: str, first: str) -> None:
    assert beginning_of(printed) == first


def test_a_message_of_the_log_between_the_lines_of_an_answer_is_no_refusal() -> None:
    assert raise_if_refused("commit", "%SYS-5-CONFIG_I: Configured from console by ops\nok")
    with pytest.raises(HostError, match="% Incomplete command"):
        raise_if_refused("commit", "%SYS-5-CONFIG_I: Configured from console by ops\n% Incomplete command.")


def test_a_device_without_a_prompt_is_an_error_in_bounded_time(edge: Make) -> None:
    one = edge("arista_eos")
    one.box.instead = {"show running-config": None}
    one.extras["read_timeout_override"] = 3
    code, said = one.run("plan")
    assert (code, "no prompt" in said) == (1, True), said


def test_a_device_whose_list_is_not_what_was_sent_gets_its_former_one_back(edge: Make) -> None:
    one = edge("arista_eos")
    before = text(one.box)
    one.box.instead = {"30 deny .*": ""}  # it says nothing, and does nothing either
    code, said = one.run("apply")
    assert code == 1
    assert "did not accept the change as it was sent" in said
    assert "nothing of the change is left" in said
    assert text(one.box) == before


def test_ios_without_an_archive_is_left_alone(edge: Make) -> None:
    one = edge("cisco_ios")
    one.box.archive = False
    code, said = one.run("apply")
    assert (code, "configure one on it (archive, path flash:archive)" in said) == (1, True), said
    assert [line for line in one.sent if line.startswith(("ip ", "configure terminal"))] == []


@pytest.mark.parametrize(
    ("line", "interface", "words"),
    [
        ("ip access-group OTHERS in", "Ethernet1", "interface Ethernet1 in already has ip access-group OTHERS"),
        ("shutdown", "Et1", "there is no interface Et1; write it as the device's configuration does"),
    ],
)
def test_what_is_in_the_way_is_named_and_left(edge: Make, line: str, interface: str, words: str) -> None:
    one = edge("arista_eos")
    one.box.running["interface Ethernet1"].append(line)
    one.interfaces = {interface: "in"}
    for command in ("plan", "apply"):
        code, said = one.run(command)
        assert (code, words in said) == (1, True), said
    assert one.sent == []


def test_a_host_key_is_never_accepted_by_itself(edge: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    one = edge("cisco_nxos")
    right, one.known_hosts = one.key, True
    code, said = one.run("check")
    assert (code, "unknown host key ssh-rsa SHA256:" in said) == (1, True), said
    assert one.box.heard == []
    assert one.run("pin")[0] == 0
    assert one.run("check")[0] == 0
    assert right in (one.site / "known_hosts").read_text()
    one.known_hosts, one.key = False, OTHER_KEY
    code, said = one.run("check")
    assert (code, "the host key CHANGED" in said) == (1, True), said


OTHER_KEY = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7vbqajDhA1HxjVjqmbQhGSfQRhSPhFs2sMiEyVpbqmWHnbgaZbgUjO0x8Ww9s8ZDDnmJYpUxRf2"
    "YkFJcGxTV8jLgxE5OaC0oHn4D8m9l1xq8MZQ4FdnhFQXh2kYzq9m0v1J3bVQHfX7qk0oYqzqv3yJ8Jq8n9C3m1QkQyF5gQ8w=="
)


def test_a_wrong_password_is_told_and_not_shown(edge: Make) -> None:
    one = edge("cisco_ios")
    (one.site / "other").write_text("hunter2hunter2\n")
    (one.site / "other").chmod(0o600)
    one.password = "file:other"
    code, said = one.run("check")
    assert (code, "authentication failed" in said, "hunter2" in said) == (1, True, False), said


@pytest.mark.parametrize(
    ("settings", "interfaces", "address", "words"),
    [
        ({"name": "MOOR\nreload"}, {"Ethernet1": "in"}, "10.88.0.11", "data.access_list.name"),
        ({"name": "MOOR 1"}, {"Ethernet1": "in"}, "10.88.0.11", "data.access_list.name"),
        ({}, {"Ethernet1\nno ip routing": "in"}, "10.88.0.11", "data.access_list.interfaces"),
        ({}, {"Ethernet1; reload": "in"}, "10.88.0.11", "data.access_list.interfaces"),
        ({}, {"Ethernet1": "both"}, "10.88.0.11", "must be 'in' or 'out'"),
        ({"rest": "permit\nend"}, {"Ethernet1": "in"}, "10.88.0.11", "must be 'permit' or 'deny'"),
        ({}, {"Ethernet1": "in"}, "fd00::11", "data.access.members has no IPv6 network"),
    ],
)
def test_what_could_be_a_command_of_its_own_is_refused_before_any_connection(
    edge: Make, settings: dict[str, object], interfaces: dict[str, str], address: str, words: str
) -> None:
    one = edge("arista_eos")
    one.settings, one.interfaces, one.address = settings, interfaces, address
    code, said = one.run("apply")
    assert (code, words in said) == (1, True), said
    assert one.box.heard == []


def test_a_platform_that_moor_does_not_know_is_named_with_those_it_does(edge: Make) -> None:
    one = edge("cisco_ios")
    one.box.platform = "cisco_iosxe"
    INTERFACES["cisco_iosxe"] = INTERFACES["cisco_ios"]
    code, said = one.run("plan")
    assert (code, "edge1.platform: 'cisco_iosxe'" in said, "arista_eos" in said) == (1, True, True), said


def test_a_platform_that_is_like_none_of_moors_gets_a_remedy(edge: Make) -> None:
    one = edge("cisco_ios")
    one.box.platform = "panos"
    INTERFACES["panos"] = INTERFACES["cisco_ios"]
    code, said = one.run("plan")
    words = "edge1.platform: moor writes no access lists for panos; write one of cisco_ios, "
    assert (code, words in said) == (1, True), said
    assert one.box.heard == []


@pytest.mark.parametrize(
    ("napalm", "words"),
    [
        ("ios", "cisco_ios or cisco_xe"),
        ("eos", "arista_eos"),
        ("nxos_ssh", "cisco_nxos"),
        ("junos", "juniper_junos"),
        ("iosxr", "cisco_xr"),
    ],
)
def test_a_name_of_napalms_is_told_with_netmikos(edge: Make, napalm: str, words: str) -> None:
    one = edge("cisco_ios")
    one.box.platform = napalm
    INTERFACES[napalm] = INTERFACES["cisco_ios"]
    code, said = one.run("plan")
    assert (code, f"edge1.platform: '{napalm}'; this is NAPALM's name, moor goes by Netmiko's: {words} (" in said) == (
        *(1, True),
    ), said
    assert one.box.heard == []


def test_a_name_of_napalms_may_stand_beside_netmikos_for_other_tasks(edge: Make) -> None:
    one = edge("arista_eos")
    one.platform = "eos"
    assert one.run("plan")[0] == 2


@pytest.mark.parametrize("platform", ["cisco_ios", "arista_eos"])
def test_a_show_command_is_run_on_a_device_and_nothing_else_is(edge: Make, platform: str) -> None:
    one = edge(platform)
    one.box.running["username ops secret 5 $1$hunter2"] = []
    one.box.banner = BANNERS[platform]  # words like an error's, further down
    one.write()
    done = moor_here(one.site, "run", "show running-config", "--output", "json")
    answer = done.report["hosts"]["edge1"]["answer"]
    assert (done.returncode, answer["exit_code"]) == (0, 0)
    assert f"interface {INTERFACES[platform][0]}" in answer["stdout"]
    assert "hunter2" not in done.said + moor_here(one.site, "history", done.report["run"]).said
    refused = moor_here(one.site, "run", "show no-such-thing")
    assert (refused.returncode, "(refused)" in refused.stdout) == (1, True), refused.said
    assert one.sent == []
    for command, words in (("reload", "does not begin with"), ("show run | redirect flash:x", "must be one of")):
        refused = moor_here(one.site, "run", command)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert words in refused.stderr
        assert "--limit '!devices'" in refused.stderr
    assert moor_here(one.site, "run", "--script", __file__).returncode == 1
    assert [line for line in one.box.heard if line != "exit"] == []
