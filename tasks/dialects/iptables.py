"""iptables and ip6tables: a chain of moor's own, which the usual chains and Docker's jump to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from moor.resources.base import literal
from tasks.dialects.boot import Loader
from tasks.dialects.guards import Guards

FILE = "/etc/moor/firewall.sh"
LOADER = Loader("iptables", f"sh {FILE}")
PROGRAMS = {4: "iptables", 6: "ip6tables"}
REJECT = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
# Docker forwards published ports past INPUT; its backend for iptables asks DOCKER-USER first, the one for nftables
# leaves FORWARD to others. What was forwarded is known by its original port.
FORWARDED = "-m conntrack --ctstate DNAT "
JUMPS = {"INPUT": "", "FORWARD": FORWARDED}
DOCKER = {"DOCKER-USER": FORWARDED}
OPEN = ("-i lo -j RETURN", "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN")


def chain(guards: Guards, version: int) -> Iterator[str]:
    """Give the rules of the chain MOOR as ``iptables -S`` prints them, without its name."""
    if not guards.ports:
        return
    yield from OPEN
    for guard in guards.ports:
        # the port that the client asked for, wherever it is forwarded to
        port = f"-p tcp -m conntrack --ctorigdstport {guard.port} --ctdir ORIGINAL"
        for network in guard.of(version):
            yield f"-s {network} {port} -j ACCEPT"
        yield f"{port} -j DROP" if guards.refuse == "drop" else f"{port} -j REJECT --reject-with {REJECT[version]}"


def jumps(output: str) -> dict[str, str]:
    """Give the chains that jump to moor's, each with its condition."""
    return JUMPS | (DOCKER if "-- docker" in output.splitlines() else {})


@dataclass(frozen=True)
class Iptables:
    """The chain ``MOOR`` of both programs, read by ``-S``, replaced in one transaction, loaded at boot by a unit."""

    name: str = "iptables"

    @property
    def probe(self) -> str:
        return f"""\
for c in {" ".join(PROGRAMS.values())}; do
  "$c" -w -S 2>/dev/null | grep -e '^-A MOOR ' -e '^-A .* -j MOOR$' | sed "s/^/$c /"
done
! command -v dockerd >/dev/null || echo '-- docker'
echo '-- kept'
{LOADER.probe}
cat {FILE} 2>/dev/null"""

    def live(self, output: str) -> str:
        lines = output.partition("-- kept")[0].splitlines()
        return "\n".join(sorted((line for line in lines if line.startswith("ip")), key=_place))

    def render(self, guards: Guards, output: str) -> str:
        lines = [
            f"{program} -A {parent} {condition}-j MOOR"
            for program in PROGRAMS.values()
            for parent, condition in (jumps(output) if guards.ports else {}).items()
        ]
        rules = [f"{p} -A MOOR {rule}" for version, p in PROGRAMS.items() for rule in chain(guards, version)]
        return "\n".join(sorted([*lines, *rules], key=_place))

    def kept(self, guards: Guards, output: str) -> bool:
        wanted = f"enabled\n{LOADER.text}{self.load(guards, output)}" if guards.ports else ""
        return output.partition("-- kept\n")[2].strip() == wanted.strip()

    def snapshot(self) -> str:
        return f"""\
for c in {" ".join(PROGRAMS.values())}; do
  "$c" -w -S | grep -e '^-A MOOR ' -e '^-A .* -j MOOR$' > "$d/$c"
done"""

    def load(self, guards: Guards, output: str) -> str:
        if not guards.ports:
            return f"{STRIP}\nfor c in {' '.join(PROGRAMS.values())}; do moor_strip; done"
        return "\n".join(self._loaded(guards, version, jumps(output)) for version in PROGRAMS)

    def _loaded(self, guards: Guards, version: int, parents: dict[str, str]) -> str:
        program = PROGRAMS[version]
        lines = ["*filter", ":MOOR - [0:0]", *(f"-A MOOR {rule}" for rule in chain(guards, version)), "COMMIT\n"]
        text = literal("\n".join(lines))
        made = f"{program} -w -N DOCKER-USER 2>/dev/null\n" if "DOCKER-USER" in parents else ""
        calls = "".join(_jump(program, parent, f"{condition}-j MOOR") for parent, condition in parents.items())
        return f"{text} | {program}-restore -w --noflush || exit 1\n{made}{calls}"

    def restore(self) -> str:
        return f"""\
{STRIP}
for c in {" ".join(PROGRAMS.values())}; do
  moor_strip
  [ -s "$d/$c" ] || continue
  {{ echo '*filter'; echo ':MOOR - [0:0]'; grep '^-A MOOR ' "$d/$c"; echo COMMIT; }} | "$c-restore" -w --noflush
  grep -v '^-A MOOR ' "$d/$c" | while read -r _ parent rule; do "$c" -w -I "$parent" 1 $rule; done
done"""

    def keep(self, guards: Guards, output: str) -> str:
        if not guards.ports:
            return f"{LOADER.remove()}\nrm -f {FILE}"
        return f"""\
mkdir -p /etc/moor && {literal(self.load(guards, output))} > {FILE}.new && mv -f {FILE}.new {FILE} || exit 1
{LOADER.keep()}"""


STRIP = """\
moor_strip() {
  "$c" -w -S 2>/dev/null | grep '^-A .* -j MOOR$' | while read -r _ rule; do "$c" -w -D $rule; done
  "$c" -w -F MOOR 2>/dev/null; "$c" -w -X MOOR 2>/dev/null; :
}"""


def _jump(program: str, parent: str, rule: str) -> str:
    """Give sh that has ``parent`` jump to the chain once, at its beginning where it did not yet."""
    return f"""\
n=$({program} -w -S {parent} | grep -cxF -e '-A {parent} {rule}')
[ "$n" -gt 0 ] || {program} -w -I {parent} 1 {rule} || exit 1
while [ "$n" -gt 1 ]; do {program} -w -D {parent} {rule}; n=$((n - 1)); done
"""


def _place(line: str) -> tuple[str, bool, str]:
    """Sort by program, the jumps first by name; rules of the chain keep their order."""
    program, _, rest = line.partition(" ")
    rule = rest.startswith("-A MOOR ")
    return program, rule, "" if rule else re.sub(r"^-A ", "", rest)
