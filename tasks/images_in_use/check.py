"""One check of a cluster's images: read the cluster, ask the registries, judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from nornir.core.task import Task

from moor.context import fleet_of
from moor.engine.findings import Finding
from moor.engine.images_in_use import ImageInUse, ImageRoute
from moor.settings import optional_settings_of, settings_of
from moor.tasks.cluster.api import cluster_of
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.facts import Registry
from moor.tasks.image_reference import ImageReference, parse_image
from moor.tasks.images.settings import Images
from moor.tasks.images_in_use.answers import ImageAnswers, wanted_of
from moor.tasks.images_in_use.ask import Question, RegistryQuestions, ask_registries
from moor.tasks.images_in_use.judge import ClusterFacts, KnownImage, judge, row_of
from moor.tasks.images_in_use.logins import LoginChoice, LoginChoices
from moor.tasks.images_in_use.overview import name_findings, registry_findings, unlisted_findings
from moor.tasks.images_in_use.read import ClusterImages, read_images
from moor.tasks.images_in_use.registries import OpenApis, Registries, registries_of
from moor.tasks.images_in_use.words import many
from moor.tasks.workload.settings import Workloads

NOT_ASKED = "data.images_in_use.skip has it"


@dataclass(frozen=True)
class ImagesChecked:
    """What a check found: all images, and what is wrong."""

    rows: tuple[ImageInUse, ...]
    findings: tuple[Finding, ...]
    summary: str


def check_images(task: Task, namespace: str, opened: ExitStack) -> ImagesChecked:
    """Check every image of the cluster to which the task's host is connected.

    Args:
        namespace: the only one to examine; empty for all
        opened: closes what is opened

    Raises:
        HostError: the cluster does not answer, or refuses to list pods
    """
    workloads = list(_workloads(task))
    cluster = read_images(cluster_of(task), sorted({place for place, _ in workloads}), namespace)
    registries = registries_of(task, opened)
    known, label = _Check(cluster, registries, OpenApis(opened), _facts(task, cluster, workloads)), cluster_label(task)
    rows = [replace(row, cluster=label) for row in known.rows()]
    findings = [finding for row in rows for finding in row.findings()]
    findings += registry_findings(rows, mirrored=bool(registries.caches))
    findings += [*unlisted_findings(cluster.unlisted), *name_findings(cluster.usage.unusable)]
    findings = [replace(finding, host=label) for finding in findings]
    where = f" in {', '.join(cluster.namespaces)}" if cluster.namespaces else ""
    summary = f"{many(len(rows), 'image')} of {many(cluster.usage.pods, 'pod')}{where}"
    return ImagesChecked(tuple(rows), tuple(findings), summary)


def cluster_label(task: Task) -> str:
    """Return the first host that names the task's cluster; empty if the fleet has one cluster."""
    known: dict[tuple[object, ...], str] = {}
    for host in fleet_of(task).hosts.values():
        if found := optional_settings_of(host, ClusterSettings):
            known.setdefault((found.kubeconfig, found.context), host.name)
    own = settings_of(task.host, ClusterSettings)
    return known[own.kubeconfig, own.context] if len(known) > 1 else ""


def _workloads(task: Task) -> Iterator[tuple[str, str]]:
    """Yield namespace and name of the inventory's workloads and pull secrets."""
    for host in fleet_of(task).hosts.values():
        section = optional_settings_of(host, Workloads)
        for name, workload in section.by_name.items() if section else ():
            yield workload.namespace, name
            yield workload.namespace, workload.pull_secret


def _facts(task: Task, cluster: ClusterImages, workloads: list[tuple[str, str]]) -> ClusterFacts:
    brought = set[str]()
    for host in fleet_of(task).hosts.values():
        registry, images = optional_settings_of(host, Registry), optional_settings_of(host, Images)
        if registry and images:
            brought |= {str(parse_image(f"{registry.host_port}/{name}")) for name in images.by_name}
    return ClusterFacts(cluster.nodes, frozenset(brought), frozenset(workloads))


class _Check:
    """One check: which registry is asked about which image, and what the answers mean."""

    def __init__(self, cluster: ClusterImages, registries: Registries, apis: OpenApis, facts: ClusterFacts) -> None:
        self._usage, self._registries, self._apis, self._facts = cluster.usage.images, registries, apis, facts
        self._choices = LoginChoices(cluster.secrets, cluster.unread, cluster.unknown_accounts)

    def rows(self) -> list[ImageInUse]:
        """Return all images, by name."""
        unasked = {image: row for image in self._usage if (row := self._unasked(image))}
        asked = sorted((image for image in self._usage if image not in unasked), key=str)
        cached = [image for image in asked if image.registry in self._registries.caches]
        answers = ask_registries(self._questions([image for image in asked if image not in cached], cached))
        again = [image for image in cached if self._falls_back(image) and answers[image].best.state != "there"]
        answers |= ask_registries(self._questions(again, []))
        rows = [*unasked.values(), *(self._judged(image, answers[image], image in again) for image in asked)]
        return sorted(rows, key=lambda row: row.name)

    def _unasked(self, image: ImageReference) -> ImageInUse | None:
        """Return an image about which nobody is asked; None for others."""
        usage, route = self._usage[image], self._route(image)
        if not usage.pulled:
            return row_of(image, usage, "local", route)
        if route == "direct" and self._registries.settings.skips(image.registry):
            return row_of(image, usage, "skipped", route, NOT_ASKED)
        if route == "direct" and (why := self._registries.unasked(image.registry)):
            return row_of(image, usage, "unexamined", route, why)
        return None

    def _route(self, image: ImageReference) -> ImageRoute:
        if self._registries.is_own(image):
            return "own"
        return "mirror" if image.registry in self._registries.caches else "direct"

    def _falls_back(self, image: ImageReference) -> bool:
        skipped = self._registries.settings.skips(image.registry)
        return self._registries.caches[image.registry].fallback and not skipped

    def _questions(self, direct: list[ImageReference], cached: list[ImageReference]) -> list[RegistryQuestions]:
        """Return the questions to each registry; those about cached images go to the fleet's own."""
        own = [self._question(image) for image in direct if self._registries.is_own(image)]
        own += [self._cache_question(image) for image in cached]
        others: dict[str, list[Question]] = {}
        for image in direct:
            if not self._registries.is_own(image):
                others.setdefault(image.registry, []).append(self._question(image))
        found = [RegistryQuestions(self._apis.public(name), several) for name, several in others.items()]
        if own and self._registries.own:
            found.append(RegistryQuestions(self._apis.of(self._registries.own), own, self._registries.own_view))
        return found

    def _question(self, image: ImageReference) -> Question:
        usage = self._usage[image]
        wanted = wanted_of(usage, self._facts.nodes, by_tag=not image.digest)
        return Question(image, image.repository, wanted, frozenset(self._choices_for(image).values()))

    def _cache_question(self, image: ImageReference) -> Question:
        """Return the question to a cache, which gets no login: that of the other registry is not for it."""
        known = self._question(image)
        project = self._registries.caches[image.registry].project
        return Question(image, f"{project}/{image.repository}", known.wanted, frozenset({LoginChoice()}))

    def _choices_for(self, image: ImageReference) -> dict[object, LoginChoice]:
        return {use: self._choices.of(use, image) for use in self._usage[image].uses}

    def _judged(self, image: ImageReference, answers: ImageAnswers, fell_back: bool) -> ImageInUse:
        usage, route = self._usage[image], self._route(image)
        through_cache = route == "mirror" and not fell_back
        choices = {use: LoginChoice() if through_cache else self._choices.of(use, image) for use in usage.uses}
        wanted = wanted_of(usage, self._facts.nodes, by_tag=not image.digest)
        return judge(KnownImage(image, usage, route, answers, wanted, choices), self._facts)
