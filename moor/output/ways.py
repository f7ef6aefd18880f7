"""The answer to ``moor path`` as text and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from moor.folding import fold
from moor.path.answer import HostWay, PathAnswer, WayPair
from moor.path.rules import Decision
from moor.path.space import Flow
from moor.path.trace import Way

SCHEMA = 1
HOST = "\0"  # stands for the name of the host, so that hosts with the same way share its lines
OPEN = {"open": "open", "shut": "SHUT", "unsure": "unsure"}


def render_ways(answer: PathAnswer) -> str:
    """Return the ways as text; hosts with the same way together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for way in answer.ways:
        alike.setdefault(tuple(_lines(way)), []).append(way.host)
    blocks = [[line.replace(HOST, fold(hosts)) for line in lines] for lines, hosts in alike.items()]
    blocks += [_list(f"the plan changes at {name}:", lines) for name, lines in answer.changed.items()]
    blocks += [_list(f"{name} was not read:", words.splitlines()) for name, words in answer.unread.items()]
    return "\n\n".join("\n".join(block) for block in blocks)


def _list(head: str, lines: Sequence[str]) -> list[str]:
    return [head, *(f"  {line}" for line in lines)]


def _lines(way: HostWay) -> Iterator[str]:
    now, planned = OPEN[way.now.verdict], OPEN[way.planned.verdict]
    yield f"{HOST} to {way.to}: {now} now, {planned} after the plan"
    yield from _pair(way.now, way.host)
    if differs := list(_differing(way)):
        yield "  after the plan:"
        yield from differs


def _pair(pair: WayPair, host: str) -> Iterator[str]:
    yield from _way(pair.out, host, pair.out.flow)
    if pair.back:
        yield "  its answers:"
        yield from _way(pair.back, host, pair.out.flow)


def _differing(way: HostWay) -> Iterator[str]:
    """Yield the steps that are others after the plan, of both directions."""
    flow = way.now.out.flow
    for one, other in ((way.now.out, way.planned.out), (way.now.back, way.planned.back)):
        if one and other:
            known = set(_way(one, way.host, flow))
            yield from (line for line in _way(other, way.host, flow) if line not in known)


def _way(way: Way, host: str, flow: Flow) -> Iterator[str]:
    for step in way.steps:
        where = re.sub(f" {re.escape(str(flow.source))}$", f" {HOST}", step.where)
        yield f"    {HOST if step.who == host else step.who}: {where}: {_does(step.decision)}"
    if way.gap:
        yield f"    {way.gap}"


def _does(decision: Decision) -> str:
    doubts = f", unless by {decision.unsure[0]}" if decision.unsure else ""
    by = decision.rule if decision.rule.startswith("no ") else f"by {decision.rule}"
    return f"{'passes' if decision.permits else 'SHUT'}, {by}{doubts}"


def ways_json(answer: PathAnswer) -> str:
    """Return the ways as JSON."""
    document = {
        "schema": SCHEMA,
        "ways": [
            {"host": one.host, "to": one.to, "now": _pair_data(one.now), "planned": _pair_data(one.planned)}
            for one in answer.ways
        ],
        "changed": {name: list(lines) for name, lines in answer.changed.items()},
        "unread": dict(answer.unread),
    }
    return json.dumps(document, indent=2)


def _pair_data(pair: WayPair) -> dict[str, object]:
    return {"verdict": pair.verdict, "out": _way_data(pair.out), "back": _way_data(pair.back) if pair.back else None}


def _way_data(way: Way) -> dict[str, object]:
    steps = [
        {
            "on": step.who, "at": step.where, "passes": step.decision.permits, "by": step.decision.rule,
            "unless": list(step.decision.unsure),
        }
        for step in way.steps
    ]  # fmt: skip
    return {
        "from": str(way.flow.source), "to": str(way.flow.destination), "verdict": way.verdict, "gap": way.gap,
        "steps": steps,
    }  # fmt: skip
