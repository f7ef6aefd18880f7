"""The files of a new site beside its inventory."""

from __future__ import annotations

GITIGNORE = ("/.moor/", "/secrets/", "/downloads/")
KUBECONFIG = "secrets/kubeconfig"
CA_PASSPHRASE, HARBOR_ADMIN, LOGIN = "secrets/ca-passphrase", "secrets/harbor-admin", "secrets/registry-login"
INSTALLER = "downloads/harbor-offline-installer-v2.14.2.tgz"


def password_path(host: str, kind: str) -> str:
    """Return the file of a host's password; of all hosts' for an empty name."""
    return f"secrets/{f'{host}-' if host else ''}{kind}"
