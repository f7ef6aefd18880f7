"""The action of import: read hosts and registry, propose a site, print or write it."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from moor.cli.commands.import_options import ImportOptions
from moor.cli.commands.import_site import refuse_missing, site_to_read
from moor.cli.commands.running import (
    open_fleet,
    print_safely,
    print_source,
    print_warning,
    progress_printer,
    refuse_other_output,
    runbook_of,
)
from moor.cli.commands.screen import working
from moor.cli.options import Options, Output
from moor.errors import InputError
from moor.folding import fold
from moor.init.facts import registry_fault
from moor.init.host_specs import is_address
from moor.inventory.files import FleetInventory
from moor.run.protocols.proposing import ProposedInventory, SurveyRequest, export_of, survey_of
from moor.secrets.secret import absolute_reference
from moor.settings import prefix_errors
from moor.settings.config import CONFIG, InventoryOptions, read_config

SCHEMA = 1
PATHS = ("key_file", "known_hosts")  # extras of a connection that are relative to the site
IGNORED = "# moor's state and secrets stay out of version control; back them up.\n.moor/\nsecrets/\n"


def import_(options: Options, hosts: Sequence[str], wanted: ImportOptions) -> int:
    """Propose the inventory of a running fleet: 0 if every host was read, else 1, with a proposal from the others."""
    refuse_other_output(options, "import: it prints")
    if wanted.write:
        _refuse_full(wanted.write)
    refuse_missing(wanted)
    request = _request(wanted)
    with site_to_read(options, hosts, wanted) as (site, own):
        proposed = _proposed(replace(options, site=site), request)
        files = read_config(site).inventory.options
        if own and not wanted.write and not request.account:
            _refuse_invalid(site, files, proposed)
            _show(options, proposed, site)
        else:
            with _draft(site, own, proposed, files) as draft:
                proposed = _with_account(replace(options, site=draft, limit=None), proposed, files, request)
                _keep(options, wanted, proposed, draft) if wanted.write else _show(options, proposed, None)
    _warn(options, wanted, proposed)
    return 1 if proposed.unread else 0


def _proposed(options: Options, request: SurveyRequest) -> ProposedInventory:
    """Read the hosts of a site, and its registry where the site says how to ask it."""
    with open_fleet(options, dry_run=True) as nr:
        hosts = len(nr.inventory.hosts)
        progress_printer(options)(f"import: reads {hosts} host{'s' * (hosts != 1)}; nothing is changed")
        with working(f"read {hosts} host{'s' * (hosts != 1)}", options.quiet):
            return survey_of(runbook_of(nr, "survey")).proposed(nr, request)


def _with_account(
    options: Options, proposed: ProposedInventory, files: InventoryOptions, request: SurveyRequest
) -> ProposedInventory:
    """Return a proposal that is known to be valid, with what the registry says where there is an account."""
    assert options.site  # noqa: S101  # the directory of the draft
    if request.account:
        proposed = _with_registry(options, proposed, files, request)
        _fill(options.site, proposed)
    try:
        with open_fleet(replace(options, quiet=True), dry_run=True):
            return proposed
    except InputError as error:
        words = "leave --write and --account out; then the difference to the present files is printed, for patch -p1"
        raise InputError(f"{error}\nthe proposal is no site in a directory of its own; {words}") from None


def _refuse_invalid(site: Path, files: InventoryOptions, proposed: ProposedInventory) -> None:
    """Load the proposed inventory in place of the present one; raise InputError with every fault."""
    with tempfile.TemporaryDirectory(prefix="moor-import-") as made:
        _fill(Path(made), proposed)
        hosts, groups, defaults = (
            str(Path(made, path)) for path in (files.host_file, files.group_file, files.defaults_file)
        )
        FleetInventory(hosts, groups, defaults, read_config(site).user_defined.moor).load()


def _refuse_full(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()):
        raise InputError(f"import: {target} is not empty, and nothing is written over; name a new directory by --write")
    if target.exists() and not target.is_dir():
        raise InputError(f"import: {target} is no directory; name a new one by --write")


def _request(wanted: ImportOptions) -> SurveyRequest:
    account = None
    if wanted.account:
        user, equals, reference = wanted.account.partition("=")
        if not equals or not user:
            raise InputError("import: --account is USER=file:PATH or USER=env:NAME; a password is not written there")
        with prefix_errors("import: --account"):
            account = user, absolute_reference(reference, Path.cwd())
    if words := registry_fault(wanted.registry):
        raise InputError(f"import: --registry {words}")
    if wanted.address and not is_address(wanted.address):
        raise InputError(
            f"import: --address {wanted.address}: not an IP address; write the registry's, such as 10.0.0.5"
        )
    kubeconfig = str(wanted.kubeconfig.expanduser().absolute()) if wanted.kubeconfig else ""
    return SurveyRequest(fold, wanted.registry, wanted.address, account, kubeconfig)


@contextmanager
def _draft(site: Path, own: bool, proposed: ProposedInventory, files: InventoryOptions) -> Iterator[Path]:
    """Yield a directory with the proposed site."""
    with tempfile.TemporaryDirectory(prefix="moor-import-") as made:
        draft = Path(made)
        (draft / CONFIG).write_bytes((site / CONFIG).read_bytes())
        (draft / ".gitignore").write_text(IGNORED)
        _fill(draft, proposed)
        for path in (files.host_file, files.group_file, files.defaults_file):
            if own and (draft / path).is_file():
                (draft / path).write_text(_with_absolute_paths((draft / path).read_text(), site))
        yield draft


def _fill(draft: Path, proposed: ProposedInventory) -> None:
    for path, text in proposed.files.items():
        target = draft / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _with_absolute_paths(text: str, site: Path) -> str:
    """Return a file of the inventory that means the same in another directory: key files and known_hosts."""

    def absolute(found: re.Match[str]) -> str:
        path = found[3]
        return f"{found[1]}: {found[2]}{path if path.startswith(('/', '~')) else site / path}"

    return re.sub(rf"\b({'|'.join(PATHS)}): *([\"']?)([^\s,}}#\"']+)", absolute, text)


def _with_registry(
    options: Options, proposed: ProposedInventory, files: InventoryOptions, request: SurveyRequest
) -> ProposedInventory:
    """Return the proposal with what the registry's API says, asked by the account."""
    with open_fleet(options, dry_run=True) as nr:
        progress_printer(options)("import: reads projects and configuration from Harbor's API")
        with working("read the configuration of Harbor", options.quiet):
            exported = export_of(runbook_of(nr, "export")).exported(nr)
        survey = survey_of(runbook_of(nr, "survey"))
    whole = survey.extended(proposed, files.defaults_file, exported.data, "Harbor", request)
    left = [f"left out: {words}" for words in exported.left_out]
    return replace(whole, questions=[*whole.questions, *left], secrets={**whole.secrets, **exported.secrets})


def _show(options: Options, proposed: ProposedInventory, site: Path | None) -> None:
    """Print the proposal: whole files, or how they differ from those of a site."""
    if options.output is Output.json:
        print_safely(json.dumps({"schema": SCHEMA, **asdict(proposed)}, indent=2))
        return
    files = sorted(proposed.files.items(), key=_rank)
    shown = [words for path, text in files if text and (words := _text(path, text, site))]
    print_source("\n".join(shown) or "the inventory says all of it already")


def _keep(options: Options, wanted: ImportOptions, proposed: ProposedInventory, draft: Path) -> None:
    """Write the proposed site, and say what comes next."""
    assert wanted.write  # noqa: S101  # asked before
    shutil.copytree(draft, wanted.write, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".moor"))
    print_safely(f"written to {wanted.write}; compare it with the fleet: moor plan --site {wanted.write}")


def _warn(options: Options, wanted: ImportOptions, proposed: ProposedInventory) -> None:
    """Print on standard error what a person has to do; JSON has it already, but for hosts that were not read."""
    if wanted.write or options.output is not Output.json:
        for reference, what in proposed.secrets.items():
            print_warning(f"fill in {reference}: {what}")
        for question in proposed.questions:
            print_warning(question)
    for name, why in proposed.unread.items():
        print_warning(f"{name} was not read: {why}")


def _rank(item: tuple[str, str]) -> tuple[bool, str]:
    return not item[0].endswith(".yaml"), item[0]


def _text(path: str, text: str, site: Path | None) -> str:
    """Return a file whole, or how it differs from the one that is there."""
    there = site / path if site else None
    if there is None or not there.is_file():
        return f"# {path}\n{text}" if site is None else _difference("", text, path)
    return _difference(there.read_text(encoding="utf-8"), text, path)


def _difference(before: str, after: str, path: str) -> str:
    """Return a difference that patch and git apply understand; empty if there is none."""
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, f"a/{path}" if before else "/dev/null", f"b/{path}")).rstrip("\n")
