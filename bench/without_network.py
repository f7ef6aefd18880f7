"""What a plan costs moor itself: a fleet of nodes whose connection answers at once with what a right host answers.

    python -m bench.without_network [--hosts 2000] [--profile FILE]

Everything but the network is real: the shipped tasks and runbook, the inventory's files, Nornir, the report, its text.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nornir.core.plugins.connections import ConnectionPluginRegister

from bench.contenders.moor import write
from bench.right_answers import right_answer
from moor import garbage_collection
from moor.cli.commands import running
from moor.cli.options import Options, Output
from moor.connections.names import SHELL
from moor.engine.holds import HELD_HERE
from moor.output import text
from moor.resources.base import Probed
from moor.run.foresight import resources_ahead
from moor.script_result import ScriptResult
from moor.tasks.pki.issue import issue_certificates

NODES = 2000
BLOCK = re.compile(r"printf '\\n(moor-[0-9a-f]{32}) (\d+) begin\\n'\n(.*?)\nprintf '\\n\1 \2 end", re.DOTALL)
CLOCK = re.compile(r"date -u \+(\d+):%s")


class InstantShell:
    """A ``Shell`` that answers each probe from a table; what it costs itself is in ``spent_s``."""

    host_name = "nowhere"
    answers: dict[str, str] = {HELD_HERE.probe(): ""}  # noqa: RUF012  # one table for all
    known: dict[str, bytes] = {}  # noqa: RUF012
    spent_s = 0.0

    def run(self, script: str, timeout_s: float = 300) -> ScriptResult:
        """Answer a script of probes."""
        began = time.thread_time()
        found = BLOCK.search(script)
        assert found, "the form of a probe script has changed"  # noqa: S101
        asked = CLOCK.sub("date", script.replace(found[1], "MARK"))
        if asked not in self.known:
            blocks = BLOCK.findall(CLOCK.sub("date", script))
            InstantShell.known[asked] = "".join(
                f"\nMARK {number} begin\n{self._answer(block)}\nMARK {number} end 0\n" for _, number, block in blocks
            ).encode()
        now = str(int(time.time())).encode()
        stdout = self.known[asked].replace(b"MARK", found[1].encode()).replace(b"NOW", now)
        InstantShell.spent_s += time.thread_time() - began
        return ScriptResult(stdout, b"", 0)

    def _answer(self, block: str) -> str:
        """Return what the fragment in a block of the script is answered."""
        return self.answers[max((fragment for fragment in self.answers if fragment in block), key=len)]


class InstantPlugin:
    """Nornir's connection plugin over an ``InstantShell``."""

    def open(self, *_: Any, **__: Any) -> None:
        """Connect to nothing."""
        self.connection = InstantShell()

    def close(self) -> None:
        """Close nothing."""


def make_site(folder: Path, nodes: int) -> Path:
    """Write a site of the shipped tasks with so many nodes."""
    folder.mkdir()
    (folder / "inventory").mkdir()
    (folder / "passphrase").touch(0o600)
    (folder / "passphrase").write_text("correct horse battery\n")
    write(folder / "config.yaml", {})
    hosts: dict[str, Any] = {"harbor1": {"hostname": "10.0.0.11", "groups": ["harbor"]}}
    for number in range(nodes):
        hosts[f"node{number:05}"] = {"hostname": f"127.1.{number // 250}.{number % 250 + 1}", "groups": ["nodes"]}
    write(folder / "inventory/hosts.yaml", hosts)
    write(folder / "inventory/groups.yaml", {"harbor": {}, "nodes": {"data": {"firewall": {"tool": "nftables"}}}})
    write(folder / "inventory/defaults.yaml", defaults(folder))
    return folder


def defaults(folder: Path) -> dict[str, Any]:
    """Return the inventory's defaults."""
    return {
        "username": "ops",
        "connection_options": {"shell": {"extras": {"known_hosts": str(folder / "known_hosts")}}},
        "data": {
            "registry": {"name": "registry.bench.test", "address": "10.0.0.11"},
            "access": {"groups": ["nodes"], "managers": ["10.0.0.0/28"]},
            "pki": {"passphrase": f"file:{folder}/passphrase"},
        },
    }


class Phases:
    """The CPU of each phase, in seconds, without that of the phases inside it."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self._other = 0.0  # what a phase does not count: phases inside it

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Measure a phase."""
        began, other = time.process_time() - InstantShell.spent_s, self._other
        try:
            yield
        finally:
            whole = time.process_time() - InstantShell.spent_s - began
            own = whole - (self._other - other)
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + own
            self._other = other + whole

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as a phase."""

        def run(*values: Any, **named: Any) -> Any:
            with self.of(name):
                return function(*values, **named)

        return run

    def rounded(self) -> dict[str, float]:
        """Return the seconds of each phase and their sum."""
        found = {**self.cpu_s, "all": sum(self.cpu_s.values())}
        return {name: round(cpu_s, 3) for name, cpu_s in found.items()}


def plan(site: Path, phases: Phases) -> None:
    """Plan all nodes of the site, phase by phase, as ``moor plan --limit nodes`` does."""
    options = Options(site=site, limit="nodes", quiet=True)
    running_names = vars(running)
    running_names["refuse_input"] = phases.timed("input check, desired state", running_names["refuse_input"])
    with ExitStack() as stack:
        with phases.of("inventory"):
            nr = stack.enter_context(running.open_fleet(options, dry_run=True))
            book = running.runbook_of(nr, "site")
        with phases.of("scripts, answers, plan, report"):
            report = running.run_and_report(nr, book, options, "plan")
    with phases.of("text"), redirect_stdout(StringIO()) as printed:
        running.print_report(options, report, text.plan(report))
    print(printed.getvalue().splitlines()[-1], file=sys.stderr)
    if report.failed or report.differs:
        raise SystemExit(f"bench: not every node is as it should be:\n{printed.getvalue()[:800]}")
    with phases.of("json"):
        running.render_report(report, Output.json)


def prepare(site: Path) -> None:
    """Have the site's CA made, as the first apply does, and note what a right node answers to each probe."""
    with running.open_fleet(Options(site=site), dry_run=False) as nr:
        nr.filter(name="harbor1").run(task=issue_certificates, raise_on_error=True)
    with running.open_fleet(Options(site=site, limit="nodes"), dry_run=True) as nr:
        stages = running.runbook_of(nr, "site").stages
        for host in nr.inventory.hosts.values():
            for one in resources_ahead(host, stages):
                if isinstance(one, Probed):
                    InstantShell.answers[CLOCK.sub("date", one.probe())] = right_answer(one)


def main() -> None:
    """Plan a site, and print what each phase took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=NODES)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    ConnectionPluginRegister.available[SHELL] = InstantPlugin
    garbage_collection.collect_rarely()
    phases = Phases()
    with TemporaryDirectory() as folder:
        site = make_site(Path(folder) / "site", asked.hosts)
        prepare(make_site(Path(folder) / "small", 1))
        (Path(folder) / "small/.moor").rename(site / ".moor")
        profile = cProfile.Profile() if asked.profile else None
        with profile or nullcontext():
            plan(site, phases)
        if profile:
            profile.dump_stats(asked.profile)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"hosts": asked.hosts, "peak_mb": round(peak_mb), **phases.rounded()}, indent=2))


if __name__ == "__main__":
    main()
