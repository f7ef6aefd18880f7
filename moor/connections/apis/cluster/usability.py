"""The check whether a kubeconfig's context can be used, by kubectl's rules and a few stricter ones of moor."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from moor.connections.apis.cluster.kubeconfig import ExecPlugin, KubeconfigContext, UserEntry
from moor.errors import InputError
from moor.settings.addresses import is_loopback

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
MODES = ("Never", "IfAvailable", "Always")
PROXIES = ("http", "https")


def require_usable(chosen: KubeconfigContext) -> None:
    """Raise InputError with every reason why the context cannot be used."""
    cluster, user = f"clusters: {chosen.cluster_name}", f"users: {chosen.user_name}"
    found = [f"{cluster}: {words}" for words in _of_cluster(chosen)]
    found += [f"{user}: {words}" for words in _of_user(chosen)]
    if found:
        raise InputError("\n".join(f"{chosen.path}: {words}" for words in found))


def _of_cluster(chosen: KubeconfigContext) -> Iterator[str]:
    cluster = chosen.cluster
    if cluster.insecure:
        yield (
            "insecure-skip-tls-verify leaves the cluster's certificate unchecked, which moor never does; "
            "take it out, and give certificate-authority-data"
        )
    yield from _of_server(chosen)
    if cluster.authority and cluster.authority_data:
        yield "it has certificate-authority and certificate-authority-data; keep one of them"
    yield from _of_content(chosen, "certificate-authority", cluster.authority, cluster.authority_data)
    if cluster.proxy_url:
        yield from _of_proxy(cluster.proxy_url)


def _of_server(chosen: KubeconfigContext) -> Iterator[str]:
    server = chosen.cluster.server
    if not server:
        yield "it has no server; write server: https://ADDRESS:PORT"
        return
    try:
        url = urlsplit(server)
        host, _ = url.hostname or "", url.port
    except ValueError:
        yield f"server is {server}, which is no URL; write https://ADDRESS:PORT"
        return
    if url.scheme not in ("http", "https") or not host:
        yield f"server is {server}; write https://ADDRESS:PORT"
    elif url.username or url.password or url.query or url.fragment:
        yield "server may hold no login, query or fragment; write https://ADDRESS:PORT, and the login below users"
    elif url.scheme == "http" and not (is_loopback(host) and _has_no_login(chosen.user)):
        yield (
            f"server is {server}, where a login would go in clear; write https://, or use kubectl proxy on this "
            "machine with a user that has no login"
        )


def _has_no_login(user: UserEntry) -> bool:
    """Return whether a kubeconfig's user has no token, certificate or other login."""
    return not user.model_dump(exclude_defaults=True, exclude={"extensions"})


def _of_proxy(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    if scheme in ("socks5", "socks5h"):
        yield "proxy-url is a SOCKS proxy, which moor does not speak; name an http:// or https:// proxy"
    elif scheme not in PROXIES or not host:
        yield "proxy-url is no URL of a proxy; write http://ADDRESS:PORT or https://ADDRESS:PORT"


def _of_user(chosen: KubeconfigContext) -> Iterator[str]:
    user = chosen.user
    if (user.token or user.token_file) and (user.username or user.password):
        yield "it has a token and a username with password; keep one of them"
    if (user.uid or user.groups or user.extra) and not user.impersonate:
        yield "it has as-uid, as-groups or as-user-extra without as; write whom to impersonate: as: USER"
    words = [user.impersonate, user.uid, *user.groups, *(value for values in user.extra.values() for value in values)]
    if any(re.search(r"[\r\n\x00]", word) for word in [*words, user.token, user.username]):
        yield "a token, name or group in it holds a line break; mend the quotes around it"
    if user.token_file:
        yield from _of_file("tokenFile", chosen.beside(user.token_file))
    yield from _of_certificate(chosen)
    yield from _of_provider(user)
    if user.exec:
        yield from _of_exec(user.exec)


def _of_certificate(chosen: KubeconfigContext) -> Iterator[str]:
    user = chosen.user
    if (user.certificate and user.certificate_data) or (user.key and user.key_data):
        yield "it has client-certificate or client-key both as a file and as data; keep one of them"
    has_certificate, has_key = bool(user.certificate or user.certificate_data), bool(user.key or user.key_data)
    if has_certificate != has_key:
        present, lacking = ("client-certificate", "client-key")[:: 1 if has_certificate else -1]
        yield f"it has {present} without {lacking}; give {lacking}-data"
    yield from _of_content(chosen, "client-certificate", user.certificate, user.certificate_data)
    yield from _of_content(chosen, "client-key", user.key, user.key_data)


def _of_content(chosen: KubeconfigContext, key: str, name: str, data: str) -> Iterator[str]:
    """Yield what is wrong with a value that is given as a file or as data."""
    if name and not data:
        yield from _of_file(key, chosen.beside(name))
    if data and decode_base64(data) is None:
        yield f"{key}-data is not base64; give it as kubectl config view --raw prints it"


def _of_file(key: str, path: Path) -> Iterator[str]:
    if not os.access(path, os.R_OK) or not path.is_file():
        yield f"{key} is {path}, which is no file that can be read"


def decode_base64(data: str) -> bytes | None:
    """Decode base64, line breaks in it allowed; return None if it is not base64."""
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _of_provider(user: UserEntry) -> Iterator[str]:
    if user.auth_provider is None:
        return
    name = str(user.auth_provider.get("name") or "without a name")
    if user.exec:
        yield "it has exec and auth-provider; keep exec"
    elif name in ("gcp", "azure"):
        plugin = "gke-gcloud-auth-plugin" if name == "gcp" else "kubelogin"
        yield f"auth-provider {name} went out of kubectl with 1.26; make the kubeconfig anew, with exec and {plugin}"
    else:
        yield f"auth-provider {name} is not supported; use exec, for OIDC with the plugin kubelogin"


def _of_exec(given: ExecPlugin) -> Iterator[str]:
    if not given.command:
        yield "exec has no command; name the plugin's program"
    if given.api_version not in API_VERSIONS:
        shown = given.api_version or "missing"
        yield f"exec.apiVersion is {shown}; kubectl takes {' and '.join(API_VERSIONS)}, so update the plugin"
    if given.interactive_mode not in MODES and (given.interactive_mode or given.api_version == API_VERSIONS[0]):
        yield f"exec.interactiveMode is {given.interactive_mode or 'missing'}; write IfAvailable"
    if given.interactive_mode == "Always":
        yield (
            "exec.interactiveMode is Always, and moor runs plugins without a terminal; "
            "give moor a user that logs in unattended, such as a ServiceAccount's token"
        )
    if any(not variable.name or "=" in variable.name or "\0" in variable.name for variable in given.env):
        yield "exec.env has an entry without a name that can be one"
