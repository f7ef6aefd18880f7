"""The known causes of faults before a node connects: its clock, and how it resolves the registry's name."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.route import RECORDED
from moor.tasks.diagnosis.rules.rule import Evidence, Rule


def differs(evidence: Evidence, *fields: str) -> bool:
    """Return whether one of the fields holds an address that is none of the registry's."""
    return any(set(evidence.get(field, "").split()) - set(evidence.get("wanted", "").split()) for field in fields)


def agrees(evidence: Evidence, field: str) -> bool:
    """Return whether a field holds an address of the registry's."""
    return bool(set(evidence.get(field, "").split()) & set(evidence.get("wanted", "").split()))


def repeats(evidence: Evidence, field: str) -> bool:
    """Return whether a field holds an address twice."""
    words = evidence.get(field, "").split()
    return len(words) > len(set(words))


NAME_RULES = (
    Rule(
        "clock-off", "clock",
        lambda e: bool(e.get("off")),
        "{off}", "run on {host}: timedatectl set-ntp true",
        "RFC 5280, 4.1.2.5: a certificate is judged by the clock of who reads it",
    ),
    Rule(
        "name-nsswitch", "name",
        lambda e: bool(e.get("kept_back")),
        "/etc/nsswitch.conf (hosts: {nsswitch}) keeps {name} from being found: {kept_back}",
        "on {host}, write this line into /etc/nsswitch.conf: hosts: {corrected}",
        "nsswitch.conf(5)",
    ),
    Rule(
        "name-unserved", "name",
        lambda e: not e.get("found") and e.get("mode") == "dns",
        "{name} does not resolve: names.mode is dns, and the nameservers of {host} do not know it",
        "moor apply names; if the fault stays, check that /etc/resolv.conf on {host} names a server of the "
        "registry's zone",
        "resolv.conf(5)",
    ),
    Rule(
        "name-missing", "name",
        lambda e: not e.get("found"),
        "{name} does not resolve", "moor apply names --limit {host}",
        RECORDED,
    ),
    Rule(
        "name-twice", "name",
        lambda e: differs(e, "files") and agrees(e, "files"),
        "/etc/hosts gives {name} several addresses ({files}), of which {wanted} is right",
        "remove the wrong line for {name} from /etc/hosts on {host}",
        "hosts(5)",
    ),
    Rule(
        "name-stale", "name",
        lambda e: differs(e, "files") and agrees(e, "dns"),
        "/etc/hosts gives {files} for {name}, but DNS gives the right address, {dns}",
        "moor apply names --limit {host}; or remove the line for {name} from /etc/hosts on {host}",
        "nsswitch.conf(5): files are asked before dns",
    ),
    Rule(
        "dns-wrong", "name",
        lambda e: differs(e, "dns") and e.get("mode") in ("dns", "both"),
        "the nameservers of {host} give {name} as {dns} instead of {wanted}",
        "moor apply names; if the fault stays, another nameserver answers: check /etc/resolv.conf on {host}",
        "resolv.conf(5)",
    ),
    Rule(
        "name-wrong", "name",
        lambda e: differs(e, "found"),
        "{name} resolves to {found} instead of {wanted}",
        "moor apply names --limit {host}; if that changes nothing, remove the other line from /etc/hosts",
        "getent(1)",
    ),
    Rule(
        "name-contradicted", "name",
        lambda e: differs(e, "dns"),
        "DNS gives {dns} for {name}, but /etc/hosts gives {files}: programs that ask DNS alone get the wrong address",
        "correct the record of {name} in DNS to {wanted}",
        "nsswitch.conf(5)",
    ),
    Rule(
        "hosts-twice", "hosts",
        lambda e: repeats(e, "files") and not differs(e, "files") and e.get("mode") != "dns",
        "/etc/hosts has a second line for {name} outside of moor's block, which moor does not keep up to date",
        "remove the line for {name} outside of moor's block from /etc/hosts on {host}",
        "hosts(5)",
    ),
    Rule(
        "hosts-pinned", "hosts",
        lambda e: bool(e.get("files")) and e.get("mode") == "dns",
        "/etc/hosts gives {files} for {name} although names.mode is dns, so changes in DNS have no effect",
        "moor apply names --limit {host}; if the fault stays, remove the line for {name} from /etc/hosts on {host}",
        "nsswitch.conf(5): files are asked before dns",
    ),
    Rule(
        "hosts-rewritten", "hosts",
        lambda e: bool(e.get("rewritten")) and e.get("mode") != "dns",
        "cloud-init rewrites /etc/hosts at every boot from a template without {name}, as {rewritten} says",
        "moor apply names --limit {host}; if the fault stays, set manage_etc_hosts: false in {rewritten} on {host}",
        "cloud-init, Update Etc Hosts",
    ),
    Rule(
        "dns-silent", "hosts",
        lambda e: not e.get("dns") and e.get("mode") == "both",
        "the nameservers of {host} do not know {name}, and names.mode is both",
        "moor apply names; if the fault stays, check that /etc/resolv.conf on {host} names a server of the "
        "registry's zone",
        "resolv.conf(5)",
    ),
)  # fmt: skip
