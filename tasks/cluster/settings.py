"""How the cluster is reached."""

from __future__ import annotations

from typing import ClassVar

from moor.settings import Section, SitePath


class ClusterSettings(Section):
    """The cluster whose nodes pull from the registry; on the host that stands for its control plane."""

    section: ClassVar[str] = "cluster"

    kubeconfig: SitePath
    context: str = ""
