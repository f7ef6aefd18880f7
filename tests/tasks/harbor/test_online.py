"""The online installer: which images a release needs, and whether a host has a way to them."""

from __future__ import annotations

import io
import socket
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import plan
from moor.errors import InputError
from moor.secrets.secret import Secret
from moor.settings import SecretRef
from moor.tasks.facts import Registry
from moor.tasks.harbor.installer import InstalledRelease, UnpackedInstaller
from moor.tasks.harbor.online import PulledImages, images_requirement, judge_reach, needed_images
from moor.tasks.proxies.runtimes import environment_lines
from moor.tasks.proxies.settings import Proxy
from tests.harness.servers import free_port
from tests.harness.shells import SHELLS, sh, text

REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"})
IMAGES = ("goharbor/prepare:v2.8.3", "goharbor/harbor-core:v2.8.3")


def names(package: str, *flags: str, **options: Any) -> set[str]:
    found = needed_images(Path(f"/nowhere/{package}"), flags, options)
    return {image.removeprefix("goharbor/") for image in found}


def test_a_release_needs_its_components_and_those_of_its_flags() -> None:
    plain = names("harbor-online-installer-v2.8.3.tgz")
    assert {"prepare:v2.8.3", "harbor-core:v2.8.3", "redis-photon:v2.8.3", "harbor-db:v2.8.3"} <= plain
    scanned = names("harbor-online-installer-v2.8.3.tgz", "--with-trivy", metric={"enabled": True})
    assert scanned - plain == {"trivy-adapter-photon:v2.8.3", "harbor-exporter:v2.8.3"}


@pytest.mark.parametrize(
    ("release", "image"), [("v2.15.1", "redis-photon"), ("v2.15.2", "valkey-photon"), ("v2.16.0", "valkey-photon")]
)
def test_redis_is_valkey_since_the_release_that_replaced_it(release: str, image: str) -> None:
    found = names(f"harbor-online-installer-{release}.tgz")
    assert [one for one in found if "redis" in one or "valkey" in one] == [f"{image}:{release}"]


def test_a_database_and_a_redis_of_others_need_no_image() -> None:
    found = names("harbor-online-installer-v2.8.3.tgz", external_database={"harbor": {}}, external_redis={"host": "r"})
    assert not [one for one in found if "db" in one or "redis" in one]


def test_the_tag_is_the_one_that_the_installer_says(tmp_path: Path) -> None:
    path, content = (
        tmp_path / "harbor-online-installer-v2.8.3.tgz",
        b"docker run --rm goharbor/prepare:v2.8.3-own prepare",
    )
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("harbor/prepare")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    assert needed_images(path, (), {})[0] == "goharbor/prepare:v2.8.3-own"


def test_the_online_and_the_offline_installer_of_a_release_are_the_same_release() -> None:
    there = {"package": "harbor-offline-installer-v2.8.3.tgz"}
    unpacked = UnpackedInstaller("/x/harbor-online-installer-v2.8.3.tgz", "/opt/harbor")
    assert plan([unpacked], {unpacked.id: there}) == []
    for version, fits in (("v2.8.3", True), ("v2.9.0", False)):
        required = InstalledRelease(f"harbor-online-installer-{version}.tgz", "/opt/harbor")
        assert (required.actual(there["package"]) == {"met": "yes"}) == fits


def test_only_missing_images_are_planned_and_pulled() -> None:
    pulled = PulledImages("/opt/harbor", IMAGES)
    assert plan([pulled], {pulled.id: pulled.actual(f"asked\n{IMAGES[0]}\n{IMAGES[1]}\nother:1\n")}) == []
    state = pulled.actual(f"asked\n{IMAGES[0]}\n")
    (change,) = plan([pulled], {pulled.id: state})
    assert change.diff == f"{IMAGES[1]}: absent -> present"
    assert IMAGES[0] not in pulled.mend(state)
    assert pulled.actual("") is None  # Docker is not there yet


@pytest.mark.parametrize("shell", SHELLS)
def test_a_proxy_that_answers_is_a_way_and_one_that_does_not_is_told(shell: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        open_ = images_requirement(IMAGES, Proxy(url=f"http://127.0.0.1:{port}"), {})
        assert text(sh(shell, open_.probe()).stdout) == f"reached 127.0.0.1:{port}\n"
        assert open_.actual(f"reached 127.0.0.1:{port}\n") == {"met": "yes"}
    shut = free_port()
    closed = images_requirement(IMAGES, Proxy(url=f"http://127.0.0.1:{shut}/"), {})
    state = closed.actual(text(sh(shell, closed.probe()).stdout))
    assert f"does not reach 127.0.0.1:{shut} for them" in closed.remedy(state)
    assert "offline installer" in closed.remedy(state)


@pytest.mark.parametrize("shell", SHELLS)
def test_an_ipv6_proxy_is_asked_at_its_port(shell: str) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        asked = images_requirement(IMAGES, Proxy(url=f"http://[::1]:{port}"), {})
        assert text(sh(shell, asked.probe()).stdout) == f"reached ::1:{port}\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", ""),
        ("closed m:443\nreached registry-1.docker.io:443\n", ""),
        ("closed m:443\nclosed registry-1.docker.io:443\n", "m:443 nor registry-1.docker.io:443"),
    ],
)
def test_one_way_of_several_is_enough(said: str, words: str) -> None:
    judged = judge_reach(said, IMAGES)
    assert (words in judged) if words else judged == ""


def proxy_with(tmp_path: Path, login: str) -> Proxy:
    path = tmp_path / "login"
    path.write_text(login)
    path.chmod(0o600)
    return Proxy(url="http://proxy.moor.test:3128/", login=SecretRef(f"file:{path}"), no_proxy=("10.0.0.0/8",))


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)


@given(WORD.filter(lambda word: ":" not in word), WORD)
def test_any_login_survives_the_environment_file(user: str, password: str) -> None:
    content = written(f"{user}:{password}")
    lines = dict(line.split("=", 1) for line in content.splitlines())
    address = urlsplit(lines["HTTPS_PROXY"])
    assert (unquote(address.username or ""), unquote(address.password or "")) == (user, password)
    assert (address.hostname, address.port) == ("proxy.moor.test", 3128)
    assert not set(content) & set("\"'\\ $")


def written(login: str) -> str:
    with TemporaryDirectory() as folder:
        content = environment_lines(proxy_with(Path(folder), login), "")
    assert isinstance(content, Secret)
    return content.reveal()


def test_a_login_without_a_colon_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not USER:PASSWORD"):
        environment_lines(proxy_with(tmp_path, "only-a-word"), "")
