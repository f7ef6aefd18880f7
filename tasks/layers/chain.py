"""In which order a pull meets the layers, what each needs, and what evidence of all of them comes to; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.layers.rule import Evidence, Rule, Verdict, all_matches, first_match

Status = Literal["ok", "fault", "unknown"]


@dataclass(frozen=True)
class Layer:
    """One step of a pull.

    needs  layers without which nothing can be said of this one: behind a fault it is unknown, not failed
    every  all of its faults are told, since they do not follow from one another
    """

    name: str
    about: str
    needs: tuple[str, ...] = ()
    every: bool = False


LAYERS = (
    Layer("clock", "the node's clock agrees with the controller's"),
    Layer("name", "the registry's name resolves to its one address, in the hosts file and in DNS"),
    Layer("hosts", "the hosts file says the name once, still does after a reboot, and DNS agrees", (), True),
    Layer("route", "a connection to that address and port opens", ("name",)),
    Layer(
        "mtu", "packets as large as the node sends them arrive, or a router says that they are too large", ("route",)
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
    Layer("proxy", "no proxy of containerd's stands between the node and the registry"),
    Layer("pull", "containerd pulls the image", ("manifest", "containerd", "proxy")),
    Layer(
        "secret",
        "the pods' pull secret is there, of the right type, for the registry, with the robot's login",
        (),
        True,
    ),
    Layer("node", "the cluster says that the node is ready"),
    Layer(
        "pod",
        "the pods on the node run the pushed image",
        ("manifest", "containerd", "proxy", "pull", "secret", "node"),
    ),
)
BY_NAME = {layer.name: layer for layer in LAYERS}


@dataclass(frozen=True)
class LayerResult:
    """What one layer came to; ``verdicts`` are there where it is a fault."""

    layer: str
    status: Status
    verdicts: tuple[Verdict, ...] = ()


def judge(evidence: Mapping[str, Evidence], rules: Sequence[Rule]) -> list[LayerResult]:
    """Judge the layers that there is evidence of, in order; a rule without a fault leaves its layer well."""
    found: dict[str, LayerResult] = {}
    for layer in LAYERS:
        if layer.name not in evidence:
            continue
        if any(name in found and found[name].status != "ok" for name in layer.needs):
            found[layer.name] = LayerResult(layer.name, "unknown")
            continue
        found[layer.name] = _judged(layer, evidence[layer.name], rules)
    return list(found.values())


def _judged(layer: Layer, evidence: Evidence, rules: Sequence[Rule]) -> LayerResult:
    if layer.every:
        verdicts = tuple(all_matches(rules, layer.name, evidence))
    else:
        first = first_match(rules, layer.name, evidence)
        verdicts = (first,) if first else ()
    return LayerResult(layer.name, "fault" if verdicts else "ok", verdicts)
