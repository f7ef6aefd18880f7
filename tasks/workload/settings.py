"""The section ``workloads``: what runs in the cluster, by moor's template or by manifests of its owner's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, field_validator, model_validator

from moor.errors import FieldErrors
from moor.settings import Section, SitePath
from moor.settings.section import MISSING, StrictModel
from moor.tasks.images.settings import ImageName
from moor.tasks.workload.prepull.settings import PrePullSettings

KubeName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
# The name of a Deployment, which may hold dots; whether a container of the template may have it is for the API to say.
WorkloadName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
KubeFields = dict[str, Any]  # fields of Kubernetes' own, which the API checks in a dry run
OCI = "oci://"
# A registry, with a path in it or without; and a path of our registry.
Elsewhere = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9._-]+)*$")]
PathInRegistry = Annotated[str, Field(pattern=r"^[a-z0-9._-]+(/[a-z0-9._-]+)*$")]


class Chart(StrictModel):
    """A Helm chart, which ``helm template`` renders.

    Attributes:
        chart: a directory or a packaged chart of this machine, or ``oci://REGISTRY/PATH``
        version: of a chart in a registry
        release: its name in the chart's templates; empty for the workload's name
        values: files of values, or values themselves; later ones win
        robot: of the chart's project in the registry, or a login of ``data.logins``; empty for a public one
        hooks: false to leave out the chart's hooks, which moor does not run
        kube_version: what the chart is told of the cluster's version; empty for helm's own
    """

    chart: Annotated[str, Field(min_length=1)]
    version: str = ""
    release: KubeName | None = None
    values: tuple[SitePath | KubeFields, ...] = ()
    robot: str = ""
    hooks: bool = True
    kube_version: Annotated[str, Field(pattern=r"^(v?\d+\.\d+(\.\d+)?)?$")] = ""

    @model_validator(mode="after")
    def _pinned(self) -> Chart:
        if self.is_remote and not self.version:
            raise ValueError("version is missing: a chart in a registry is named with its version")
        if not self.is_remote and (self.version or self.robot):
            raise ValueError("version and robot are for a chart in a registry, oci://REGISTRY/PATH")
        return self

    @property
    def is_remote(self) -> bool:
        return self.chart.startswith(OCI)


class Workload(StrictModel):
    """A workload: an image that moor's template runs, or manifests.

    Attributes:
        namespace: made where it is missing
        manage_namespace: ``false``: others make the namespace, and moor asks for nothing outside of it
        manifests: files, directories, kustomizations or charts; in place of ``image`` and the keys of the template
        rewrite_images: by registry, the path of our registry that takes its place in the images of ``manifests``
        prune: ``true``: what moor applied and the manifests no longer have is deleted
        take_over: field managers whose fields moor takes over
        robot: robot of the image's project, or one of ``logins``: it goes into the pull secret. Nothing for an image
            that anybody may pull
        pull_secret: name of the pull secret
        wait_s: how long the rollout may take
        prepull: which nodes pull the images before the rollout, see docs/pre-pull.md
        image: ``PROJECT/REPOSITORY:TAG`` in the registry; required without ``manifests``
        replicas: ``null``: moor writes no number, which is then an autoscaler's or anybody's
        port: port of the container; a readiness probe comes with it
        host_port: port of the node
        restricted: the shipped template passes PodSecurity's ``restricted``; ``false`` for an image that runs as root
        service_account: ServiceAccount of the pods
        env: variables by name: a value, or Kubernetes' ``valueFrom``
        resources: of the container, in fields of Kubernetes' own, as the five below
        pod_security_context: of the pods, over what ``restricted`` requires
        security_context: of the container, over what ``restricted`` requires
        readiness_probe: in place of the one that ``port`` brings
        liveness_probe: the kubelet restarts the container when it fails
        startup_probe: the other two wait until it has succeeded
        template: in ``templates/``, the site's own first
    """

    namespace: KubeName
    manage_namespace: bool = True
    manifests: tuple[SitePath | Chart, ...] | None = None
    rewrite_images: dict[Elsewhere, PathInRegistry] = Field(default_factory=dict)
    prune: bool = False
    take_over: tuple[str, ...] = ()
    robot: str = ""
    pull_secret: KubeName = "registry"  # noqa: S105 - the name of a secret
    wait_s: Annotated[int, Field(ge=1)] = 300
    prepull: PrePullSettings | None = None

    image: ImageName = ""
    replicas: Annotated[int, Field(ge=0)] | None = 1
    port: Port | None = None
    host_port: Port | None = None
    restricted: bool = True
    service_account: str = ""
    env: dict[str, str | int | bool | KubeFields] = Field(default_factory=dict)
    resources: KubeFields = Field(default_factory=dict)
    pod_security_context: KubeFields = Field(default_factory=dict)
    security_context: KubeFields = Field(default_factory=dict)
    readiness_probe: KubeFields = Field(default_factory=dict)
    liveness_probe: KubeFields = Field(default_factory=dict)
    startup_probe: KubeFields = Field(default_factory=dict)
    template: str = "deployment.yaml.j2"

    OF_TEMPLATE: ClassVar[tuple[str, ...]] = (
        *("image", "replicas", "port", "host_port", "restricted", "service_account", "env", "resources"),
        *("pod_security_context", "security_context", "readiness_probe", "liveness_probe", "startup_probe"),
        "template",
    )

    @field_validator("manifests", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, str | Mapping) else value

    @model_validator(mode="after")
    def _one_way(self) -> Workload:
        found: list[tuple[tuple[str, ...], str]] = []
        if self.manifests is None:
            if not self.image:
                found.append((("image",), f"{MISSING}; or write manifests, which name their images themselves"))
            if self.rewrite_images:
                found.append((("rewrite_images",), "it is for the images of manifests; write image as it should be"))
        else:
            written = [key for key in self.OF_TEMPLATE if key in self.model_fields_set]
            found += [((key,), "it is for moor's template; with manifests, write it into these") for key in written]
            found += [
                (("manifests", str(at)), f"a chart in a registry is written as: {{chart: {OCI}..., version: ...}}")
                for at, one in enumerate(self.manifests)
                if not isinstance(one, Chart) and re.search(r"(^|/)oci:/", str(one))
            ]
            if not self.manifests and not self.prune:
                found.append((("manifests",), "it is empty; write what runs, or prune: true to remove what ran"))
        if found:
            raise FieldErrors(found)
        return self


class Workloads(Section):
    """Workloads by name: docs/workloads.md."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "workloads"
    done_on: ClassVar[tuple[str, ...]] = ("control_plane", "clusters")
    __pydantic_extra__: dict[WorkloadName, Workload]

    @property
    def by_name(self) -> dict[str, Workload]:
        return dict(self.__pydantic_extra__)
