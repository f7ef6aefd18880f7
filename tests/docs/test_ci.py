"""The pipelines of docs/ci.md are YAML, their scripts are sh, and moor understands the commands in them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.docs.pages import ROOT, blocks
from tests.docs.test_pages import understood
from tests.docs.test_scripts import site, sshd

__all__ = ["site", "sshd"]  # the fixtures

FOLDER = ROOT / "docs/ci"
PIPELINES = sorted(FOLDER.glob("*.yml"))
every_pipeline = pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.stem)
WRITTEN_LATER = re.compile(r"\$\{\{.*?\}\}")  # GitHub fills it in before the shell reads it


def read(file: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = YAML(typ="safe", pure=True).load(file.read_text())
    return found


def scripts(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each job's name with each script of it."""
    read_file = read(file)
    for name, job in read_file.get("jobs", read_file).items():
        if isinstance(job, dict) and "script" in job:
            yield name, "\n".join(job["script"])
        for step in job.get("steps", ()) if isinstance(job, dict) else ():
            if "run" in step:
                yield name, WRITTEN_LATER.sub("1", step["run"])


def test_the_page_shows_both_pipelines_as_they_are() -> None:
    shown = [block.content for block in blocks(ROOT / "docs/ci.md") if block.language == "yaml"]
    assert shown == [file.read_text() for file in PIPELINES]


@every_pipeline
def test_every_command_of_moor_is_understood(file: Path) -> None:
    found = [
        line.split(">")[0].split("||")[0]
        for _, script in scripts(file)
        for line in script.splitlines()
        if line.startswith("moor ")
    ]
    for line in found:
        understood(shlex.split(line)[1:])
    assert [line.split()[1] for line in found] == ["plan", "apply", "verify", "drift"]


@every_pipeline
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_every_script_is_sh(file: Path, shell: str) -> None:
    for name, script in scripts(file):
        done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True)
        assert (done.returncode, done.stderr) == (0, ""), name


@every_pipeline
def test_a_plan_runs_for_a_pull_request_alone_and_an_apply_for_what_was_merged(file: Path) -> None:
    jobs = read(file).get("jobs", read(file))
    condition = {name: jobs[name].get("if") or jobs[name]["rules"][0]["if"] for name in ("plan", "apply", "drift")}
    assert re.search(r"'pull_request'|merge_request_event", condition["plan"])
    assert "head.repo.full_name" in condition["plan"] or "SOURCE_PROJECT_ID" in condition["plan"]  # no forks
    assert "push" in condition["apply"]
    assert "schedule" in condition["drift"]


def test_the_plan_that_the_pipeline_saves_is_the_one_that_it_applies(site: Path) -> None:
    plan, _ = (dict(scripts(FOLDER / "gitlab.yml"))[name] for name in ("plan", "apply"))
    (site / "config.yaml").write_text("user_defined: {moor: {plan_key: 'env:MOOR_PLAN_KEY'}}\n")
    step = plan.partition("curl")[0].replace("moor plan", "moor plan names")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MOOR_PLAN_KEY": "a long and random text of the pipeline",
    }

    def sh(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["dash", "-e"], input=script, cwd=site, env=environment, capture_output=True, text=True, timeout=60
        )

    planned = sh(step + 'test "$code" -ne 1; echo "$code"')
    assert (planned.returncode, planned.stdout.strip()) == (0, "2"), planned.stderr
    assert "edit:/etc/hosts#names" in (site / "plan.md").read_text()
    applied = sh("moor apply plan.json --quiet")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    (site / "known_hosts").write_text("")
    broken = sh(step + 'echo "$code"')
    assert broken.stdout.strip() == "1"
    assert "unknown host key" in (site / "plan.md").read_text()
