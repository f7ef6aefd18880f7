"""The resource that holds the firewall rules of one host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nornir.core.task import Task

from moor.connections.ssh.second_connection import second_shell
from moor.engine.asking import shell_of
from moor.errors import HostError
from moor.resources.base import State, Streamed
from moor.tasks.firewall.dialects.firewalld import Firewalld
from moor.tasks.firewall.dialects.guards import Dialect, Guards
from moor.tasks.firewall.dialects.iptables import Iptables
from moor.tasks.firewall.dialects.nftables import Nftables
from moor.tasks.firewall.dialects.ufw import Ufw
from moor.tasks.host_undo import Undo, run_fragment

AUTO = "auto"
MANAGERS = ("firewalld", "ufw")  # if one is active, it manages all rules of the host
DIALECTS: Mapping[str, Dialect] = {d.name: d for d in (Nftables(), Iptables(), Firewalld(), Ufw())}
UNDO = Undo("firewall", "rules")
BOUND_S = 120
AT_BOOT = "after a reboot"

# Prints which dialects the host has, and what is active; dialects that it lacks are not probed.
FACTS = """\
has() { command -v "$1" >/dev/null; }
t=
! has nft || t="$t nftables"
! has iptables || ! has ip6tables || t="$t iptables"
! has firewall-cmd || [ "$(firewall-cmd --state 2>/dev/null)" != running ] || t="$t firewalld"
! has ufw || ! ufw status 2>/dev/null | grep -q '^Status: active' || t="$t ufw"
echo "there$t"
! has dockerd || echo docker
for u in netfilter-persistent iptables; do
  ! systemctl is-enabled -q "$u" 2>/dev/null || { echo 'loads iptables'; break; }
done"""


def choose_dialects(facts: Sequence[str], wanted: str) -> list[str]:
    """Return the dialects to use on a host: one, and on a Docker host a second that guards published ports.

    Args:
        facts: the lines that FACTS printed

    Raises:
        HostError: two managers are active, or another one than the inventory says, or the tool is missing
    """
    there = facts[0].split()[1:] if facts else []
    active = [name for name in MANAGERS if name in there]
    if len(active) > 1:
        raise HostError(f"{' and '.join(active)} are both active, and overwrite each other's rules; stop one of them")
    tool = wanted if wanted != AUTO else _found(active, there, facts)
    if active and tool not in active:
        raise HostError(f"data.firewall.tool is {tool}, and {active[0]} is active; stop it, or write tool: {active[0]}")
    if tool not in there:
        raise HostError(_absent(tool))
    below = next((name for name in ("nftables", "iptables") if name in there), "")
    # neither of the managers guards the ports that Docker publishes
    return [tool, *([below] if "docker" in facts and tool in MANAGERS and below else [])]


def _found(active: Sequence[str], there: Sequence[str], facts: Sequence[str]) -> str:
    if active:
        return active[0]
    return "iptables" if "iptables" in there and ("loads iptables" in facts or "nftables" not in there) else "nftables"


def _absent(tool: str) -> str:
    if tool in MANAGERS:
        start = {"ufw": "ufw allow OpenSSH; ufw enable", "firewalld": "systemctl enable --now firewalld"}[tool]
        return f"data.firewall.tool is {tool}, which is not active on the host; start it first: {start}"
    return f"the host has no {tool}; install it (apt-get install {tool}), or write another data.firewall.tool"


@dataclass(frozen=True)
class HostFirewall(Streamed):
    """The guards of a host in the dialect that it runs, with none of moor's rules in any other dialect.

    Attributes:
        wanted: a dialect's name, or ``auto``
        undo_s: seconds after which the host restores the former rules unless moor confirms over a new connection
    """

    guards: Guards
    wanted: str = AUTO
    undo_s: int = 60

    @property
    def id(self) -> str:
        return "firewall:ports"

    @property
    def bound_s(self) -> float:
        return BOUND_S

    def probe(self) -> str:
        parts = (
            f"case \" $t \" in *' {name} '*) printf '\\n== {name}\\n'\n{dialect.probe}\n;; esac"
            for name, dialect in DIALECTS.items()
        )
        return "\n".join([FACTS, *parts, ":"])

    def actual(self, output: str) -> State:
        first, *parts = f"\n{output}".split("\n== ")
        pairs = (part.partition("\n") for part in parts)
        raw = {name: text for name, _, text in pairs if name in DIALECTS}
        seen = {"facts": first.strip(), **{f"{name} said": text for name, text in raw.items()}}
        seen |= {name: DIALECTS[name].live(text) for name, text in raw.items()}
        return {**seen, AT_BOOT: "other rules" if self._not_kept(seen) else "these rules"}

    def desired(self, actual: State | None) -> State:
        seen = actual or {}
        mine = self._chosen(seen)
        wanted = {d.name: self._render(d, d.name in mine, seen) for d in _probed(seen)}
        return {**wanted, AT_BOOT: "these rules"}

    def write(self, task: Task, actual: State | None) -> None:
        seen = actual or {}
        mine, wanted = self._chosen(seen), self.desired(seen)
        changing = [d for d in _probed(seen) if wanted[d.name] != seen[d.name]]
        keeps = [
            d.keep(self._guards(d.name in mine), _output_of(seen, d))
            for d in _probed(seen) if d in changing or d in self._not_kept(seen)
        ]  # fmt: skip
        if not changing:
            run_fragment(task, shell_of(task), UNDO.keep(keeps), BOUND_S)
            return
        loads = [d.load(self._guards(d.name in mine), _output_of(seen, d)) for d in changing]
        snapshots, restores = [d.snapshot() for d in changing], [d.restore() for d in changing]
        armed = UNDO.arm_and_load(snapshots, restores, loads, self.undo_s)
        run_fragment(task, shell_of(task), armed, BOUND_S)
        self._confirm(task, UNDO.disarm_and_keep(keeps))

    def _confirm(self, task: Task, script: str) -> None:
        """Disarm the undo over a new connection, which the new rules have admitted."""
        try:
            with second_shell(task) as shell:
                run_fragment(task, shell, script, BOUND_S)
        except HostError as error:
            raise HostError(
                f"the new rules were loaded, and a new connection failed under them ({error}); "
                f"the host puts its former rules back by itself within {self.undo_s} s. "
                "Does data.access.managers hold the address from which the host sees this machine?"
            ) from error

    def _chosen(self, seen: State) -> list[str]:
        return choose_dialects(str(seen.get("facts", "")).splitlines(), self.wanted) if self.guards.ports else []

    def _guards(self, mine: bool) -> Guards:
        return self.guards if mine else Guards()

    def _render(self, dialect: Dialect, mine: bool, seen: State) -> str:
        return dialect.render(self._guards(mine), _output_of(seen, dialect))

    def _not_kept(self, seen: State) -> list[Dialect]:
        try:
            mine = self._chosen(seen)
        except HostError:
            return []  # ``desired`` reports it
        return [d for d in _probed(seen) if not d.kept(self._guards(d.name in mine), _output_of(seen, d))]


def _probed(seen: State) -> list[Dialect]:
    return [dialect for dialect in DIALECTS.values() if dialect.name in seen]


def _output_of(seen: State, dialect: Dialect) -> str:
    return str(seen.get(f"{dialect.name} said", ""))
