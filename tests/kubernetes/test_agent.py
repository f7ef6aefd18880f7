"""The node agent's decisions: names, credentials, policy, back-off, status; compared with a real kubelet's."""

from __future__ import annotations

import base64
import json
import math
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.agent import (
    confinement,
    containerd,
    environment,
    events,
    images,
    node,
    probes,
    pulling,
    pulls,
    status,
)
from moor_lab.kubernetes.standin.agent.confinement import ConfigError
from moor_lab.kubernetes.standin.agent.containerd import Image
from moor_lab.kubernetes.standin.agent.effect import config_path
from moor_lab.kubernetes.standin.agent.images import Credentials, InvalidName
from tests.harness.servers import Handler, serving

Object = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
ME = Credentials("robot$puller", "s3cret")


def pull_secret(auths: Object, kind: str = ".dockerconfigjson") -> Object:
    document = {"auths": auths} if kind == ".dockerconfigjson" else auths
    return {"data": {kind: base64.b64encode(json.dumps(document).encode()).decode()}}


def entry(user: str = ME.user, password: str = ME.password) -> Object:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("team/app:1", "docker.io/team/app:1"),
        ("registry.test/app", "registry.test/app:latest"),
        ("registry.test:5000/a/b:1.0", "registry.test:5000/a/b:1.0"),
        (f"registry.test/a@{DIGEST}", f"registry.test/a@{DIGEST}"),
        (f"registry.test/a:1@{DIGEST}", f"registry.test/a:1@{DIGEST}"),
        ("localhost/a", "localhost/a:latest"),
    ],
)
def test_a_short_name_stands_for_a_full_one(short: str, full: str) -> None:
    assert str(images.parse(short)) == full


@pytest.mark.parametrize(
    "name", ["registry.test/App", "registry.test/a:", "registry.test/a@sha256:ab", "a b", "/a", ""]
)
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        images.parse(name)


def test_an_impossible_name_is_refused_in_the_kubelets_words(recordings: Path) -> None:
    pod = json.loads((recordings / "pull/n1-invalid-image-name/pod-last.json").read_text())
    recorded = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    with pytest.raises(InvalidName) as refused:
        images.parse(pod["spec"]["containers"][0]["image"])
    assert str(refused.value) == recorded["message"]


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ("registry.test", True),
        ("https://registry.test", True),
        ("https://registry.test/v2/", True),
        ("*.test", True),
        ("registry.test/demo", True),
        ("registry.test/dem", False),
        ("registry.test:443", False),
        ("other.test", False),
        ("*", False),
    ],
)
def test_an_entry_fits_its_registry(where: str, fits: bool) -> None:
    assert images.fits(where, images.parse("registry.test/demo/web:1")) is fits


@pytest.mark.parametrize(
    "secret",
    [
        pull_secret({"registry.test": entry()}),
        pull_secret({"registry.test": {"username": ME.user, "password": ME.password}}),
        pull_secret({"https://registry.test": entry()}, ".dockercfg"),
    ],
)
def test_credentials_are_read_from_every_kind_of_pull_secret(secret: Object) -> None:
    assert images.credentials([secret], images.parse("registry.test/demo/web")) == [ME]


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {"data": {".dockerconfigjson": "bm90IGpzb24="}},
        {"data": {".dockerconfigjson": base64.b64encode(b"[]").decode()}},
        pull_secret({"other.test": entry()}),
        pull_secret({"registry.test": {}}),
        pull_secret({"registry.test": {"auth": "!"}}),
    ],
)
def test_an_unusable_pull_secret_gives_nothing(secret: Object) -> None:
    assert images.credentials([secret], images.parse("registry.test/demo/web")) == []


def test_the_closest_entry_comes_first() -> None:
    secret = pull_secret({"registry.test": entry("wide"), "registry.test/demo": entry("close")})
    found = images.credentials([secret, secret], images.parse("registry.test/demo/web"))
    assert [one.user for one in found] == ["close", "wide"]


def test_a_password_does_not_show() -> None:
    assert ME.password not in repr(ME)


REFUSED = 'failed to resolve reference "r.test/a:1": failed to do request: dial tcp: connect: connection refused'


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (f"\nctr: {REFUSED}\n", f'failed to pull and unpack image "r.test/a:1": {REFUSED}'),
        (
            "ctr: r.test/a:1: not found",
            'rpc error: code = NotFound desc = failed to pull and unpack image "r.test/a:1": r.test/a:1: not found',
        ),
        ("", 'failed to pull and unpack image "r.test/a:1": unknown error'),
    ],
)
def test_a_failed_pull_is_told_as_a_kubelet_tells_it(said: str, cause: str) -> None:
    assert images.cause(said, "r.test/a:1") == cause


@pytest.mark.parametrize(
    ("policy", "present", "allowed", "answer"),
    [
        ("Always", True, True, True),
        ("IfNotPresent", True, True, False),
        ("IfNotPresent", False, True, True),
        ("IfNotPresent", True, False, True),
        ("Never", False, False, False),
    ],
)
def test_the_policy_decides_about_a_pull(policy: str, present: bool, allowed: bool, answer: bool) -> None:
    image = Image(DIGEST, 1) if present else None
    assert pulls.must_pull(policy, image, allowed) is answer


def test_each_failure_waits_twice_as_long_up_to_a_limit() -> None:
    back_off = pulls.BackOff(first_s=4, longest_s=10)
    delays = []
    for _ in range(4):
        back_off.failed(NOW)
        delays.append(back_off.delay_s)
    assert delays == [4, 8, 10, 10]
    assert not back_off.is_over(NOW + timedelta(seconds=9))
    assert back_off.is_over(NOW + timedelta(seconds=10))


def pod(**spec: Any) -> Object:
    container = {"name": "c", "image": "r.test/a:1"} | spec.pop("container", {})
    metadata = {"name": "p", "namespace": "demo", "uid": "u", "labels": {"app": "web"}, "generation": 1}
    return {"metadata": metadata, "spec": {"containers": [container], "restartPolicy": "Always"} | spec}


def test_a_waiting_pod_has_the_shape_of_a_real_one(recordings: Path) -> None:
    recorded = json.loads((recordings / "pull/n1-creds-secret-missing/pod-last.json").read_text())
    told = recorded["status"]["containerStatuses"][0]["state"]["waiting"]
    states = {"c": status.ContainerState(status.waiting(told["reason"], told["message"]))}
    recorded["status"]["conditions"].reverse()
    made = status.status_of(recorded, states, recorded["status"]["hostIP"], NOW)
    expected = recorded["status"] | {"podIP": made["podIP"], "podIPs": made["podIPs"]}
    for ours, real in ((made, expected), *zip(made["containerStatuses"], expected["containerStatuses"], strict=True)):
        left_out = {"resources", "volumeMounts", "conditions", "containerStatuses"}
        assert {k: v for k, v in ours.items() if k not in left_out} == {
            k: v for k, v in real.items() if k not in left_out
        }
    key = lambda one: one["type"]  # noqa: E731
    assert sorted(made["conditions"], key=key) == sorted(expected["conditions"], key=key)


def test_a_running_pod_has_the_shape_of_a_real_one(recordings: Path) -> None:
    recorded = json.loads((recordings / "pods-running.json").read_text())["items"][0]
    real = recorded["status"]["containerStatuses"][0]
    state = status.ContainerState(real["state"], {}, real["containerID"].partition("//")[2], real["imageID"], 0, True)
    made = status.status_of(recorded, {"c": state}, recorded["status"]["hostIP"], NOW)
    ours = made["containerStatuses"][0]
    assert ours == {key: value for key, value in real.items() if key in ours}
    assert made["phase"] == "Running"
    assert all(one["status"] == "True" for one in made["conditions"])
    assert set(real) - set(ours) == {"resources", "user", "volumeMounts"}


def test_a_crashed_container_leaves_the_pod_running() -> None:
    over = status.terminated(3, "id", "2026-01-01T00:00:00Z", NOW)
    state = status.ContainerState(status.waiting("CrashLoopBackOff", "back-off"), over, "id", restarts=2)
    made = status.status_of(pod(), {"c": state}, "10.0.0.1", NOW)
    assert made["phase"] == "Running"
    assert made["containerStatuses"][0]["restartCount"] == 2
    assert over["terminated"]["reason"] == "Error"


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_a_pod_that_is_not_restarted_ends(code: int, phase: str) -> None:
    state = status.ContainerState(status.terminated(code, "id", "2026-01-01T00:00:00Z", NOW))
    made = status.status_of(pod(restartPolicy="Never"), {"c": state}, "10.0.0.1", NOW)
    ready = next(one for one in made["conditions"] if one["type"] == "Ready")
    assert (made["phase"], ready["status"]) == (phase, "False")
    assert ready["reason"] == ("PodCompleted" if code == 0 else "ContainersNotReady")


def test_a_condition_keeps_its_time_while_it_stays() -> None:
    first = pod()
    first["status"] = status.status_of(first, {"c": status.CREATING}, "10.0.0.1", NOW)
    later = status.status_of(first, {"c": status.CREATING}, "10.0.0.1", NOW + timedelta(minutes=1))
    assert later == first["status"]


def test_an_event_has_the_shape_of_a_real_one(recordings: Path) -> None:
    found = json.loads((recordings / "pull/n1-creds-secret-missing/events.json").read_text())["items"]
    real = next(one for one in found if one["reason"] == "Pulling")
    about = {"metadata": {"name": "p", "namespace": "demo", "uid": "u", "resourceVersion": "1"}}
    made = events.new_event(kinds.POD, about, "n1", "Normal", "Pulling", "Pulling", "spec.containers{c}", NOW)
    given = {"apiVersion", "kind", "eventTime"}  # the server's
    assert set(real) - set(made) == given
    assert set(made["involvedObject"]) == set(real["involvedObject"])
    assert (made["source"].keys(), made["reportingComponent"]) == (real["source"].keys(), real["reportingComponent"])


def test_a_node_has_the_shape_of_a_real_one(recordings: Path) -> None:
    real = json.loads((recordings / "nodes.json").read_text())["items"][1]
    me = node.Identity("n1", "10.0.0.1", {}, [])
    made = node.status_of(me, "1.7.24", True, [], NOW)
    assert set(real["status"]) - set(made) == {"declaredFeatures"}
    assert set(made["nodeInfo"]) == set(real["status"]["nodeInfo"])
    assert set(node.new_node(me)["metadata"]["labels"]) == set(real["metadata"]["labels"])
    for ours, theirs in zip(made["conditions"], real["status"]["conditions"], strict=True):
        for key in ("type", "status", "reason", "message"):
            assert ours[key] == theirs[key]


def test_a_node_without_containerd_is_not_ready(recordings: Path) -> None:
    real = json.loads((recordings / "extra/containerd-stopped/node-k8s-n1.json").read_text())
    made = node.status_of(node.Identity("n1", "10.0.0.1", {}, []), "1.7.24", False, [], NOW)
    theirs = next(one for one in real["status"]["conditions"] if one["type"] == "Ready")
    ours = next(one for one in made["conditions"] if one["type"] == "Ready")
    assert {key: ours[key] for key in ("status", "reason", "message")} == {
        key: theirs[key] for key in ("status", "reason", "message")
    }


def read(kind: kinds.Kind, name: str) -> Object | None:
    known: dict[tuple[kinds.Kind, str], Object] = {
        (kinds.SECRET, "key"): {"type": "Opaque", "data": {"a": "c2VjcmV0"}},
        (kinds.CONFIG_MAP, "conf"): {"data": {"a": "plain"}},
    }
    return known.get((kind, name))


def test_variables_come_from_everywhere() -> None:
    env = [
        {"name": "PLAIN", "value": "x"},
        {"name": "MADE", "value": "$(PLAIN)-$$(PLAIN)-$(NONE)"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "a"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "a", "optional": True}}},
    ]
    container = {"name": "c", "env": env, "envFrom": [{"prefix": "C_", "configMapRef": {"name": "conf"}}]}
    found = environment.variables(pod(), container, "10.0.0.1", read)
    assert found == {
        "HOSTNAME": "p",
        "C_a": "plain",
        "PLAIN": "x",
        "MADE": "x-$(PLAIN)-$(NONE)",
        "NODE": "10.0.0.1",
        "APP": "web",
        "KEY": "secret",
    }


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"configMapKeyRef": {"name": "nope", "key": "a"}}, 'configmap "nope" not found'),
        ({"secretKeyRef": {"name": "key", "key": "b"}}, "couldn't find key b in Secret demo/key"),
        ({"resourceFieldRef": {}}, "valueFrom resourceFieldRef is not known to moor's stand-in"),
    ],
)
def test_a_missing_source_is_named(source: Object, why: str) -> None:
    container = {"name": "c", "env": [{"name": "X", "valueFrom": source}]}
    with pytest.raises(ConfigError, match=re.escape(why)):
        environment.variables(pod(), container, "10.0.0.1", read)


@pytest.mark.parametrize(
    ("container", "argv"),
    [
        ({}, ("/entry", "serve")),
        ({"args": ["other"]}, ("/entry", "other")),
        ({"command": ["/mine"]}, ("/mine",)),
        ({"command": ["/mine"], "args": ["$(A)"]}, ("/mine", "b")),
    ],
)
def test_a_command_is_the_pods_over_the_images(container: Object, argv: tuple[str, ...]) -> None:
    image = Image(DIGEST, 1, ("/entry",), ("serve",))
    assert environment.command(container, image, {"A": "b"}) == argv


def test_files_are_mounted(tmp_path: Path) -> None:
    volumes = [
        {"name": "k", "secret": {"secretName": "key"}},
        {"name": "e", "emptyDir": {}},
        {"name": "h", "hostPath": {"path": "/srv"}},
    ]
    container = {"volumeMounts": [{"name": one, "mountPath": f"/{one}"} for one in ("k", "e", "h")]}
    found = environment.mounts(pod(volumes=volumes), container, tmp_path, read)
    assert found == (
        f"type=bind,src={tmp_path}/k,dst=/k,options=rbind:ro",
        f"type=bind,src={tmp_path}/e,dst=/e,options=rbind:rw",
        "type=bind,src=/srv,dst=/h,options=rbind:rw",
    )
    assert (tmp_path / "k" / "a").read_text() == "secret"


def test_a_volume_claim_is_a_directory_that_outlives_the_pod(tmp_path: Path) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]
    container = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    own = tmp_path / "pods" / "u" / "volumes"
    (found,) = environment.mounts(pod(volumes=volumes), container, own, lambda *_: {"metadata": {"uid": "claim"}})
    assert found == f"type=bind,src={tmp_path}/claims/claim,dst=/data,options=rbind:rw"
    assert (tmp_path / "claims" / "claim").is_dir()
    with pytest.raises(ConfigError, match='persistentvolumeclaim "data-db-0" not found'):
        environment.mounts(pod(volumes=volumes), container, own, read)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"container": {"securityContext": {"runAsUser": 1000}}}, "securityContext.runAsUser"),
        ({"securityContext": {"seccompProfile": {"type": "Localhost"}}}, "seccompProfile of type Localhost"),
        ({"initContainers": [{"name": "i"}]}, "initContainers"),
    ],
)
def test_what_the_agent_cannot_do_it_refuses(spec: Object, why: str) -> None:
    made = pod(**spec)
    with pytest.raises(ConfigError, match=f"{why} .*not known to moor's stand-in"):
        environment.check(made, made["spec"]["containers"][0])


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("", "container has runAsNonRoot and image will run as root (pod: "),
        ("0:0", "container has runAsNonRoot and image will run as root (pod: "),
        (
            "web",
            "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root (pod: ",
        ),
        ("65534:65534", ""),
    ],
)
def test_an_image_that_would_run_as_root_is_refused_in_kubelets_words(user: str, why: str) -> None:
    made = pod(securityContext={"runAsNonRoot": True})
    made["spec"]["containers"][0]["name"] = "web"
    said = ""
    try:
        confinement.check_user(made, made["spec"]["containers"][0], Image(DIGEST, 1, user=user))
    except ConfigError as error:
        said = str(error)
    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_capabilities_and_the_seccomp_profile_are_given_to_ctr() -> None:
    made = pod(securityContext={"seccompProfile": {"type": "RuntimeDefault"}})
    capabilities = {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "SYS_TIME"]}
    options = confinement.options(made, {"securityContext": {"capabilities": capabilities}})
    dropped = [name for word, name in pairwise(options) if word == "--cap-drop"]
    assert set(dropped) == {*confinement.CAPABILITIES} - {"CAP_NET_BIND_SERVICE"}
    assert options[-3:] == ("--cap-add", "CAP_SYS_TIME", "--seccomp")
    assert confinement.options(pod(), {}) == ()


V2 = '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n'
V3 = "[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n"


@pytest.mark.parametrize(("dump", "path"), [(V2, "/etc/containerd/certs.d"), (V3, "/etc/containerd/certs.d"), ("", "")])
def test_the_registry_directory_is_found_in_every_version(dump: str, path: str) -> None:
    assert config_path(dump) == path


@pytest.fixture
def web() -> Iterator[int]:
    """Yield the port of a server that answers /ok with 200 and everything else with 500."""

    class Asked(Handler):
        def do_GET(self) -> None:
            self.reply(200 if self.path == "/ok" else 500)

    with serving(Asked) as port:
        yield port


def asked(spec: Object, container: Object | None = None) -> str | None:
    return probes.ask(spec, container or {}, "127.0.0.1", lambda argv, timeout_s: " ".join(argv))


def test_probes_ask_what_they_say(web: int) -> None:
    assert asked({"httpGet": {"path": "/ok", "port": web, "scheme": "HTTP"}}) is None
    assert asked({"httpGet": {"path": "/no", "port": web}}) == "HTTP probe failed with statuscode: 500"
    assert asked({"tcpSocket": {"port": "web"}}, {"ports": [{"name": "web", "containerPort": web}]}) is None
    assert asked({"exec": {"command": ["a", "b"]}}) == "a b"


def test_a_refused_probe_is_told_as_a_kubelet_tells_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert asked({"tcpSocket": {"port": port}}) == refused
    assert asked({"httpGet": {"path": "/", "port": port}}) == f'Get "http://127.0.0.1:{port}/": {refused}'


def test_a_probe_turns_after_enough_of_the_same() -> None:
    probe = probes.Probe({"periodSeconds": 2, "successThreshold": 1, "failureThreshold": 2}, NOW, initial=False)
    assert probe.due_in_s(NOW) == 0
    probe.note(NOW, None)
    assert probe.passing
    assert probe.due_in_s(NOW + timedelta(seconds=1)) == 1
    probe.note(NOW, "no")
    assert probe.passing
    probe.note(NOW, "no")
    assert not probe.passing


def test_a_container_without_a_probe_is_ready_and_never_asked() -> None:
    probe = probes.Probe(None, NOW, initial=False)
    assert probe.passing
    assert probe.due_in_s(NOW) == math.inf


FAKE_CTR = """\
#!/bin/sh
# ctr as far as a pull goes: it asks for the password of --user on a terminal
echo "$@" >"$HERE/argv"
env >"$HERE/env"
case "$*" in *--user*) [ -t 0 ] && stty -echo && read -r password && echo "$password" >"$HERE/password" ;; esac
[ ! -e "$HERE/error" ] || { cat "$HERE/error" >&2; exit 1; }
"""


@pytest.fixture
def ctr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which a fake ctr records its arguments and input."""
    program = tmp_path / "ctr"
    program.write_text(FAKE_CTR)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("HERE", str(tmp_path))
    return tmp_path


def test_a_password_reaches_ctr_on_a_terminal_alone(ctr: Path) -> None:
    pulling.pull("r.test/a:1", ME, "/etc/containerd/certs.d", {"SSL_CERT_FILE": "/bundle"})
    assert (ctr / "password").read_text() == f"{ME.password}\n"
    argv = (ctr / "argv").read_text()
    assert argv == f"--namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d --user {ME.user} r.test/a:1\n"
    assert ME.password not in (ctr / "env").read_text()
    assert "SSL_CERT_FILE=/bundle" in (ctr / "env").read_text()


def test_an_anonymous_pull_asks_for_nothing(ctr: Path) -> None:
    pulling.pull("r.test/a:1", None, "", {})
    assert (ctr / "argv").read_text() == "--namespace k8s.io images pull r.test/a:1\n"


def test_a_failed_pull_names_its_cause(ctr: Path) -> None:
    (ctr / "error").write_text(f"ctr: {REFUSED}\n")
    with pytest.raises(pulling.PullError, match="connection refused"):
        pulling.pull("r.test/a:1", ME, "", {})


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('time="2026-01-01T00:00:00Z" level=warning msg="task 5db3 exit with non-zero exit code 137"', 137),
        ("", 0),
        ("ctr: no running task found: task 5db3 not found: not found", None),
    ],
)
def test_the_exit_code_is_read_from_what_ctr_logs(said: str, code: int | None) -> None:
    assert containerd.exit_code(said) == code
