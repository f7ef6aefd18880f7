"""The dialect of iptables and ip6tables: a chain MOOR, to which the built-in chains and Docker's jump."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moor.resources.base import literal
from moor.tasks.firewall.dialects.boot import Loader
from moor.tasks.firewall.dialects.guards import Guards

FILE = "/etc/moor/firewall.sh"
LOADER = Loader("iptables", f"sh {FILE}")
PROGRAMS = {4: "iptables", 6: "ip6tables"}
REJECT = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
# Published ports of Docker are forwarded and do not pass INPUT. Docker's iptables backend checks DOCKER-USER first; its
# nftables backend does not use FORWARD. Forwarded connections are matched by their original port.
FORWARDED = "-m conntrack --ctstate DNAT "
JUMPS = {"INPUT": "", "FORWARD": FORWARDED}
DOCKER = {"DOCKER-USER": FORWARDED}
OPEN = ("-i lo -j RETURN", "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN")


def chain(guards: Guards, version: int) -> Iterator[str]:
    """Yield the rules of the chain MOOR as ``iptables -S`` prints them, without its name."""
    if not guards.ports:
        return
    yield from OPEN
    for guard in guards.ports:
        # the port to which the client connected, before any forwarding
        port = f"-p tcp -m conntrack --ctorigdstport {guard.port} --ctdir ORIGINAL"
        for network in guard.of(version):
            yield f"-s {network} {port} -j ACCEPT"
        yield f"{port} -j DROP" if guards.refuse == "drop" else f"{port} -j REJECT --reject-with {REJECT[version]}"


def jumps(output: str) -> dict[str, str]:
    """Return the chains that have to jump to MOOR, each with the condition of the jump."""
    return JUMPS | (DOCKER if "-- docker" in output.split("\n") else {})


# Functions for one program: $c is its name, $f its address family as nft calls it. If the program uses nft's tables, a
# rule that nft added can make -S fail, or is listed without the part that iptables cannot express. So nft is asked
# which rules jump to MOOR, and they are removed by their handles.
FUNCTIONS = """\
moor_nft() { command -v nft >/dev/null && "$c" -V 2>/dev/null | grep -q nf_tables; }
moor_rules() { nft -j list table "$f" filter 2>/dev/null | sed 's/{"rule": /\\
&/g'; }
moor_jumps() {
  if moor_nft; then
    moor_rules | sed -n '/"target": "MOOR"/s/.*"chain": "\\([^"]*\\)", "handle": \\([0-9]*\\).*/\\1 \\2/p'
  else "$c" -w -S 2>/dev/null | sed -n 's/^-A \\(.* -[jg] MOOR\\)$/\\1/p'; fi
}
moor_unjump() { # the lines of moor_jumps
  while IFS= read -r j; do
    if [ -z "$j" ]; then continue
    elif moor_nft; then nft delete rule "$f" filter "${j% *}" handle "${j##* }"
    else printf '%s\\n' "$j" | sed 's/\\\\\\(.\\)/"\\\\\\1"/g' | xargs "$c" -w -D; fi # quoted for xargs
  done
}
moor_has() { # -C exits with 1 if the rule is missing, and with another code if it cannot read the chain
  "$c" -w -C $1 2>/dev/null || [ $? != 1 ]
}
moor_strip() {
  moor_jumps | moor_unjump
  "$c" -w -F MOOR 2>/dev/null; "$c" -w -X MOOR 2>/dev/null; :
}
moor_others() { # print the program of the other backend (nft or legacy) if its tables have a chain MOOR
  o=$c
  if "$o" -V 2>/dev/null | grep -q nf_tables; then
    c=$o-legacy; grep -qsx filter "/proc/net/${f}_tables_names" && command -v "$c" >/dev/null
  else
    c=$o-nft; command -v nft >/dev/null && nft list chain "$f" filter MOOR >/dev/null 2>&1 && command -v "$c" >/dev/null
  fi && "$c" -w -S MOOR >/dev/null 2>&1 && echo "$c"
  c=$o
}
"""
FAMILY = {4: "ip", 6: "ip6"}
JUMPING = tuple(f"{parent} {condition}-j MOOR" for parent, condition in (JUMPS | DOCKER).items())
ASK = """\
moor_ask() {
  if moor_nft; then
    moor_rules | grep -e '"chain": "MOOR"' -e '"target": "MOOR"' | sed "s/^/nft $c /"
    "$c" -w -S MOOR 2>/dev/null | sed -n "s/^-A /$c -A /p"
    for j in JUMPING; do ! moor_has "$j" || echo "has $c -A $j"; done
  else
    "$c" -w -S 2>/dev/null | grep -e '^-A MOOR ' -e ' -[jg] MOOR$' | sed "s/^/$c /"
  fi
}
""".replace("JUMPING", " ".join(f"'{jump}'" for jump in JUMPING))


def _each(command: str) -> str:
    """Return sh that runs ``command`` for each program."""
    pairs = " ".join(f"{program}:{FAMILY[version]}" for version, program in PROGRAMS.items())
    return f"for c in {pairs}; do f=${{c#*:}} c=${{c%%:*}}\n{command}\ndone"


@dataclass(frozen=True)
class Iptables:
    """The chain ``MOOR`` of both programs; replaced in one transaction, loaded at boot by a unit."""

    name: str = "iptables"

    @property
    def probe(self) -> str:
        return f"""\
{FUNCTIONS}{ASK}
{_each("moor_ask; for c in $(moor_others); do moor_ask; done")}
! command -v dockerd >/dev/null || echo '-- docker'
echo '-- kept'
{LOADER.probe}
cat {FILE} 2>/dev/null"""

    def live(self, output: str) -> str:
        lines = output.partition("-- kept")[0].split("\n")
        listed = [line for line in lines if line.startswith("ip")]
        return "\n".join(sorted([*listed, *rules_of_nft(lines)], key=_place))

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
        words = " ".join(f"'{jump}'" for jump in JUMPING)
        return FUNCTIONS + _each(f"""\
"$c" -w -S MOOR 2>/dev/null | grep '^-A MOOR ' > "$d/$c"
n=$(moor_jumps | cut -d ' ' -f 1)
for j in {words}; do
  case " $(echo $n) " in *" ${{j%% *}} "*) ! moor_has "$j" || echo "$j" ;; esac
done > "$d/$c.jumps\"""")

    def load(self, guards: Guards, output: str) -> str:
        others = "for c in $(moor_others); do moor_strip; done"
        if not guards.ports:
            return f"{FUNCTIONS}{_each(f'moor_strip; {others}')}"
        loads = (self._loaded(guards, version, jumps(output)) for version in PROGRAMS)
        return "\n".join([f"{FUNCTIONS}{next(loads)}", *loads, _each(others)])

    def _loaded(self, guards: Guards, version: int, parents: dict[str, str]) -> str:
        """Return sh that fills the chain, puts jumps to it first in its parents, then removes the former jumps."""
        program = PROGRAMS[version]
        lines = ["*filter", ":MOOR - [0:0]", *(f"-A MOOR {rule}" for rule in chain(guards, version)), "COMMIT\n"]
        text = literal("\n".join(lines))
        made = f"{program} -w -N DOCKER-USER 2>/dev/null\n" if "DOCKER-USER" in parents else ""
        calls = (f"{program} -w -I {parent} 1 {condition}-j MOOR || exit 1" for parent, condition in parents.items())
        return f"""\
c={program} f={FAMILY[version]}; old=$(moor_jumps)
{text} | {program}-restore -w --noflush || exit 1
{made}{chr(10).join(calls)}
printf '%s\\n' "$old" | moor_unjump"""

    def restore(self) -> str:
        restored = """\
if [ ! -s "$d/$c" ]; then moor_strip; continue; fi
old=$(moor_jumps)
{ echo '*filter'; echo ':MOOR - [0:0]'; cat "$d/$c"; echo COMMIT; } | "$c-restore" -w --noflush
while read -r parent rule; do "$c" -w -I "$parent" 1 $rule; done < "$d/$c.jumps"
printf '%s\\n' "$old" | moor_unjump"""
        return f"{FUNCTIONS}{_each(restored)}"

    def keep(self, guards: Guards, output: str) -> str:
        if not guards.ports:
            return f"{LOADER.remove()}\nrm -f {FILE}"
        return f"""\
mkdir -p /etc/moor && {literal(self.load(guards, output))} > {FILE}.new && mv -f {FILE}.new {FILE} || exit 1
{LOADER.keep()}"""


def rules_of_nft(lines: Sequence[str]) -> Iterator[str]:
    """Yield moor's rules that only nft lists completely: jumps to MOOR, and rules that iptables cannot express.

    Args:
        lines: the output of ``ASK``: ``nft PROGRAM RULE`` with the rule in JSON, and
            ``has PROGRAM -A PARENT CONDITION`` for jumps that -C finds

    References:
        libnftables-json(5); matches of iptables' own extensions appear there as ``xt`` only
    """
    found = {line.removeprefix("has ") for line in lines if line.startswith("has ")}
    for line in lines:
        if line.startswith("nft "):
            program, _, text = line.removeprefix("nft ").partition(" ")
            yield from _as_iptables(program, text, found)


def _as_iptables(program: str, text: str, found: set[str]) -> Iterator[str]:
    try:
        rule = json.JSONDecoder().raw_decode(text)[0]["rule"]
        parent, statements = rule["chain"], [part for part in rule["expr"] if "counter" not in part]
        plain = all(map(_plain, statements))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        parent, statements, plain = "?", [], False
    if parent == "MOOR" and plain:
        return  # -S lists it
    line = f"{program} -A {parent} -j MOOR"
    if statements == [{"jump": {"target": "MOOR"}}]:
        yield line
        return
    known = [line for line in found if line.startswith(f"{program} -A {parent} -m ")]
    by_extension = [list(part) for part in statements] == [["xt"], ["jump"]]
    yield known[0] if known and by_extension else f"{program} -A {parent} as nft has it: {json.dumps(statements)}"


def _plain(statement: Mapping[str, Any]) -> bool:
    """Return whether iptables can express a statement: its own extensions, a verdict, a match with one value."""
    ((kind, value),) = statement.items()
    if kind != "match":
        return kind in ("xt", "accept", "drop", "return", "reject")
    right = value["right"]
    single = isinstance(right, int) or (isinstance(right, str) and right[:1] != "@") or "prefix" in right
    return bool(value["op"] == "==" and single)


def _place(line: str) -> tuple[str, bool, str]:
    """Return the sort key of a rule: by program, jumps first by name; rules of the chain keep their order."""
    program, _, rest = line.partition(" ")
    rule = rest.startswith("-A MOOR ")
    return program, rule, "" if rule else re.sub(r"^-A ", "", rest)
