"""Registries of clouds, to which nodes log in by a credential provider of kubelet's, without any pull secret; pure.

Source  the matchImages of the providers' own documentation: ecr, gcp and acr credential providers
"""

from __future__ import annotations

from fnmatch import fnmatchcase

PATTERNS = (
    "*.dkr.ecr.*.amazonaws.com",
    "*.dkr.ecr.*.amazonaws.com.cn",
    "*.dkr-ecr.*.on.aws",
    "gcr.io",
    "*.gcr.io",
    "*.pkg.dev",
    "*.azurecr.io",
    "*.azurecr.cn",
    "*.azurecr.us",
)


def has_provider(registry: str) -> bool:
    """Return whether nodes of a cloud log in to a registry by themselves."""
    return any(fnmatchcase(registry, pattern) for pattern in PATTERNS)
