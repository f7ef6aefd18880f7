"""A program over a site, as its author's type checker sees it.

Where a comment says that a line is wrong, ``mypy --strict`` has to find it so; a type that became Any would not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import assert_type

from moor import (
    ApplyResult,
    Batches,
    Cause,
    Change,
    DriftResult,
    ErrorKind,
    FleetFinding,
    HostError,
    HostResult,
    InputError,
    MoorError,
    PlanResult,
    Proof,
    ProofResult,
    RunResult,
    Site,
    open_site,
)


def remedies(site: Site) -> list[str]:
    """List the remedies of what a diagnosis finds."""
    found = site.diagnose("sqrt", namespaces=("demo",), pull=True, limit="nodes")
    assert_type(found, ProofResult)
    causes: list[Cause] = [cause for proof in found.proofs for cause in proof.causes]
    return [f"{cause.cause}: {cause.mend}" for cause in causes]


def tell(result: RunResult) -> str:
    """Return one line about a run."""
    assert_type(result.started, datetime)
    assert_type(result.hosts, Mapping[str, HostResult])
    kinds: set[ErrorKind] = {host.error_kind for host in result.hosts.values() if host.error_kind}
    findings: tuple[FleetFinding, ...] = result.findings
    return f"{result.run}: {sorted(kinds)} {[one.remedy for one in findings]}"


def mend(directory: Path) -> int:
    """Change what differs, and return an exit code."""
    try:
        with open_site(directory) as site:
            assert_type(site, Site)
            planned = site.plan("trust", limit="nodes", only=("file",), skip=["service"], start_at="trust_ca")
            assert_type(planned, PlanResult)
            changes: tuple[Change, ...] = planned.changes
            if not planned.differs:
                return 0
            done = site.apply("trust", ticket="CHG-1", batches=Batches(batch="10%", canary=1, pause_s=0.5))
            assert_type(done.stopped, str)
            assert_type(done, ApplyResult)
            done.raise_for_failures()
            assert_type(done.changed, bool)
            assert_type(site.plan(save_to="plan.json"), PlanResult)
            assert_type(site.apply_plan(Path("plan.json"), limit="nodes", ticket="CHG-1"), ApplyResult)
            checked = site.drift()
            assert_type(checked, DriftResult)
            proofs: tuple[Proof, ...] = site.verify().proofs
            planned.failed = True  # type: ignore[misc]  # wrong: a result does not change
            site.plan(limit=3)  # type: ignore[arg-type]  # wrong: a limit is words
            print(site.hosts["x"])  # type: ignore[call-overload]  # wrong: names in their order
            print(planned.holds)  # type: ignore[attr-defined]  # wrong: a plan proves nothing
            return 0 if checked.clean and not [one for one in proofs if one.error] else len(changes)
    except HostError as error:
        return 1 if error.kind is ErrorKind.UNREACHABLE else 2
    except InputError:
        return 3
    except MoorError:
        return 4
