"""What is exported of a project is an inventory that means the same."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from moor.tasks.registry.export.document import Notes, document_of, texts_in, valid, without
from moor.tasks.registry.export.inventory import Exported
from moor.tasks.registry.project.settings import Project
from tests.tasks.registry.test_things import HOOKS, POLICIES, RETENTIONS, SELECTION

SITE = Path("/nowhere")
ODD_WORDS = st.sampled_from(["no", "on", "1.0", "007", "12:30", "null", "~", "a: b", "# x", "{a}", "é", "two words"])
ROBOTS = st.fixed_dictionaries(
    {"access": st.lists(st.sampled_from(["pull", "push"]), min_size=1, unique=True)},
    optional={"duration_days": st.integers(1, 900), "secret": st.just("file:secrets/x")},
)
LABELS = st.fixed_dictionaries({}, optional={"color": st.just("#00AB9A"), "description": ODD_WORDS})
PROJECTS = st.builds(
    lambda policy, rest: {**policy, **rest},
    POLICIES.filter(lambda policy: "proxy_cache" not in policy),
    st.fixed_dictionaries(
        {},
        optional={
            "quota": st.sampled_from(["unlimited", "5 GiB", "1 B", "1023 KiB"]),
            "retention": RETENTIONS,
            "immutable": st.lists(SELECTION, max_size=2, unique_by=str),
            "members": st.dictionaries(st.sampled_from(["dev1", "no", "007"]), st.sampled_from(["admin", "guest"])),
            "groups": st.dictionaries(ODD_WORDS, st.just({"role": "developer"}), max_size=2),
            "webhooks": st.dictionaries(ODD_WORDS, HOOKS, max_size=2),
            "labels": st.dictionaries(ODD_WORDS, LABELS, max_size=3),
            "robots": st.dictionaries(st.sampled_from(["ci", "12345", "1.0"]), ROBOTS, max_size=2),
        },
    ),
)


def project(written: dict[str, Any]) -> Project:
    return Project.model_validate(written, context={"site": SITE})


@given(PROJECTS)
def test_what_is_exported_is_read_as_the_same_project(written: dict[str, Any]) -> None:
    model = project(written)
    document = document_of(model, None)
    text = Exported("registry.moor.test", "v2.8.3", {"projects": {"12345": document}}).text()
    read = YAML(typ="safe", pure=True).load(StringIO(text))["data"]["projects"]
    assert list(read) == ["12345"]
    assert project(read["12345"]) == model


@given(PROJECTS)
def test_a_project_that_is_valid_loses_nothing(written: dict[str, Any]) -> None:
    document, notes = document_of(project(written), None), Notes()
    assert valid(Project, document, "data.projects.shop", SITE, notes) == document
    assert notes.left_out == []


@given(PROJECTS)
def test_a_document_without_itself_says_nothing(written: dict[str, Any]) -> None:
    document = document_of(project(written), None)
    assert without(document, {}) == document
    assert without(document, document) == {}


@pytest.mark.parametrize(
    ("release", "said"), [((2, 8), {"on_push": True}), ((2, 11), {"on_push": True, "sbom_on_push": True})]
)
def test_what_the_release_lacks_is_not_written(release: tuple[int, int], said: dict[str, bool]) -> None:
    model = project({"scan": {"on_push": True, "sbom_on_push": True}})
    assert document_of(model, release) == {"scan": said}
    assert document_of(project({"scan": {"sbom_on_push": True}}), (2, 8)) == {}


@pytest.mark.parametrize(
    ("wrong", "left", "place"),
    [
        ({"labels": {"a": {"color": "green"}, "b": {}}}, {"labels": {"b": {}}}, "labels.a"),
        ({"labels": {"a": {"color": "green"}}}, {}, "labels.a"),
        ({"immutable": [{}, {"tags": "a b"}], "public": True}, {"public": True}, "immutable"),
        ({"retention": {"rules": [{"keep": "most", "count": 1}]}}, {}, "retention"),
        ({"robots": {"ci": {"access": ["take anything"]}}}, {}, "robots.ci"),
    ],
)
def test_the_smallest_part_that_stands_for_itself_is_left_out(
    wrong: dict[str, Any], left: dict[str, Any], place: str
) -> None:
    notes = Notes()
    assert valid(Project, wrong, "data.projects.shop", SITE, notes) == left
    (said,) = notes.left_out
    assert said.startswith(f"data.projects.shop.{place}: ")


def test_all_texts_of_a_document_are_found() -> None:
    assert set(texts_in({"a": "x", "b": ["y", {"c": "z"}], "d": 1})) == {"x", "y", "z"}
