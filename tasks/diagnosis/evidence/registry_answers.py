"""What a registry's answer or a pull's words mean, and why a name is not found, in fields; pure."""

from __future__ import annotations

from collections.abc import Mapping

from moor.engine.plan import printable_line
from moor.tasks.diagnosis.evidence.nsswitch import corrected_line, hidden_by
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest
from moor.tasks.diagnosis.messages.explain import explain
from moor.tasks.diagnosis.messages.fields import FleetRegistry

LONGEST = 400  # letters of one value that a host may have shown


def name_evidence(fields: Mapping[str, str], asked: ProbeRequest) -> dict[str, str]:
    """Add whether nsswitch.conf keeps the name from being found, though one of its sources knows it."""
    line = " ".join(fields.get("nsswitch", "").split())
    knows = [source for source in ("files", "dns") if fields.get(source, "").split()]
    why = "" if fields.get("found", "").strip() else next(filter(None, (_why(line, asked, s) for s in knows)), "")
    return {**fields, "kept_back": why, "nsswitch": line, "corrected": corrected_line(line) if why else ""}


def _why(line: str, asked: ProbeRequest, source: str) -> str:
    return hidden_by(line, asked.door.name, source)


def endpoint_registry(asked: ProbeRequest) -> FleetRegistry:
    """Return the registry that a node is asked about."""
    return FleetRegistry(asked.door.host_port, frozenset({asked.door.name}), frozenset(asked.door.addresses))


def explain_answer(fields: Mapping[str, str], what: str, asked: ProbeRequest, host: str) -> dict[str, str]:
    """Explain an answer of the registry, or of what stands before it, by its status and its words."""
    status = fields.get(what, "")
    if not status or status in ("200", "401", "404"):
        return {}
    page = " text/html" if "html" in fields.get(f"{what}_type", "") else ""
    words = f"HTTP {status}{page} from https://{asked.door.host_port}/v2/: {fields.get(f'{what}_said', '')}"
    known = explain(words, endpoint_registry(asked), host)[:1]
    look = f"run on {host}: curl -si https://{asked.door.host_port}/v2/ shows who answers"
    cause, mend = (known[0].cause, known[0].mend) if known else ("nothing is known of that", look)
    return {"meaning": cause, "said_mend": mend, "location": fields.get(f"{what}_location", "")}


def explain_pull(answer: str, asked: ProbeRequest, host: str) -> dict[str, str]:
    """Explain what a pull said where it failed."""
    known = explain(last_line(answer), endpoint_registry(asked), host)[:1]
    look = f"run on {host}: journalctl -u {asked.unit}, which has the whole message"
    cause, mend = (known[0].cause, known[0].mend) if known else ("nothing is known of these words", look)
    return {"cause": cause, "mend": mend}


def last_line(answer: str) -> str:
    """Return the last line that a pull itself said."""
    words = [line for line in answer.splitlines() if line.strip() and not line.startswith("moor: ")]
    return words[-1][-LONGEST:] if words else "it said nothing"


def clean(value: str) -> str:
    """Make a host's text one short line that is safe on a terminal."""
    return printable_line(" ".join(value.split()))[:LONGEST]


def yes_no(truth: bool) -> str:
    """Return a truth as a field has it: ``yes`` or ``no``."""
    return "yes" if truth else "no"
