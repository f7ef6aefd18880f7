"""The settings of the Kubernetes cluster: its kubeconfig and context."""

from __future__ import annotations

from typing import ClassVar

from moor.settings import Section, SitePath


class ClusterSettings(Section):
    """The cluster whose nodes pull: of the host in group ``control_plane``, or of an entry of ``clusters``.

    It may be missing before the cluster exists: what does not need the cluster is planned and applied meanwhile. What
    its user has to be allowed, and which of a kubeconfig's keys moor takes, is in docs/rights.md.

    Attributes:
        kubeconfig: kubeconfig of a user that may apply what the workloads need; one file
        context: its context; empty is the current one
    """

    section: ClassVar[str] = "cluster"

    kubeconfig: SitePath
    context: str = ""
