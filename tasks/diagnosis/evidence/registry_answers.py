"""Evidence from answers of the registry, messages of a pull, and name resolution; pure."""

from __future__ import annotations

from collections.abc import Mapping

from moor.engine.plan import printable_line
from moor.tasks.diagnosis.evidence.nsswitch import corrected_line, hidden_by
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest
from moor.tasks.diagnosis.messages.explain import explain
from moor.tasks.diagnosis.messages.fields import FleetRegistry

LONGEST = 400  # characters of a host's value that are shown


def name_evidence(fields: Mapping[str, str], request: ProbeRequest) -> dict[str, str]:
    """Add why nsswitch.conf hides the name although hosts file or DNS knows it, and the corrected line."""
    line = " ".join(fields.get("nsswitch", "").split())
    knows = [source for source in ("files", "dns") if fields.get(source, "").split()]
    why = "" if fields.get("found", "").strip() else next(filter(None, (_why(line, request, s) for s in knows)), "")
    return {**fields, "kept_back": why, "nsswitch": line, "corrected": corrected_line(line) if why else ""}


def _why(line: str, request: ProbeRequest, source: str) -> str:
    return hidden_by(line, request.endpoint.name, source)


def endpoint_registry(request: ProbeRequest) -> FleetRegistry:
    """Return the registry that a node is asked about, to compare messages with."""
    return FleetRegistry(
        request.endpoint.host_port,
        frozenset({request.endpoint.name}),
        frozenset(request.endpoint.addresses),
        own=request.endpoint.own,
        makes_robots=request.endpoint.makes_robots,
    )


def explain_answer(fields: Mapping[str, str], what: str, request: ProbeRequest, host: str) -> dict[str, str]:
    """Explain an unexpected answer of the registry, or of a proxy in front of it, by its status and message."""
    status = fields.get(what, "")
    if not status or status in ("200", "401", "404"):
        return {}
    page = " text/html" if "html" in fields.get(f"{what}_type", "") else ""
    words = f"HTTP {status}{page} from https://{request.endpoint.host_port}/v2/: {fields.get(f'{what}_said', '')}"
    known = explain(words, endpoint_registry(request), host)[:1]
    look = f"run on {host}: curl -si https://{request.endpoint.host_port}/v2/ shows which server answers"
    cause, mend = (known[0].cause, known[0].mend) if known else ("moor does not know this answer", look)
    return {"meaning": cause, "said_mend": mend, "location": fields.get(f"{what}_location", "")}


def explain_pull(answer: str, request: ProbeRequest, host: str) -> dict[str, str]:
    """Explain the message of a failed pull."""
    known = explain(last_line(answer), endpoint_registry(request), host)[:1]
    look = f"run on {host}: journalctl -u {request.unit}, which has the whole message"
    cause, mend = (known[0].cause, known[0].mend) if known else ("moor does not know this message", look)
    return {"cause": cause, "mend": mend}


def last_line(answer: str) -> str:
    """Return the last line that the runtime printed during a pull."""
    words = [line for line in answer.splitlines() if line.strip() and not line.startswith("moor: ")]
    return words[-1][-LONGEST:] if words else "it printed nothing"


def clean(value: str) -> str:
    """Return a host's text as one short line that is safe on a terminal."""
    return printable_line(" ".join(value.split()))[:LONGEST]


def yes_no(truth: bool) -> str:
    """Return ``yes`` or ``no``, as fields have it."""
    return "yes" if truth else "no"
