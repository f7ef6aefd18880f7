"""What a host's firewall does with one packet: the chains of each hook in the order of their priorities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from moor.path.kernel.packet import KernelRule, Packet, Ruleset
from moor.path.rules import Decision

DEEPEST = 32  # jumps; the kernel itself allows 16
NO_RULE = "no rule"
LAST = {"drop": "the policy of {}, drop", "accept": NO_RULE}


@dataclass
class _Run:
    """One packet's way through the chains.

    Attributes:
        decided: the last rule that accepted or dropped it
        doubts: rules that might have done otherwise, each with what it does
    """

    ruleset: Ruleset
    packet: Packet
    decided: str = ""
    doubts: list[tuple[str, bool]] = field(default_factory=list)

    def walk(self, rules: Sequence[KernelRule], depth: int = 0) -> str:
        """Return ``accept``, ``drop``, or empty if the chain's end is reached."""
        for rule in rules:
            holds = rule.holds(self.packet)
            if holds is False:
                continue
            if holds is None or rule.action not in KNOWN:
                self._doubt(rule, depth)
                continue
            if rule.action == "return":
                return ""
            if rule.action in ("accept", "drop"):
                self.decided = rule.text
                return rule.action
            if rule.action == "dnat":
                self._send_elsewhere(rule)
                return "accept"
            if rule.action in ("jump", "goto") and depth < DEEPEST:
                verdict = self.walk(self.ruleset.chains.get(rule.to, ()), depth + 1)
                if verdict or rule.action == "goto":
                    return verdict
        return ""

    def _doubt(self, rule: KernelRule, depth: int) -> None:
        """Note what a rule would do of which it is not known whether it matches."""
        if rule.action in ("accept", "drop"):
            self.doubts.append((rule.text, rule.action == "accept"))
        elif rule.action in ("jump", "goto") and depth < DEEPEST:
            aside = _Run(self.ruleset, self.packet)
            verdict = aside.walk(self.ruleset.chains.get(rule.to, ()), depth + 1)
            self.doubts += aside.doubts
            if verdict:
                self.doubts.append((aside.decided or rule.text, verdict == "accept"))
        elif rule.action and rule.action != "return":
            self.doubts.append((rule.text, False))

    def _send_elsewhere(self, rule: KernelRule) -> None:
        address, port = rule.destination
        flow = self.packet.flow
        new = replace(flow, destination=address or flow.destination, port=port or flow.port)
        self.packet = replace(self.packet, flow=new, original=self.packet.first, local=address is None)


KNOWN = ("accept", "drop", "return", "jump", "goto", "dnat", "")


def decide_at(ruleset: Ruleset, hook: str, packet: Packet) -> tuple[Decision, Packet]:
    """Return what the chains of a hook do with a packet, and the packet as it leaves them."""
    version, run, shown = packet.flow.version, _Run(ruleset, packet), ""
    for base in sorted((one for one in ruleset.bases if one.hook == hook), key=lambda one: one.priority):
        if version not in base.versions:
            continue
        run.decided = ""
        verdict = run.walk(base.rules) or base.policy
        if verdict == "drop":
            text = run.decided or LAST["drop"].format(base.name)
            return Decision(False, text, tuple(doubt for doubt, passes in run.doubts if passes)), run.packet
        shown = run.decided or shown
    return Decision(True, shown or NO_RULE, tuple(doubt for doubt, passes in run.doubts if not passes)), run.packet


def arriving(ruleset: Ruleset, packet: Packet) -> Iterator[tuple[str, Decision]]:
    """Yield each hook with its decision for a packet that comes in to the host; the last one may shut it out."""
    decision, packet = decide_at(ruleset, "prerouting", packet)
    yield "prerouting", decision
    if not decision.permits:
        return
    hook = "input" if packet.local else "forward"
    yield hook, decide_at(ruleset, hook, packet)[0]


def leaving(ruleset: Ruleset, packet: Packet) -> Iterator[tuple[str, Decision]]:
    """Yield the hook with its decision for a packet that the host sends."""
    yield "output", decide_at(ruleset, "output", packet)[0]
