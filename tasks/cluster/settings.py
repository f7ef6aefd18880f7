"""The settings of the Kubernetes cluster: its kubeconfig and context."""

from __future__ import annotations

from typing import ClassVar

from moor.settings import Section, SitePath


class ClusterSettings(Section):
    """The cluster whose nodes pull from the registry, as data of the host in group control_plane or clusters.

    Attributes:
        context: of the kubeconfig; empty means its current context
    """

    section: ClassVar[str] = "cluster"

    kubeconfig: SitePath
    context: str = ""
