"""The layers in the order in which a pull meets them, and the judgement of their evidence; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from moor.tasks.diagnosis.rules.rule import Evidence, Rule, Verdict, all_matches, first_match

Status = Literal["ok", "fault", "unknown"]


@dataclass(frozen=True)
class Layer:
    """One step of a pull.

    Attributes:
        needs: layers that this one depends on; if one of them is at fault, this one is unknown, not failed
        every: report all of its faults, since none of them is the consequence of another
    """

    name: str
    about: str
    needs: tuple[str, ...] = ()
    every: bool = False


LAYERS = (
    Layer("clock", "the node's clock agrees with the controller's"),
    Layer("name", "the registry's name resolves to its one address, in the hosts file and in DNS"),
    Layer("hosts", "the hosts file has the name once, still has it after a reboot, and DNS agrees", (), True),
    Layer("route", "a connection to that address and port can be opened", ("name",)),
    Layer(
        "mtu", "packets as large as the node sends them arrive, or a router reports that they are too large", ("route",)
    ),
    Layer(
        "tls",
        "the served certificate is trusted, is for the name, and is the one that was issued",
        ("clock", "route", "mtu"),
    ),
    Layer("challenge", "the registry asks for a login, at a token service that is the registry's own", ("tls",)),
    Layer("login", "the registry takes the login of the pull secret", ("challenge",)),
    Layer("rights", "that login may pull the repository", ("login",)),
    Layer("manifest", "the image is there, with the digest that was pushed, for the node's architecture", ("rights",)),
    Layer("containerd", "containerd runs with its CRI plugin and finds the registry's directory", (), True),
    Layer("proxy", "containerd does not go through a proxy to the registry"),
    Layer("pull", "containerd pulls the image", ("manifest", "containerd", "proxy")),
    Layer(
        "secret",
        "the pods' pull secret is there, of the right type, for the registry, with the robot's login",
        (),
        True,
    ),
    Layer("node", "the cluster reports the node as ready"),
    Layer(
        "pod",
        "the pods on the node run the pushed image",
        ("manifest", "containerd", "proxy", "pull", "secret", "node"),
    ),
)
BY_NAME = {layer.name: layer for layer in LAYERS}


@dataclass(frozen=True)
class LayerResult:
    """The judgement of one layer; ``verdicts`` has the causes of a fault."""

    layer: str
    status: Status
    verdicts: tuple[Verdict, ...] = ()


LayerEvidence = Evidence | Sequence[Evidence]


def judge(
    evidence: Mapping[str, LayerEvidence], rules: Sequence[Rule], beside: Sequence[Mapping[str, Evidence]] = ()
) -> list[LayerResult]:
    """Judge the layers that have evidence, in the order of ``LAYERS``; a layer that matches no rule is ok.

    Args:
        evidence: by layer; a layer may have several, such as one for each pod, and each is judged
        beside: the layers in which further images differ from the first, one mapping for each image
    """
    main: dict[str, LayerResult] = {}
    results: dict[str, LayerResult] = {}
    others: list[dict[str, LayerResult]] = [{} for _ in beside]
    for layer in LAYERS:
        differs = any(layer.name in more for more in beside)
        if layer.name in evidence:
            main[layer.name] = _result(layer, evidence[layer.name], main if differs else results, rules)
        for more, found in zip(beside, others, strict=True):
            if layer.name in more:
                found[layer.name] = _result(layer, more[layer.name], {**main, **found}, rules)
        every = [found[layer.name] for found in (main, *others) if layer.name in found]
        if every:
            results[layer.name] = _merged(layer.name, every)
    return list(results.values())


def _result(layer: Layer, seen: LayerEvidence, found: Mapping[str, LayerResult], rules: Sequence[Rule]) -> LayerResult:
    """Judge one layer; behind a fault only evidence marked ``own`` counts, and the layer is unknown otherwise."""
    each = [seen] if isinstance(seen, Mapping) else seen
    behind = any(name in found and found[name].status != "ok" for name in layer.needs)
    verdicts = [
        verdict for one in each if not behind or one.get("own") == "yes" for verdict in _verdicts(layer, one, rules)
    ]
    if behind and not verdicts:
        return LayerResult(layer.name, "unknown")
    return LayerResult(layer.name, "fault" if verdicts else "ok", tuple(dict.fromkeys(verdicts)))


def _verdicts(layer: Layer, evidence: Evidence, rules: Sequence[Rule]) -> list[Verdict]:
    if layer.every:
        return all_matches(rules, layer.name, evidence)
    first = first_match(rules, layer.name, evidence)
    return [first] if first else []


def _merged(name: str, every: Sequence[LayerResult]) -> LayerResult:
    worst = next((status for status in ("fault", "unknown") if any(one.status == status for one in every)), "ok")
    verdicts = dict.fromkeys(verdict for one in every for verdict in one.verdicts)
    return LayerResult(name, cast(Status, worst), tuple(verdicts))
