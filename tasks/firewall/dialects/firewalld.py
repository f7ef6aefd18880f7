"""The dialect of firewalld: rich rules with two priorities of moor's, in every zone that traffic enters through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from moor.resources.base import literal
from moor.tasks.firewall.dialects.guards import VERSIONS, Guards

# Priorities of moor's rules, by which they are recognised; they come before rules without a priority.
ADMIT, REFUSE = -7700, -7699
OURS = f"""grep -e 'priority="{ADMIT}"' -e 'priority="{REFUSE}"'"""
TYPES = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


def rules(guards: Guards) -> Iterator[str]:
    """Yield the rich rules as firewalld prints them.

    References:
        firewalld.richlanguage(5)
    """
    for guard in guards.ports:
        port = f'port port="{guard.port}" protocol="tcp"'
        for version in VERSIONS:
            family = f'family="ip{"v4" if version == 4 else "v6"}"'
            for network in guard.of(version):
                yield f'rule priority="{ADMIT}" {family} source address="{network}" {port} accept'
            refusal = "drop" if guards.refuse == "drop" else f'reject type="{TYPES[version]}"'
            yield f'rule priority="{REFUSE}" {family} {port} {refusal}'


# Docker's zone has only its bridges; no traffic enters the host through it.
ZONES = """\
zones=$({ firewall-cmd --get-default-zone; firewall-cmd --get-active-zones | grep '^[^ ]' | cut -d' ' -f1; } |
  sort -u | grep -vx docker)"""

PROBE = f"""\
{ZONES}
for z in $zones; do
  echo "zone $z"
  firewall-cmd --zone="$z" --list-rich-rules | {OURS} | sed "s/^/live $z: /"
  firewall-cmd --permanent --zone="$z" --list-rich-rules | {OURS} | sed "s/^/kept $z: /"
  if {{ nft list chain inet firewalld "filter_IN_${{z}}_pre" || iptables -w -S "IN_${{z}}_pre"; }} 2>/dev/null |
    grep -q 'dport'; then echo "loaded $z: "; fi
done"""

SET = f"""\
moor_zone() {{ # ZONE FILE [--permanent]
  z=$1 f=$2 k=${{3:-}}; set --
  firewall-cmd $k --zone="$z" --list-rich-rules | {OURS} > "$d/now"
  while IFS= read -r r; do grep -qxF -e "$r" "$d/now" || set -- "$@" "--add-rich-rule=$r"; done < "$f"
  [ $# = 0 ] || firewall-cmd -q $k --zone="$z" "$@" || return 1
  set --
  while IFS= read -r r; do grep -qxF -e "$r" "$f" || set -- "$@" "--remove-rich-rule=$r"; done < "$d/now"
  [ $# = 0 ] || firewall-cmd -q $k --zone="$z" "$@"
}}"""


def _part(output: str, word: str) -> list[str]:
    """Return the rest of the lines that begin with ``word``, sorted by zone, refusals last."""
    return sorted(
        (line.removeprefix(f"{word} ") for line in output.splitlines() if line.startswith(f"{word} ")), key=_place
    )


def _place(line: str) -> tuple[str, bool, str]:
    zone, _, rule = line.partition(":")
    return zone, f'priority="{REFUSE}"' in rule, rule


@dataclass(frozen=True)
class Firewalld:
    """Rich rules in the default zone and all active ones; firewalld loads them at boot and at a reload."""

    name: str = "firewalld"

    @property
    def probe(self) -> str:
        return PROBE

    def live(self, output: str) -> str:
        loaded = tuple(_part(output, "loaded"))
        lines = _part(output, "live")
        return "\n".join(line if line.startswith(loaded) else f"{line} # not in the kernel" for line in lines)

    def render(self, guards: Guards, output: str) -> str:
        return "\n".join(self._wanted(guards, output))

    def _wanted(self, guards: Guards, output: str) -> list[str]:
        return sorted((f"{zone}: {rule}" for zone in _part(output, "zone") for rule in rules(guards)), key=_place)

    def kept(self, guards: Guards, output: str) -> bool:
        return _part(output, "kept") == self._wanted(guards, output)

    def snapshot(self) -> str:
        # the rules are set in these zones alone, and each further one would cost a start of Python
        return f"""\
{ZONES}
for z in $zones; do
  firewall-cmd --zone="$z" --list-rich-rules | {OURS} > "$d/zone.$z"
done"""

    def load(self, guards: Guards, output: str) -> str:
        lost = "# not in the kernel" in self.live(output)
        return f"{'firewall-cmd -q --reload' if lost else ':'}\n{self._set(guards, output, '')}"

    def _set(self, guards: Guards, output: str, option: str) -> str:
        content = "".join(f"{rule}\n" for rule in rules(guards))
        zones = " ".join(_part(output, "zone"))
        return f"""\
{SET}
{literal(content)} > "$d/rules"
for zone in {zones}; do moor_zone "$zone" "$d/rules" {option} || exit 1; done"""

    def restore(self) -> str:
        return f"""\
{SET}
for file in "$d"/zone.*; do moor_zone "${{file##*/zone.}}" "$file"; done"""

    def keep(self, guards: Guards, output: str) -> str:
        return self._set(guards, output, "--permanent")
