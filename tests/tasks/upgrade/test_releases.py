"""Which release of Harbor may follow which: no permitted step leads to an empty database."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import MoorError
from moor.tasks.harbor.releases import (
    DATABASES,
    describe_step,
    find_lost_flags,
    judge_database,
    judge_machine,
    judge_step,
    machines_of,
    path_between,
    release_of,
    version_of,
)
from moor.tasks.harbor.settings import HarborSettings

LINES = st.sampled_from(sorted(DATABASES))


def package(version: str) -> str:
    return f"harbor-offline-installer-{version}.tgz"


@given(LINES, LINES, st.integers(0, 9), st.integers(0, 9))
def test_a_permitted_step_takes_the_database_over(old: tuple[int, int], new: tuple[int, int], p: int, q: int) -> None:
    before, after = (package(f"v{line[0]}.{line[1]}.{patch}") for line, patch in ((old, p), (new, q)))
    if not judge_step(before, after):
        assert DATABASES[old].major in (DATABASES[new].major, DATABASES[new].takes_over)
        assert judge_database([f"pg{DATABASES[old].major}"], before, after) == ""
        assert version_of(before) <= version_of(after)  # type: ignore[operator]


@given(LINES, LINES)
def test_a_path_is_made_of_permitted_steps(old: tuple[int, int], new: tuple[int, int]) -> None:
    way = path_between(old, new)
    assert (way == []) == (new < old)
    for before, after in pairwise(way):
        assert judge_step(package("v{}.{}.0".format(*before)), package("v{}.{}.9".format(*after))) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("v2.8.3", "v2.8.4", ""),
        ("v2.8.3", "v2.10.3", ""),
        ("v2.8.3", "v2.11.0", r"v2.11.0 does not follow v2.8.3: .*empty.* v2.8.3 -> 2.10 -> v2.11.0: name .* of 2.10"),
        ("v2.8.3", "v2.15.4", r"v2.8.3 -> 2.10 -> 2.12 -> 2.14 -> v2.15.4"),
        ("v2.14.1", "v2.15.3", r"v2.15.3 is to be left out, .*; name v2.15.4 or later"),
        ("v2.9.5", "v2.8.3", r"v2.8.3 is older than v2.9.5, .*cannot read its database"),
        ("v2.9.5", "v2.9.4", r"v2.9.4 is older than v2.9.5"),
        ("v2.16.0", "v2.17.0", r"moor does not know what v2.17.0 does .* 2.8 to 2.16"),
        ("v2.7.4", "v2.8.3", r"moor does not know what v2.7.4 does"),
        ("nightly", "v2.8.3", r"the name of harbor-offline-installer-nightly.tgz does not say"),
    ],
)
def test_each_other_step_is_refused_with_the_way(old: str, new: str, said: str) -> None:
    wrong = judge_step(package(old), package(new))
    assert re.search(said, wrong) if said else wrong == ""


@pytest.mark.parametrize(
    ("found", "old", "new", "said"),
    [
        (["pg13"], "v2.8.3", "v2.9.5", ""),
        (["pg15"], "v2.12.4", "v2.14.4", ""),
        (["pg15"], "v2.14.4", "v2.15.4", ""),
        ([], "v2.8.3", "v2.9.5", "there is none in it: .*empty one"),
        (["pg15"], "v2.8.3", "v2.9.5", "a database pg14 or pg13 .*it holds pg15"),
        (["database"], "v2.8.3", "v2.9.5", "it holds database"),
        (["pg13", "pg14"], "v2.8.3", "v2.9.5", "pg14 lies beside pg13, which is in use"),
        (["pg13", "pg14"], "v2.9.5", "v2.10.3", ""),
    ],
)
def test_an_empty_database_beside_a_full_one_is_refused(found: list[str], old: str, new: str, said: str) -> None:
    wrong = judge_database(found, package(old), package(new))
    assert re.search(said, wrong) if said else wrong == ""


@pytest.mark.parametrize(
    ("machine", "new", "fits"),
    [("x86_64", "v2.9.5", True), ("aarch64", "v2.15.4", False), ("aarch64", "v2.16.0", True), ("", "v2.9.5", True)],
)
def test_releases_for_arm64_come_with_2_16(machine: str, new: str, fits: bool) -> None:
    assert (judge_machine(machine, package(new)) == "") == fits
    assert (machine in ("", *machines_of(package(new)))) == fits


def test_a_flag_that_the_release_has_no_more_is_refused_with_the_inventory() -> None:
    assert list(find_lost_flags(("--with-trivy", "--with-notary"), package("v2.8.3"))) == []
    settings = {"installer": package("v2.9.5"), "admin_password": "env:X", "flags": ["--with-notary", "--with-trivy"]}
    with pytest.raises((MoorError, ValueError), match=r"with-notary: Harbor 2\.9 .* in 2\.8 last"):
        HarborSettings.model_validate(settings)


def test_a_plan_tells_what_changes_below_harbor() -> None:
    assert describe_step(package("v2.8.3"), package("v2.9.5")) == {"postgresql": ("13", "14")}
    both = {"postgresql": ("15", "18"), "redis": ("Redis", "Valkey")}
    assert describe_step(package("v2.14.4"), package("v2.15.4")) == both
    assert describe_step(package("v2.15.1"), package("v2.15.2")) == {"redis": ("Redis", "Valkey")}


@pytest.mark.parametrize(("kind", "version"), [*product(("offline", "online"), ("v2.8.3", "v2.8.3-own.1"))])
def test_the_release_is_in_the_installers_name(kind: str, version: str) -> None:
    assert release_of(f"harbor-{kind}-installer-{version}.tgz") == version
