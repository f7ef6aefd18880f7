"""The dialect of ufw: rules with the comment ``moor`` in ufw's files, in front of other rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from moor.errors import ErrorKind, HostError
from moor.resources.base import literal
from moor.resources.file import sha256
from moor.tasks.firewall.dialects.guards import VERSIONS, Guards

FILES = {4: "/etc/ufw/user.rules", 6: "/etc/ufw/user6.rules"}
CHAINS = {4: "ufw-user-input", 6: "ufw6-user-input"}
ANY = {4: "0.0.0.0/0", 6: "::/0"}
COMMENT = "comment=6d6f6f72"  # "moor" in hex, as ufw stores comments
BEGIN = "### RULES ###\n"
TUPLE = re.compile(r"^### tuple ### (?P<words>.*)\n(?P<rules>(?:-A .*\n)*)\n?", re.MULTILINE)
TARGETS = {"allow": "ACCEPT", "reject": "REJECT", "deny": "DROP"}
ACTION = {"reject": "reject", "drop": "deny"}
LIVE = re.compile(r"-A \S+ (?:-s (?P<source>\S+) )?-p tcp -m tcp --dport (?P<port>\d+) -j (?P<target>\S+)")


@dataclass(frozen=True)
class UfwRule:
    """One ufw rule for a TCP port."""

    action: str
    port: int
    source: str

    def __str__(self) -> str:
        return f"ufw {self.action} proto tcp from {self.source} to any port {self.port} comment moor"

    def block(self, chain: str, any_source: str) -> str:
        """Return the rule as ufw writes it to its file."""
        source = "" if self.source == any_source else f" -s {self.source}"
        target = TARGETS[self.action] + (" --reject-with tcp-reset" if self.action == "reject" else "")
        words = f"{self.action} tcp {self.port} {any_source} any {self.source} in {COMMENT}"
        return f"### tuple ### {words}\n-A {chain} -p tcp --dport {self.port}{source} -j {target}\n\n"


def rules(guards: Guards, version: int) -> Iterator[UfwRule]:
    """Yield the rules of one address family, in order."""
    for guard in guards.ports:
        for network in guard.of(version):
            yield UfwRule("allow", guard.port, str(network))
        yield UfwRule(ACTION[guards.refuse], guard.port, ANY[version])


def with_rules(content: str, guards: Guards, version: int) -> str:
    """Return a rules file of ufw with moor's rules in front; other rules stay.

    Raises:
        HostError: the file has not the form in which ufw writes it
    """
    if BEGIN not in content:
        raise HostError(
            f"{FILES[version]} is not in the form in which ufw writes it; run ufw reload and read its error",
            ErrorKind.ANSWER,
        )
    others = TUPLE.sub(lambda found: "" if _ours(found["words"]) else found[0], content)
    head, _, tail = others.partition(BEGIN)
    blocks = "".join(rule.block(CHAINS[version], ANY[version]) for rule in rules(guards, version))
    return f"{head}{BEGIN}{_gap(tail, blocks)}{blocks}{tail.removeprefix(chr(10))}"


def _gap(tail: str, blocks: str) -> str:
    return "\n" if blocks or tail.startswith("\n") else ""


def _ours(words: str) -> bool:
    return words.endswith(f" {COMMENT}")


def parse_rules_file(content: str) -> Iterator[UfwRule | str]:
    """Yield moor's rules of a file, in order; a rule that moor would not write as its text."""
    for found in TUPLE.finditer(content):
        if _ours(found["words"]):
            match found["words"].split():
                case [action, "tcp", port, _, "any", source, "in", _] if _is_port(port) and _network(source):
                    yield UfwRule(action, int(port), str(ip_network(source)))
                case _:
                    yield f"ufw {found['words']}"


def _is_port(word: str) -> bool:
    return word.isdecimal() and len(word) <= 5  # as 65535


def _network(word: str) -> bool:
    try:
        return bool(ip_network(word))
    except ValueError:
        return False


def parse_kernel_rules(listing: str, version: int) -> set[UfwRule]:
    """Return the rules in the kernel, given the output of ``iptables -S ufw-user-input``."""
    actions = {target: action for action, target in TARGETS.items()}
    return {
        UfwRule(actions.get(found["target"], ""), int(found["port"]), found["source"] or ANY[version])
        for found in LIVE.finditer(listing)
    }


def _parts(output: str, version: int) -> tuple[str, str]:
    """Return the rules file and the kernel's listing of one address family from the output of ``probe``."""
    after = output.partition(f"-- file {version}\n")[2]
    content, _, rest = after.partition(f"-- kernel {version}\n")
    return content, rest.partition(f"-- end {version}\n")[0]


@dataclass(frozen=True)
class Ufw:
    """Rules in ufw's files, loaded by ``ufw reload``; rules that are not in the kernel do not count."""

    name: str = "ufw"

    @property
    def probe(self) -> str:
        parts = (
            f"echo '-- file {v}'; cat {FILES[v]}; echo '-- kernel {v}'\n{p} -w -S {CHAINS[v]}; echo '-- end {v}'"
            for v, p in ((4, "iptables"), (6, "ip6tables"))
        )
        return "\n".join(["grep -i '^IPV6=' /etc/default/ufw", *parts])

    def live(self, output: str) -> str:
        lines = []
        for version in VERSIONS:
            content, listing = _parts(output, version)
            there = parse_kernel_rules(listing, version)
            lines += [
                f"{rule}" if rule in there else f"{rule} # not in the kernel" for rule in parse_rules_file(content)
            ]
        return "\n".join(lines)

    def render(self, guards: Guards, output: str) -> str:
        if guards.ports and "IPV6=no" in output.replace('"', "").splitlines():
            raise HostError("ufw does not filter IPv6; set IPV6=yes in /etc/default/ufw, then run ufw reload")
        return "\n".join(str(rule) for version in VERSIONS for rule in rules(guards, version))

    def kept(self, guards: Guards, output: str) -> bool:
        return True  # rules that are not in the files are not live either

    def snapshot(self) -> str:
        return ":"

    def load(self, guards: Guards, output: str) -> str:
        """Return sh that loads new files and then restores the former ones, so that a reload undoes the change."""
        lines = ['moor_ufw_back() { for f in user user6; do cat "$d/$f.former" > "/etc/ufw/$f.rules"; done; }']
        for version, path in FILES.items():
            content = _parts(output, version)[0]
            name = path.rpartition("/")[2].removesuffix(".rules")
            lines += [
                f'sum=$(sha256sum < {path}); [ "${{sum%% *}}" = {sha256(content)} ] ||'
                f" moor_fail '{path} changed after it was read; run again'",
                f'cp -p {path} "$d/{name}.former" && {literal(with_rules(content, guards, version))} > "$d/{name}.new"',
            ]
        copy = 'for f in user user6; do cat "$d/$f.new" > "/etc/ufw/$f.rules"; done'
        return "\n".join([*lines, copy, "ufw reload >&2; rc=$?; moor_ufw_back; [ $rc = 0 ] || exit 1"])

    def restore(self) -> str:
        return "ufw reload"

    def keep(self, guards: Guards, output: str) -> str:
        return """\
for f in user user6; do
  [ -e "$d/$f.new" ] || continue
  cmp -s "$d/$f.former" "/etc/ufw/$f.rules" || moor_fail "/etc/ufw/$f.rules changed meanwhile; run again"
  cat "$d/$f.new" > "/etc/ufw/$f.moor" && chmod 640 "/etc/ufw/$f.moor" && mv -f "/etc/ufw/$f.moor" "/etc/ufw/$f.rules"
done"""
