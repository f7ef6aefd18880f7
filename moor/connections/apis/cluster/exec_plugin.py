"""Credential plugins, which kubeconfigs name below ``exec``: run without a terminal, their output checked.

References:
    kubernetes.io, client-go credential plugins; client.authentication.k8s.io v1 and v1beta1
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moor.connections.apis.cluster.kubeconfig import ExecPlugin, KubeconfigContext
from moor.errors import ErrorKind, HostError
from moor.formats.nesting import parse_json
from moor.secrets.secret import Secret, mask

TIMEOUT_S = 60
INFO_VARIABLE = "KUBERNETES_EXEC_INFO"
CONFIG_EXTENSION = "client.authentication.k8s.io/exec"  # a cluster's extension that is passed on to plugins


@dataclass(frozen=True)
class PluginLogin:
    """The login that a plugin printed: a token, or a client certificate with its key, or both.

    Attributes:
        expires: seconds since 1970; None if the plugin printed no time.
    """

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float | None = None


def run_plugin(chosen: KubeconfigContext, plugin: ExecPlugin, authority: str) -> PluginLogin:
    """Run the plugin of a user, and return the login that it prints.

    Args:
        authority: the cluster's CA in base64, for plugins that ask for the cluster's description

    Raises:
        HostError: the plugin fails; the message names the kubeconfig and quotes the plugin's error.
    """
    where = f"{chosen.path}: users: {chosen.user_name}: exec: {plugin.command}"
    own = {variable.name: variable.value for variable in plugin.env}
    environment = {
        **os.environ,
        **own,
        INFO_VARIABLE: json.dumps(exec_info(chosen, plugin, authority), default=str),
    }
    try:
        done = subprocess.run(
            [_program(chosen, plugin, where), *plugin.args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise HostError(
            f"{where}: gave no login within {TIMEOUT_S} s; does it wait for a person? run it by hand", ErrorKind.TIMEOUT
        ) from None
    except OSError as error:
        raise HostError(f"{where}: cannot be run: {error.strerror}{_hint(plugin)}", ErrorKind.CONTROLLER) from None
    if done.returncode:
        words = mask(done.stderr.decode("utf-8", "replace").strip()[-500:]) or "it printed nothing"
        raise HostError(
            f"{where}: ended with {done.returncode}: {words}; log in with it by hand first", ErrorKind.AUTHENTICATION
        )
    return read_credential(done.stdout, plugin, where)


def _program(chosen: KubeconfigContext, plugin: ExecPlugin, where: str) -> str:
    """Find the program on PATH, or relative to the kubeconfig if the command has a slash."""
    if os.sep in plugin.command:
        path = str(chosen.beside(plugin.command))
        found = path if os.access(path, os.X_OK) and os.path.isfile(path) else None
    else:
        found = shutil.which(plugin.command)
    if not found:
        raise HostError(f"{where}: there is no such program on this machine{_hint(plugin)}", ErrorKind.CONTROLLER)
    return found


def _hint(plugin: ExecPlugin) -> str:
    hint = " ".join("".join(letter if letter.isprintable() else " " for letter in plugin.install_hint).split())
    return f"; the kubeconfig says: {hint}" if hint else "; install it, or give moor a user with a token"


def exec_info(chosen: KubeconfigContext, plugin: ExecPlugin, authority: str) -> dict[str, Any]:
    """Return the ExecCredential that is passed to a plugin in its environment."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        cluster = chosen.cluster
        known = {
            "server": cluster.server,
            "tls-server-name": cluster.tls_server_name,
            "certificate-authority-data": authority,
            "proxy-url": cluster.proxy_url,
            "disable-compression": cluster.disable_compression,
            "config": next((e.extension for e in cluster.extensions if e.name == CONFIG_EXTENSION), None),
        }
        spec["cluster"] = {key: value for key, value in known.items() if value}
    return {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}


def read_credential(output: bytes, plugin: ExecPlugin, where: str) -> PluginLogin:
    """Parse the login that a plugin printed; raises HostError."""
    try:
        tree = parse_json(output)
    except ValueError:
        raise HostError(
            f"{where}: printed no JSON; does it print anything else to its standard output?", ErrorKind.ANSWER
        ) from None
    if not isinstance(tree, Mapping) or tree.get("kind") != "ExecCredential":
        raise HostError(
            f"{where}: printed JSON that is no ExecCredential; is it a credential plugin?", ErrorKind.ANSWER
        )
    if tree.get("apiVersion") != plugin.api_version:
        said = str(tree.get("apiVersion"))[:80]
        raise HostError(
            f"{where}: answers in {said}, and exec.apiVersion is {plugin.api_version}; write that of the plugin",
            ErrorKind.ANSWER,
        )
    status = tree.get("status")
    given = status if isinstance(status, Mapping) else {}
    words = [given.get(key) or "" for key in ("token", "clientCertificateData", "clientKeyData")]
    if not all(isinstance(word, str) for word in words) or not any(words):
        raise HostError(
            f"{where}: gave neither a token nor a client certificate; log in with it by hand first",
            ErrorKind.AUTHENTICATION,
        )
    token, certificate, key = words
    if bool(certificate) != bool(key):
        raise HostError(
            f"{where}: gave a client certificate or a key, and not both; update the plugin", ErrorKind.ANSWER
        )
    if any(letter in token for letter in "\r\n\0"):
        raise HostError(f"{where}: gave a token with a line break in it; update the plugin", ErrorKind.ANSWER)
    for secret in filter(None, (token, key)):
        Secret(secret)  # masks it in all output from now on
    return PluginLogin(token, certificate.encode(), key.encode(), _moment(given.get("expirationTimestamp"), where))


def _moment(text: object, where: str) -> float | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise HostError(f"{where}: expirationTimestamp is no time of RFC 3339; update the plugin", ErrorKind.ANSWER)
    return found.timestamp()
