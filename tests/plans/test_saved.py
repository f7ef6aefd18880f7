"""A plan is saved, shown as it was planned, and applied exactly as it is or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest

from moor.plans.file import SCHEMA
from moor.plans.schema import SCHEMA_FILE, plan_schema
from moor.settings.modules import SHIPPED
from tests.harness.commands import moor_here
from tests.output.test_compatibility import broken
from tests.plans.conftest import SECRET, Site

RECORDED = Path(__file__).with_name(f"plan.schema.{SCHEMA}.json")


def saved_id(site: Site) -> str:
    return str(json.loads(Path(site.plan).read_text())["plan"])


def test_a_saved_plan_is_shown_as_it_was_planned_made_exactly_and_then_nothing_is_left(site: Site) -> None:
    planned = site("plan", "both", "--out", site.plan)
    assert planned.returncode == 2
    shown = site("show", site.plan)
    heading, _, rest = shown.stdout.partition("\n")
    assert (shown.returncode, rest) == (0, planned.stdout)
    assert re.fullmatch(r"plan \S+ of fleet: both; by moor \S+, for alpha beta gamma", heading)
    done = site("apply", site.plan, "--quiet")
    assert done.returncode == 0, done.said
    assert "apply: 15 changed, 0 failed, 0 skipped on 3 hosts" in done.stdout
    assert site.file("beta", "copy").read_text() == "made here\n"
    again = site("apply", site.plan, "--quiet")
    assert (again.returncode, again.stdout) == (0, "apply: nothing to change; 15 as they should be\n")
    assert f"apply both of plan {saved_id(site)}" in " ".join(site("history").stdout.split())


def test_the_file_has_its_schema_and_no_secret_that_can_be_found_out_from_it(site: Site) -> None:
    found = site.saved()
    jsonschema.validate(found, plan_schema())
    text = Path(site.plan).read_text()
    assert SECRET not in text
    digests = {hashlib.new(name, SECRET.encode()).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    assert not [digest for digest in digests if digest[:32] in text]
    key = (site.folder / ".moor/plan.key").read_text().strip()
    assert key not in text
    assert (site.folder / ".moor/plan.key").stat().st_mode & 0o777 == 0o600
    # two hosts have the same secret in the same file, and it does not show as such to somebody without the key
    prints = [
        field["after"]
        for change in found["changes"]
        for field in change["fields"]
        if field["name"] == "content" and change["id"].endswith("password")
    ]
    assert len(set(prints)) == len(prints) == 3
    assert not {field for field in prints if field in json.dumps(site.saved())}, "another plan has other fingerprints"


def test_the_schema_in_the_docs_is_that_of_the_code_and_loses_no_key_that_was_published() -> None:
    assert json.loads((SHIPPED / SCHEMA_FILE).read_text()) == plan_schema()
    assert RECORDED.is_file(), f"another number needs the schema of the day beside this test: {RECORDED.name}"
    assert broken(json.loads(RECORDED.read_text()), plan_schema()) == []


def test_hosts_that_differ_since_are_named_with_what_differs_and_the_others_are_changed(site: Site) -> None:
    for name in ("alpha", "gamma"):
        site.file(name, "motd").parent.mkdir()
        site.file(name, "motd").write_text("old\n")
    site.saved()
    site.file("alpha", "motd").write_text("by hand\n")
    site.inventory(beta={"motd": "changed in the inventory\n"})
    done = site("apply", site.plan, "--quiet")
    assert done.returncode == 1
    folder = site.hosts
    assert "  ! alpha: it differs from the saved plan:\n" in done.stdout
    assert f"file:{folder}/alpha/etc/motd: content was changed on the host since the plan was saved" in done.stdout
    assert f"file:{folder}/beta/etc/motd: content would become something else than the plan says" in done.stdout
    assert "2 of 3 hosts failed" in done.stdout
    assert site.file("gamma", "copy").read_text() == "made here\n"
    assert site.file("alpha", "motd").read_text() == "by hand\n"
    assert not site.file("beta", "motd").exists()
    assert site("apply", site.plan, "--quiet", "--limit", "gamma").returncode == 0


def test_what_would_change_now_and_is_not_in_the_plan_is_refused(site: Site) -> None:
    site("apply", "both", "--yes", "--limit", "alpha")
    site.saved()
    site.file("alpha", "motd").unlink()
    done = site("apply", site.plan, "--quiet", "--output", "json")
    assert done.returncode == 1
    alpha = done.report["hosts"]["alpha"]
    assert "motd: it would change now, and did not when the plan was saved" in alpha["error"]
    assert (alpha["error_kind"], alpha["resources"]) == ("conflict", [])
    assert not done.report["hosts"]["beta"]["error"]


def test_an_apply_that_ended_in_the_middle_goes_on_with_the_same_file(site: Site) -> None:
    site.file("beta", "motd").parent.mkdir()
    site.file("beta", "motd").write_text("old\n")
    site.saved()
    (site.hosts / "beta/strict").touch()
    assert site("apply", site.plan, "--quiet").returncode == 1
    assert site.file("beta", "motd").read_text() == "welcome\n"
    (site.hosts / "beta/strict").unlink()
    # a package that an earlier change installs may bring a file of its own, where none was
    site.file("beta", "made").write_text("from a package\n")
    done = site("apply", site.plan, "--quiet")
    assert done.returncode == 0, done.said
    assert site.file("beta", "copy").read_text() == "made here\n"


def test_what_somebody_changes_while_an_apply_is_interrupted_is_refused_all_the_same(site: Site) -> None:
    site.file("beta", "motd").parent.mkdir()
    site.file("beta", "motd").write_text("old\n")
    site.saved()
    (site.hosts / "beta/strict").touch()
    assert site("apply", site.plan, "--quiet").returncode == 1
    (site.hosts / "beta/strict").unlink()
    site.file("beta", "motd").write_text("by hand\n")
    done = site("apply", site.plan, "--quiet")
    assert done.returncode == 1
    assert "motd: content was changed on the host since the plan was saved" in done.stdout
    assert site.file("beta", "motd").read_text() == "by hand\n"


def test_a_host_that_left_the_inventory_is_named_and_one_that_joined_is_left_alone(site: Site) -> None:
    site.saved("--limit", "alpha,beta")
    hosts = site.folder / "inventory/hosts.yaml"
    hosts.write_text(hosts.read_text().replace("beta:", "delta:", 1).replace("/beta", "/delta"))
    (site.hosts / "delta").mkdir()
    done = site("apply", site.plan, "--quiet")
    assert done.returncode == 1
    assert "! beta: it is in the saved plan and no longer in the inventory" in done.stdout
    assert site.file("alpha", "copy").exists()
    assert not list((site.hosts / "delta").iterdir())


def test_a_host_at_another_address_is_another_host(site: Site) -> None:
    site.saved("--limit", "alpha")
    hosts = site.folder / "inventory/hosts.yaml"
    hosts.write_text(hosts.read_text().replace("alpha:\n", "alpha:\n  hostname: 127.0.0.9\n", 1))
    done = site("apply", site.plan, "--quiet")
    assert "its address was alpha when the plan was saved, and is 127.0.0.9" in done.stdout
    assert not site.file("alpha", "motd").exists()


def test_a_host_that_could_not_be_planned_is_not_changed_by_the_plan(site: Site) -> None:
    (site.hosts / "alpha/broken").touch()
    planned = site("plan", "both", "--out", site.plan, "--quiet")
    assert planned.returncode == 1
    assert site("show", site.plan).stdout.endswith(planned.stdout)
    (site.hosts / "alpha/broken").unlink()
    done = site("apply", site.plan, "--quiet")
    assert done.returncode == 1
    assert "! alpha: it differs from the saved plan:\n      it could not be planned when" in done.stdout
    assert not any((site.hosts / "alpha").iterdir())
    assert site.file("beta", "copy").exists()


DAMAGE = (
    ("welcome", "goodbye", "it was changed or damaged since it was saved; save the plan again"),
    ('"schema": 1', '"schema": 2', "saved by a newer moor (schema 2, this one reads 1)"),
    ('"schema": 1', '"schema": "x"', "no saved plan; save the plan again"),
    (r"(?s)$", "{", "not a whole saved plan: it is cut short or something else"),
    (r"(?s).{40}$", "", "not a whole saved plan"),
    (r"(?s)^.*$", "", "not a whole saved plan"),
    (r"(?s)^.*$", "[]", "no saved plan"),
    (r"(?s)^.*$", '{"schema": 1}', "it was changed or damaged"),
    (r"(?s)^.*$", "[" * 100_000, "not a whole saved plan"),
)


def test_a_file_that_was_changed_or_cut_short_is_refused_before_anybody_is_asked(site: Site) -> None:
    site.saved("--limit", "alpha")
    text = Path(site.plan).read_text()
    for former, new, said in DAMAGE:
        changed = re.sub(former, new, text, count=1)
        assert changed != text
        Path(site.plan).write_text(changed)
        for command in ("show", "apply"):
            done = site(command, site.plan)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.said
            assert said in done.stderr
    assert not any((site.hosts / "alpha").iterdir())


def test_who_changes_a_plan_and_hashes_it_anew_still_lacks_the_key(site: Site) -> None:
    found = site.saved()
    del found["sha256"]
    signature = found.pop("signature")
    found["scope"]["limit"] = "alpha"
    digest = hashlib.sha256(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    Path(site.plan).write_text(json.dumps({**found, "sha256": digest, "signature": signature}))
    assert site("show", site.plan).returncode == 0
    done = site("apply", site.plan)
    assert (done.returncode, done.stdout) == (1, "")
    assert "it was not saved with the key of this site" in done.stderr


def test_a_controller_without_the_key_says_how_to_share_it_and_one_with_it_applies(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.saved()
    shutil.rmtree(site.folder / ".moor")
    done = site("apply", site.plan)
    assert done.returncode == 1
    assert "user_defined.moor.plan_key in config.yaml" in done.stderr
    config = site.folder / "config.yaml"
    config.write_text(f"{config.read_text()}user_defined: {{moor: {{plan_key: 'env:PLAN_KEY'}}}}\n")
    monkeypatch.setenv("PLAN_KEY", "a key that both jobs have")
    site.saved()
    assert not (site.folder / ".moor/plan.key").exists()
    shutil.copytree(site.folder, site.folder.with_name("elsewhere"), ignore=shutil.ignore_patterns(".moor"))
    done = moor_here(site.folder.with_name("elsewhere"), "apply", site.plan, "--quiet")
    assert done.returncode == 0, done.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "both", "--out", "saved"], "--out saved: moor apply would take this for a runbook; write saved.json"),
        (["plan", "both", "--out", "/dev/null/x.json"], "--out /dev/null/x.json: nothing can be written in /dev/null"),
        (["plan", "both", "--out", "x.json", "--show-script"], "scripts are no plan to save"),
        (
            ["apply", "./gone.json"],
            "gone.json: No such file or directory; a plan is saved by moor plan --out gone.json",
        ),
        (["apply", "/etc"], "/etc: Is a directory; a plan is saved by moor plan --out /etc"),
        (["apply", "gone.json", "both"], "gone.json: the file of a saved plan stands alone"),
        (["show", "./gone.json"], "no file is there"),
    ],
)
def test_wrong_words_are_one_clear_error(site: Site, words: list[str], said: str) -> None:
    done = site(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
