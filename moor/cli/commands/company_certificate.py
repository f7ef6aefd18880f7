"""The actions of cert request and cert install."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nornir.core import Nornir

from moor.cli.commands.running import open_fleet, print_safely, print_source, print_warning, run_and_report, runbook_of
from moor.cli.options import DIFFERS, Options
from moor.errors import InputError, controller_error_text
from moor.folding import fold
from moor.run.protocols.certifying import Installation, company_certificate_of
from moor.run.report import RunReport
from moor.run.selection import registry_for
from moor.secrets import private_files

RUNBOOK = "company_certificate"


def request(options: Options, out: Path | None, kind: Literal["ec", "rsa"] | None) -> int:
    """Print the request, or write it to ``out``, and say what to do next; return 0."""
    with open_fleet(options, dry_run=True) as nr:
        company = company_certificate_of(runbook_of(nr, RUNBOOK))
        made = company.request(registry_for(nr, "cert request"), kind)
    if out:
        write_request(out, made.pem)
        print_safely(f"{out}: written")
    else:
        print_source(made.pem.rstrip())
    print_warning(
        f"{'the request that waits for its certificate' if made.reused else 'a new request'}, for {made.names}; its "
        f"key is {made.key_file}, and stays there\n"
        "next: have your CA sign it, for a server, with all these names; then moor cert install CHAIN"
    )
    return 0


def write_request(out: Path, pem: str) -> None:
    """Write the request to a file; raise InputError if that fails."""
    try:
        private_files.write(out, pem.encode(), 0o644)
    except OSError as error:
        words = controller_error_text(error) or error.strerror or str(error)
        raise InputError(f"--out {out}: {words}; name another file, the request is kept meanwhile") from error


def install(options: Options, chain: Path, ca: Path | None) -> int:
    """Install the certificate: 0 done, 2 only its CA was put beside the former one, 1 error."""
    with open_fleet(options, dry_run=True) as nr:
        company = company_certificate_of(runbook_of(nr, RUNBOOK))
        installation = company.judge(registry_for(nr, "cert install"), chain, ca)
        for note in installation.notes:
            print_warning(note)
        if installation.lacking == "ca":
            print_safely(installation.add_ca())
            return DIFFERS
        if installation.lacking == "trust":
            refuse_untrusted(nr, options, installation)
        print_safely(installation.install())
    return 0


def refuse_untrusted(nr: Nornir, options: Options, installation: Installation) -> None:
    """Check on every host that it trusts the new certificate's CA.

    Raises:
        InputError: some hosts do not, or cannot be asked.
    """
    report = run_and_report(nr, runbook_of(nr, RUNBOOK), options, "cert install")
    if doubtful := doubtful_hosts(report):
        raise InputError(
            f"{fold(doubtful, ', ')}: not known to trust {installation.authority}, so the present certificate stays; "
            "moor apply trust docker podman containerd, or take them out of the inventory, then the same command again"
        )


def doubtful_hosts(report: RunReport) -> list[str]:
    """Return the hosts that failed, or that differ in what makes them trust the registry."""
    return sorted(
        name
        for name, host in report.hosts.items()
        if host.error or host.unexamined or any(one.status != "ok" for one in host.resources)
    )
