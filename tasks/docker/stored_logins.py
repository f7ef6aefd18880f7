"""Logins to the registry that people or programs stored on a host; moor stores none outside of pull secrets."""

from __future__ import annotations

from functools import partial
from shlex import quote

from moor.resources.requirement import Requirement

# Of Docker, podman, kubelet and CRI-O, whose auths are JSON with the registry's name as a key.
PLACES = (
    "/root/.docker/config.json",
    "/home/*/.docker/config.json",
    "/run/containers/*/auth.json",
    "/run/user/*/containers/auth.json",
    "/root/.config/containers/auth.json",
    "/home/*/.config/containers/auth.json",
    "/etc/containers/auth.json",
    "/var/lib/kubelet/config.json",
    "/etc/crio/*.json",
)


def no_stored_login(host_port: str) -> Requirement:
    """Require that no file of the host logs in to the registry; only its owner can take the login out."""
    key = quote(f'"{host_port}"')
    found = (
        f"""for f in {" ".join(PLACES)}; do [ ! -f "$f" ] || ! grep -qF -e {key} "$f" || printf '%s\\n' "$f"; done"""
    )
    return Requirement("stored-login", found, partial(_judged, host_port=host_port))


def _judged(output: str, host_port: str) -> str:
    files = ", ".join(output.splitlines())
    remedy = f"docker logout {host_port} or podman logout {host_port}, as their owner; or take the entry out"
    return f"{files}: logs in to {host_port}, and the host leaves; {remedy}" if files else ""
