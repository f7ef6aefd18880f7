"""Hooks of a run: commands and notices before and after its hosts are changed, on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moor.engine.plan import printable_line
from moor.errors import MoorError
from moor.settings.hooks import NAMES, Hook, Hooks, Moment

AT_ONCE = 8  # hosts whose hooks run at the same time
SHOWN = 500  # letters of what a hook printed
Known = Mapping[str, str]  # what a hook is given to know, by the names of NAMES


@dataclass(frozen=True)
class HookRunner:
    """Runs the hooks of a site.

    Attributes:
        hooks: those of config.yaml.
        directory: the site's, in which commands run.
        ticket: the word of ``--ticket``; may be empty.
        send: sends a notice of a subject and a text; raises MoorError.
        progress: called with a line for each hook that has ended.
    """

    hooks: Hooks
    directory: Path
    ticket: str
    send: Callable[[str, str], None]
    progress: Callable[[str], None] = lambda _: None

    def faults(self) -> Iterator[str]:
        """Yield a line for each command whose program is not on this machine."""
        for key, hook in self.hooks.placed():
            if hook.command and not _is_there(hook.command[0], self.directory):
                yield f"config.yaml: user_defined.moor.hooks.{key}.command: no such program here: {hook.command[0]}"

    def run(self, moment: Moment, known: Known) -> str:
        """Run the hooks of a moment in their order; return why one failed, which ends them, empty if all went well."""
        given = {name: known.get(name, "") for name in NAMES} | {"hook": moment, "ticket": self.ticket}
        for hook in self.hooks.at(moment):
            failure, said = self._run(hook, given)
            place = " ".join(filter(None, (f"hook {moment}", given["host"])))
            told = printable_line(f"{place}: {hook}{f': {failure}' if failure else ''}{f': {said}' if said else ''}")
            if failure:
                return told
            self.progress(told)
        return ""

    def run_for(self, moment: Moment, hosts: Mapping[str, Known]) -> dict[str, str]:
        """Run the hooks of a moment for several hosts; return why they failed, by host."""
        if not self.hooks.at(moment) or not hosts:
            return {}
        with ThreadPoolExecutor(min(AT_ONCE, len(hosts))) as pool:
            told = pool.map(lambda known: self.run(moment, known), hosts.values())
            return {name: words for name, words in zip(hosts, told, strict=True) if words}

    def _run(self, hook: Hook, known: Known) -> tuple[str, str]:
        """Return why a hook failed, empty if it did not, and what it printed."""
        if hook.command:
            return run_command(hook, self.directory, {f"MOOR_{name.upper()}": value for name, value in known.items()})
        text = hook.notice.format_map(known)
        return _sent(hook, lambda: self.send(f"moor: {text.splitlines()[0]}", text))


def run_command(hook: Hook, directory: Path, variables: Mapping[str, str]) -> tuple[str, str]:
    """Run a hook's command in a session of its own; return why it failed, empty if it did not, and what it printed."""
    with tempfile.TemporaryFile() as output:  # no pipe, which a process that stays behind would hold open
        try:
            process = subprocess.Popen(
                hook.command,
                cwd=directory,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be run: {error.strerror}", ""
        try:
            code = process.wait(hook.timeout_s)
            failure = "" if code == 0 else f"ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"
        except subprocess.TimeoutExpired:
            failure = f"no end within {hook.timeout_s} s"
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(max(0, output.tell() - 4 * SHOWN))
        return failure, " / ".join(output.read().decode("utf-8", "replace").split("\n")).strip(" /")[-SHOWN:]


def _sent(hook: Hook, send: Callable[[], None]) -> tuple[str, str]:
    """Send a notice; return why that failed, empty if it did not."""
    failed = [f"not sent within {hook.timeout_s} s"]

    def work() -> None:
        try:
            send()
            failed.clear()
        except MoorError as error:
            failed[:] = [str(error)]

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(hook.timeout_s)
    return next(iter(failed), ""), ""


def _is_there(program: str, directory: Path) -> bool:
    """Return whether a program is on PATH, or at its path relative to the site."""
    if os.sep in program:
        path = directory / program
        return path.is_file() and os.access(path, os.X_OK)
    return shutil.which(program) is not None
