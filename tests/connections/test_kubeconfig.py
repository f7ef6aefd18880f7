"""Every field of a kubeconfig has the effect it has in kubectl, or is refused with file, key and remedy."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moor.connections.apis.cluster.kubeconfig import ClusterEntry, ContextEntry, ExecPlugin, UserEntry, read_kubeconfig
from moor.connections.apis.kubernetes import client_of
from moor.errors import InputError, MoorError
from tests.connections.kubeconfigs import Issuer, encoded, kubeconfig

SERVER = "https://10.0.0.1:6443"
V1, BETA = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
ISSUER = Issuer()
CLIENT, OTHER = ISSUER.pair(), ISSUER.pair()
CA = {"certificate-authority-data": encoded(ISSUER.authority)}
DATA = encoded(CLIENT.certificate)
CERT = {"client-certificate-data": encoded(CLIENT.certificate), "client-key-data": encoded(CLIENT.key)}


def of_plugin(command: str, version: str = BETA, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": version, "command": command, **more}}


TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "kind, kubeadm": ({**CA}, CERT, {"preferences": {}}),
    "k3s, RKE2": ({**CA, "server": "https://127.0.0.1:6443"}, CERT, {}),
    "EKS": ({**CA}, of_plugin("aws", args=["eks", "get-token"], env=[{"name": "AWS_PROFILE", "value": "p"}]), {}),
    "EKS, nulls": ({**CA}, of_plugin("aws", args=["eks"], env=None, interactiveMode="IfAvailable"), {}),
    "GKE": (
        {**CA},
        of_plugin("gke-gcloud-auth-plugin", installHint="Install it", provideClusterInfo=True),
        {"preferences": {}},
    ),
    "AKS": ({**CA}, of_plugin("kubelogin", args=["get-token", "--login", "azurecli"], env=None), {}),
    "OIDC": ({**CA}, of_plugin("kubectl", V1, args=["oidc-login", "get-token"], interactiveMode="IfAvailable"), {}),
    "Teleport": (
        {**CA, "server": "https://teleport.moor.test:443", "tls-server-name": "kube-teleport-proxy-alpn.moor.test"},
        of_plugin("/usr/local/bin/tsh", V1, args=["kube", "credentials"], interactiveMode="Never"),
        {"contexts": [{"name": "x", "context": {
            "cluster": "c", "user": "u", "extensions": [{"name": "teleport.kube.name", "extension": "prod"}]}}]},
    ),
    "Rancher's proxy": ({"server": "https://rancher.moor.test/k8s/clusters/c-m-x"}, {"token": "user-x:y"}, {}),
    "OpenShift": ({"server": "https://api.moor.test:6443"}, {"token": "sha256~abc"}, {}),
    "minikube": (
        {**CA, "extensions": [{"name": "cluster_info", "extension": {"provider": "minikube.sigs.k8s.io"}}]}, CERT, {}),
    "kubectl proxy": ({"server": "http://127.0.0.1:8001"}, {}, {}),
    "impersonation": ({**CA}, {"token": "t", "as": "ops", "as-groups": ["a", "b"], "as-uid": "7",
                               "as-user-extra": {"scopes": ["x"]}}, {}),
    "a proxy": ({**CA, "proxy-url": "http://127.0.0.1:3128", "disable-compression": True}, {"token": "t"}, {}),
    "password": ({**CA}, {"username": "u", "password": "p"}, {}),
    "base64 in lines": ({"certificate-authority-data": "\n".join(encoded(ISSUER.authority).partition("ST"))}, {}, {}),
}  # fmt: skip


@pytest.mark.parametrize("form", TAKEN)
def test_a_kubeconfig_that_kubectl_accepts_is_accepted(tmp_path: Path, form: str) -> None:
    cluster, user, more = TAKEN[form]
    path = kubeconfig(tmp_path / "kubeconfig", {"server": SERVER, **cluster}, user, **more)
    client_of(path, "").close()


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no server": ({"server": ""}, {}, "clusters: c: it has no server"),
    "http": ({"server": "http://10.0.0.1:8080"}, {"token": "t"}, "where a login would go in clear; write https://"),
    "a login over http": ({"server": "http://127.0.0.1:8001"}, {"token": "t"}, "where a login would go in clear"),
    "no scheme": ({"server": "10.0.0.1:6443"}, {}, "server is 10.0.0.1:6443; write https://"),
    "a login in the URL": ({"server": "https://u:secret@10.0.0.1"}, {}, "server may hold no login"),
    "insecure": ({"insecure-skip-tls-verify": True}, {}, "insecure-skip-tls-verify leaves the cluster's certificate"),
    "a CA that is no base64": ({"certificate-authority-data": "%%"}, {}, "certificate-authority-data is not base64"),
    "a CA that is no PEM": ({"certificate-authority-data": encoded("x")}, {}, "certificate-authority: holds no cert"),
    "a broken CA": ({"certificate-authority-data": encoded(ISSUER.authority[:200])}, {}, "holds no certificates"),
    "a CA that is not there": ({"certificate-authority": "ca.pem"}, {}, "ca.pem, which is no file that can be read"),
    "two CAs": ({**CA, "certificate-authority": "/etc/hosts"}, {}, "keep one of them"),
    "SOCKS": ({"proxy-url": "socks5://127.0.0.1:1080"}, {}, "proxy-url is a SOCKS proxy, which moor does not speak"),
    "no proxy": ({"proxy-url": "nowhere"}, {}, "proxy-url is no URL of a proxy; write http://"),
    "a misspelt key": ({"tls-servername": "x"}, {}, "tls-servername: no such key; did you mean tls-server-name?"),
    "a number": ({}, {"token": 123}, "users: u: token: must be text; put in quotes"),
    "two logins": ({}, {"token": "t", "username": "u", "password": "p"}, "a token and a username"),
    "groups of nobody": ({}, {"as-groups": ["a"]}, "write whom to impersonate: as: USER"),
    "a header's end": ({}, {"token": "t\r\nX-Evil: 1"}, "holds a line break"),
    "a token file that is not there": ({}, {"tokenFile": "token"}, "tokenFile is "),
    "a certificate without key": ({}, {"client-certificate-data": DATA}, "give client-key-data"),
    "a key without certificate": ({}, {"client-key-data": CERT["client-key-data"]}, "give client-certificate-data"),
    "another's key": ({}, {**CERT, "client-key-data": encoded(OTHER.key)}, "client-key is not the client cert"),
    "a broken certificate": ({}, {**CERT, "client-certificate-data": encoded("x")}, "client-certificate is no cert"),
    "a broken key": ({}, {**CERT, "client-key-data": encoded("x")}, "client-key is no private key in PEM"),
    "a sealed key": ({}, {**CERT, "client-key-data": encoded("-----BEGIN ENCRYPTED PRIVATE KEY-----")}, "passphrase"),
    "gcp": ({}, {"auth-provider": {"name": "gcp"}}, "with exec and gke-gcloud-auth-plugin"),
    "oidc": ({}, {"auth-provider": {"name": "oidc", "config": {}}}, "use exec, for OIDC with the plugin kubelogin"),
    "alpha": ({}, of_plugin("p", "client.authentication.k8s.io/v1alpha1"), "exec.apiVersion is client.auth"),
    "no command": ({}, of_plugin(""), "exec has no command"),
    "no mode": ({}, of_plugin("p", V1), "exec.interactiveMode is missing; write IfAvailable"),
    "a terminal": ({}, of_plugin("p", V1, interactiveMode="Always"), "moor runs plugins without a terminal"),
    "an unknown key of exec": ({}, of_plugin("p", commnd="x"), "exec.commnd: no such key; did you mean command?"),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_a_kubeconfig_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, form: str) -> None:
    cluster, user, words = REFUSED[form]
    path = kubeconfig(tmp_path / "kubeconfig", {"server": SERVER, **cluster}, user)
    with pytest.raises(InputError) as refused:
        client_of(path, "")
    assert words in str(refused.value)
    assert all(line.startswith(f"{path}: ") for line in str(refused.value).splitlines())
    assert "secret" not in str(refused.value)


def test_all_faults_of_a_kubeconfig_are_reported_at_once(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "kubeconfig", {"server": ""}, {"as-uid": "3", "tokenFile": "no"})
    with pytest.raises(InputError) as refused:
        client_of(path, "")
    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current-context": ""}, "it has no current-context; write data.cluster.context: x"),
        ({"current-context": "y"}, "current-context names y, which is not in contexts"),
        ({"contexts": [{"name": "x", "context": {"cluster": "d", "user": "u"}}]}, "names d, which is not in clusters"),
        ({"contexts": [{"name": "x", "context": {"cluster": "c"}}]}, "contexts: x names no user"),
        ({"users": None}, "contexts: x: user names u, which is not in users; there: none"),
        ({"clusters": [{"name": "c"}, {"name": "c"}]}, "clusters: two entries are called c; rename one"),
        ({"curent-context": "x"}, "no such key: curent-context; did you mean current-context?"),
        ({"users": [{"name": 7}]}, "users: each entry needs a name, in quotes"),
    ],
)
def test_a_reference_to_a_missing_entry_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = kubeconfig(tmp_path / "kubeconfig", {"server": SERVER}, {}, **change)
    with pytest.raises(InputError, match=words):
        client_of(path, "")


def test_a_context_is_selected_by_name_and_others_may_be_wrong(tmp_path: Path) -> None:
    contexts = [{"name": n, "context": {"cluster": n, "user": n}} for n in ("good", "bad")]
    clusters = [{"name": "good", "cluster": {"server": SERVER}}, {"name": "bad", "cluster": {"server": 3}}]
    users = [{"name": "good", "user": {"token": "t"}}, {"name": "bad"}]
    path = kubeconfig(tmp_path / "k", {}, {}, contexts=contexts, clusters=clusters, users=users)
    assert read_kubeconfig(path, "good").cluster.server == SERVER


def test_a_missing_kubeconfig_is_reported_with_key_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.cluster\.kubeconfig: .*: no such file; copy the cluster's own to it"):
        client_of(tmp_path / "a:b", "")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(SERVER),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def part(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    return st.dictionaries(st.sampled_from(names), ANYTHING, max_size=4)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part(ClusterEntry), part(UserEntry), part(ExecPlugin), part(ContextEntry) | ANYTHING)
def test_any_kubeconfig_is_usable_or_an_error(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], plugin: dict[str, Any], context: Any
) -> None:
    contexts = [{"name": "x", "context": {"cluster": "c", "user": "u"}}, {"name": "y", "context": context}]
    path = kubeconfig(tmp_path / "k", {"server": SERVER, **cluster}, {"exec": plugin, **user}, contexts=contexts)
    for name in ("", "y"):
        try:
            client_of(path, name).close()
        except MoorError as error:
            told = str(error)
        else:
            told = ""
        assert not told or told.startswith(str(path))


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on this machine")
@pytest.mark.parametrize("form", TAKEN)
def test_kubectl_accepts_the_same_kubeconfigs(tmp_path: Path, form: str) -> None:
    cluster, user, more = TAKEN[form]
    if "exec" in user:  # no plugin that this machine may have is run
        user = {"exec": {**user["exec"], "command": str(tmp_path / "absent")}}
    path = kubeconfig(tmp_path / "kubeconfig", {**cluster, "server": "https://127.0.0.1:9"}, user, **more)
    command = ["kubectl", "--kubeconfig", str(path), "--request-timeout=1", "get", "nodes"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    assert "onfiguration" not in said.stderr, said.stderr
    assert "error loading config" not in said.stderr, said.stderr
    assert json.loads(path.read_text())["current-context"] == "x"
