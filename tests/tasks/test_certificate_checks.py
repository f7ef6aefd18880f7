"""Docker, podman and CRI-O check the registry's certificate, whatever their settings come from."""

from __future__ import annotations

import base64
import json

import pytest

from moor.tasks.docker.verification import insecure_entries, judge_verification
from moor.tasks.facts import Registry
from moor.tasks.podman.configure import DROP_IN
from moor.tasks.podman.registries_conf import MAIN, find_unchecked, find_user_overrides

REGISTRY = Registry.model_validate(
    {"name": "registry.moor.test", "address": "10.77.0.11", "port": 8443, "aliases": ["reg"]}
)
NAME = "registry.moor.test:8443"
LATER = "/etc/containers/registries.conf.d/99-z.conf"


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("registry.moor.test", True),
        (NAME, True),
        ("reg:8443", True),
        ("REGISTRY.moor.test", True),
        ("10.77.0.11", True),
        ("10.77.0.11:8443", True),
        ("10.77.0.0/16", True),
        ("http://registry.moor.test:8443/", True),
        ("registry.moor.test:5000", False),
        ("other.test", False),
        ("10.78.0.0/16", False),
        ("", False),
        ("127.0.0.0/8", False),
    ],
)
def test_an_entry_matches_the_registry_by_name_address_or_network(name: str, means: bool) -> None:
    assert list(insecure_entries([name], REGISTRY)) == ([name] if means else [])


def docker(
    file: object = None, arguments: str = "dockerd -H fd://", networks: object = ("127.0.0.0/8",), index: object = None
) -> str:
    runs = json.dumps({"InsecureRegistryCIDRs": networks, "IndexConfigs": index or {"docker.io": {"Secure": True}}})
    coded = base64.b64encode(json.dumps(file or {}).encode()).decode()
    return judge_verification(f"file={coded}\narguments={arguments}\nruns={runs}\n", REGISTRY)


def test_a_docker_that_checks_and_no_docker_are_fine() -> None:
    assert docker() == judge_verification("", REGISTRY) == judge_verification("file=%%\nruns=[]\n", REGISTRY) == ""
    assert docker({"insecure-registries": ["other.test"]}, index={"other.test": {"Secure": False}}) == ""


def test_a_docker_that_does_not_check_is_reported_from_file_command_line_and_engine() -> None:
    assert docker({"insecure-registries": [NAME, "x"]}).startswith(
        f"/etc/docker/daemon.json: insecure-registries has '{NAME}'"
    )
    assert "--insecure-registry=10.77.0.0/16" in docker(arguments="dockerd --insecure-registry 10.77.0.0/16")
    assert docker(index={NAME: {"Secure": False}}).startswith(
        f"the running dockerd checks no certificate of registry.moor.test ({NAME})"
    )
    assert "(10.0.0.0/8)" in docker(networks=["10.0.0.0/8"])


def conf(**files: str) -> str:
    return "".join(
        f"{kind}={base64.b64encode(text.encode()).decode()} {path}\n"
        for kind, pair in files.items()
        for path, text in [pair.split("|", 1)]
    )


BAD = '[[registry]]\nlocation = "registry.moor.test:8443"\ninsecure = true\n'


@pytest.mark.parametrize(
    ("path", "text", "now", "later"),
    [
        (MAIN, BAD, [f"{MAIN}: insecure = true for {NAME}"], []),
        (
            MAIN,
            BAD.replace("location", "prefix").replace(":8443", "").replace("registry.m", "*.m"),
            [f"{MAIN}: insecure = true for *.moor.test"],
            [],
        ),
        (
            MAIN,
            BAD.replace('8443"', '8443/demo"'),
            [f"{MAIN}: insecure = true for {NAME}/demo"],
            [f"{MAIN}: insecure = true for {NAME}/demo"],
        ),
        (
            LATER,
            BAD,
            None,
            [f"{LATER}: insecure = true for {NAME}"],
        ),
        (
            MAIN,
            f'[[registry]]\nlocation = "{NAME}/a"\n[[registry.mirror]]\nlocation = "m.test"\ninsecure = true\n',
            None,
            [f"{MAIN}: images of {NAME}/a come from m.test first, unchecked"],
        ),
        (MAIN, '[[registry]]\nlocation = "other.test"\ninsecure = true\n', [], []),
        (MAIN, "registry = 3\n", [], []),
        (MAIN, "[[", [], []),
    ],
)
def test_unverified_podman_pulls_are_reported_unless_moors_file_mends_them(
    path: str, text: str, now: list[str] | None, later: list[str]
) -> None:
    output = conf(file=f"{path}|{text}")
    assert find_unchecked(output, NAME, DROP_IN) == later
    assert now is None or find_unchecked(output, NAME) == now


def test_crios_own_insecure_registries_are_reported() -> None:
    output = conf(crio=f'/etc/crio/crio.conf|[crio.image]\ninsecure_registries = ["{NAME}"]\n')
    assert find_unchecked(output, NAME) == ["/etc/crio/crio.conf: insecure_registries names it"]


def test_a_users_own_file_is_reported_unless_it_agrees_with_moors() -> None:
    path = "/home/me/.config/containers/registries.conf"
    assert find_user_overrides(conf(user=f"{path}|{BAD}"), NAME) == [
        f"{path} is read instead of /etc/containers by that user's podman: {path}: insecure = true for {NAME}"
    ]
    assert find_user_overrides(conf(user=f"{path}|"), NAME) == [
        f"{path} is read instead of /etc/containers by that user's podman"
    ]
    assert find_user_overrides(conf(user=f"{path}|{BAD.replace('true', 'false')}"), NAME) == []
