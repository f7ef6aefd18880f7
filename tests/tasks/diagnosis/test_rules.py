"""Every rule matches its own sample, and none matches a healthy node."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import BY_NAME, LAYERS, judge
from moor.tasks.diagnosis.rules.rule import (
    KEEPER,
    MAKER,
    OTHERS,
    Rule,
    all_matches,
    changes_registry,
    first_match,
    makes_robots,
)
from tests.tasks.diagnosis.samples import FAULTS, HEALTHY

by_id = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


def test_every_rule_has_a_sample_and_a_unique_name() -> None:
    assert {rule.id for rule in RULES} == set(FAULTS)
    assert len({rule.id for rule in RULES}) == len(RULES)


@by_id
def test_the_sample_of_a_rule_matches_that_rule(rule: Rule) -> None:
    evidence = {**HEALTHY[rule.layer], **FAULTS[rule.id]}
    found = all_matches(RULES, rule.layer, evidence)
    assert rule.id in [verdict.rule for verdict in found]
    if not BY_NAME[rule.layer].every:
        first = first_match(RULES, rule.layer, evidence)
        assert first is not None
        assert first.rule == rule.id


@by_id
def test_cause_and_remedy_are_filled_in_completely(rule: Rule) -> None:
    evidence = {**HEALTHY[rule.layer], **FAULTS[rule.id], "there": "x", "address": "10.77.0.11"}
    verdict = rule.verdict(evidence)
    assert "{" not in verdict.cause + verdict.mend
    assert not re.search(r"\?(?! )|\(\)", verdict.cause.rstrip("?")), verdict.cause
    assert verdict.mend
    assert rule.source


@by_id
def test_no_remedy_changes_a_registry_that_somebody_else_runs(rule: Rule) -> None:
    evidence = {**HEALTHY[rule.layer], **FAULTS[rule.id], KEEPER: OTHERS, MAKER: OTHERS}
    mend = rule.verdict(evidence).mend
    assert mend
    assert "{" not in mend
    assert not changes_registry(mend)
    assert not makes_robots(mend)


@by_id
def test_a_remedy_by_an_account_of_somebody_elses_harbor_makes_its_robots(rule: Rule) -> None:
    evidence = {**HEALTHY[rule.layer], **FAULTS[rule.id], KEEPER: OTHERS, MAKER: "moor"}
    if makes_robots(rule.mend):
        assert makes_robots(rule.verdict(evidence).mend)


@by_id
def test_no_remedy_is_the_command_that_was_just_run(rule: Rule) -> None:
    assert "--event" not in rule.mend
    assert "moor diagnose" not in rule.mend.replace("moor diagnose --namespace {namespace} {deployment}", "")
    assert "moor verify" not in rule.mend


def test_a_healthy_node_matches_no_rule() -> None:
    results = judge(HEALTHY, RULES)
    assert [(result.layer, result.status) for result in results] == [(layer.name, "ok") for layer in LAYERS]


@pytest.mark.parametrize("rule", [rule for rule in RULES if not BY_NAME[rule.layer].every], ids=lambda rule: rule.id)
def test_layers_behind_a_fault_are_unknown_and_the_others_are_judged(rule: Rule) -> None:
    evidence = {**HEALTHY, rule.layer: {**HEALTHY[rule.layer], **FAULTS[rule.id]}}
    statuses = {result.layer: result.status for result in judge(evidence, RULES)}
    assert statuses[rule.layer] == "fault"
    for layer in LAYERS:
        behind = rule.layer in layer.needs or any(statuses.get(name) == "unknown" for name in layer.needs)
        if layer.name != rule.layer:
            assert statuses[layer.name] == ("unknown" if behind else "ok")


@pytest.mark.parametrize("found", ["10.77.0.11 fd00::11", "fd00::11", "10.77.0.11"])
def test_a_registry_with_two_addresses_may_resolve_to_either_but_to_no_third(found: str) -> None:
    both = {"wanted": "10.77.0.11 fd00::11", "found": found, "files": found, "dns": found}
    evidence = {layer: {**HEALTHY[layer], **both} for layer in ("name", "hosts")}
    assert [result.status for result in judge(evidence, RULES)] == ["ok", "ok"]
    third = {"name": {**evidence["name"], "files": f"{found} fd00::12", "found": f"{found} fd00::12"}}
    assert [verdict.rule for result in judge(third, RULES) for verdict in result.verdicts] == ["name-twice"]


def test_two_independent_faults_of_one_node_are_both_reported() -> None:
    evidence = {
        **HEALTHY,
        "name": {**HEALTHY["name"], **FAULTS["name-missing"]},
        "containerd": {**HEALTHY["containerd"], **FAULTS["cri-disabled"], **FAULTS["hosts-toml-malformed"]},
    }
    told = [verdict.rule for result in judge(evidence, RULES) for verdict in result.verdicts]
    assert told == ["name-missing", "cri-disabled", "hosts-toml-malformed"]


FIELDS = sorted({field for part in HEALTHY.values() for field in part} | {f for part in FAULTS.values() for f in part})
WORDS = st.text(max_size=20) | st.sampled_from(["yes", "no", "200", "401", "missing", "ok"])


@given(st.dictionaries(st.sampled_from(sorted(HEALTHY)), st.dictionaries(st.sampled_from(FIELDS), WORDS)))
def test_any_evidence_can_be_judged(evidence: dict[str, dict[str, str]]) -> None:
    results = judge(evidence, RULES)
    assert {result.layer for result in results} == set(evidence)
    assert all(bool(result.verdicts) == (result.status == "fault") for result in results)
