"""What is wrong with an image in use, in words; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from moor.engine.images_in_use import ImageFault, ImageInUse, ImageRoute, ImageState
from moor.engine.plan import printable_line
from moor.tasks.image_reference import ImageReference
from moor.tasks.images_in_use.answers import LINUX, Asked, ImageAnswers, Wanted
from moor.tasks.images_in_use.logins import LoginChoice
from moor.tasks.images_in_use.providers import has_provider
from moor.tasks.images_in_use.usage import Usage, Use
from moor.tasks.images_in_use.words import listed, many, owners, places, restart, short

APPLY = "moor apply workload"


@dataclass(frozen=True)
class ClusterFacts:
    """What concerns all images of a cluster.

    Attributes:
        nodes: operating system and architecture by the node's name
        brought: images that the inventory has, which moor can push again, by their full name
        managed: namespace and name of the inventory's workloads and pull secrets
    """

    nodes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    brought: frozenset[str] = frozenset()
    managed: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class KnownImage:
    """Everything that is known of one image.

    Attributes:
        choices: the logins of each use
    """

    image: ImageReference
    usage: Usage
    route: ImageRoute
    answers: ImageAnswers
    wanted: Wanted
    choices: Mapping[Use, LoginChoice]

    @property
    def best(self) -> Asked:
        return self.answers.best


def row_of(image: ImageReference, usage: Usage, state: ImageState, route: ImageRoute, why: str = "") -> ImageInUse:
    """Return an image without anything that is wrong with it."""
    return ImageInUse(
        str(image),
        image.registry,
        state,
        route,
        why,
        namespaces=tuple(sorted({printable_line(use.namespace) for use in usage.uses})),
        users=tuple(sorted({printable_line(use.owner) for use in usage.uses})),
        pods=usage.pods,
        nodes=tuple(sorted(map(printable_line, usage.nodes))),
    )


def judge(known: KnownImage, facts: ClusterFacts) -> ImageInUse:
    """Return an image with everything that is wrong with it."""
    state, why = state_of(known)
    row = replace(row_of(known.image, known.usage, state, known.route, why), digest=known.best.digest)
    lost = state in ("missing", "denied") and known.usage.pods > 0
    return replace(row, only_cached=lost, faults=tuple(_faults(known, facts, state)))


def state_of(known: KnownImage) -> tuple[ImageState, str]:
    """Return the state of an image, and why it is not known."""
    best = known.best
    if best.state == "unknown":
        return "unexamined", best.why
    if best.state != "denied":
        return best.state, ""
    unknown = next((words for use in known.usage.uses if (words := known.choices[use].unknown)), "")
    if unknown:
        return "unexamined", unknown
    logins = any(known.choices[use].logins for use in known.usage.uses)
    if not logins and has_provider(known.image.registry):
        return "unexamined", "nodes log in there by a credential provider of their own, which moor cannot"
    return "denied", ""


def _faults(known: KnownImage, facts: ClusterFacts, state: ImageState) -> Iterator[ImageFault]:
    if state == "missing":
        yield missing(known, facts)
    if state in ("there", "denied") and (refused := denied_uses(known)):
        yield denied(known, facts, refused)
    if state == "there":
        yield from moved(known)
        yield from wrong_platform(known, facts)


def missing(known: KnownImage, facts: ClusterFacts) -> ImageFault:
    """Return the fault of an image that its registry does not have."""
    image, uses = known.image, known.usage.uses
    where = "the mirror" if known.route == "mirror" else image.registry
    gone = f"named by digest, and {where} no longer has it" if image.digest else f"{where} does not have it"
    bring = "moor apply images" if str(image) in facts.brought else "push it again"
    return ImageFault("missing", f"{gone}; {_running(known)}", f"{bring}, or name another image in {owners(uses)}")


def _running(known: KnownImage) -> str:
    """Return who depends on the caches of nodes now, or would fail."""
    usage = known.usage
    who = f"{owners(usage.uses)} in {places(usage.uses)}"
    if not usage.pods:
        return f"pods of {who} cannot start"
    nodes = listed(sorted(usage.nodes))
    verb = "runs" if usage.pods == 1 else "run"
    return f"{many(usage.pods, 'pod')} of {who} {verb} only because {nodes} still {_has(usage)} it cached"


def _has(usage: Usage) -> str:
    return "has" if len(usage.nodes) == 1 else "have"


def denied_uses(known: KnownImage) -> dict[Use, str]:
    """Return who may not pull an image, and why; those whose secrets could not be read are left out."""
    found = {}
    for use in known.usage.uses:
        choice = known.choices[use]
        if choice.unreadable:
            found[use] = f"kubelet cannot read its pull secret: {choice.unreadable}"
        elif not choice.unknown and all(_is_denied(known, login) for login in choice.tries):
            found[use] = _why_denied(choice, known.image.registry)
    return found


def _is_denied(known: KnownImage, login: tuple[str, str] | None) -> bool:
    answer = known.answers.by_login.get(login)
    return answer is not None and answer.state == "denied"


def _why_denied(choice: LoginChoice, registry: str) -> str:
    if choice.logins:
        return f"the registry refuses {listed(user for user, _ in choice.logins)}, the login of its pull secret"
    if choice.missing:
        number = "does not exist" if len(choice.missing) == 1 else "do not exist"
        return f"its pull secret {listed(choice.missing)} {number}"
    if choice.secrets:
        return f"its pull secret {listed(choice.secrets)} has no login for {registry}"
    return "it has no pull secret, and the registry wants a login"


def denied(known: KnownImage, facts: ClusterFacts, refused: Mapping[Use, str]) -> ImageFault:
    """Return the fault of an image that some of those who name it may not pull."""
    by_reason: dict[str, list[Use]] = {}
    for use, why in refused.items():
        by_reason.setdefault(why, []).append(use)
    reasons = (f"{places(uses)} ({owners(uses)}): {why}" for why, uses in by_reason.items())
    pods = sum(known.usage.uses[use] for use in refused)
    cached = f"; {many(pods, 'pod')} there would not start again on another node" if pods else ""
    managed = all(_is_managed(use, facts) for use in refused)
    give = f"give {places(refused)} a pull secret with a login of {known.image.registry} that may pull it"
    return ImageFault("denied", f"cannot be pulled in {'; in '.join(reasons)}{cached}", APPLY if managed else give)


def _is_managed(use: Use, facts: ClusterFacts) -> bool:
    return any((use.namespace, name) in facts.managed for name in (use.name, *use.secrets))


def moved(known: KnownImage) -> Iterator[ImageFault]:
    """Yield the fault of a tag that names another image by now than pods run."""
    best, usage = known.best, known.usage
    if not known.wanted.by_tag or not best.digest or (best.is_index and not best.children and _differs(known)):
        return
    others = {one: number for one, number in usage.digests.items() if one not in ("", best.digest, *best.children)}
    if others:
        olds = listed(map(short, others))
        number = f"{sum(others.values())} of {many(usage.digests.total(), 'running container')}"
        what = (
            f"its tag has moved since its pods started: {number} {_are(others)} {olds}, now it is {short(best.digest)}"
        )
        remedy = f"{restart(use for use, pods in usage.uses.items() if pods)}; or name the image by its digest"
        yield ImageFault("moved", what, remedy)


def _are(others: Mapping[str, int]) -> str:
    return "is" if sum(others.values()) == 1 else "are"


def _differs(known: KnownImage) -> bool:
    """Return whether pods run something that may be an image of the index, which could not be read."""
    return any(one not in ("", known.best.digest) for one in known.usage.digests)


def wrong_platform(known: KnownImage, facts: ClusterFacts) -> Iterator[ImageFault]:
    """Yield the fault of an image that some nodes cannot run on which its pods may be."""
    best, proven = known.best, known.wanted.proven_by(known.best)
    if best.architectures is None and (best.is_index or not proven):
        return  # it is not known
    architectures = proven | (best.architectures or frozenset())
    lacking = known.wanted.architectures - architectures
    if lacking:
        names = sorted(name for name, (_, machine) in facts.nodes.items() if machine in lacking)
        machines = listed(f"{LINUX}/{one}" for one in sorted(lacking))
        has = listed(sorted(architectures)) or "no platform of Linux"
        what = f"not for {machines}, which {listed(names) or 'its node selector'} needs; it is for {has}"
        remedy = f"push it for {machines} too, or keep its pods to other nodes by nodeSelector kubernetes.io/arch"
        yield ImageFault("platform", what, remedy)
